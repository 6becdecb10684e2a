"""Tables on a PDF page: ruled ones by their lines, others by columns that stay in place from row to row."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from metier.parsing.core.tables import Grid
from metier.parsing.pdf.bidi import unmirrored
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.layout import join_lines, rows_of

if TYPE_CHECKING:
    from pypdfium2 import PdfPage
    from pypdfium2.raw import FPDF_PAGEOBJECT

_TOLERANCE = 3.0  # points between lines that are meant to meet
_THIN = 3.0
_MAX_SEGMENTS = 4000


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
class Segment:
    """A horizontal (`across`) or vertical line: `at` its fixed coordinate, from `start` to `end`."""

    across: bool
    at: float
    start: float
    end: float


def segments(page: PdfPage, turn: Turn) -> list[Segment]:
    """Straight lines and thin or stroked boxes drawn on a page, turned upright with its text."""
    return [_upright(segment, turn) for segment in _drawn_lines(page)]


def _upright(segment: Segment, turn: Turn) -> Segment:
    at, start, end = segment.at, segment.start, segment.end
    left, bottom, right, top = turn.upright((start, at, end, at) if segment.across else (at, start, at, end))
    if right - left > top - bottom:
        return Segment(True, bottom, left, right)
    return Segment(False, left, bottom, top)


def _drawn_lines(page: PdfPage) -> list[Segment]:
    import pypdfium2.raw as raw

    found: list[Segment] = []
    left, bottom, right, top = (ctypes.c_float() for _side in range(4))
    count = raw.FPDFPage_CountObjects(page)
    for index in range(min(count, 4 * _MAX_SEGMENTS)):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) != raw.FPDF_PAGEOBJ_PATH:
            continue
        if raw.FPDFPath_CountSegments(item) > 5 or not raw.FPDFPageObj_GetBounds(item, left, bottom, right, top):
            found.extend(_long_path(raw, item))
            continue
        found.extend(_edges(left.value, bottom.value, right.value, top.value, stroked=_is_stroked(raw, item)))
        if len(found) > _MAX_SEGMENTS:
            return []  # a drawing, not a table
    return found


def _is_stroked(raw: ModuleType, item: FPDF_PAGEOBJECT) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(raw.FPDFPath_GetDrawMode(item, fill, stroke)) and bool(stroke.value)


def _edges(left: float, bottom: float, right: float, top: float, *, stroked: bool) -> list[Segment]:
    """Lines that a box is or draws; one that is only filled is no frame: shading stands behind words, not between."""
    width, height = right - left, top - bottom
    if height <= _THIN and width > 8:
        return [Segment(True, (top + bottom) / 2, left, right)]
    if width <= _THIN and height > 5:
        return [Segment(False, (left + right) / 2, bottom, top)]
    if stroked and width > 8 and height > 5:
        sides = [Segment(True, y, left, right) for y in (bottom, top)]
        return sides + [Segment(False, x, bottom, top) for x in (left, right)]
    return []


def _long_path(raw: ModuleType, item: FPDF_PAGEOBJECT) -> list[Segment]:
    """Straight pieces of a path that draws several lines at once."""
    matrix, found, here = raw.FS_MATRIX(), [], None
    raw.FPDFPageObj_GetMatrix(item, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(min(raw.FPDFPath_CountSegments(item), 2000)):
        piece = raw.FPDFPath_GetPathSegment(item, index)
        raw.FPDFPathSegment_GetPoint(piece, x, y)
        point = matrix.a * x.value + matrix.c * y.value + matrix.e, matrix.b * x.value + matrix.d * y.value + matrix.f
        kind = raw.FPDFPathSegment_GetType(piece)
        if kind == raw.FPDF_SEGMENT_LINETO and here is not None:
            if abs(point[1] - here[1]) < 1 and abs(point[0] - here[0]) > 8:
                found.append(Segment(True, point[1], *sorted((point[0], here[0]))))
            elif abs(point[0] - here[0]) < 1 and abs(point[1] - here[1]) > 5:
                found.append(Segment(False, point[0], *sorted((point[1], here[1]))))
        here = point
    return found


def ruled(parts: list[Fragment], lines: list[Segment]) -> list[RuledTable]:
    """Tables whose cells are parted by lines. A group of lines counts if at least four of its cells hold text."""
    found = []
    for group in _connected(lines):
        rows = _levels([line.at for line in group if line.across])[::-1]
        columns = _levels([line.at for line in group if not line.across])
        if (
            (len(rows) < 3 and len(columns) < 3)
            or len(rows) < 2
            or len(columns) < 3
            or len(rows) * len(columns) > 20_000
        ):
            continue
        box = columns[0], rows[-1], columns[-1], rows[0]
        inside = [p for p in parts if box[0] - 2 < (p.left + p.right) / 2 < box[2] + 2 and box[1] < p.middle < box[3]]
        if _takes_a_part(inside, parts, box):
            continue
        table = _ruled_table(inside, rows, columns, group)
        if table is not None:
            found.append(RuledTable(table, rows[0], rows[-1], columns[0], columns[-1], inside))
    return found


def _takes_a_part(inside: list[Fragment], parts: list[Fragment], box: tuple[float, float, float, float]) -> bool:
    """Whether a box is drawn around some columns of a table only: most of its lines go on close beside it, in short
    texts at the same height."""
    lines = rows_of(inside)
    beside = [p for p in parts if (p.right <= box[0] + 2 or p.left >= box[2] - 2) and len(p.text) < 60]
    going_on = 0
    for line in lines:
        reach = 8 * line.size
        level = [p for p in beside if min(p.top, line.top) - max(p.bottom, line.bottom) > 0.5 * (p.top - p.bottom)]
        going_on += any(box[0] - p.right < reach and p.left - box[2] < reach for p in level)
    return len(lines) > 1 and going_on > 0.6 * len(lines)


def _ruled_table(inside: list[Fragment], rows: list[float], columns: list[float], lines: list[Segment]) -> Grid | None:
    cells: dict[tuple[int, int], list[Fragment]] = {}
    for part in inside:
        row = sum(part.middle < y for y in rows) - 1
        column = min(len(columns) - 2, max(0, sum((part.left + part.right) / 2 > x for x in columns) - 1))
        if (
            part.left < columns[column] - 3 or part.right > columns[column + 1] + 3
        ):  # over a line that is not drawn there
            column = min(len(columns) - 2, max(0, sum(part.left + 2 > x for x in columns) - 1))
        cells.setdefault((min(row, len(rows) - 2), column), []).append(part)
    filled_rows = {row for row, _column in cells}
    if len(cells) < 4 or len(filled_rows) < 2 or len({column for _row, column in cells}) < 2:
        return None
    crowded = sum(any(len(line.parts) > 1 for line in rows_of(parts)) for parts in cells.values())
    if crowded > 0.2 * len(cells):  # some lines are drawn, but not those between the columns
        return None
    longest = max(sum(len(part.text) for part in parts) for parts in cells.values())
    if longest > max(400, 0.4 * sum(len(part.text) for part in inside)):  # a frame around running text
        return None
    across, down = [s for s in lines if s.across], [s for s in lines if not s.across]
    grid, covered, empty, merged = Grid(), set(), 0, 0
    for row in range(len(rows) - 1):
        grid.start_row()
        middle = (rows[row] + rows[row + 1]) / 2
        for column in range(len(columns) - 1):
            if (row, column) in covered:
                continue
            wide, high = 1, 1
            while column + wide < len(columns) - 1 and not _drawn(down, columns[column + wide], middle):
                wide += 1
            centre = (columns[column] + columns[column + wide]) / 2
            while row + high < len(rows) - 1 and not _drawn(across, rows[row + high], centre):
                high += 1
            places = [(row + i, column + j) for i in range(high) for j in range(wide)]
            covered.update(places)
            text = _cell_text([part for place in places for part in cells.get(place, ())])
            empty += not text
            merged += bool(text) and wide * high > 1
            grid.cell(text, columns=wide, rows=high)
    drawing, form = empty > 2 * len(cells), merged > 0.5 * len(cells)
    return None if drawing or form else grid


def _drawn(lines: list[Segment], at: float, through: float) -> bool:
    return any(abs(line.at - at) < _TOLERANCE and line.start - 1 <= through <= line.end + 1 for line in lines)


def _cell_text(parts: list[Fragment]) -> str:
    text, last = "", None
    for row in rows_of(parts):
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
