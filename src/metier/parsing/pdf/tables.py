"""Tables on a PDF page whose cells are parted by lines, all of them or some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from metier.parsing.core.table_cells import goes_on, is_value
from metier.parsing.core.tables import Grid
from metier.parsing.pdf.bidi import unmirrored
from metier.parsing.pdf.columns import find_columns
from metier.parsing.pdf.drawn_lines import Segment
from metier.parsing.pdf.fragments import Fragment
from metier.parsing.pdf.layout import TextLine, join_lines, rows_of

_TOLERANCE = 3.0  # points between lines that are meant to meet
_OPEN = 8.0  # points by which lines reach beyond those that they cross where a table is open at a side


@dataclass(slots=True)
class RuledTable:
    """A grid with its place on the page."""

    grid: Grid
    top: float
    bottom: float
    left: float
    right: float
    used: list[Fragment]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Lines that meet, and what stands between them. `rows`: heights of its level lines from the top; `columns`: places
    of the upright ones from the left."""

    lines: list[Segment]
    rows: list[float]
    columns: list[float]
    inside: list[Fragment]

    @property
    def is_whole(self) -> bool:
        """Whether it can be a table of its own: its rows begin with names."""
        names = [part.text for part in self.inside if part.left < self.columns[1]]
        return sum(any(map(str.isalpha, name)) for name in names) > len(names) / 2

    def holds(self, part: Fragment) -> bool:
        across = (part.left + part.right) / 2
        return self.columns[0] - 2 < across < self.columns[-1] + 2 and self.rows[-1] < part.middle < self.rows[0]


def ruled(parts: list[Fragment], lines: list[Segment]) -> list[RuledTable]:
    """Tables whose cells are parted by lines. A group of lines counts if at least four of its cells hold text."""
    frames = [frame for group in _connected(lines) if (frame := _frame(group, parts)) is not None]
    whole = [frame for frame in frames if frame.is_whole] if len(frames) > 1 else []
    found = []
    for frame in frames:
        beside = [part for part in parts if not any(other.holds(part) for other in whole if other is not frame)]
        table = None if _takes_a_part(frame, beside) else _ruled_table(frame)
        if table is not None:
            rows, columns = frame.rows, frame.columns
            found.append(RuledTable(table, rows[0], rows[-1], columns[0], columns[-1], frame.inside))
    return found


def _frame(group: list[Segment], parts: list[Fragment]) -> _Frame | None:
    """None where there are too few lines for a table, or too many."""
    across, down = [line for line in group if line.across], [line for line in group if not line.across]
    rows, columns = _levels([line.at for line in across]), _levels([line.at for line in down])
    if (len(rows) < 3 and len(columns) < 3) or len(rows) < 2:
        return None
    rows, columns = _with_open_ends(rows, down)[::-1], _with_open_ends(columns, across)
    if len(columns) < 3 or len(rows) * len(columns) > 20_000:
        return None
    frame = _Frame(group, rows, columns, [])
    frame.inside.extend(part for part in parts if frame.holds(part))
    return frame


def _with_open_ends(levels: list[float], crossing: list[Segment]) -> list[float]:
    """With where the lines that cross end beyond the outermost: a table need not be closed at its sides."""
    low = [line.start for line in crossing if line.start < levels[0] - _OPEN]
    high = [line.end for line in crossing if line.end > levels[-1] + _OPEN]
    if len(low) > 1:
        levels = [min(low), *levels]
    return [*levels, max(high)] if len(high) > 1 else levels


def _takes_a_part(frame: _Frame, parts: list[Fragment]) -> bool:
    """Whether a box is drawn around some columns of a table only: most of its lines go on close beside it, in short
    texts at the same height; those of a box without names at its left, however far."""
    lines, left, right = rows_of(frame.inside), frame.columns[0], frame.columns[-1]
    beside = [p for p in parts if (p.right <= left + 2 or p.left >= right - 2) and len(p.text) < 60]
    going_on = 0
    for line in lines:
        reach = 8 * line.size
        level = [p for p in beside if min(p.top, line.top) - max(p.bottom, line.bottom) > 0.5 * (p.top - p.bottom)]
        going_on += any((left - p.right < reach or not frame.is_whole) and p.left - right < reach for p in level)
    return len(lines) > 1 and going_on > 0.6 * len(lines)


