"""The cells of one spreadsheet, of whatever format, and the tables in them."""

from __future__ import annotations

from metier.documents import TextBuilder
from metier.parsing.reading import Builder
from metier.parsing.tables import write_rows

_MAX_MERGED = 100_000


class Sheet:
    """Cells by 1-based row and column; only filled ones are kept, however far apart they are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: dict[int, dict[int, str]] = {}
        self._merged: list[tuple[int, int, int, int]] = []

    def set(self, row: int, column: int, text: str) -> None:
        self._rows.setdefault(row, {})[column] = text

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Cells that show the value of the upper left one."""
        self._merged.append((top, left, bottom, right))

    def regions(self) -> list[tuple[int, int, list[list[str]], set[int]]]:
        """Tables as (first row, first column, rows, indices of rows with merged columns), in reading order."""
        wide = self._spread()
        found = []
        for rows in _runs(sorted(self._rows)):
            columns = sorted({column for row in rows for column in self._rows[row]})
            for part in _runs(columns):
                cells = [[self._rows[row].get(column, "") for column in part] for row in rows]
                while cells and not any(cells[0]):
                    cells, rows = cells[1:], rows[1:]
                while cells and not any(cells[-1]):
                    cells, rows = cells[:-1], rows[:-1]
                if cells:
                    merged = {index for index, row in enumerate(rows) if (row, part[0]) in wide or _touches(wide, row, part)}
                    found.append((rows[0], part[0], cells, merged))
        return found

    def _spread(self) -> set[tuple[int, int]]:
        """Copy merged values into the cells they cover; returns the places where several columns were merged."""
        wide, spent = set(), 0
        for top, left, bottom, right in self._merged:
            text = self._rows.get(top, {}).get(left, "")
            spent += (bottom - top + 1) * (right - left + 1)
            if not text or spent > _MAX_MERGED:
                continue
            filled = [row for row in range(top, bottom + 1) if row in self._rows or row == top or right == left]
            for row in filled:
                for column in range(left, right + 1):
                    self._rows.setdefault(row, {}).setdefault(column, text)
            if right > left:
                wide.update((top, column) for column in range(left, right + 1))
        return wide


def _touches(wide: set[tuple[int, int]], row: int, columns: list[int]) -> bool:
    return any((row, column) in wide for column in columns)


def _runs(numbers: list[int]) -> list[list[int]]:
    """Sorted numbers, parted where one is missing."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def write_sheet(sheet: Sheet, builder: Builder | TextBuilder, *, page: int) -> None:
    """Name of the sheet as a heading, then its tables; a row of one merged cell over a table is its caption."""
    regions = sheet.regions()
    if not regions:
        return
    builder.add("heading", sheet.name, page=page, level=2)
    for first, _column, rows, wide in regions:
        while len(rows) > 1 and _title(rows[0], 0 in wide):
            builder.add("caption", next(cell for cell in rows[0] if cell), page=page)
            rows, first, wide = rows[1:], first + 1, {index - 1 for index in wide if index}
        if len(rows) == 1 and len(rows[0]) == 1:
            builder.add("paragraph", rows[0][0], page=page)
        else:
            write_rows(builder, rows, wide=wide, page=page, first=first)


def _title(row: list[str], merged: bool) -> bool:
    """One text over the whole width of a table."""
    filled = [cell for cell in row if cell]
    return len(row) > 1 and len(set(filled)) == 1 and (len(filled) == 1 or merged and len(filled) == len(row))
