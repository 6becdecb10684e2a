"""Days that a list does not hold: of November one of October's jobs says nothing, and not that there were none. A
database holds all there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from metier.tables.schema import Column, TableSchema, quoted


def held_days(
    table: TableSchema, column: Column, rows: Callable[[str], Sequence[Sequence[Any]]]
) -> tuple[str, str] | None:
    """The first and the last day in a column; None where it has none. `rows`: of a query, none where it cannot be
    run."""
    name = quoted(column.sql)
    found = rows(f"SELECT min({name}), max({name}) FROM {quoted(table.sql)}")
    return (str(found[0][0]), str(found[0][1])) if found and found[0][0] is not None else None


def lie_outside(first: str, last: str, held: tuple[str, str]) -> bool:
    """Whether all from `first` to `last` (ISO 8601, "" where that side is open) lie before or behind those held."""
    return first > held[1] or bool(last and last < held[0])