def _ruled_table(frame: _Frame) -> Grid | None:
    """None where the frame parts no cells: running text, a drawing, a form."""
    cells = _cells(frame)
    if len(cells) < 4 or any(len({place[axis] for place in cells}) < 2 for axis in (0, 1)):
        return None
    told = {place: rows_of(parts) for place, parts in cells.items()}
    if _lack_lines(told):
        return None
    longest = max(sum(len(part.text) for part in parts) for parts in cells.values())
    if longest > max(400, 0.4 * sum(len(part.text) for part in frame.inside)):  # a frame around running text
        return None
    rows = list(_rows(frame, cells, told))
    written = [cell for _uncovered, row in rows for cell in row]
    empty = sum(not cell.lines for cell in written)
    merged = sum(bool(cell.lines) and cell.wide * cell.high > 1 for cell in written)
    drawing, form = empty > 2 * len(cells), merged > 0.5 * len(cells)
    if drawing or form:
        return None
    grid = Grid()
    for uncovered, row in rows:
        for part in _rows_in(row) if uncovered else [row]:
            grid.start_row()
            for cell in part:
                grid.cell(_cell_text(cell.lines), columns=cell.wide, rows=cell.high)
    return grid


def _cells(frame: _Frame) -> dict[tuple[int, int], list[Fragment]]:
    """What stands inside a frame by row and column."""
    rows, columns = frame.rows, frame.columns
    cells: dict[tuple[int, int], list[Fragment]] = {}
    for part in frame.inside:
        row = sum(part.middle < y for y in rows) - 1
        column = min(len(columns) - 2, max(0, sum((part.left + part.right) / 2 > x for x in columns) - 1))
        if (
            part.left < columns[column] - 3 or part.right > columns[column + 1] + 3
        ):  # over a line that is not drawn there
            column = min(len(columns) - 2, max(0, sum(part.left + 2 > x for x in columns) - 1))
        cells.setdefault((min(row, len(rows) - 2), column), []).append(part)
    return cells


def _rows(
    frame: _Frame, cells: Mapping[tuple[int, int], list[Fragment]], told: Mapping[tuple[int, int], list[TextLine]]
) -> Iterator[tuple[bool, list[_Written]]]:
    """The rows between the level lines of a frame, and whether no cell reaches into them from above."""
    rows, columns = frame.rows, frame.columns
    across, down = [s for s in frame.lines if s.across], [s for s in frame.lines if not s.across]
    covered: set[tuple[int, int]] = set()
    for row in range(len(rows) - 1):
        written: list[_Written] = []
        middle = (rows[row] + rows[row + 1]) / 2
        open_columns = [column for column in range(len(columns) - 1) if (row, column) not in covered]
        for column in open_columns:
            if (row, column) in covered:
                continue
            wide, high = 1, 1
            while (
                column + wide < len(columns) - 1
                and not _drawn(down, columns[column + wide], middle)
                and not _apart(cells, row, column, column + wide, columns)
            ):
                wide += 1
            centre = (columns[column] + columns[column + wide]) / 2
            while row + high < len(rows) - 1 and not _drawn(across, rows[row + high], centre):
                high += 1
            places = [(row + i, column + j) for i in range(high) for j in range(wide)]
            covered.update(places)
            filled = [place for place in places if place in cells]
            lines = told[filled[0]] if len(filled) == 1 else rows_of([part for at in filled for part in cells[at]])
            written.append(_Written(lines, wide, high))
        yield len(open_columns) == len(columns) - 1, written


@dataclass(frozen=True, slots=True)
class _Written:
    """A cell of `wide` columns and `high` rows with its lines of text."""

    lines: list[TextLine]
    wide: int
    high: int


