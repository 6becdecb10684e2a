"""Names of columns that stand again, or anew, in the body of a table: it is parted there, each part with its own names.

         | Fiscal 2019    |
         | Q1    | Q2     |
Revenue  | 94.9  | 96.0   |
         | Fiscal 2018    |     names once more, and another year: they head what is below them, and nothing above
         | Q1    | Q2     |
Revenue  | 88.1  | 89.8   |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import regex

from metier.parsing.core.table_body import HALF_STEP, is_total
from metier.parsing.core.table_cells import RawRow, goes_on, is_alone, is_period, is_sign, is_unit, is_value
from metier.parsing.core.table_header import header_depth
from metier.parsing.core.table_structure import Structure, is_note, without_title

_MOST_TITLES = 3  # lines over names in a body
_FEWEST_ROWS = 2  # under names that no others are like
_DIGITS = regex.compile(r"\d+")
_WORD = regex.compile(r"[\p{L}\p{M}\d]+")
_MEASURED = regex.compile(r"\p{L}.*[(\[][^()\[\]]+[)\]]")  # a name with its unit: "Length (m)"


@dataclass(slots=True)
class HeaderBlock:
    """Rows under names of their own. `header_rows`: how many of them are those names, None where it was not told.
    `titles`: texts that stand right over the names, where these are not the first."""

    rows: list[RawRow]
    header_rows: int | None = None
    titles: list[str] = field(default_factory=list)


def header_blocks(rows: Sequence[RawRow], header_rows: int | None = None) -> list[HeaderBlock]:
    """`rows` parted where names of columns stand in the body; names that are repeated as they are are left out. Names
    over the other columns for several rows, beside a blank, become texts at the left, as those of groups are."""
    rows = list(rows)
    if len(rows[0].cells) < 2 or not _may_name_again(rows, header_rows):
        return [HeaderBlock(rows, header_rows)]
    top = len(rows) - len(without_title(rows, Structure())) if header_rows is None else 0
    depth = header_depth(rows[top:]) if header_rows is None else min(header_rows, len(rows))
    if not depth or len(rows) <= top + depth + 1:
        return [HeaderBlock(rows, header_rows)]
    rows, depth = _with_groups(rows, top, depth)
    if header_rows is not None:
        header_rows = depth
    found = [HeaderBlock(rows[: top + depth], header_rows)]
    header = rows[top : top + depth]
    body = rows[top + depth :]
    valued, done = _valued_columns(body), 0
    for start, end in _runs(body, header):
        if not _are_names(body, start, end, header, valued):
            continue
        if not start:  # the names go on below those that were marked
            found[0] = HeaderBlock(rows[: top + depth + end], header_rows and depth + end)
            header, done = rows[top : top + depth + end], end
            continue
        first = start
        while first > done and start - first < _MOST_TITLES and _is_title(body[first - 1]):
            first -= 1
        found[-1].rows.extend(body[done:first])
        names = body[start:end]
        if first < start or _cells(names) != _cells(header):
            found.append(HeaderBlock(list(names), len(names), [_text(row) for row in body[first:start]]))
            header = names
        done = end
    found[-1].rows.extend(body[done:])
    return found


def _may_name_again(rows: Sequence[RawRow], header_rows: int | None) -> bool:
    """Whether a row without a value stands below one that has one, or a row is marked or repeated: few tables have
    such."""
    begun = header_rows
    if begun is None:
        begun = next((n for n, row in enumerate(rows) if not _holds_names(row) and not is_alone(row)), len(rows))
    if any(map(_holds_names, rows[begun:])) or any(row.heads for row in rows[1:]):
        return True
    return len({tuple(row.cells) for row in rows}) < len(rows)


def _runs(body: Sequence[RawRow], header: Sequence[RawRow]) -> Iterator[tuple[int, int]]:
    """Where rows stand that may be names, start and end: the header again, else rows that hold words or periods beside
    the first column and no value."""
    start, place = None, 0
    while place < len(body):
        again = _cells(body[place : place + len(header)]) == _cells(header)
        named = not again and _holds_names(body[place])
        if start is not None and not (named and body[start].heads == body[place].heads):
            yield start, place
            start = None
        if again:
            yield place, place + len(header)
        elif named and start is None:
            start = place
        place += len(header) if again else 1


def _cells(rows: Sequence[RawRow]) -> list[list[str]]:
    return [row.cells for row in rows]


def _holds_names(row: RawRow) -> bool:
    filled = [cell for cell in row.cells[1:] if cell.strip()]
    told = all(any(map(str.isalnum, cell)) and (is_period(cell) or not is_value(cell)) for cell in filled)
    return bool(filled) and told and not is_alone(row)


def _is_title(row: RawRow) -> bool:
    return is_alone(row) and not is_note(_text(row))


def _text(row: RawRow) -> str:
    return next(cell.strip() for cell in row.cells if cell.strip())


def _valued_columns(body: Sequence[RawRow]) -> set[int]:
    """Columns of which most cells are values that no period is, or signs beside them."""
    found = set()
    for column in range(1, len(body[0].cells)):
        filled = [row.cells[column] for row in body if row.cells[column].strip()]
        values = sum((is_value(cell) and not is_period(cell)) or is_sign(cell) for cell in filled)
        if 2 * values > len(filled):
            found.add(column)
    return found


# --- what is a header ----------------------------------------------------------------------------------------


def _are_names(body: Sequence[RawRow], start: int, end: int, header: Sequence[RawRow], valued: set[int]) -> bool:
    """Whether the rows from `start` to `end`, which hold no value, name the columns of those below them."""
    names, below = body[start:end], _data_after(body, end)
    marked = names[0].heads or _cells(names) == _cells(header)
    if marked and len(_distinct(names)) + bool(names[-1].cells[0].strip()) > 1:
        return end < len(body)
    if not below:
        return False
    if any(_same(row, other) for row in names for other in header):
        return True
    told = {n for row in names for n, cell in enumerate(row.cells) if n and cell.strip()}
    wanted = {n for n in valued if any(row.cells[n].strip() and not is_sign(row.cells[n]) for row in below[:2])}
    if not told <= valued or not wanted <= told or len(below) < _FEWEST_ROWS or len(_distinct(names)) < 2:
        return False
    corners = [row.cells[0] for row in names if row.cells[0].strip()]
    if all(is_unit(corner) or is_period(corner) for corner in corners):
        return not any(goes_on(cell) for cell in names[0].cells if cell.strip())
    return _is_headed_anew(body, start, names, header)


def _is_headed_anew(body: Sequence[RawRow], start: int, names: Sequence[RawRow], header: Sequence[RawRow]) -> bool:
    """Of names with a text at the left, which look like a row whose values are words: whether the header has some of
    them or their years, or they stand below a title or a total."""
    cells = [cell.strip() for row in names for cell in row.cells[1:] if cell.strip() and not is_unit(cell)]
    known = {cell.strip() for row in header for cell in row.cells[1:]}
    if all(map(is_period, cells)):
        told = set(_WORD.findall(" ".join(known)))
        return not any(map(is_value, cells)) and set(_WORD.findall(" ".join(cells))) <= told
    if any(map(is_period, cells)) or any(_DIGITS.search(cell) for cell in cells) or len(set(cells)) < len(cells):
        return False
    if all(map(_MEASURED.fullmatch, cells)):
        return True
    above = body[start - 1] if start else None
    ends = above is not None and (_is_title(above) or is_total(above.cells[0]))
    return ends or not known.isdisjoint(cells)


def _data_after(body: Sequence[RawRow], place: int) -> list[RawRow]:
    """The rows with values from `place` on, before other names; none where such do not come first."""
    found: list[RawRow] = []
    for row in body[place:]:
        if _holds_names(row):
            break
        if not is_alone(row):
            found.append(row)
    return found


def _same(row: RawRow, other: RawRow) -> bool:
    """Whether a row has the names of a header row, or differs from them in numbers alone, those of other years, with
    the same text at the left: a row of values may hold years, too ("Founded | 2003 | 1987")."""
    cells, others = ([cell.strip() for cell in each.cells] for each in (row, other))
    filled = {cell for cell in cells[1:] if cell}
    if cells[1:] == others[1:]:
        return len(filled) > 1 or cells[0] == others[0]
    if len(filled) < 2 or (cells[0] and not is_unit(cells[0]) and cells[0] != others[0]):
        return False
    return _DIGITS.sub("0", "\t".join(cells[1:])) == _DIGITS.sub("0", "\t".join(others[1:]))


def _distinct(rows: Sequence[RawRow]) -> set[str]:
    """The names in that of some header rows which has most."""
    return max(({cell.strip() for cell in row.cells[1:]} - {""} for row in rows), key=len)


# --- names of groups beside a blank --------------------------------------------------------------------------


def _with_groups(rows: list[RawRow], top: int, depth: int) -> tuple[list[RawRow], int]:
    """Rows in which a name that stands alone beside a blank, over rows with values, is put to the left; and the depth
    of the header, of which such a row is none where the body has more of them."""
    body = top + depth
    valued = _valued_columns(rows[body:])
    alone = [n for n in range(body, len(rows) - 1) if _names_group(rows, n, valued)]
    last = body - 1
    if alone and depth > 1 and _names_group(rows, last, valued) and _is_complete(rows[top:last]):
        alone, depth = [last, *alone], depth - 1
    told = any(row.indent for row in rows)
    for n in alone:
        text = next(cell for cell in rows[n].cells if cell.strip())
        indent = -HALF_STEP if told else None
        rows[n] = replace(rows[n], cells=[text, *[""] * (len(rows[n].cells) - 1)], wide=False, indent=indent)
    return rows, depth


def _names_group(rows: Sequence[RawRow], place: int, valued: set[int]) -> bool:
    row, following = rows[place], rows[place + 1]
    told = {cell.strip() for cell in row.cells[1:] if cell.strip()}
    filled = {n for n, cell in enumerate(row.cells) if cell.strip()}
    if row.cells[0].strip() or len(told) != 1 or len(valued) < 2 or not filled <= valued:
        return False
    text = told.pop()
    if (is_value(text) and not is_period(text)) or is_unit(text) or goes_on(text):
        return False
    return bool(following.cells[0].strip()) and not is_alone(following) and not _holds_names(following)


def _is_complete(header: Sequence[RawRow]) -> bool:
    return bool(header) and all(any(row.cells[n].strip() for row in header) for n in range(1, len(header[0].cells)))
