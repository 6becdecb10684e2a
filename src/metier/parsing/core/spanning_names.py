"""Names in the header of a table that stand over several columns, told in each of them.

| 2023            |                      | 2023  | 2023  | 2022  | 2022
| North  | South  | North  | South  ─▶   | North | South | North | South
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from metier.parsing.core.table_cells import RawRow, is_period


def with_spanning_names(header: Sequence[RawRow]) -> list[list[str]]:
    """The cells of header rows, names that span written over every column they head."""
    rows = [list(row.cells) for row in header]
    for index in range(len(rows) - 2, -1, -1):
        _fill_rounds(rows[index], rows[index + 1 :])
    for index, row in enumerate(rows[:-1]):
        if not header[index].wide:
            _fill(row, rows[index + 1 :])
    return rows


def _fill_rounds(row: list[str], below: Sequence[list[str]]) -> None:
    """Write each name of a row over one round of the names below that come again and again, where it stands in it."""
    columns = [n for n in range(1, len(row)) if any(other[n].strip() for other in below)]
    under = [tuple(other[n] for other in below) for n in columns]
    length = next((n for n, names in enumerate(under) if n and names == under[0]), 0)
    count = len(under) // length if length > 1 else 0
    if count < 2 or under != under[:length] * count or len(set(under[:length])) < length:
        return
    told = [[n for n, _name in run] for _name, run in groupby(((n, row[n].strip()) for n in columns), lambda at: at[1])]
    told = [places for places in told if row[places[0]].strip()]
    rounds = [columns[n * length : (n + 1) * length] for n in range(count)]
    if len(told) != count or any(set(places) - set(part) for places, part in zip(told, rounds, strict=True)):
        return
    for places, part in zip(told, rounds, strict=True):
        for column in part:
            row[column] = row[places[0]]


def _fill(row: list[str], below: Sequence[list[str]]) -> None:
    """Write the names of a row over the blank columns that they head: each over an equal part where they divide the
    columns so, else over those to its right. Only over columns that a row below names."""
    columns = [n for n in range(1, len(row)) if any(other[n].strip() for other in below)]
    named = [n for n in columns if row[n].strip()]
    if not named or len(named) >= len(columns):
        return
    if len(named) > 2 and len(named) == len(columns) - 1 and not _is_second_part(row, columns, below[0]):
        return  # one blank among many names is no part of a group: "First", "Second", "Third", "Fourth", then a total
    size, rest = divmod(len(columns), len(named))
    parts = [columns[n * size : (n + 1) * size] for n in range(len(named))]
    if not rest and all(n in part for n, part in zip(named, parts, strict=True)):
        names = {column: row[n] for n, part in zip(named, parts, strict=True) for column in part}
    else:
        names, last = {}, ""
        for column in columns:
            last = row[column].strip() or last
            names[column] = last
    dated = len(named) == 1 and is_period(row[named[0]])  # a year over all, a total beside its quarters too
    for column, name in names.items():
        if not row[column].strip() and (dated or _same_depth(row, column, below, named)):
            row[column] = name


def _is_second_part(row: list[str], columns: list[int], below: list[str]) -> bool:
    """Whether the one blank among names is under the name at its left: what stands below it stands below other names
    too, and not below that one ("arr", "dep")."""
    place = next(n for n, column in enumerate(columns) if not row[column].strip())
    part, others = below[columns[place]], [below[column] for column in columns[:place] + columns[place + 1 :]]
    return place > 0 and part in others and part != below[columns[place - 1]]


def _same_depth(row: list[str], column: int, below: Sequence[list[str]], named: Sequence[int]) -> bool:
    """Whether the name below a blank is one part of a group: as those below the names are."""
    return bool(below[0][column].strip()) and any(below[0][n].strip() for n in named)
