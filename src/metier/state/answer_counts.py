"""How many questions were answered and how many refused, by day, mode and adapter: a change of the refusals is told by
them. No question is kept.

Counted in memory and written now and then, to a file with the standard library alone: an answer must wait neither for a
disk nor for an import. What a process counted since the last writing is lost where it is killed.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from metier.core.errors import StoreError
from metier.state.place import Place, open_database

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
    """Counts for the state at `place`; safe for many threads. A state that cannot be written is counted for later."""

    def __init__(self, place: Place) -> None:
        self._place = place
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
            if not rows:
                return
            # Locked, read-only, full, of an earlier schema, away: an answer is worth more than its count.
            with suppress(sqlite3.Error, StoreError):
                if _add(self._place, rows):
                    self._waiting.clear()


def _add(place: Place, rows: list[tuple[str, str, str, int, int]]) -> bool:
    """False where the expert has no state yet. Raises `sqlite3.Error`, `StoreError`."""
    if isinstance(place, Path):
        if not place.exists():
            return False
        with closing(sqlite3.connect(place, timeout=_PATIENCE)) as connection, connection:
            connection.executemany(_ADD, rows)
        return True
    from sqlalchemy.dialects.postgresql import insert

    from metier.state.postgres_schema import ready
    from metier.state.tables import answer_counts as table

    if not ready(place, make=False):
        return False
    made = insert(table)
    more = {name: table.c[name] + made.excluded[name] for name in ("answered", "refused")}
    adding = made.on_conflict_do_update(index_elements=["day", "mode", "adapter"], set_=more)
    with closing(open_database(place)) as database, database.writing(flushed=False, noted=False) as state:
        state.execute(adding, [dict(zip(table.c.keys(), row, strict=True)) for row in sorted(rows)])
    return True


def counts(place: Place) -> list[AnswerCount]:
    """All of them, the first day first. Raises `StoreError`."""
    import sqlalchemy as sa

    from metier.state.tables import answer_counts as table

    with closing(open_database(place)) as database:
        rows = database.read(sa.select(table).order_by(table.c.day, table.c.mode, table.c.adapter))
    return [AnswerCount(**row) for row in rows]
