"""One writer at a time, on whatever machine: an advisory lock, which ends with its session."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from metier.core.errors import InputError
from metier.store.postgres.connections import Connection, Connections

_HOLDER = """
SELECT application_name AS name, host(client_addr) AS address, backend_start AS since
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND datname = current_database()
    AND (classid::bigint << 32 | objid::bigint) = %s
"""


class WriterLock:
    """Of one process, whose threads hold it together."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._holding, self._counting = 0, threading.Lock()
        self._held = ExitStack()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises `InputError`, with who holds it, where that is another process; `StoreError`."""
        with self._counting:
            if not self._holding:
                self._take()
            self._holding += 1
        try:
            yield
        finally:
            with self._counting:
                self._holding -= 1
                if not self._holding:
                    self._held.close()

    def _take(self) -> None:
        """By a connection of its own."""
        with ExitStack() as stack:  # that closes it unless the lock was taken
            self._lock(stack.enter_context(self._connections.alone()))
            self._held = stack.pop_all()

    def _lock(self, connection: Connection) -> None:
        named = f"metier:{self._connections.namespace}:writer"
        key = connection.execute("SELECT hashtextextended(%s, 0) AS key", [named]).fetchone()
        number = key["key"] if key else 0
        taken = connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", [number]).fetchone()
        if taken and taken["taken"]:
            return
        holder = connection.execute(_HOLDER, [number]).fetchone()
        said = f": {holder['name']}" if holder else ""
        if holder and holder["since"]:  # which is not told of another account
            said += f", since {holder['since']:%Y-%m-%d %H:%M}"
        hint = "Wait until it is done."
        raise InputError(f"another process is writing to this store{said}", where=self._connections.where, hint=hint)
