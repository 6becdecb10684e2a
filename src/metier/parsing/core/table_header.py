"""How many rows at the top of a table name its columns, told from the texts of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from metier.parsing.core.table_cells import RawRow, goes_on, is_mark, is_period, is_time, is_unit, is_value

LONGEST_NAME = 120  # characters of a column's name
_DEEPEST = 6  # header rows
_SAMPLE = 20  # rows that tell what a column holds


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
    if all(len(cell.strip()) <= LONGEST_NAME for row in header for cell in row.cells[1:]) and _names_something(header):
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
        if depth and len(own) == 1 and not names_a_row and _is_group(row, rows[:depth], rows[depth + 1 :]):
            break
        depth += 1
    return depth


def _is_group(row: RawRow, header: Sequence[RawRow], below: Sequence[RawRow]) -> bool:
    """Whether the only text of a row, below names for all columns, heads rows whose names stand in its column: of
    `Code | Service | Price` over `| Tuning |` no price is one of a tuning service."""
    place = next(n for n, cell in enumerate(row.cells) if cell.strip())
    named = _complete(header) and all(header[-1].cells[n].strip() for n in (0, place))
    if not named or is_unit(row.cells[place]) or is_period(row.cells[place]):
        return False
    held = [each.cells[place] for each in below[:_SAMPLE] if each.cells[place].strip()]
    return len(held) > 1 and not any(map(is_value, held))


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
    if any(len(cell) > LONGEST_NAME for cell in filled):
        return False
    if len(first) == 2 and any(cell.endswith(":") for cell in filled[:1]):
        return False
    values = [cell for cell in filled if is_value(cell)]
    if not values:
        return len(set(filled)) > len(filled) / 2
    return all(map(is_period, values)) and (len(values) < len(filled) or not first[0].strip())
