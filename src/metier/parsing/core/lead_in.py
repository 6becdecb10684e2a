"""Lines over a table that say of what and of when it is: texts, and names with their value.

Maintenance log 2025
Printed    | 03.07.2025
Date       | Ship     | Hours      names as wide as the rows below them: here the table begins
14.01.2025 | MV Halla | 36.5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import regex

from metier.parsing.core.table_cells import RawRow, is_period, is_unit, is_value
from metier.parsing.core.table_header import header_depth

_MOST_LINES = 8
_LONGEST_NAME = 60  # characters of the name in a pair
_SAMPLE = 20  # rows that tell which columns hold something
_DIGITS = regex.compile(r"\d+")


def without_lead_in(rows: Sequence[RawRow]) -> tuple[list[RawRow], list[RawRow]]:
    """The lines over the names of the columns, and the rows without them. No lines where none of them is a name with
    its value, since texts alone are told by the structure of the table."""
    depth = 0
    while depth < min(len(rows) - 2, _MOST_LINES) and (_is_text(rows[depth]) or is_pair(rows[depth])):
        depth += 1
        if _has_pairs(rows[:depth]) and _names_all(rows[depth:]):
            return list(rows[:depth]), list(rows[depth:])
    return [], list(rows)


def pairs_in(lines: Sequence[RawRow]) -> list[RawRow]:
    """The names with their values among lines, as rows of two cells."""
    return [replace(line, cells=line.cells[:2]) for line in lines if is_pair(line)]


def are_lines(rows: Sequence[RawRow]) -> bool:
    """Whether rows that stand apart are nothing but lines of text with pairs among them."""
    told = all(_is_text(row) or is_pair(row) for row in rows)
    return len(rows) <= _MOST_LINES and told and _is_text(rows[0]) and _has_pairs(rows)


def is_pair(row: RawRow) -> bool:
    """Whether a row holds a name at its left, a value beside it, and nothing else."""
    name, *others = (cell.strip() for cell in row.cells)
    if row.wide or not name or not others or not others[0] or any(others[1:]):
        return False
    return len(name) <= _LONGEST_NAME and not is_value(name) and not is_unit(name)


def line_of(row: RawRow) -> str:
    """A line as it is read: `Printed: 03.07.2025`."""
    told = list(dict.fromkeys(cell.strip() for cell in row.cells if cell.strip()))
    return ": ".join([told[0].rstrip(" :"), *told[1:]]) if told[1:] else told[0]


def _is_text(row: RawRow) -> bool:
    told = {cell.strip() for cell in row.cells} - {""}
    return len(told) == 1 and bool(row.cells[0].strip()) and not is_value(row.cells[0])


def _has_pairs(rows: Sequence[RawRow]) -> bool:
    """Whether pairs among `rows` are none but pairs: two names of columns look like one."""
    pairs = [row.cells for row in rows if is_pair(row)]
    if len(rows[0].cells) == 2:
        return any(_is_dated(cells[1]) for cells in pairs)
    return len(pairs) > 1 or any(cells[0].strip().endswith(":") or _DIGITS.search(cells[1]) for cells in pairs)


def _is_dated(value: str) -> bool:
    """Whether a value is more than a year, which may name a column."""
    return is_value(value) and (not is_period(value) or len(_DIGITS.findall(value)) > 1)


def _names_all(rows: Sequence[RawRow]) -> bool:
    """Whether the first row names every column that the rows below fill. Of two columns also the first must hold
    another kind of text than its name, since a sheet of names and values looks the same."""
    names, body = rows[0].cells, rows[1 : _SAMPLE + 1]
    filled = [n for n in range(len(names)) if 2 * sum(bool(row.cells[n].strip()) for row in body) > len(body)]
    told = all(names[n].strip() and not is_value(names[n]) for n in {0, *filled})
    if len(names) == 2:
        numbered = sum(bool(_DIGITS.search(row.cells[0])) for row in body)
        return told and 2 * numbered > len(body) and not any(map(_DIGITS.search, names)) and header_depth(rows) > 0
    return told and len(filled) > 1 and not is_pair(rows[0]) and header_depth(rows) > 0
