"""What the cells of a table are: title, unit, header, groups, rows, notes. The same rules for every format.

Sales by type                                         caption: one text alone above the names
(in millions)          | Year ended June 30 |         unit; header, whose names span what is empty beside them
                       | 2023    | 2022     |         header: a blank corner, then years
Revenue                |         |          |         group: a name without values, kept before the rows below it
  Product sales        | 1,452.4 | 1,146.2  |
  Services             | 12.0    | -        |
Total                  | 1,464.4 | 1,146.2  |         the group ends
(a) restated           |         |          |         note
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import regex

from metier.parsing.core.row_groups import named_in_rounds
from metier.parsing.core.spanning_names import with_spanning_names
from metier.parsing.core.table_body import BodyRow, grouped, still_under
from metier.parsing.core.table_cells import RawRow, glued, is_period, is_unit, is_value, without_leader
from metier.parsing.core.table_header import LONGEST_NAME, header_depth
from metier.text.units import unit_of

_NOTE = regex.compile(r"(?:\(\w{1,2}\)|\[\w{1,2}\]|\w\)|\d{1,2}[.)]?|\*{1,3}|[†‡§¹²³])\s*\p{L}|\p{L}{3,12}\s?:\s")


@dataclass(slots=True)
class Structure:
    """A table taken apart. `header` rows are as wide as the rows of the body."""

    header: list[list[str]] = field(default_factory=list)
    body: list[BodyRow] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    unit: str = ""
    notes: list[str] = field(default_factory=list)


def structured(
    rows: Sequence[RawRow],
    header_rows: int | None = None,
    before: Structure | None = None,
    *,
    pairs: bool = False,
) -> Structure:
    """`rows`: all of one width, none empty. `header_rows`: how many the source marks as header, None where it does not
    say. `before`: the table that this one goes on with, whose unit and last groups hold on. `pairs`: the rows are names
    and values, with no names over them."""
    found = Structure(unit=before.unit if before else "")
    rows = glued([replace(row, cells=without_leader(row.cells)) for row in rows])
    if header_rows is None:
        rows = without_title(rows, found)
        depth = header_depth(rows)
    else:
        depth = min(header_rows, len(rows))
    if depth == len(rows) and depth:
        depth = 1 if len(rows) > 1 else 0
    rows = _named_by_neighbours(rows[:depth] + _without_notes(rows[depth:], found), depth)
    found.header = _spread(rows[:depth], found)
    found.body = grouped(named_in_rounds(rows[depth:]), bool(depth) or pairs)
    if before and before.body:
        found.body = still_under(before.body[-1], found.body, {row.number: row.indent for row in rows})
    return found


# --- above and below -----------------------------------------------------------------------------------------


def without_title(rows: list[RawRow], found: Structure) -> list[RawRow]:
    """Leave out the rows at the top that hold one text alone: captions and units."""
    while len(rows) > 2 and len(rows[0].cells) > 1:
        said = {cell.strip() for cell in rows[0].cells if cell.strip()}
        filled = [place for place, cell in enumerate(rows[0].cells) if cell.strip()]
        if len(said) != 1 or (len(filled) > 1 and len(filled) < len(rows[0].cells)):
            break
        text = said.pop()
        names_rest = filled[0] > 0 and len(filled) == 1  # over the columns, beside a blank corner
        if (is_value(text) and not is_period(text)) or (names_rest and not is_unit(text)) or not header_depth(rows[1:]):
            break
        if is_unit(text) and len(text) < 60:
            found.unit = found.unit or text
        else:
            found.captions.append(text)
        rows = rows[1:]
    return rows


def _without_notes(rows: list[RawRow], found: Structure) -> list[RawRow]:
    """Leave out the rows at the end that hold one long text, or one that begins as notes do."""
    notes: list[str] = []
    while len(rows) > 1 and len(rows[-1].cells) > 1:
        said = {cell.strip() for cell in rows[-1].cells if cell.strip()}
        text = next(iter(said), "")
        if len(said) != 1 or not rows[-1].cells[0].strip() or not is_note(text):
            break
        notes.insert(0, text)
        rows = rows[:-1]
    found.notes += notes
    return rows


def is_note(text: str) -> bool:
    """Whether a text alone is one that stands under a table: a long one, or one that begins as notes do."""
    return _NOTE.match(text) is not None or len(text) > LONGEST_NAME


def _spread(header: Sequence[RawRow], found: Structure) -> list[list[str]]:
    """Header rows with names that span written over every column they head, and the unit, or a title, taken out of the
    corner."""
    rows = with_spanning_names(header)
    for row in rows:
        corner = row[0].strip()
        if corner and is_unit(corner) and len(row) > 1:
            found.unit = found.unit or corner
            row[0] = ""
        elif len(corner) > LONGEST_NAME:
            found.captions.append(corner)
            row[0] = ""
    told = {cell.strip() for row in rows for cell in row[1:]} - {""}
    if len(told) == 1 and rows and len(rows[0]) > 2 and _measures(unit := next(iter(told))):
        found.unit = found.unit or unit  # no name of one column among others that have none
        rows = [[row[0], *[""] * (len(row) - 1)] for row in rows]
    return [row for row in rows if any(cell.strip() for cell in row)]


def _measures(text: str) -> bool:
    """Whether a text alone over columns says in what their values are given, in brackets also what is no money."""
    in_brackets = text[:1] in "([" and any(unit_of(word) for word in text.strip("()[]").split())
    return is_unit(text) or in_brackets


def _named_by_neighbours(rows: list[RawRow], depth: int) -> list[RawRow]:
    """Columns that hold names and no values put to the column beside them that holds values and no name: a name that is
    centred over numbers set to the right need not stand above any of them."""
    cells = [list(row.cells) for row in rows]
    width = len(cells[0]) if cells else 0
    if not 0 < depth < len(rows) or width < 3:
        return rows
    named = [any(row[n].strip() for row in cells[:depth]) for n in range(width)]
    valued = [any(row[n].strip() for row in cells[depth:]) for n in range(width)]
    gone: set[int] = set()
    for column in range(1, width):
        if not named[column] or valued[column]:
            continue
        beside = [n for n in (column + 1, column - 1) if 0 < n < width and valued[n] and n not in gone]
        free = next((n for n in beside if not _told(cells[:depth], n, column)), None)
        if free is None:
            continue
        for row in cells[:depth]:
            row[free] = row[free] or row[column]
        named[free] = True
        gone.add(column)
    left = [n for n in range(width) if n not in gone]
    return [RawRow(row.number, [c[n] for n in left], row.wide, row.indent) for row, c in zip(rows, cells, strict=True)]


def _told(header: Sequence[list[str]], column: int, other: int) -> bool:
    """Whether a column has names of its own, other than those that span it together with `other`."""
    return any(row[column].strip() and row[column] != row[other] for row in header)
