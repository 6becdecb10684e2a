"""A table of an HTML page while it is read: cells with their text, and what `th`, `thead` and `caption` say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metier.parsing.core.tables import Grid

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode


@dataclass(slots=True)
class OpenCell:
    """The cell that is being read."""

    heads: bool
    columns: int
    rows: int
    indent: float = 0.0
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _RowShape:
    """What a row is made of: cells with text that are `th` and `td`, empty ones."""

    in_head: bool
    names: int = 0
    values: int = 0
    blank: int = 0
    first_names: bool = False

    @property
    def cells(self) -> int:
        return self.names + self.values + self.blank


class HtmlTable:
    def __init__(self) -> None:
        self.grid = Grid()
        self.cell: OpenCell | None = None
        self._rows: list[_RowShape] = []

    def start_row(self, node: LexborNode) -> None:
        self.grid.start_row()
        self._rows.append(_RowShape(node.parent is not None and node.parent.tag == "thead"))

    def start_cell(self, node: LexborNode, indent: float) -> None:
        attributes = node.attributes
        rows = number(attributes.get("rowspan"))
        if rows != 1:
            rows = _rows_left(node.parent, rows)
        self.cell = OpenCell(node.tag == "th", max(1, number(attributes.get("colspan"))), rows, indent)

    def end_cell(self) -> None:
        cell, self.cell = self.cell, None
        if cell is None:
            return
        if not self._rows:
            self._rows.append(_RowShape(False))
        row, text = self._rows[-1], " ".join(cell.texts)
        if not row.cells:
            row.first_names = cell.heads
        if text.strip():
            row.names, row.values = row.names + cell.heads, row.values + (not cell.heads)
        else:
            row.blank += 1
        self.grid.cell(text, columns=cell.columns, rows=cell.rows, indent=cell.indent)

    def finished(self) -> Grid:
        """The cells, with the number of header rows and whether the rows are names and values."""
        rows = [row for row in self._rows if row.names or row.values]
        self.grid.heads = frozenset(n for n, row in enumerate(self._rows) if row.names > 1 and not row.values)
        self.grid.header_rows = _header_rows(rows)
        told = [row for row in rows if row.cells == 2]
        pairs = len(told) > len(rows) / 2 and all(row.first_names and row.values for row in told)
        if pairs and all(row.cells < 3 for row in rows) and not self.grid.header_rows:
            self.grid.header_rows, self.grid.pairs = 0, True
        return self.grid


def _header_rows(rows: list[_RowShape]) -> int | None:
    """How many rows at the top are marked as header: in `thead`, or all of `th`. None where none is, or where the first
    is a title over all columns."""
    depth = 0
    for row in rows:
        group = depth and row.names + row.values == 1 and row.cells == 1  # a name over all columns, in the body
        if not row.in_head and (row.values or group or (not depth and row.names + row.blank < 2)):
            break
        depth += 1
    return None if depth > 1 and rows[0].cells == 1 else depth or None


def _rows_left(row: LexborNode | None, wanted: int) -> int:
    """How many rows a cell spans: `wanted` of those left in its part of the table, all for 0."""
    count, row = 1, row.next if row is not None else None
    while row is not None and count != wanted:
        count += row.tag == "tr"
        row = row.next
    return count


def number(text: str | None, default: int = 1) -> int:
    """The whole number that an attribute begins with."""
    match = re.match(r"\s*(-?\d{1,6})", text or "")
    return int(match[1]) if match else default
