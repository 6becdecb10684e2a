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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import regex

from metier.parsing.core.row_groups import named_in_rounds
from metier.parsing.core.spanning_names import with_spanning_names
from metier.parsing.core.table_cells import (
    RawRow,
    glued,
    goes_on,
    is_mark,
    is_period,
    is_time,
    is_unit,
    is_value,
    without_leader,
)
from metier.text.language import words_in_any_language
from metier.text.phrases import compose, fold

_LONGEST_NAME = 120  # characters of a column's name
_HALF_STEP = 0.01  # less than any text is set in by
_DEEPEST = 6  # header rows
_SAMPLE = 20  # rows that tell what a column holds
_NOTE = regex.compile(r"(?:\(\w{1,2}\)|\[\w{1,2}\]|\w\)|\d{1,2}[.)]?|\*{1,3}|[†‡§¹²³])\s*\p{L}|\p{L}{3,12}\s?:\s")


@dataclass(frozen=True, slots=True)
class BodyRow:
    """`number`: of the row in the source. `groups`: the names it stands under, the outermost first."""

    number: int
    cells: list[str]
    groups: tuple[str, ...] = ()


@dataclass(slots=True)
class Structure:
    """A table taken apart. `header` rows are as wide as the rows of the body."""

    header: list[list[str]] = field(default_factory=list)
    body: list[BodyRow] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    unit: str = ""
    notes: list[str] = field(default_factory=list)


def structured(rows: Sequence[RawRow], header_rows: int | None = None, before: Structure | None = None) -> Structure:
    """`rows`: all of one width, none empty. `header_rows`: how many the source marks as header, None where it does not
    say. `before`: the table that this one goes on with, whose unit and last groups hold on."""
    found = Structure(unit=before.unit if before else "")
    rows = glued([RawRow(row.number, without_leader(row.cells), row.wide, row.indent) for row in rows])
    if header_rows is None:
        rows = _without_title(rows, found)
        depth = header_depth(rows)
    else:
        depth = min(header_rows, len(rows))
    if depth == len(rows) and depth:
        depth = 1 if len(rows) > 1 else 0
    rows = _named_by_neighbours(rows[:depth] + _without_notes(rows[depth:], found), depth)
    found.header = _spread(rows[:depth], found)
    found.body = _grouped(named_in_rounds(rows[depth:]), bool(depth))
    if before and before.body:
        found.body = _still_under(before.body[-1], found.body, {row.number: row.indent for row in rows})
    return found


def _still_under(last: BodyRow, rows: Sequence[BodyRow], indents: Mapping[int, float | None]) -> list[BodyRow]:
    """Rows at the top of a page under the groups of the last row before it, until one stands at the left, under a group
    of its own, or is a total."""
    if not last.groups or _is_total(last.cells[0]):
        return list(rows)
    told = any(indents.values())
    found: list[BodyRow] = []
    for place, row in enumerate(rows):
        if row.groups or (told and not indents.get(row.number)):
            return [*found, *rows[place:]]
        found.append(replace(row, groups=last.groups))
        if _is_total(row.cells[0]):
            return [*found, *rows[place + 1 :]]
    return found


# --- above and below -----------------------------------------------------------------------------------------


def _without_title(rows: list[RawRow], found: Structure) -> list[RawRow]:
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
        if len(said) != 1 or not rows[-1].cells[0].strip() or not (_NOTE.match(text) or len(text) > _LONGEST_NAME):
            break
        notes.insert(0, text)
        rows = rows[:-1]
    found.notes += notes
    return rows


# --- header --------------------------------------------------------------------------------------------------


def header_depth(rows: Sequence[RawRow]) -> int:
    """0, or how many rows at the top name the columns."""
    if len(rows) < 2:
        return 0
    first = _first_data_row(rows)
    if first is None:
        return _header_of_words(rows)
    if not first:
        return 0
    depth = _until_body(rows, first)
    header = rows[:depth]
    if all(len(cell.strip()) <= _LONGEST_NAME for row in header for cell in row.cells) and _names_something(header):
        return depth
    return 0


def _first_data_row(rows: Sequence[RawRow]) -> int | None:
    """Index of the first row with a value beside its first column; None where there is none."""
    data = [_holds_values(rows, column) for column in range(len(rows[0].cells))]
    timed = [_holds_times(rows, column) for column in range(len(rows[0].cells))]
    for index, row in enumerate(rows):
        filled = [place for place, cell in enumerate(row.cells) if cell.strip()]
        values = [
            place
            for place in filled
            if (place or len(row.cells) == 1) and _is_data(row.cells[place], data[place], timed[place])
        ]
        told = any(not is_mark(row.cells[place]) for place in values)
        if told and not _numbers_columns(rows, index):
            return index
    return None


