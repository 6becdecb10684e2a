"""What a check says: a finding, and how the rows it is about are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metier.dataset.rows import Row

Severity = Literal["stop", "warn", "note"]

EXAMPLES = 5
_MANY = 0.05  # of all rows


@dataclass(frozen=True, slots=True)
class DataFinding:
    """`what`: one sentence. `count`: rows it is about. `examples`: a few of them by origin, with what is wrong."""

    severity: Severity
    check: str
    what: str
    count: int
    examples: tuple[str, ...] = ()
    hint: str = ""


def by_share(count: int, rows: Sequence[Row]) -> Severity:
    """What concerns few of the rows is noted, what concerns one in twenty is warned of."""
    return "warn" if count > _MANY * len(rows) else "note"


def origin(row: Row) -> str:
    return row.origin or f"row {row.id}"


def origins(rows: Sequence[Row], indices: Sequence[int]) -> tuple[str, ...]:
    return tuple(origin(rows[index]) for index in indices[:EXAMPLES])


def short(text: str, limit: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
