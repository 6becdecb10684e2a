"""A table of a document as a page draws it.

Revenue by type (in millions)                caption, unit
          |      2023       |                header: equal names beside or under each other are one cell
Type      |   Q1   |   Q2   |
Revenue                                      group: a row of its own, unless it stands there with values
  Product |  1,452 |  1,146 |                name of a row, set in by the groups it stands under; numbers to the right
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metier.core.tables import Table, TableRow
from metier.parsing.core.table_cells import is_period, is_value
from metier.serving.web.text_runs import Runs, TextRuns, common

_SAMPLE = 200  # rows that tell what a column holds
_DEEPEST = 4  # groups by which a row is set in
_END_OF_NAME = " :"  # what a row may have behind its name, and a group has not


@dataclass(frozen=True, slots=True)
class HeaderCell:
    """A name over `columns` columns, in `rows` rows. `figures`: it stands over numbers."""

    text: str
    columns: int = 1
    rows: int = 1
    figures: bool = False


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """`names_row`: it is what the row is called. `cited`: the citation lies inside it."""

    runs: Runs
    figures: bool = False
    names_row: bool = False
    cited: bool = False


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """`depth`: under how many groups it stands."""

    cells: tuple[DrawnCell, ...]
    depth: int = 0
    cited: bool = False


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """Rows that stand under the same names. `names`: those of them that begin here, each with its depth."""

    names: tuple[tuple[str, int], ...]
    rows: tuple[DrawnRow, ...]


@dataclass(frozen=True, slots=True)
class DrawnTable:
    """`captions`: lines of text over it. `header`: rows of cells, without those that one above or beside covers."""

    captions: tuple[Runs, ...]
    unit: str
    header: tuple[tuple[HeaderCell, ...], ...]
    groups: tuple[DrawnGroup, ...]
    width: int

    @classmethod
    def of(
        cls, table: Table, rows: Sequence[TableRow], text: str, runs: TextRuns, captions: Sequence[Runs] = ()
    ) -> DrawnTable:
        """`rows`: those of the table that are shown. `text`: of the document."""
        figures = _figures(table, text)
        named = not figures[0] and (any(table.names) or len(figures) == 2)
        groups = []
        for names, under in grouped(rows, text):
            drawn = [_row(row, figures, named, runs) for row in under]
            groups.append(DrawnGroup(tuple((name, min(depth, _DEEPEST)) for name, depth in names), tuple(drawn)))
        unit = "" if table.unit in table.caption else table.unit
        header = header_cells(table.header, figures)
        return cls(tuple(captions), unit, header, tuple(groups), len(figures))


def grouped(rows: Sequence[TableRow], text: str) -> Iterator[tuple[list[tuple[str, int]], list[TableRow]]]:
    """Rows that stand under the same names, with those of the names that begin there and the depth of each. A name that
    is a row above, with values of its own, does not begin."""
    under: list[TableRow] = []
    begun: list[tuple[str, int]] = []
    path: tuple[str, ...] = ()
    told: set[tuple[str, ...]] = set()
    for row in rows:
        if row.groups != path:
            if under:
                yield begun, under
            same = next((n for n, (a, b) in enumerate(zip(path, row.groups, strict=False)) if a != b), len(path))
            begun = [
                (name, depth)
                for depth, name in enumerate(row.groups)
                if depth >= same and row.groups[: depth + 1] not in told
            ]
            under, path = [], row.groups
        under.append(row)
        told.add((*path, row.label(text).rstrip(_END_OF_NAME)))
    if under:
        yield begun, under


def header_cells(header: Sequence[Sequence[str]], figures: Sequence[bool] = ()) -> tuple[tuple[HeaderCell, ...], ...]:
    """Rows of names as cells. Equal names beside each other are one cell where the names above them are, too; so are
    names that stand again, or nothing, below. `figures`: which columns hold numbers."""
    width = max([len(figures), *map(len, header)])
    names = [[*row, *[""] * (width - len(row))] for row in header]
    covered = [[False] * width for _ in names]
    found = []
    for at, row in enumerate(names):
        cells = []
        column = 0
        while column < width:
            end = column + 1
            while row[column] and end < width and row[end] == row[column] and _spans(names, at, column, end):
                end += 1
            if not covered[at][column]:
                rows = _rows(names, at, column, end)
                for below in range(at + 1, at + rows):
                    covered[below][column:end] = [True] * (end - column)
                right = end == column + 1 and column < len(figures) and figures[column]
                cells.append(HeaderCell(row[column], end - column, rows, right))
            column = end
        found.append(tuple(cells))
    return tuple(found)


def _spans(names: Sequence[Sequence[str]], at: int, column: int, end: int) -> bool:
    return all(names[above][end] == names[above][column] for above in range(at))


def _rows(names: Sequence[Sequence[str]], at: int, column: int, end: int) -> int:
    """How many rows a name takes: those below that say the same, or nothing, over all its columns."""
    rows = 1
    while at + rows < len(names) and {*names[at + rows][column:end]} <= {names[at][column], ""}:
        rows += 1
    return rows


def _figures(table: Table, text: str) -> list[bool]:
    """Of each column, whether most of what it holds are numbers; of the first, other numbers than years."""
    width = max(1, len(table.names), *(len(row.cells) for row in table.rows))
    filled, numbers = [0] * width, [0] * width
    for row in table.rows[:_SAMPLE]:
        for column, place in enumerate(row.cells):
            if place is not None and any(map(str.isalnum, value := text[slice(*place)])):
                filled[column] += 1
                is_number = any(map(str.isdigit, value)) and is_value(value)
                numbers[column] += is_number and (column > 0 or not is_period(value))
    return [2 * number > count for number, count in zip(numbers, filled, strict=True)]


def _row(row: TableRow, figures: Sequence[bool], named: bool, runs: TextRuns) -> DrawnRow:
    is_cited = runs.cited is not None and common((row.start, row.end), runs.cited) is not None
    inside = row.column_at(*runs.cited) if runs.cited and is_cited else None
    cells = []
    for column, holds_figures in enumerate(figures):
        place = row.cells[column] if column < len(row.cells) else None
        names_row = named and not column and place is not None
        said = runs.of(place) if place else ()
        cells.append(DrawnCell(said, holds_figures, names_row, column == inside))
    return DrawnRow(tuple(cells), min(len(row.groups), _DEEPEST), is_cited)
