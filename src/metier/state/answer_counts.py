"""How many questions were answered and how many refused, by day, mode and adapter: a change of the refusals is told by
them. No question is kept.

Counted in memory and written now and then, with the standard library alone: an answer must wait neither for a disk nor
for an import. What a process counted since the last writing is lost where it is killed.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_EVERY = 60.0  # seconds between two writings
_PATIENCE = 1.0  # seconds for another process that is writing
_ADD = (
    "INSERT INTO answer_counts (day, mode, adapter, answered, refused) VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, mode, "
    "adapter) DO UPDATE SET answered = answered + excluded.answered, refused = refused + excluded.refused"
)


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """`day`: ISO 8601, UTC. `adapter`: "" where the base answered. `answered`, `refused`: questions."""

    day: str
    mode: str
    adapter: str
    answered: int
    refused: int


class AnswerCounter:
    """Counts for the state at `path`; safe for many threads. A state that cannot be written is counted for later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._waiting: Counter[tuple[str, str, str, bool]] = Counter()
        self._written = time.monotonic()

    def note(self, mode: str, adapter: str, refused: bool) -> None:
        with self._lock:
            self._waiting[datetime.now(UTC).date().isoformat(), mode, adapter, refused] += 1
        if time.monotonic() - self._written >= _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what was counted; nothing where the expert has no state of this release yet."""
        with self._lock:
            rows = [(*key[:3], 0 if key[3] else n, n if key[3] else 0) for key, n in self._waiting.items()]
            self._written = time.monotonic()
            if not rows or not self._path.exists():
                return
            try:
                with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as connection, connection:
                    connection.executemany(_ADD, rows)
            except (
                sqlite3.Error
            ):  # locked, read-only, full, of an earlier schema: an answer is worth more than its count
                return
            self._waiting.clear()


def counts(path: Path) -> list[AnswerCount]:
    """All of them, the first day first. Raises `StoreError`."""
    import sqlalchemy as sa

    from metier.state.database import Database
    from metier.state.tables import answer_counts as table

    with closing(Database(path)) as database:
        rows = database.read(sa.select(table).order_by(table.c.day, table.c.mode, table.c.adapter))
    return [AnswerCount(**row) for row in rows]