def _holds_values(rows: Sequence[RawRow], column: int) -> bool:
    """Whether dates and years in this column are what it holds, not what it is headed by."""
    below = [row.cells[column] for row in rows[1 : _SAMPLE + 1] if row.cells[column].strip()]
    return bool(below) and sum(map(is_period, below)) > len(below) / 2


def _holds_times(rows: Sequence[RawRow], column: int) -> bool:
    """Whether most of a column is times of day, where it is not left blank or crossed out."""
    below = [row.cells[column] for row in rows[1 : _SAMPLE + 1] if any(map(str.isalnum, row.cells[column]))]
    return bool(below) and sum(map(is_time, below)) > len(below) / 2


def _is_data(cell: str, dated: bool, timed: bool) -> bool:
    """Whether a cell holds a value of its column. Numbers over times of day are those of sailings."""
    if timed and not is_time(cell):
        return False
    return (is_period(cell) and dated) or (is_value(cell) and not is_period(cell))


def _numbers_columns(rows: Sequence[RawRow], index: int) -> bool:
    """Whether some names of a row are numbers ("15-24", or 1, 2, 3 and so on): words beside them, more than numbers
    unless these count up, in the first row or under names that span, over columns that hold nothing but values."""
    corner, *names = rows[index].cells
    named = [cell for cell in (corner, *names) if cell.strip()]
    words = [cell for cell in named if not is_value(cell)]
    if not names or not all(map(str.strip, names)) or is_value(corner) or len(rows) <= index + 2:
        return False
    if _counts_up([cell for cell in names if is_value(cell)]):
        return not any(row.cells[0].strip() for row in rows[:index])
    return len(words) > len(named) / 2 and (not index or (not corner.strip() and _over_values(rows[index:])))


def _over_values(rows: Sequence[RawRow]) -> bool:
    """Whether what stands under the words of the first row is values, nearly all of it."""
    columns = [n for n, cell in enumerate(rows[0].cells) if n and not is_value(cell)]
    below = [row.cells[n] for row in rows[1 : _SAMPLE + 1] for n in columns if row.cells[n].strip()]
    return sum(map(is_value, below)) > 0.8 * len(below)


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether numbers follow each other, three at least from 1 on, or many."""
    numbers = [int(cell) for cell in cells if cell.strip().isdecimal()]
    follow = len(numbers) == len(cells) > 2 and all(b == a + 1 for a, b in pairwise(numbers))
    return follow and (numbers[0] <= 1 or len(numbers) > 4)


def _until_body(rows: Sequence[RawRow], first: int) -> int:
    """How many of the rows above the first value belong to the header: a row that names only itself, at the left,
    begins the body, once there are names for the columns."""
    depth = 0
    for row in rows[: min(first, _DEEPEST)]:
        own = [cell for cell in row.cells[1:] if cell.strip()]
        if depth and not own and not is_unit(row.cells[0]) and not _goes_on_in_corner(rows[depth + 1 : first]):
            break
        names_a_row = bool(row.cells[0].strip()) and not is_unit(row.cells[0])
        if depth and names_a_row and _complete(rows[:depth]) and not _names_more(row):
            break
        depth += 1
    return depth


def _goes_on_in_corner(rows: Sequence[RawRow]) -> bool:
    """Whether names of columns follow, beside the next words of the name in the corner ("Age", "group", "(yrs)")."""
    names = next((n for n, row in enumerate(rows) if any(cell.strip() for cell in row.cells[1:])), None)
    return names is not None and all(goes_on(row.cells[0].strip() or "(") for row in rows[: names + 1])


def _complete(header: Sequence[RawRow]) -> bool:
    """Whether every column but the first has a name of its own."""
    last = header[-1]
    return not last.wide and all(any(row.cells[n].strip() for row in header) for n in range(1, len(last.cells)))


def _names_more(row: RawRow) -> bool:
    """Whether `row` goes on with the names of the row above: it holds nothing but periods, units or numbers of
    sailings."""
    filled = [cell for cell in row.cells[1:] if cell.strip()]
    told = [is_period(cell) or is_unit(cell) or (is_value(cell) and not is_mark(cell)) for cell in filled]
    return bool(told) and all(told)


def _names_something(header: Sequence[RawRow]) -> bool:
    return any(cell.strip() and any(c.isalnum() for c in cell) for row in header for cell in row.cells)


def _header_of_words(rows: Sequence[RawRow]) -> int:
    """Of a table without values: by the look of its first row, or of its second under a row of group names."""
    if not looks_like_header([row.cells for row in rows]):
        return 2 if rows[0].wide and len(rows) > 2 and looks_like_header([row.cells for row in rows[1:]]) else 0
    depth = 1
    while depth < 3 and rows[depth - 1].wide and len(rows) > depth + 1:
        if not looks_like_header([row.cells for row in rows[depth:]]):
            break
        depth += 1
    return depth


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short different words, or periods, not values like those below it."""
    first, body = rows[0], rows[1 : _SAMPLE + 1]
    filled = [cell.strip() for cell in first if cell.strip()]
    if not body or not filled or (len(first) > 1 and len(filled) < 2 and len(filled) < len(first) / 2):
        return False
    if any(not any(c.isalnum() for c in cell) and cell not in "#№%" for cell in filled):
        return False  # a lone colon or dash stands between a name and its value
    if any(len(cell) > _LONGEST_NAME for cell in filled):
        return False
    if len(first) == 2 and any(cell.endswith(":") for cell in filled[:1]):
        return False
    values = [cell for cell in filled if is_value(cell)]
    if not values:
        return len(set(filled)) > len(filled) / 2
    return all(map(is_period, values)) and (len(values) < len(filled) or not first[0].strip())


