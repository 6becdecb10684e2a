"""The one model of a table, whatever format it was read from.

A document writes a table row by row, each row on a line of its own with the names of its columns:

    Revenue › Product sales (in millions) | Year ended June 30 › 2023: 1,452.4 | Year ended June 30 › 2022: 1,146.2

`Table` knows which stretch of that line is which cell, so that a row or a cell can be named, drawn and asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

Span = tuple[int, int]  # start, end: characters of the document's text
PATH = " › "  # between the parts of a name: of a column from the top down, of a row from its group inwards


@dataclass(frozen=True, slots=True)
class TableRow:
    """`key`: what names it in its source (1-based row number, or a database's primary key). `cells`: where the value of
    each column stands in the document's text, None where the cell is empty."""

    start: int
    end: int
    key: str
    cells: tuple[Span | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`start`, `end`: of its block in the document's text. `header`: rows of names, the top one first, each as wide as
    the table; what spans columns is repeated in each. `unit`: what holds for all values ("in millions"). `notes`: what
    stands under it. `page`: 1-based."""

    header: tuple[tuple[str, ...], ...]
    rows: tuple[TableRow, ...]
    start: int = 0
    end: int = 0
    caption: str = ""
    unit: str = ""
    notes: tuple[str, ...] = ()
    page: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, "" where one has none."""
        return column_names(self.header)

    def to_json(self) -> list[Any]:
        """Plain values, the header's names and the places of all cells."""
        rows = [[row.start, row.end, row.key, row.cells] for row in self.rows]
        return [self.header, rows, self.start, self.end, self.caption, self.unit, self.notes, self.page]

    @classmethod
    def from_json(cls, plain: Sequence[Any]) -> Self:
        header, rows, start, end, caption, unit, notes, page = plain
        read = [
            TableRow(first, last, key, tuple(tuple(cell) if cell else None for cell in cells))
            for first, last, key, cells in rows
        ]
        return cls(tuple(map(tuple, header)), tuple(read), start, end, caption, unit, tuple(notes), page)

    def cell_at(self, start: int, end: int) -> tuple[TableRow, int] | None:
        """Row and column of the cell that holds the characters `start`..`end`; None where that is no single cell."""
        index = bisect_right([row.start for row in self.rows], start) - 1
        if index < 0:
            return None
        row = self.rows[index]
        for column, place in enumerate(row.cells):
            if place is not None and place[0] <= start and end <= place[1]:
                return row, column
        return None


def column_names(header: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """One name a column: its parts from the top down, each told once."""
    width = max(map(len, header), default=0)
    parts = [[row[column] for row in header if column < len(row) and row[column]] for column in range(width)]
    return tuple(PATH.join(part for n, part in enumerate(of) if not n or part != of[n - 1]) for of in parts)
