"""The one model of a table, whatever format it was read from.

A document writes a table row by row, each row on a line of its own with the names of its columns:

    Revenue › Product sales (in millions) | Year ended June 30 › 2023: 1,452.4 | Year ended June 30 › 2022: 1,146.2

`Table` knows which stretch of that line is which cell, so that a row or a cell can be named, drawn and asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

Reference = tuple[str, str, str]  # column, and the table and column that it points to
Span = tuple[int, int]  # start, end: characters of the document's text
PATH = " › "  # between the parts of a name: of a column from the top down, of a row from its group inwards
LINES = " – "  # between the lines that stand over a table and are its caption


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """What a database says of a column. `kind`: "integer", "number", "date" or "text"; `unit`: of its numbers, "" where
    none is known."""

    kind: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """`key`: what names it in its source (1-based row number, or a database's primary key). `cells`: where the value of
    each column stands in the document's text, None where the cell is empty. `groups`: the names it stands under, the
    outermost first."""

    start: int
    end: int
    key: str
    cells: tuple[Span | None, ...]
    groups: tuple[str, ...] = ()

    def column_at(self, start: int, end: int) -> int | None:
        """Index of the cell that holds the characters `start`..`end`; None where that is no single cell."""
        for column, place in enumerate(self.cells):
            if place is not None and place[0] <= start and end <= place[1]:
                return column
        return None

    def label(self, text: str) -> str:
        """What its first cell holds, "" where that is empty. `text`: of the document."""
        return text[slice(*self.cells[0])] if self.cells and self.cells[0] else ""

    def name(self, text: str) -> str:
        """Its label behind the groups it stands under; its key where it has no label."""
        label = self.label(text)
        return PATH.join([*self.groups, label]) if label else self.key

    def moved(self, by: int) -> Self:
        """As many characters further on."""
        cells = tuple(place and (place[0] + by, place[1] + by) for place in self.cells)
        return replace(self, start=self.start + by, end=self.end + by, cells=cells)

    def to_json(self) -> list[Any]:
        """Few and small numbers, since a document may have a million cells: places count from the start of the row, two
        numbers a cell, both 0 for an empty one; groups stand at the end where there are any."""
        places: list[int] = []
        for cell in self.cells:
            places += (cell[0] - self.start, cell[1] - self.start) if cell else (0, 0)
        return [self.start, self.end, self.key, places, *([self.groups] if self.groups else [])]

    @classmethod
    def from_json(cls, plain: Sequence[Any]) -> Self:
        start, end, key, places, *groups = plain
        ends = iter(places)
        cells = tuple((start + first, start + last) if last else None for first, last in zip(ends, ends, strict=True))
        return cls(start, end, key, cells, tuple(groups[0]) if groups else ())


@dataclass(frozen=True, slots=True)
class Table:
    """`start`, `end`: of its block in the document's text. `header`: rows of names, the top one first, each as wide as
    the table; what spans columns is repeated in each. `unit`: what holds for all values ("in millions"). `notes`: what
    stands under it. `page`: 1-based. `name`: of the table or sheet in its database or workbook, "" elsewhere.
    `references`: which column points to which table and column, as a database's foreign keys do. `declared`: of each
    column, where the rows are a part of a database's table; none where columns are judged by their cells."""

    header: tuple[tuple[str, ...], ...]
    rows: tuple[TableRow, ...]
    start: int = 0
    end: int = 0
    caption: str = ""
    unit: str = ""
    notes: tuple[str, ...] = ()
    page: int | None = None
    name: str = ""
    references: tuple[Reference, ...] = ()
    declared: tuple[DeclaredColumn, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, "" where one has none."""
        return column_names(self.header)

    def moved(self, by: int) -> Self:
        """As many characters further on."""
        rows = tuple(row.moved(by) for row in self.rows)
        return replace(self, rows=rows, start=self.start + by, end=self.end + by)

    def to_json(self) -> list[Any]:
        """Plain values, the header's names and the places of all cells."""
        rows = [row.to_json() for row in self.rows]
        of_database: list[Any] = [self.name, self.references] if self.name or self.references else []
        if self.declared:
            of_database.append([(column.kind, column.unit) for column in self.declared])
        return [self.header, rows, self.start, self.end, self.caption, self.unit, self.notes, self.page, *of_database]

    @classmethod
    def from_json(cls, plain: Sequence[Any]) -> Self:
        header, rows, start, end, caption, unit, notes, page, *of_database = plain
        read = tuple(map(TableRow.from_json, rows))
        name, references = of_database[:2] or ("", ())
        declared = of_database[2] if len(of_database) > 2 else ()
        return cls(
            tuple(map(tuple, header)), read, start, end, caption, unit, tuple(notes), page, name,
            tuple((column, table, other) for column, table, other in references),
            tuple(DeclaredColumn(kind, unit) for kind, unit in declared),
        )  # fmt: skip

    def row_at(self, start: int, end: int) -> TableRow | None:
        """The row that holds the characters `start`..`end` of the document's text; None where that is no single row."""
        index = bisect_right(self.rows, start, key=lambda row: row.start) - 1
        return self.rows[index] if index >= 0 and end <= self.rows[index].end else None


def column_names(header: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """One name a column: its parts from the top down, each told once."""
    width = max(map(len, header), default=0)
    parts = [[row[column] for row in header if column < len(row) and row[column]] for column in range(width)]
    return tuple(PATH.join(part for n, part in enumerate(of) if not n or part != of[n - 1]) for of in parts)