def _spread(header: Sequence[RawRow], found: Structure) -> list[list[str]]:
    """Header rows with names that span written over every column they head, and the unit taken out of the corner."""
    rows = with_spanning_names(header)
    for row in rows:
        corner = row[0].strip()
        if corner and is_unit(corner) and len(row) > 1:
            found.unit = found.unit or corner
            row[0] = ""
    return [row for row in rows if any(cell.strip() for cell in row)]


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


# --- body ----------------------------------------------------------------------------------------------------


def _grouped(rows: Sequence[RawRow], headed: bool) -> list[BodyRow]:
    """Rows with the names they stand under: those less far set in, or a name without values until the next or a total.
    A group's own row is left out where rows stand under it."""
    found: list[BodyRow] = []
    path: list[tuple[float | None, str, bool]] = []  # indent, name, has values
    told = any(row.indent for row in rows)
    for place, row in enumerate(rows):
        label = row.cells[0].strip()
        alone = _is_alone(row)
        following = rows[place + 1] if place + 1 < len(rows) else None
        leads = following is not None and headed and not _is_alone(following) and bool(following.cells[0].strip())
        depth = row.indent
        if told and row.indent is not None:
            deeper = following is not None and following.indent is not None and following.indent > row.indent
            if alone and leads and not deeper:
                depth = row.indent - _HALF_STEP  # a name without values over rows that are set in as far as it is
            leads = deeper or (alone and leads)
            while path and (path[-1][0] or 0) >= (depth or 0):
                path.pop()
            while _is_total(label) and path and path[-1][2]:  # a total that is set in is no part of the row above
                path.pop()
        elif alone:
            path.clear()
        under = tuple(name for _indent, name, _valued in path)
        if alone and leads and len(row.cells) > 1 and len(label) <= _LONGEST_NAME:
            path.append((depth, label.rstrip(" :"), False))
            continue
        found.append(BodyRow(row.number, _once(row, headed), under))
        if told and leads and label:
            path.append((row.indent, label.rstrip(" :"), True))
        if under and _is_total(label) and len(found) > 1 and found[-2].groups[: len(under)] == under:
            if not told:
                path.clear()
            elif row.indent is not None and path and path[-1][0] == row.indent - _HALF_STEP:
                path.pop()
    return found


def _is_alone(row: RawRow) -> bool:
    """Whether a row holds a name at the left and nothing else, or one text over its whole width."""
    label = row.cells[0].strip()
    rest = {cell.strip() for cell in row.cells[1:]} - {""}
    return bool(label) and (not rest or (row.wide and rest == {label})) and not is_value(label)


def _once(row: RawRow, headed: bool) -> list[str]:
    """A row whose merged cells are told in their first column only: where nothing names the columns, or all are one."""
    if not row.wide or (headed and len(set(row.cells)) > 1):
        return row.cells
    return [cell if not n or cell != row.cells[n - 1] else "" for n, cell in enumerate(row.cells)]


def _is_total(label: str) -> bool:
    return fold(compose(label.split(" ")[0])).strip(":") in words_in_any_language("tables", "total")
