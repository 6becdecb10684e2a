"""Rows of a table in a corrected text, read back into the table that they are of.

They are written as `TextBuilder.add_table` writes them, each cell behind the name of its column, so that row and column
of a corrected figure can be cited and drawn like those of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import regex

from metier.core.documents import CELL, Block, TextBuilder
from metier.core.tables import PATH, Span, Table, TableRow
from metier.parsing.core.table_cells import is_unit

_NAMED = ": "
_UNIT = regex.compile(r" (\([^()]*\)|\[[^\[\]]*\])$")


@dataclass(slots=True)
class _Cell:
    """`start`, `end`: of its value, in characters of the document; `name`: of its column, "" where it has none."""

    name: str
    text: str
    start: int
    end: int


def are_rows(text: str) -> bool:
    """Whether lines are rows of a table: cells beside each other, or names with their values."""
    return all(CELL in line or _NAMED in line for line in text.strip().split("\n"))


def add_rows(builder: TextBuilder, text: str, *, page: int | None, key: str) -> None:
    """Append lines that are rows of one table. `key`: names the first row in its source."""
    builder.add("table", text, page=page)
    block = builder.blocks[-1]
    table = _table(builder.text[block.start : block.end], block.start, key)
    builder.tables.append(replace(table, page=page))
    builder.blocks += [Block("row", row.start, row.end, page, 0, row.key) for row in table.rows]


def _table(text: str, start: int, key: str) -> Table:
    lines, place = [], start
    for line in text.split("\n"):
        lines.append((place, line))
        place += len(line) + 1
    names = _names(lines)
    body = lines[1:] if names else lines
    labelled = _labelled([line for _place, line in body])
    cells = [_cells(line, place, names, labelled=labelled) for place, line in body]
    columns = _columns(cells, names)
    unit = _unit([row[0] for row in cells if row])
    rows = []
    for number, ((at, line), row) in enumerate(zip(body, cells, strict=True)):
        first, groups = _label(row[0], unit)
        places = _places([first, *row[1:]], columns)
        name = str(int(key) + number) if key.isdecimal() else key
        rows.append(TableRow(at, at + len(line), name, places, groups))
    header = (tuple(columns),) if any(columns) else ()
    return Table(header, tuple(rows), start, start + len(text), unit=unit)


def _names(lines: Sequence[tuple[int, str]]) -> list[str]:
    """Names of columns in a line of their own above the rows, none where there is no such line."""
    names = lines[0][1].split(CELL)
    told = any(f"{name}{_NAMED}" in lines[1][1] for name in names) if len(lines) > 1 else False
    return names if told and not any(_NAMED in name for name in names) else []


def _labelled(lines: Sequence[str]) -> bool:
    """Whether the first column has a name: all rows begin with it, and it is no group ("Products › Less: parts")."""
    first = {line.partition(CELL)[0].partition(_NAMED)[0] for line in lines if _NAMED in line.partition(CELL)[0]}
    return len(first) == 1 and PATH not in first.pop()


def _cells(line: str, place: int, names: Sequence[str], *, labelled: bool) -> list[_Cell]:
    """The cells of a row; two where it is a name and its value. `labelled`: the first column has a name."""
    texts = line.split(CELL)
    if len(texts) == 1 and not names and _NAMED in line:
        name, value = line.split(_NAMED, 1)
        return [
            _Cell("", name, place, place + len(name)),
            _Cell("", value, place + len(line) - len(value), place + len(line)),
        ]
    found = []
    for number, text in enumerate(texts):
        name = max((each for each in names if text.startswith(f"{each}{_NAMED}")), key=len, default="")
        if not names and _NAMED in text and (number or labelled):
            name = text.partition(_NAMED)[0]
        skipped = len(name) + len(_NAMED) if name else 0
        found.append(_Cell(name or (text if text in names else ""), text[skipped:], place + skipped, place + len(text)))
        place += len(text) + len(CELL)
    return found


def _columns(rows: Sequence[Sequence[_Cell]], names: Sequence[str]) -> list[str]:
    """Names of the columns, "" for those without one, in the order of the rows."""
    columns = list(names)
    for row in rows:
        last = -1
        for cell in row:
            last = _index(columns, cell.name, last)
    return columns


def _index(columns: list[str], name: str, last: int) -> int:
    """Where the column of a cell is, behind the one before it; it is put there where it is not known yet."""
    place = last + 1
    if name:
        place = next((n for n in range(last + 1, len(columns)) if columns[n] == name), place)
    if place >= len(columns) or columns[place] != name:
        columns.insert(place, name)
    return place


def _places(row: Sequence[_Cell], columns: Sequence[str]) -> tuple[Span | None, ...]:
    known = list(columns)
    places: list[Span | None] = [None] * len(known)
    last = -1
    for cell in row:
        last = _index(known, cell.name, last)
        if len(known) > len(places):
            places.insert(last, None)
        places[last] = (cell.start, cell.end)
    return tuple(places)


def _unit(labels: Sequence[_Cell]) -> str:
    """What stands behind the label of every row: the unit of the table."""
    found = {match[1] if (match := _UNIT.search(label.text)) else "" for label in labels}
    unit = found.pop() if len(found) == 1 else ""
    return unit if unit and is_unit(unit) else ""


def _label(cell: _Cell, unit: str) -> tuple[_Cell, tuple[str, ...]]:
    """The first cell of a row without what is no part of it: the groups it stands under, and the unit."""
    text = cell.text.removesuffix(f" {unit}") if unit else cell.text
    *groups, label = text.split(PATH)
    end = cell.start + len(text)
    return replace(cell, text=label, start=end - len(label), end=end), tuple(groups)
