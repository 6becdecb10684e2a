"""The login of a database, and what may be told of its errors.

    address without a password + the name of what in the environment or the keyring holds it ─▶ `Login`

What `Login.told` gives quotes no password, and `may_pass` says whether another try to connect may go well."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote, urlsplit

from metier.core import addresses
from metier.core.errors import MetierError, SourceError, needing

CONNECT_SECONDS = 10
PAUSES = (0.2, 1.0, 3.0)  # seconds before each try to connect again
_FOR_GOOD = re.compile(
    r"password|authentication|access denied|does not exist|unknown database|no pg_hba|permission|role |"
    r"ssl(?! (syscall|connection has been closed|error: unexpected eof))",  # these are of connections that are lost
    re.IGNORECASE,
)
_USER = re.compile(r"(?<=://)[^/?#\s]*@")


@dataclass(frozen=True, slots=True)
class Login:
    """`address`: with what each ${NAME} in it stands for; `user`: None for the driver's own choice; `password`: None
    where `auth_env` names none, so that the driver looks for its own (PGPASSWORD, ~/.pgpass)."""

    address: str = field(repr=False)
    user: str | None
    password: str | None = field(repr=False)

    def told(self, said: object) -> str:
        """The first line of what a driver says, without secrets."""
        line = next((line for line in str(said).strip().splitlines() if line.strip()), type(said).__name__)
        if self.password:
            spellings = {self.password, quote(self.password, safe=""), quote_plus(self.password)}
            for secret in sorted(spellings, key=len, reverse=True):
                line = line.replace(secret, "***")
        return _USER.sub("***@", line[:300])

    def conninfo(self, **options: str | int) -> str:
        """For libpq (psycopg), of the address of a PostgreSQL; it holds the password. Raises `MetierError` where the
        driver is not installed."""
        with needing("postgres"):
            from psycopg.conninfo import make_conninfo
        login = {"user": self.user, "password": self.password, "connect_timeout": CONNECT_SECONDS} | options
        return make_conninfo(self.address, **login)


def login(address: str, auth_env: str | None, raising: type[MetierError] = SourceError) -> Login:
    """`auth_env`: what in the environment or the keyring holds the password, or user:password. Raises `raising` where
    it is not set."""
    try:
        filled = addresses.filled(address)
        user = unquote(urlsplit(filled).username or "") or None
        if auth_env is None:
            return Login(filled, user, None)
        value = addresses.secret(auth_env, addresses.masked(address))
    except SourceError as error:
        raise raising(error.what, where=error.where, hint=error.hint) from None
    if user:
        return Login(filled, user, value.removeprefix(f"{user}:"))
    name, colon, password = value.partition(":")
    return Login(filled, name, password) if colon else Login(filled, None, value)


def may_pass(said: object) -> bool:
    """Whether a connection that could not be made for this reason may be made at another try."""
    return not _FOR_GOOD.search(str(said))
