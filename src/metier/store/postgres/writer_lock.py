"""One writer at a time, on whatever machine: an advisory lock, which ends with its session. Each commit looks whether
it is still held, since its connection may be lost while those that write go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from metier.core.errors import InputError, StoreError
from metier.store.postgres.connections import Connection, Connections

_IS_KEY = "locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = %s"
_HOLDER = f"""
SELECT application_name AS name, host(client_addr) AS address, backend_start AS since
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND {_IS_KEY}
"""
IS_HELD = f"EXISTS (SELECT FROM pg_locks WHERE pid = %s AND {_IS_KEY})"


class WriterLost(Exception):
    """The lock is not held any more."""


class WriterLock:
    """Of one process, whose threads hold it together."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._holding, self._counting = 0, threading.Lock()
        self._held = ExitStack()
        self.holder = 0, 0  # its session and the lock's key, which `IS_HELD` takes
        self._last: int | None = None  # segment that was written since it was first taken

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises `InputError`, with who holds it, where that is another process; `StoreError`."""
        with self._counting:
            if not self._holding:
                self._take()
                self._last = None
            self._holding += 1
        try:
            yield
        finally:
            with self._counting:
                self._holding -= 1
                if not self._holding:
                    self._held.close()

    def check(self, segment: int, *, is_held: bool) -> None:
        """In the transaction that is to write this segment. Raises `WriterLost`; `StoreError` where another process has
        written since ours was lost and taken again."""
        if not self._holding:
            return
        if not is_held:
            raise WriterLost
        if self._last is not None and segment > self._last + 1:
            raise StoreError(
                "the connection that kept other writers out was lost, and another process has written since",
                where=self._connections.where,
                hint="Run the same command again: it goes on with what is there now.",
            )
        self._last = segment

    def take_again(self) -> None:
        """After its connection was lost. Raises as `held`."""
        with self._counting:
            self._held.close()
            self._take()

    def _take(self) -> None:
        """By a connection of its own."""
        with ExitStack() as stack:  # that closes it unless the lock was taken
            self._lock(stack.enter_context(self._connections.alone()))
            self._held = stack.pop_all()

    def _lock(self, connection: Connection) -> None:
        named = f"metier:{self._connections.namespace}:writer"
        query = "SELECT hashtextextended(%s, 0) AS key, pg_backend_pid() AS session"
        found = connection.execute(query, [named]).fetchone() or {"key": 0, "session": 0}
        number = found["key"]
        self.holder = found["session"], number
        taken = connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", [number]).fetchone()
        if taken and taken["taken"]:
            return
        holder = connection.execute(_HOLDER, [number]).fetchone()
        said = f": {holder['name']}" if holder else ""
        if holder and holder["since"]:  # which is not told of another account
            said += f", since {holder['since']:%Y-%m-%d %H:%M}"
        hint = "Wait until it is done."
        raise InputError(f"another process is writing to this store{said}", where=self._connections.where, hint=hint)
