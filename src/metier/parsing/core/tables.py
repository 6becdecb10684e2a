"""Cells with spans to rows of strings, and the question which rows are the header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from metier.parsing.core.readers import Builder

_NUMBER = re.compile(
    r"[^\w]{0,3}\d[\d\s.,'’%/:\-–+×x]*(?:[^\W\d]{1,4}[.²³]?|%|\W{1,2})?|(?:true|false|yes|no|n/?a|-+|–|—)",
    re.IGNORECASE,
)
_MAX_SPAN = 500
_MAX_CELLS = 2_000_000


@dataclass(slots=True)
class Grid:
    """A table while it is read, cell by cell; a cell that spans rows or columns is repeated in each of them.

    Every row can then be read alone, which is how passages are cut. `header_rows`: how many the file itself marks
    as header, None where it does not say.
    """

    header_rows: int | None = None
    _rows: list[list[str | None]] = field(default_factory=list)
    _pending: dict[tuple[int, int], str] = field(default_factory=dict)
    _wide: set[int] = field(default_factory=set)
    _cells: int = 0

    def start_row(self) -> None:
        self._rows.append([])

    def cell(self, text: str, *, columns: int = 1, rows: int = 1) -> None:
        """Append a cell to the current row, after the cells that span into it from above."""
        if not self._rows:
            self.start_row()
        row, number = self._rows[-1], len(self._rows) - 1
        self._settle(row, number)
        columns, rows = max(1, min(columns, _MAX_SPAN)), max(1, min(rows, _MAX_SPAN))
        self._cells += columns * rows
        if self._cells > _MAX_CELLS:
            columns = rows = 1
        if columns > 1:
            self._wide.add(number)
        for offset in range(rows):
            for index in range(columns):
                if offset:
                    self._pending[number + offset, len(row) + index] = text
        row.extend([text] * columns)

    def rows(self) -> list[list[str]]:
        """All rows, ragged rows padded, empty rows and columns left out."""
        for number, row in enumerate(self._rows):
            self._settle(row, number)
        width = max((len(row) for row in self._rows), default=0)
        full = [[cell or "" for cell in row] + [""] * (width - len(row)) for row in self._rows]
        used = [index for index in range(width) if any(row[index].strip() for row in full)]
        return [[row[index] for index in used] for row in full]

    def _settle(self, row: list[str | None], number: int) -> None:
        while (number, len(row)) in self._pending:
            row.append(self._pending.pop((number, len(row))))

    def write(self, builder: Builder, *, page: int | None = None) -> None:
        """Put the table into `builder`; one column of cells becomes paragraphs, as it was only there for looks."""
        write_rows(builder, self.rows(), header_rows=self.header_rows, wide=self._wide, page=page)


def write_rows(
    builder: Builder,
    rows: Sequence[Sequence[str]],
    *,
    header_rows: int | None = None,
    wide: set[int] | frozenset[int] = frozenset(),
    page: int | None = None,
    first: int = 1,
) -> None:
    """Add `rows` as a table. `wide`: indices of rows with cells over several columns. `first`: number of the first."""
    numbered = [(number, row) for number, row in enumerate(rows, start=first) if any(cell.strip() for cell in row)]
    if not numbered:
        return
    if all(sum(map(bool, row)) <= 1 for _number, row in numbered) and len(numbered[0][1]) == 1 and len(numbered) == 1:
        builder.add("paragraph", numbered[0][1][0], page=page)
        return
    numbers, body = [number for number, _row in numbered], [list(row) for _number, row in numbered]
    wide = {index for index, number in enumerate(numbers) if number - first in wide}
    count = _header_depth(body, wide) if header_rows is None else min(header_rows, len(body))
    if count == len(body) and count:
        count = 1 if len(body) > 1 else 0
    for index in wide:
        if index >= count and (not count or len(set(body[index])) == 1):
            body[index] = _once(body[index])
    if not count:
        builder.add_table(body, header=False, page=page, keys=[str(number) for number in numbers])
        return
    names = [_joined([row[index] for row in body[:count]]) for index in range(len(body[0]))]
    keys = [str(number) for number in numbers[count:]]
    builder.add_table([names, *body[count:]], header=True, page=page, keys=keys)


def _once(row: list[str]) -> list[str]:
    """A row whose merged cells are told in their first column only: where nothing names the columns, or all are one."""
    return [cell if not index or cell != row[index - 1] else "" for index, cell in enumerate(row)]


def _joined(parts: Sequence[str]) -> str:
    """One column name from the cells above each other: `2024` over `Revenue` is `2024 Revenue`."""
    return " ".join(part for part, _same in groupby(part.strip() for part in parts) if part)


def _header_depth(rows: Sequence[Sequence[str]], wide: set[int] | frozenset[int]) -> int:
    """0, or how many rows at the top name the columns: a row of group names over a row of names counts as two."""
    if not looks_like_header(rows):
        if 0 in wide and len(rows) > 2 and looks_like_header(rows[1:]):
            return 2
        return 0
    depth = 1
    while depth < 3 and depth - 1 in wide and len(rows) > depth + 1 and looks_like_header(rows[depth:]):
        depth += 1
    return depth


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short different words, not values like those below it."""
    first, body = rows[0], rows[1:21]
    filled = [cell.strip() for cell in first if cell.strip()]
    if not body or not filled or (len(first) > 1 and len(filled) < 2 and len(filled) < len(first) / 2):
        return False
    if any(not any(c.isalnum() for c in cell) and cell not in "#№%" for cell in filled):
        return False  # a lone colon or dash stands between a name and its value
    if any(len(cell) > 120 for cell in filled) or any(cell.endswith(":") for cell in filled[:1] if len(first) == 2):
        return False
    values = [index for index, cell in enumerate(first) if is_value(cell)]
    if not values:
        return len(set(filled)) > len(filled) / 2
    if len(values) > len(filled) / 2 and not _years(first):
        return False
    # A year or a number may head a column, but then what is below is of another kind or the rest are words.
    return all(_years([first[index]]) for index in values) and any(not is_value(cell) for cell in filled)


def is_value(cell: str) -> bool:
    """A number, amount, date, yes/no or dash: what a table holds rather than what it is headed by."""
    return bool(cell.strip()) and _NUMBER.fullmatch(cell.strip()) is not None


def _years(cells: Sequence[str]) -> bool:
    values = [cell.strip() for cell in cells if is_value(cell)]
    return all(re.fullmatch(r"(?:19|20)\d\d", value) for value in values)
