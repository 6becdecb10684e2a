"""The cells of one spreadsheet, of whatever format, and the tables in them."""

from __future__ import annotations

from metier.parsing.core.readers import Builder
from metier.parsing.core.table_structure import looks_like_header
from metier.parsing.core.tables import write_rows

_MAX_MERGED = 100_000


class Sheet:
    """Cells by 1-based row and column; only filled ones are kept, however far apart they are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: dict[int, dict[int, str]] = {}
        self._merged: list[tuple[int, int, int, int]] = []

    def put(self, row: int, column: int, text: str) -> None:
        self._rows.setdefault(row, {})[column] = text

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Cells that show the value of the upper left one."""
        self._merged.append((top, left, bottom, right))

    def regions(self) -> list[tuple[int, list[list[str]], set[int]]]:
        """Tables as (number of the first row, rows, indices of rows with merged columns), in reading order."""
        wide = self._spread()
        found = []
        for rows in _runs(sorted(self._rows)):
            columns = sorted({column for row in rows for column in self._rows[row]})
            for part in self._joined(rows, _runs(columns)):
                filled = [row for row in rows if any(self._rows[row].get(column) for column in part)]
                inner = [row for row in rows if filled and filled[0] <= row <= filled[-1]]
                cells = [[self._rows[row].get(column, "") for column in part] for row in inner]
                merged = {index for index, row in enumerate(inner) if any((row, column) in wide for column in part)}
                if cells:
                    found.append((inner[0], cells, merged))
        return found

    def _joined(self, rows: list[int], parts: list[list[int]]) -> list[list[int]]:
        """Column runs, put together where an empty column only spaces out one table.

        Two tables side by side each have names over their columns; numbers beside a list of names do not.
        """
        joined = parts[:1]
        for part in parts[1:]:
            before = joined[-1]
            gap = part[0] - before[-1] - 1
            shared = sum(
                any(c in self._rows[row] for c in before) and any(c in self._rows[row] for c in part) for row in rows
            )
            smaller = min(sum(any(c in self._rows[row] for c in run) for row in rows) for run in (before, part))
            apart = self._headed(rows, before) and self._headed(rows, part)
            if gap <= 2 and shared > smaller / 2 and (not apart or len(before) == 1 or len(part) == 1):
                joined[-1] = before + part
            else:
                joined.append(part)
        return joined

    def _headed(self, rows: list[int], columns: list[int]) -> bool:
        return len(rows) > 1 and looks_like_header([[self._rows[row].get(c, "") for c in columns] for row in rows[:20]])

    def _spread(self) -> set[tuple[int, int]]:
        """Copy merged values into the cells they cover; returns the places where several columns were merged."""
        wide: set[tuple[int, int]] = set()
        spent = 0
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


def _runs(numbers: list[int]) -> list[list[int]]:
    """Sorted numbers, parted where one is missing."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def write_sheet(sheet: Sheet, builder: Builder, *, page: int | None) -> None:
    """Name of the sheet as a heading, then its tables."""
    regions = sheet.regions()
    if not regions:
        return
    builder.add("heading", sheet.name, page=page, level=2)
    for first, rows, wide in regions:
        write_rows(builder, rows, wide=wide, page=page, first=first)
