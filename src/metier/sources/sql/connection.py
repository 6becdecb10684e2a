"""A connection to a database that can read and nothing else.

    password from the environment or the keyring ─▶ a session that is read-only, in UTC, with limits on time
    lost in the middle ─▶ opened again after a pause, up to so many times ─▶ `SourceError`

No error that leaves this module quotes a password, a statement's values or the driver's own address.
"""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from metier.core import addresses
from metier.core.database_login import CONNECT_SECONDS, PAUSES, Login, login, may_pass
from metier.core.errors import InputError, SourceError, needing

if TYPE_CHECKING:  # it takes a third of a second to import
    import sqlalchemy as sa

_STATEMENT_SECONDS = 300
_DRIVERS = {
    "postgresql": ("postgresql+psycopg", "postgres", 5432),
    "mysql": ("mysql+pymysql", "mariadb", 3306),
    "mariadb": ("mysql+pymysql", "mariadb", 3306),
}
_HINT = "Check the address, the network, and that the account may read; what was indexed before stays."


class ReadOnlyDatabase:
    """The database at an address, opened when it is first asked. `address`: without a password; `auth_env`: what in
    the environment or the keyring holds it, or user:password; `root`: what a relative path of an SQLite file is taken
    from."""

    def __init__(self, address: str, auth_env: str | None, root: Path) -> None:
        check(address)
        self._address, self._auth, self._root = address, auth_env, root
        self.family = family_of(address)
        self.identity = _identity(address, root)
        self._engine: sa.Engine | None = None
        self._login: Login | None = None

    @property
    def engine(self) -> sa.Engine:
        """Raises `SourceError` where the password is not set, and `MetierError` where the driver is not installed."""
        if self._engine is None:
            self._engine = self._opened()
            weakref.finalize(self, self._engine.dispose)
        return self._engine

    def retrying(self, read: Callable[[], Iterator[Any]]) -> Generator[Any, None, None]:
        """What `read` yields; where the connection is lost it is called again, to go on behind what it has yielded.
        Raises `SourceError`."""
        import sqlalchemy as sa

        tries = 0
        while True:
            try:
                for each in read():
                    tries = 0
                    yield each
                return
            except sa.exc.DBAPIError as error:
                if not self._is_lost(error) or tries == len(PAUSES):
                    raise self.told(error) from None
            except OSError as error:
                if tries == len(PAUSES):
                    raise self.told(error) from None
            time.sleep(PAUSES[tries])
            tries += 1

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the driver raises is a `SourceError`."""
        import sqlalchemy as sa

        try:
            yield
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise self.told(error) from None

    def told(self, error: Exception) -> SourceError:
        """In the database's words, in one line, without secrets."""
        said = str(getattr(error, "orig", None) or error).strip()
        if isinstance(original := getattr(error, "orig", None), Exception) and len(original.args) > 1:
            said = str(original.args[1])  # of PyMySQL: number and words
        told = (self._login or Login("", None, None)).told(said or type(error).__name__)
        return SourceError(told, where=addresses.masked(self.identity), hint=_HINT)

    def _is_lost(self, error: sa.exc.DBAPIError) -> bool:
        """Whether another try may go well: the connection broke, or could not be made for a reason that may pass."""
        import sqlalchemy as sa

        if error.connection_invalidated:
            return True
        connecting = isinstance(error, sa.exc.OperationalError) and error.statement is None
        return connecting and self.family != "sqlite" and may_pass(error.orig)

    def _opened(self) -> sa.Engine:
        import sqlalchemy as sa

        if self.family == "sqlite":
            path = _sqlite_path(self._address, self._root)
            if not path.is_file():
                raise SourceError("does not exist", where=self.identity, hint="Check the path.")
            return sa.create_engine("sqlite://", creator=lambda: _sqlite(path), poolclass=sa.QueuePool)
        driver, extra, _ = _DRIVERS[self.family]
        self._login = login(self._address, self._auth)
        url = sa.make_url(self._login.address).set(drivername=driver)
        url = url.set(username=self._login.user, password=self._login.password)
        if driver.startswith("mysql"):
            url = url.update_query_dict({"charset": "utf8mb4"})
        limits = {"connect_timeout": CONNECT_SECONDS}
        if driver.startswith("mysql"):
            limits |= {"read_timeout": _STATEMENT_SECONDS}
        with needing(extra):
            engine = sa.create_engine(
                url, connect_args=limits, hide_parameters=True, pool_pre_ping=True, pool_size=1, max_overflow=4
            )
        sa.event.listen(engine, "connect", _read_only(driver))
        return engine


def family_of(address: str) -> str:
    """ "postgresql", "mysql", "mariadb" or "sqlite"."""
    return address.partition("://")[0].partition("+")[0].lower()


def check(address: str) -> None:
    """Raises `InputError` where it names no database."""
    if not _parts(address)[1] or (family_of(address) == "sqlite") != (not _parts(address)[0]):
        hint = "An address is postgresql://user@host/database, or sqlite:///file.db."
        raise InputError("names no database", where=addresses.masked(address), hint=hint)


def _parts(address: str) -> tuple[str, str]:
    """Host with its port, or the folder of its socket, and the name of the database."""
    parts = urlsplit(address)
    socket = dict(parse_qsl(parts.query)).get("host", "")
    return parts.netloc.rpartition("@")[2] or socket, parts.path.removeprefix("/")


def _identity(address: str, root: Path) -> str:
    """The same for all spellings of an address, without the account: what documents are named by."""
    family = family_of(address)
    if family == "sqlite":
        return f"sqlite://{quote(_sqlite_path(address, root).as_posix(), safe='/ ').replace(' ', '%20')}"
    host, name = _parts(address)
    port = _DRIVERS[family][2]
    return f"{'mysql' if family == 'mariadb' else family}://{host.lower().removesuffix(f':{port}')}/{name}"


def _sqlite_path(address: str, root: Path) -> Path:
    """`sqlite:///shop.db` is relative, `sqlite:////srv/shop.db` is not."""
    rest = unquote(address.partition("://")[2].partition("?")[0]).removeprefix("/")
    return (root / Path(rest).expanduser()).resolve()


def _sqlite(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10, check_same_thread=False)
    connection.text_factory = lambda content: content.decode("utf-8", "replace")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _read_only(driver: str) -> Callable[[Any, object], None]:
    statements = (
        ("SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'")
        if driver.startswith("mysql")
        else (
            "SET default_transaction_read_only = on",
            f"SET statement_timeout = {_STATEMENT_SECONDS * 1000}",
            "SET timezone = 'UTC'",
        )
    )

    def limit(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()

    return limit
