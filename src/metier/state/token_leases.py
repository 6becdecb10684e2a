"""Tokens that the processes of one expert share out among themselves: how often a key may call, all servers together.

A bucket fills evenly and holds one minute's worth; of each only one number is kept, when it will be full again. With
the state in a file the numbers are in another file beside it, `limits.sqlite`, so that a search is not told of a change
with every question; it may be deleted.
"""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol

from metier.core.errors import StoreError
from metier.core.permissions import file_mode
from metier.state.place import Place, open_database

MINUTE = 60.0  # seconds
_FILE = "limits.sqlite"
_TRIES = 5  # others take from the same bucket at the same moment
_PATIENCE = 0.5  # seconds for another process that writes to the file
_ALMOST = 1e-6  # of a token, refilled in parts that do not quite add up


class _Numbers(Protocol):
    def now(self, key: str) -> tuple[float, float]:
        """Seconds since 1970 by one clock for all, and when the bucket of a key is full: before now where nobody took
        from it. Raises `StoreError`."""

    def change(self, key: str, before: float, after: float) -> bool:
        """False where it is not as it was `before`."""

    def close(self) -> None: ...


class TokenLeases:
    """For the expert whose state is at `place`. Any number of threads and processes may use it."""

    def __init__(self, place: Place) -> None:
        self._numbers: _Numbers = _InFile(place.with_name(_FILE)) if isinstance(place, Path) else _InTable(place)

    def take(self, key: str, rate: int, wanted: int) -> tuple[int, float]:
        """Up to `wanted` tokens of a key that has `rate` a minute: how many, and where that is none, after how many
        seconds there is one. Raises `StoreError`."""
        each, wait = MINUTE / rate, 0.0
        for _ in range(_TRIES):
            now, full_at = self._numbers.now(key)
            begin = max(now, full_at)
            there = math.floor((now + MINUTE - begin) / each + _ALMOST)
            if there < 1:
                return 0, begin + each - now - MINUTE
            taken = min(there, wanted)
            if self._numbers.change(key, full_at, begin + taken * each):
                return taken, 0.0
            wait = each
        return 0, wait

    def close(self) -> None:
        self._numbers.close()


class _InTable:
    """In `rate_limits`, by the clock of the server."""

    def __init__(self, place: Place) -> None:
        import sqlalchemy as sa
        from sqlalchemy.dialects.postgresql import insert

        from metier.state.tables import rate_limits as table

        self._database = open_database(place)
        name: sa.BindParameter[str] = sa.bindparam("name", type_=sa.String)
        known: sa.BindParameter[float] = sa.bindparam("known", type_=sa.Float)
        new: sa.BindParameter[float] = sa.bindparam("new", type_=sa.Float)
        clock = sa.extract("epoch", sa.func.clock_timestamp()).cast(sa.Float)
        kept = sa.select(table.c.full_at).where(table.c.key == name).scalar_subquery()
        self._look = sa.select(clock.label("now"), sa.func.coalesce(kept, 0.0).label("full_at"))
        made = insert(table).values(key=name, full_at=new)
        self._change = made.on_conflict_do_update(
            index_elements=["key"], set_={"full_at": made.excluded.full_at}, where=table.c.full_at == known
        ).returning(table.c.full_at)

    def now(self, key: str) -> tuple[float, float]:
        rows = self._database.read(self._look.params(name=key))
        return (rows[0]["now"], rows[0]["full_at"]) if rows else (time.time(), 0.0)

    def change(self, key: str, before: float, after: float) -> bool:
        with self._database.writing(flushed=False, noted=False) as connection:
            given = {"name": key, "known": before, "new": after}
            return connection.execute(self._change, given).first() is not None

    def close(self) -> None:
        self._database.close()


class _InFile:
    """In an SQLite of their own, which nothing is flushed of."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._opened: sqlite3.Connection | None = None

    def now(self, key: str) -> tuple[float, float]:
        row = self._run("SELECT full_at FROM rate_limits WHERE key = ?", key)
        return time.time(), row[0] if row else 0.0

    def change(self, key: str, before: float, after: float) -> bool:
        row = self._run(
            "INSERT INTO rate_limits (key, full_at) VALUES (?, ?) ON CONFLICT (key) DO UPDATE "
            "SET full_at = excluded.full_at WHERE full_at = ? RETURNING full_at",
            key, after, before,
        )  # fmt: skip
        return row is not None

    def _run(self, statement: str, *values: object) -> tuple[float] | None:
        with self._lock:
            try:
                if self._opened is None:
                    self._opened = self._open()
                with closing(self._opened.execute(statement, values)) as rows:
                    found: list[tuple[float]] = rows.fetchall()
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"rate limits cannot be counted ({error})", where=str(self._path)) from None
        return found[0] if found else None

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, file_mode(self._path)))
        opened = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("PRAGMA synchronous=OFF")
        opened.execute("CREATE TABLE IF NOT EXISTS rate_limits (key TEXT PRIMARY KEY, full_at REAL NOT NULL)")
        return opened

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
