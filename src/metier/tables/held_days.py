"""Days that a list holds, and does not: of November one of October's jobs says nothing, and not that there were none. A
database holds all there is. A month without a year is the last one that has begun by the end of what is held."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from typing import Any

from metier.tables.schema import Column, TableSchema, quoted

NO_YEAR = "0000"  # in a day (ISO 8601) that names a month alone


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


def with_year(days: Sequence[str], last: str) -> tuple[str, ...]:
    """Days of one condition, in order, those of `NO_YEAR` in the year in which the latest of them that are held lie.
    `last`: the last day that is held."""
    named = not days[-1].startswith(NO_YEAR)
    year = int((days[-1] if named else last)[:4])
    year -= not named and days[-1][4:8] > last[4:8]  # of November, where what is held ends in March
    return tuple(_in_year(day, year - (day[4:8] > days[-1][4:8])) for day in days)


def _in_year(day: str, year: int) -> str:
    if not day.startswith(NO_YEAR):
        return day
    number = min(int(day[8:10]), calendar.monthrange(year, int(day[5:7]))[1])
    return f"{year}{day[4:8]}{number:02}{day[10:]}"
