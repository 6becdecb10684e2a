"""A PostgreSQL that the state of an expert is in: its connections, and its errors in a line without a secret.

lost while nobody used it      ─▶ opened again, and nobody notices
lost in the middle, or away    ─▶ asked again for some seconds ─▶ `DatabaseUnavailable`, at once for all for a moment
another reason                 ─▶ `StoreError`, with what to do
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from metier.core import addresses
from metier.core.database_login import PAUSES, Login, login, may_pass
from metier.core.errors import DatabaseUnavailable, StoreError, needing

if TYPE_CHECKING:  # it takes half a second to import
    import psycopg
    import sqlalchemy as sa

_CONNECTIONS, _MORE = 5, 10  # kept open, and opened beside them at need
_WAIT = 10  # seconds for one of them
LOCK_SECONDS = 30  # seconds for another process that is writing
_LOCKED = "55P03"
_CONNECT_SECONDS = 5
_PATIENCE = 6.0  # seconds in which a server that is away may come back
_AWAY = 2.0  # seconds for which one that did not is not asked again
# A machine that has gone takes its locks with it: within a minute at the server, within half a minute here.
_OF_SERVER = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
_OF_CLIENT = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
_HINT = "Check `[state] url` and `auth_env` in metier.toml, and that the server takes connections; nothing is lost."
_HINTS = {
    "password": "Check the password that `[state] auth_env` names, and the user in `[state] url`.",
    "does not exist": "Make it there (`createdb NAME`, `createuser NAME`), or correct `[state] url`.",
    "permission": "The account of `[state] url` must own the schema: an administrator runs "
    "`CREATE SCHEMA {schema} AUTHORIZATION account`.",
}


class PostgresState:
    """`url`: without a password; `auth_env`: what in the environment or the keyring holds it, or user:password;
    `namespace`: the schema of this expert; `expert`: its name. Any number of threads may use it; connections are made
    when they are first needed. Close it."""

    def __init__(self, url: str, auth_env: str | None, namespace: str, expert: str = "") -> None:
        self.url, self.auth_env, self.namespace, self.expert = url, auth_env, namespace, expert
        self.is_current = False  # whether its tables were seen at the schema of this release
        self._lock = threading.Lock()
        self._made: sa.Engine | None = None
        self._away_until = 0.0
        self._away: StoreError | None = None

    def __str__(self) -> str:
        return f"{addresses.masked(self.url)}, schema {self.namespace}"

    def __repr__(self) -> str:
        return f"<PostgresState {self}>"

    def lock_key(self, name: str) -> int:
        """Of an advisory lock of this expert: 64 bits with a sign."""
        return int.from_bytes(hashlib.sha256(f"{self.namespace}:{name}".encode()).digest()[:8], "big", signed=True)

    @contextmanager
    def connection(self, *, whole: bool = False) -> Iterator[sa.Connection]:
        """`whole`: all that is done is one transaction, which the caller begins; else each statement is its own. Raises
        `StoreError`."""
        with self._connected() as connection:
            yield connection if whole else connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """What the driver raises is a `StoreError`: that the state cannot `what`, and why."""
        import sqlalchemy as sa

        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise self._unusable(what, error) from None

    def close(self) -> None:
        """Free the connections; what is needed again is opened again."""
        with self._lock:
            if self._made is not None:
                self._made.dispose()
                self._made = None

    @cached_property
    def _login(self) -> Login:
        return login(self.url, self.auth_env, StoreError)

    @property
    def _engine(self) -> sa.Engine:
        with self._lock:
            if self._made is None:
                with needing("postgres"):
                    import psycopg  # noqa: F401  (said here where it is not installed)
                    import sqlalchemy as sa
                self._made = sa.create_engine(
                    "postgresql+psycopg://", creator=self._connect, hide_parameters=True, pool_pre_ping=True,
                    pool_size=_CONNECTIONS, max_overflow=_MORE, pool_timeout=_WAIT, pool_use_lifo=True,
                )  # fmt: skip
            return self._made

    def _connect(self) -> psycopg.Connection:
        import psycopg

        return psycopg.connect(
            self._login.conninfo(
                options=f"-c search_path={self.namespace} -c lock_timeout={LOCK_SECONDS}s {_OF_SERVER}",
                connect_timeout=_CONNECT_SECONDS,
                application_name=f"metier {socket.gethostname()[:40]} {os.getpid()}", **_OF_CLIENT,
            ),
            prepare_threshold=None,  # poolers hand a connection on to others
        )  # fmt: skip

    def _connected(self) -> sa.Connection:
        import sqlalchemy as sa

        engine, until = self._engine, time.monotonic() + _PATIENCE
        for pause in (*PAUSES, None):
            if (away := self._away) is not None and time.monotonic() < self._away_until:
                raise DatabaseUnavailable(away.what, where=away.where, hint=away.hint)
            try:
                connection = engine.connect()
                self._away = None
                return connection
            except sa.exc.SQLAlchemyError as error:
                told = self._unusable("be reached", error)
            if not isinstance(told, DatabaseUnavailable):
                raise told
            if pause is None or time.monotonic() + pause > until:
                break
            time.sleep(pause)
        self._away_until = time.monotonic() + _AWAY
        self._away = told
        raise told

    def _unusable(self, what: str, error: sa.exc.SQLAlchemyError) -> StoreError:
        import sqlalchemy as sa

        cause = getattr(error, "orig", None) or error
        said = self._login.told(cause)
        where = addresses.masked(self.url)
        connecting = isinstance(error, sa.exc.OperationalError) and error.statement is None
        lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
        if lost or isinstance(error, sa.exc.TimeoutError) or (connecting and may_pass(cause)):
            return DatabaseUnavailable(
                f"the expert's state cannot {what}: {said}",
                where=where,
                hint="Check the server and the network, and try again; what was saved is there.",
            )
        if getattr(cause, "sqlstate", None) == _LOCKED:
            return StoreError(
                f"the expert's state cannot {what}: another process has been writing to it for {LOCK_SECONDS} s",
                where=where,
                hint="Wait until it is done; nothing was changed.",
            )
        hint = next((hint for word, hint in _HINTS.items() if word in said), _HINT).format(schema=self.namespace)
        return StoreError(f"the expert's state cannot {what}: {said}", where=where, hint=hint)
