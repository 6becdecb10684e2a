"""The cells of one spreadsheet, of whatever format, and the tables in them, without what its author hid."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.regions import write_regions
from metier.parsing.core.table_cells import RawRow
from metier.parsing.core.table_header import looks_like_header
from metier.parsing.core.titles import is_title
from metier.parsing.office.calculation import column_letters

_MAX_MERGED = 100_000
_LAST_COLUMN = 16_384
_SAMPLE = 20  # rows that tell whether a table has names over its columns
_LONGEST_TITLE = 120


class Sheet:
    """Cells by 1-based row and column; only filled ones are kept, however far apart they are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: dict[int, dict[int, str]] = {}
        self._indents: dict[tuple[int, int], float] = {}
        self._merged: list[tuple[int, int, int, int]] = []
        self._hidden_rows: dict[int, str] = {}
        self._hidden_columns: set[int] = set()
        self._remarks: list[tuple[int, int, str]] = []

    def put(self, row: int, column: int, text: str, indent: float = 0.0) -> None:
        """`indent`: how far the text is set in, in any unit that is one for the sheet."""
        self._rows.setdefault(row, {})[column] = text
        if indent:
            self._indents[row, column] = indent

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Cells that show the value of the upper left one."""
        self._merged.append((top, left, bottom, right))

    def remark(self, row: int, column: int, text: str) -> None:
        """A comment on a cell; none where `text` is blank."""
        if text:
            self._remarks.append((row, column, text))

    def hide_row(self, row: int, what: str = "hidden row") -> None:
        """`what`: what such a row is called, to the person who is told that it was left out."""
        self._hidden_rows[row] = what

    def call_hidden(self, first: int, last: int, what: str) -> None:
        """Name hidden rows of a stretch by what hid them."""
        self._hidden_rows.update((row, what) for row in self._hidden_rows if first <= row <= last)

    def hide_columns(self, first: int, last: int) -> None:
        self._hidden_columns.update(range(first, min(last, _LAST_COLUMN) + 1))

    def regions(self, context: Context) -> list[list[RawRow]]:
        """Tables in reading order, without what is hidden unless `context` has it read; says what was left out."""
        wide = self._spread()
        if not context.limits.hidden:
            for what, count in self._drop_hidden().items():
                context.leave_out(what, count)
        found = []
        for rows in _runs(sorted(self._rows), sorted(self._hidden_rows)):
            columns = sorted({column for row in rows for column in self._rows[row]})
            for part in self._joined(rows, _runs(columns, sorted(self._hidden_columns))):
                filled = [row for row in rows if any(self._rows[row].get(column) for column in part)]
                inner = [row for row in rows if filled and filled[0] <= row <= filled[-1]]
                if inner:
                    found.append([self._row(row, part, wide) for row in inner])
        return found

    def remarks(self, context: Context) -> list[str]:
        """Comments, each with the cell it is on, without those on hidden cells unless `context` has them read."""
        shown = [
            (row, column, text)
            for row, column, text in self._remarks
            if context.limits.hidden or not (row in self._hidden_rows or column in self._hidden_columns)
        ]
        if len(shown) < len(self._remarks):
            context.leave_out("comment on a hidden cell", len(self._remarks) - len(shown))
        return [f"{column_letters(column)}{row}: {text}" for row, column, text in shown]

    def _row(self, row: int, columns: Sequence[int], wide: set[tuple[int, int]]) -> RawRow:
        cells = [self._rows[row].get(column, "") for column in columns]
        indent = self._indents.get((row, columns[0]), 0.0) if cells[0] else None
        return RawRow(row, cells, any((row, column) in wide for column in columns), indent)

    def _drop_hidden(self) -> Counter[str]:
        """Take out what is hidden; returns how many rows and columns held anything."""
        gone: Counter[str] = Counter()
        for row in self._hidden_rows.keys() & self._rows.keys():
            if any(self._rows.pop(row).values()):
                gone[self._hidden_rows[row]] += 1
        columns = set()
        for cells in self._rows.values() if self._hidden_columns else ():
            for column in self._hidden_columns & cells.keys():
                if cells.pop(column):
                    columns.add(column)
        if columns:
            gone["hidden column"] = len(columns)
        self._rows = {row: cells for row, cells in self._rows.items() if cells}
        return gone

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
        filled = [row for row in rows if any(self._rows[row].get(c) for c in columns)][:_SAMPLE]
        return len(filled) > 1 and looks_like_header([[self._rows[row].get(c, "") for c in columns] for row in filled])

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


def _runs(numbers: Sequence[int], hidden: Sequence[int] = ()) -> list[list[int]]:
    """Sorted numbers, parted where one is missing that is not `hidden`."""
    runs: list[list[int]] = []
    for number in numbers:
        missing = number - runs[-1][-1] - 1 if runs else 0
        if runs and (not missing or bisect_left(hidden, number) - bisect_left(hidden, runs[-1][-1] + 1) == missing):
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def write_sheet(sheet: Sheet, builder: Builder, context: Context, *, page: int | None) -> str | None:
    """Name of the sheet as a heading, then its tables and comments; returns the line over the first table, "" where
    there is none, None where the sheet holds nothing."""
    regions, remarks = sheet.regions(context), sheet.remarks(context)
    if not regions and not remarks:
        return None
    builder.add("heading", sheet.name, page=page, level=2)
    title = write_regions(builder, regions, page=page)
    for text in remarks:
        builder.add("paragraph", text, page=page)
    return title


def describe_workbook(context: Context, names: Iterable[str], written: Mapping[str, str]) -> None:
    """Facts about a workbook. `names`: of the sheets that were read; `written`: of those that held anything, with the
    line over its first table. Its title, where the file has none: of one sheet its name, or that line where nobody
    named it."""
    context.describe(sheets=", ".join(names))
    if len(written) == 1 and not context.title:
        ((name, line),) = written.items()
        context.name_title(name if is_title(name) or len(line) > _LONGEST_TITLE else line)


def warn_of_formulas(context: Context, name: str, count: int, calculated: int) -> None:
    """Say once a sheet that `count` formulas have no saved result, and what is shown in its place."""
    rest = count - calculated
    told = [f"{calculated} calculated here" if calculated else "", f"{rest} shown as they stand" if rest else ""]
    context.warn(f"sheet {name}: {count} formulas without a saved result; {', '.join(filter(None, told))}")