def _rows_in(cells: list[_Written]) -> list[list[_Written]]:
    """The rows that stand between two drawn lines: several where columns hold as many values above each other. A text
    beside them belongs to all, unless it has as many lines that do not go on with each other."""
    stacks = [cell for cell in cells if len(cell.lines) > 1 and all(is_value(line.text) for line in cell.lines)]
    count = len(stacks[0].lines) if len(stacks) > 1 else 1
    if count == 1 or any(len(cell.lines) != count for cell in stacks) or any(cell.high > 1 for cell in cells):
        return [cells]
    parted = [len(cell.lines) == count and not any(goes_on(x.text) for x in cell.lines[1:]) for cell in cells]
    return [
        [replace(cell, lines=[cell.lines[n]]) if apart else cell for cell, apart in zip(cells, parted, strict=True)]
        for n in range(count)
    ]


def _apart(
    cells: Mapping[tuple[int, int], list[Fragment]], row: int, first: int, column: int, columns: list[float]
) -> bool:
    """Whether what stands in `column` is no part of what stands in the columns from `first` on, though no line is drawn
    there: both hold text and none reaches over."""
    before = [part for n in range(first, column) for part in cells.get((row, n), ())]
    here = cells.get((row, column), ())
    return bool(before and here) and all(part.right < columns[column] for part in before)


def _lack_lines(cells: Mapping[tuple[int, int], list[TextLine]]) -> bool:
    """Whether some lines are drawn, but not those between the rows or between the columns."""
    values = {place: sum(is_value(line.text) for line in lines) for place, lines in cells.items()}
    if sum(count for count in values.values() if count > 2) > 0.5 * sum(values.values()):
        return True  # values stand above each other in one cell
    crowded = [place for place, lines in cells.items() if any(len(line.parts) > 1 for line in lines)]
    if len(crowded) <= 0.2 * len(cells):
        return False
    # lines that are set out to both margins have wide gaps too, but anywhere
    apart = {
        column
        for column in {column for _row, column in crowded}
        if find_columns([line for (_row, n), lines in cells.items() if n == column for line in lines])
    }
    return sum(column in apart for _row, column in crowded) > 0.2 * len(cells)


def _drawn(lines: list[Segment], at: float, through: float) -> bool:
    return any(abs(line.at - at) < _TOLERANCE and line.start - 1 <= through <= line.end + 1 for line in lines)


def _cell_text(lines: list[TextLine]) -> str:
    text, last = "", None
    for row in lines:
        hyphen, spaced = (last.parts[-1].hyphen, last.parts[-1].spaced) if last else (False, False)
        text, last = join_lines(text, row.text, hyphen=hyphen, spaced=spaced), row
    return unmirrored(text)


def _connected(lines: list[Segment]) -> list[list[Segment]]:
    """Lines that meet or cross, group by group."""
    across, down = [s for s in lines if s.across], [s for s in lines if not s.across]
    groups: list[int] = list(range(len(across) + len(down)))

    def root(index: int) -> int:
        while groups[index] != index:
            groups[index] = groups[groups[index]]
            index = groups[index]
        return index

    for i, flat in enumerate(across):
        for j, upright in enumerate(down):
            if (
                flat.start - _TOLERANCE <= upright.at <= flat.end + _TOLERANCE
                and upright.start - _TOLERANCE <= flat.at <= upright.end + _TOLERANCE
            ):
                groups[root(i)] = root(len(across) + j)
    found: dict[int, list[Segment]] = {}
    for index, line in enumerate([*across, *down]):
        found.setdefault(root(index), []).append(line)
    return [group for group in found.values() if len(group) >= 4]


def _levels(values: list[float]) -> list[float]:
    """Coordinates, those closer than the tolerance taken as one, in rising order."""
    levels: list[float] = []
    for value in sorted(values):
        if not levels or value - levels[-1] > _TOLERANCE:
            levels.append(value)
    return levels
