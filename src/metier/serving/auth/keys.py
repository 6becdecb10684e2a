"""API keys of one expert: who calls, what they may do, and which documents they may see.

    mtr_3f9c2a7b10de_6mT…43 characters        shown once, when the key is made
        id           random, 256 bits

Only a SHA-256 of the whole secret is kept, and one round of it is enough: slow hashes (bcrypt, Argon2) protect what
people choose and others guess, and 256 random bits cannot be guessed at any speed. The id in the secret finds the one
row to compare with, in constant time. A key that was said to be made or revoked is on disk (WAL, synchronous=FULL).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from metier.core.errors import InputError, StoreError
from metier.state.place import Place, open_database
from metier.state.tables import keys

SCOPES = ("ask", "feedback", "admin")
_SECRET = re.compile(r"mtr_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NO_HASH = "0" * 64
_NOTED_EVERY = timedelta(minutes=1)
_LONGEST = 100  # characters of a name, of a key or a group
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # not Cf: Bengali and Persian are written with joiners
_EVERYONE = "*"  # how the store marks what everyone may read; as a group of a key it would look like "all"

_shown = [column for column in keys.columns if column.name not in ("number", "hash")]


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key, without its secret. `groups`: documents without groups and with one of these are seen,
    None = all documents. `rate`: requests per minute, None = as many as come. Times: ISO 8601, UTC; `expires`,
    `revoked`, `last_used`: None = never; `last_used` is right to the minute."""

    id: str
    name: str
    groups: tuple[str, ...] | None
    scopes: tuple[str, ...]
    created: str
    expires: str | None
    revoked: str | None
    last_used: str | None
    rate: int | None

    def state(self, now: datetime) -> str:
        """ "active", "expired" or "revoked"."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and datetime.fromisoformat(self.expires) <= now else "active"


class Keys:
    """The keys in the state at `place`; any number of processes and threads may read and write it at the same time.

    `clock`: the time, with its zone. Everything raises `StoreError` where the state cannot be read or written.
    """

    def __init__(self, place: Place, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._clock = open_database(place), clock

    def create(
        self,
        name: str,
        groups: Sequence[str] | None = (),
        scopes: Sequence[str] = ("ask", "feedback"),
        expires: datetime | None = None,
        rate: int | None = None,
    ) -> tuple[Key, str]:
        """Make a key. Returns it with its secret, which is kept nowhere. `groups`: see `Key`. Raises `InputError`."""
        now = self._clock()
        _check(scopes, expires, rate, now)
        values = {
            "id": secrets.token_hex(6),
            "name": _printable(name, "the name of a key"),
            "groups": None if groups is None else [_group(group) for group in dict.fromkeys(groups)],
            "scopes": [scope for scope in SCOPES if scope in scopes],
            "created": _iso(now),
            "expires": None if expires is None else _iso(expires),
            "rate": rate,
        }
        secret = f"mtr_{values['id']}_{secrets.token_urlsafe(32)}"
        with self._database.writing() as connection:
            connection.execute(sa.insert(keys).values(**values, hash=_hash(secret)))
        return _key(values | {"revoked": None, "last_used": None}), secret

    def list_keys(self) -> list[Key]:
        """All keys, also expired and revoked ones, the newest first."""
        newest = sa.select(*_shown).order_by(keys.c.created.desc(), keys.c.number.desc())
        return [_key(row) for row in self._database.read(newest)]

    def revoke(self, id: str) -> Key:
        """End a key for good; one that was revoked before stays as it is. `id`: or the secret, where that is what
        turned up. Raises `InputError` for a key that there is not."""
        id = id.removeprefix("mtr_").partition("_")[0]
        mine = sa.update(keys).where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=_iso(self._clock()))
        with self._database.writing() as connection:
            connection.execute(mine)
            row = connection.execute(sa.select(*_shown).where(keys.c.id == id)).first()
        if row is None:
            raise InputError(f"there is no key {id!r}", hint="`metier keys list` shows the keys and their ids.")
        return _key(row._mapping)

    def exist(self) -> bool:
        """Whether a key was ever made, be it revoked since: revoking the last one opens nothing."""
        return bool(self._database.read(sa.select(keys.c.id).limit(1)))

    def any_active(self) -> bool:
        """Whether anyone can come in with a key now."""
        now = self._clock()
        return any(key.state(now) == "active" for key in self.list_keys())

    def check(self, secret: str) -> Key | None:
        """The active key with this secret, and a note that it was used."""
        shape = _SECRET.fullmatch(secret)
        if shape is None:
            return None
        row = self._row(shape[1])
        right = hmac.compare_digest(_hash(secret), row["hash"] if row else _NO_HASH)
        return self._used(row) if row and right else None

    def active(self, id: str) -> Key | None:
        """The active key with this id, and a note that it was used: for one who showed the secret before."""
        row = self._row(id)
        return self._used(row) if row else None

    def close(self) -> None:
        self._database.close()

    def _row(self, id: str) -> dict[str, Any] | None:
        return next(iter(self._database.read(sa.select(keys).where(keys.c.id == id))), None)

    def _used(self, row: dict[str, Any]) -> Key | None:
        key, now = _key(row), self._clock()
        if key.state(now) != "active":
            return None
        before = _iso(now - _NOTED_EVERY)
        if key.last_used is None or key.last_used <= before:
            stale = sa.or_(keys.c.last_used.is_(None), keys.c.last_used <= before)
            note = sa.update(keys).where(keys.c.id == key.id, stale).values(last_used=_iso(now))
            # A disk may be full or read-only: no reason to turn away who holds a good key.
            with suppress(StoreError), self._database.writing(flushed=False, noted=False) as connection:
                connection.execute(note)
        return key


def _key(values: Any) -> Key:
    groups = values["groups"]
    fields = {column.name: values[column.name] for column in _shown}
    return Key(**fields | {"groups": None if groups is None else tuple(groups), "scopes": tuple(values["scopes"])})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _iso(time: datetime) -> str:
    """All in one zone and of one length, so that times compare as text."""
    return time.astimezone(UTC).isoformat(timespec="seconds")


def _check(scopes: Sequence[str], expires: datetime | None, rate: int | None, now: datetime) -> None:
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise InputError(f"there is no scope {unknown[0]!r}", hint=f"Choose from {', '.join(SCOPES)}.")
    if not scopes:
        raise InputError("a key without scopes may do nothing", hint=f"Choose from {', '.join(SCOPES)}.")
    if expires is not None and _iso(expires) <= _iso(now):
        raise InputError(f"the key would have expired already ({_iso(expires)})", hint="Give a time to come.")
    if rate is not None and rate < 1:
        raise InputError(f"{rate} requests per minute is none", hint="Give 1 or more, or no limit.")


def _group(group: str) -> str:
    if group.strip() == _EVERYONE:
        raise InputError("'*' is no group", hint="A key that may see all documents is made with `--all-groups`.")
    return _printable(group, "a group")


def _printable(text: str, what: str) -> str:
    text = text.strip()
    if not text or len(text) > _LONGEST or any(unicodedata.category(letter) in _UNPRINTABLE for letter in text):
        raise InputError(
            f"{text[:_LONGEST]!r} cannot be {what}", hint=f"Use 1 to {_LONGEST} characters without line breaks."
        )
    return text
