"""The file of state of one expert: `.metier/catalog.sqlite`. Any number of threads and processes may read and write it.

What was written is on the disk when `writing` ends, whatever happens to the process or the machine.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from metier.state import sqlite
from metier.state.lock_holder import holder
from metier.state.schema import ready, unusable
from metier.state.upgrade import engine_of

log = logging.getLogger(__name__)
_PATIENCE = 30.0  # seconds for another process that is writing
_QUIET = 2.0  # of them before a word is said


class FileDatabase:
    """`Database` in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path  # that is read: a copy where this one is of an earlier schema, and nothing can be written
        self._lock = threading.RLock()
        self._opened: sa.Engine | None = None
        self._watching: sa.Connection | None = None

    def read(self, query: sa.Executable) -> list[dict[str, Any]]:
        if not self._is_open(make=False):
            return []
        with self._told("be read"), self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def writing(self, *, flushed: bool = True, noted: bool = True) -> Iterator[sa.Connection]:
        """`noted`: here everything is."""
        if self._file != self.path:
            self.close()
        self._is_open(make=True)
        with self._told("be written"), self._engine.connect() as connection:
            connection.exec_driver_sql(sqlite.flush("FULL" if flushed else "NORMAL"))
            self._begin(connection)
            yield connection
            connection.commit()

    def changes(self) -> int:
        if not self._is_open(make=False):
            return 0
        with self._lock, self._told("be read"):
            if self._watching is None:
                try:
                    self._watching = self._engine.connect()
                except sa.exc.OperationalError:  # nothing can be written there, and hardly anything changes
                    return hash(sqlite.stamp(self._file))
            return int(self._watching.exec_driver_sql(sqlite.CHANGES).scalar_one())

    def close(self) -> None:
        with self._lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
            if self._opened is not None:
                self._opened.dispose()
                self._opened = None
            self._file = self.path

    @property
    def _engine(self) -> sa.Engine:
        with self._lock:
            if self._opened is None:
                self._opened = engine_of(self._file)
            return self._opened

    def _is_open(self, *, make: bool) -> bool:
        if self._opened is not None:
            return True
        found = ready(self.path, make=make)
        self._file = found or self.path
        return found is not None

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """Also where nothing can be written: a full disk, a read-only folder."""
        try:
            opened = self._engine.connect()
        except sa.exc.OperationalError as error:
            if error.orig is not None and sqlite.is_busy(error.orig):
                raise
            frozen = sa.create_engine(
                "sqlite://", creator=lambda: sqlite.open_read_only(self._file), poolclass=sa.pool.NullPool
            )
            opened = frozen.connect()
        with opened as connection:
            yield connection

    def _begin(self, connection: sa.Connection) -> None:
        """A transaction that nobody else's comes between; waits for another process that has begun one, and says for
        whom."""
        until, told = time.monotonic() + _PATIENCE, False
        connection.exec_driver_sql(sqlite.patience(min(_QUIET, _PATIENCE)))
        while True:
            try:
                connection.exec_driver_sql(sqlite.BEGIN)
                return
            except sa.exc.OperationalError as error:
                if error.orig is None or not sqlite.is_busy(error.orig) or time.monotonic() >= until:
                    raise
            if not told:
                log.warning("Waiting for the expert's state, which is locked by %s", holder(self.path) or "another")
                told = True

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise unusable(self.path, what, error) from None
