"""Timetables: rows of a station, one that it is left at and one that it is reached at, with a time for each sailing.

Port         |     | Sailing 1 | Sailing 3
Velsay South | arr | 07:00     | 10:25
             | dep | 07:10     | 10:40       told as `Velsay South dep`, so that each row can be read alone
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metier.parsing.core.table_cells import RawRow, is_time, is_value, without_leader

_LONGEST = 16  # characters of a word for leaving or reaching
_MOST = 4  # different ones
_FEWEST = 3  # rows with times


def with_stations(rows: list[RawRow]) -> list[RawRow]:
    """Rows of a timetable with the name of the station in each, and behind it what the second column says of it; rows
    of other tables as they are."""
    timed = [row for row in rows if sum(map(is_time, row.cells[2:]))]
    if len(timed) < _FEWEST or not _are_times(timed):
        return rows
    said = [row.cells[1].strip() for row in timed]
    if not _are_words(said) or not timed[0].cells[0].strip():
        return rows
    names = [row.cells[0].strip() for row in timed if row.cells[0].strip()]
    head = rows[: rows.index(timed[0])]
    if len(set(names)) == len(timed) and any(row.cells[1].strip() for row in head):
        return rows  # a column of its own, with its name
    begun, station, found = False, "", []
    for row in rows:
        begun = begun or row is timed[0]
        station = without_leader(row.cells[:1])[0].strip() or (station if any(map(is_time, row.cells[2:])) else "")
        first = " ".join(dict.fromkeys(filter(None, (station if begun else row.cells[0], row.cells[1]))))
        found.append(replace(row, cells=[first, *row.cells[2:]]))
    return found


def _are_times(rows: Sequence[RawRow]) -> bool:
    """Whether nearly all that stands behind the first two columns is times of day."""
    filled = [cell for row in rows for cell in row.cells[2:] if any(map(str.isalnum, cell))]
    return len(filled) < 1.5 * sum(map(is_time, filled))


def _are_words(said: Sequence[str]) -> bool:
    """Whether a column says one of a few short words in most rows, some of them again."""
    words = [word for word in said if word]
    short = all(len(word) <= _LONGEST and not is_value(word) and any(map(str.isalpha, word)) for word in words)
    return short and 2 * len(words) > len(said) and len(set(words)) <= min(_MOST, len(words) - 1)
