"""Connections to the database of a store, for whoever they read.

    work ─▶ a transaction that knows its reader's groups ─▶ what the work gives
            lost in the middle ─▶ a pause, another connection, the same work again ─▶ `StoreError`

All work can be done twice with the same outcome: it reads, or it puts whole documents in place of what is there.
No error that leaves this module quotes a password or a statement's values.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from metier.core import addresses
from metier.core.database_login import PAUSES, Login, login, may_pass
from metier.core.errors import DatabaseUnavailable, StoreError
from metier.core.storage_settings import StoreSettings

_T = TypeVar("_T")
Connection = psycopg.Connection[dict[str, Any]]

log = logging.getLogger(__name__)
_AT_ONCE = 8  # connections of one process
_PATIENCE = 5.0  # seconds for one of them
_LONGEST = 63  # bytes of a name
_IDLE = 300.0  # seconds after which one that nobody uses is closed
_BUSY = 60.0  # seconds that a writer waits for another
_EVERYTHING = "SELECT set_config('metier.everything', 'yes', true)"
_OF_READER = "SELECT set_config('metier.groups', %s::text[]::text, true)"
_HINT = "Check that the server runs, [store] url and auth_env, and what the account may do; nothing is half written."


class Connections:
    """Safe to use from any thread. `namespace`: schema of the store's tables. `settle`: has been given what each new
    connection is set up with, before the first work."""

    def __init__(self, settings: StoreSettings) -> None:
        self.namespace = settings.namespace or "metier"
        self.where = addresses.masked(str(settings.url))
        self._login: Login = login(str(settings.url), settings.auth_env, StoreError)
        self._name = f"metier, process {os.getpid()} on {socket.gethostname()}"[:_LONGEST]  # as administrators see it
        self._statements: list[str] = []  # that each connection is set up with
        self._role: str | None = None
        self._pool: ConnectionPool[Connection] | None = None
        self._making = threading.Lock()

    def settle(self, statements: Sequence[str], role: str | None) -> None:
        """`statements`: run in each connection from here on; `role`: that reads for readers, where the account's own
        would see past their groups."""
        with self._making:
            self._statements[:], self._role = statements, role
            if self._pool is not None:
                self._pool.drain()

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """One of its own, outside of a transaction, not set up. Raises `StoreError`."""
        with self.errors():
            opened = self._connected()
        try:
            with self.errors():
                yield opened
        finally:
            opened.close()

    def plain(self) -> psycopg.Connection[Any]:
        """One of its own, with rows that are tuples. Raises `psycopg.Error`."""
        return psycopg.connect(self._login.conninfo(application_name=self._name))

    def owned(self, work: Callable[[Connection], _T]) -> _T:
        """What `work` gives in a transaction that sees and may write everything. Raises `StoreError`."""
        return self._run(lambda connection: (connection.execute(_EVERYTHING), work(connection))[1])

    def read(self, work: Callable[[Connection], _T], groups: Sequence[str] | None) -> _T:
        """What `work` gives in a transaction that sees what a reader with `groups` may, None = everything. What it
        asks before it looks at an answer is sent at once. Raises `StoreError`."""

        def as_reader(connection: Connection) -> _T:
            with connection.pipeline():
                if groups is None:
                    connection.execute(_EVERYTHING)
                else:
                    if self._role is not None:
                        connection.execute(f'SET LOCAL ROLE "{self._role}"')
                    connection.execute(_OF_READER, [["*", *groups]])
                return work(connection)

        return self._run(as_reader)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the driver raises is a `StoreError`."""
        try:
            yield
        except psycopg.Error as error:
            raise self.told(error) from None

    def told(self, error: psycopg.Error) -> StoreError:
        """In the database's words, in one line, without secrets."""
        log.debug("database error: %s", type(error).__name__)
        said = error.diag.message_primary or str(error)
        line = self._login.told(said.strip() or type(error).__name__)
        if isinstance(error, errors.LockNotAvailable):
            line = "another process has been writing to this store for a minute"
        is_away = isinstance(error, psycopg.OperationalError) and may_pass(line)
        kind = DatabaseUnavailable if is_away else StoreError
        return kind(line, where=self.where, hint=_HINT)

    def _run(self, work: Callable[[Connection], _T]) -> _T:
        lost: StoreError | None = None
        for pause in (*PAUSES, None):
            connection: Connection | None = None
            try:
                with self._opened().connection() as connection:
                    return work(connection)
            except psycopg.Error as error:
                if connection is None:
                    if (told := self._unreachable()) is not None or pause is None:
                        raise told or lost or self._busy() from None
                    continue
                if pause is None or not _may_go_again(error, connection):
                    raise self.told(error) from None
                lost = self.told(error)
                log.warning("the connection to the store was lost, and is made again: %s", lost.what)
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _unreachable(self) -> StoreError | None:
        """Why no connection can be made, which the pool keeps to itself; None where one can."""
        try:
            self._connected().close()
        except psycopg.Error as reason:
            return self.told(reason)
        return None

    def _busy(self) -> StoreError:
        said = f"none of the {_AT_ONCE} connections of this process was free"
        return DatabaseUnavailable(said, where=self.where, hint="Try again: searches wait for one another.")

    def _connected(self) -> Connection:
        """Raises `psycopg.Error`; what may pass is tried again."""
        for pause in (*PAUSES[:-1], None):
            try:
                return psycopg.connect(
                    self._login.conninfo(application_name=self._name), autocommit=True, row_factory=dict_row
                )
            except psycopg.OperationalError as error:
                if pause is None or not may_pass(error):
                    raise
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _opened(self) -> ConnectionPool[Connection]:
        with self._making:
            if self._pool is None:
                logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # errors are told by who asks
                login = self._login.conninfo(application_name=self._name)
                self._pool = ConnectionPool(
                    login, min_size=1, max_size=_AT_ONCE, timeout=_PATIENCE, max_idle=_IDLE, reconnect_timeout=1.0,
                    kwargs={"row_factory": dict_row, "prepare_threshold": None}, name=f"metier-{self.namespace}",
                    configure=partial(_set_up, self._statements), check=ConnectionPool.check_connection, open=True,
                )  # fmt: skip
                weakref.finalize(self, self._pool.close, 1.0)
            return self._pool


def _set_up(statements: Sequence[str], connection: Connection) -> None:
    """Not a method: the pool would keep alive what closes it when it is gone."""
    connection.execute(f"SET lock_timeout = {int(_BUSY * 1000)}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()


def _may_go_again(error: psycopg.Error, connection: Connection) -> bool:
    """Whether the same work may go well: the connection is gone, or another writer was in the way."""
    return connection.closed or isinstance(error, errors.SerializationFailure | errors.DeadlockDetected)
