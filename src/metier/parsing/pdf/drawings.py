"""Charts and diagrams that a page of a PDF draws in lines and shapes, found to be described.

Tables and frames are drawn in upright lines and boxes, too. What tells a chart is slanted or curved strokes, or bars:
filled boxes that begin at one line and end at several.
"""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.drawn_lines import Segment
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.pictures import letters_over
from metier.parsing.pdf.tables import RuledTable, ruled

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage

_LEAST, _MOST = 0.1, 0.8  # of the page that a drawing covers; what covers more is its background
_LETTERS = 400  # of text over a drawing; more is a text with a frame
_OBJECTS, _STROKES = 4000, 200  # looked at of a page, and of a path
_GRID = 6.0  # points; shapes closer than that are of one drawing
_THIN = 2.0
_AXIS = 20.0  # points around a drawing, in which its labels stand
_SLANTS = 4  # strokes of a curve or line chart, or shapes with any
_BARS = 3


@dataclass(frozen=True, slots=True)
class _Shape:
    """`slants`: strokes that are neither upright nor level. `parts`: shapes that it is made of itself."""

    box: Box
    slants: int = 0
    is_filled: bool = False
    parts: int = 1


def drawing_boxes(page: PdfPage, turn: Turn, parts: Sequence[Fragment], lines: list[Segment]) -> list[Box]:
    """Where they stand, upright, with their labels. `lines`: those of the page that may part cells."""
    width, height = turn.page_width, turn.page_height
    area = max(1.0, width * height)
    shapes = [s for s in _shapes(page, turn) if _share(s.box, area) < _MOST and not _is_rule(s.box, width)]
    found = []
    for group in _groups(shapes, width, height):
        lefts, bottoms, rights, tops = zip(*(shape.box for shape in group), strict=True)
        box = min(lefts), min(bottoms), max(rights), max(tops)
        if _LEAST < _share(box, area) < _MOST and letters_over(box, parts) < _LETTERS and _is_chart(group):
            left, bottom = max(0.0, box[0] - _AXIS), max(0.0, box[1] - _AXIS)
            found.append((left, bottom, min(width, box[2] + _AXIS), min(height, box[3] + _AXIS)))
    tables = ruled([part for part in parts if not part.slant], lines) if found else []
    return [box for box in found if not any(_holds(box, table) for table in tables)]


def _holds(box: Box, table: RuledTable) -> bool:
    across, up = (table.left + table.right) / 2, (table.bottom + table.top) / 2
    return box[0] < across < box[2] and box[1] < up < box[3]


def _shapes(page: PdfPage, turn: Turn) -> Iterator[_Shape]:
    import pypdfium2.raw as raw

    kinds = [raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM]
    for index, item in enumerate(page.get_objects(filter=kinds, max_depth=1)):
        if index > _OBJECTS:
            return
        box = turn.upright(item.get_bounds())
        if item.type == raw.FPDF_PAGEOBJ_FORM:
            yield _Shape(box, parts=raw.FPDFFormObj_CountObjects(item))
            continue
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(item, fill, stroke)
        if fill.value or stroke.value:
            yield _Shape(box, _slants(item), bool(fill.value))


def _slants(item: PdfObject) -> int:
    import pypdfium2.raw as raw

    count, here = 0, None
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(min(raw.FPDFPath_CountSegments(item), _STROKES)):
        piece = raw.FPDFPath_GetPathSegment(item, index)
        raw.FPDFPathSegment_GetPoint(piece, x, y)
        kind = raw.FPDFPathSegment_GetType(piece)
        if here is not None and kind != raw.FPDF_SEGMENT_MOVETO:
            count += abs(x.value - here[0]) > 1 and abs(y.value - here[1]) > 1
        here = x.value, y.value
    return count


def _share(box: Box, area: float) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) / area


def _is_rule(box: Box, width: float) -> bool:
    return box[3] - box[1] < _THIN and box[2] - box[0] > _MOST * width


def _groups(shapes: Sequence[_Shape], width: float, height: float) -> list[list[_Shape]]:
    """Shapes that touch or nearly touch."""
    grid = np.full((int(height / _GRID) + 3, int(width / _GRID) + 3), -1)
    root = list(range(len(shapes)))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    for number, shape in enumerate(shapes):
        left, bottom, right, top = (max(0, int(side / _GRID)) for side in shape.box)
        place = grid[bottom : top + 2, left : right + 2]
        for other in np.unique(place[place >= 0]):
            root[find(int(other))] = number
        place[:] = number
    groups: dict[int, list[_Shape]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        groups[find(number)].append(shape)
    return list(groups.values())


def _is_chart(group: Sequence[_Shape]) -> bool:
    curves = sum(shape.slants >= _SLANTS for shape in group) + sum(shape.slants > 0 for shape in group) // _SLANTS
    is_figure = any(shape.parts > _SLANTS for shape in group)  # a drawing that was put in as one
    return is_figure or curves > 0 or _has_bars(group)


def _has_bars(group: Sequence[_Shape]) -> bool:
    upright: dict[int, set[int]] = defaultdict(set)
    level: dict[int, set[int]] = defaultdict(set)
    for shape in group:
        left, bottom, right, top = (round(side) for side in shape.box)
        if shape.is_filled and right - left > _THIN and top - bottom > _THIN:
            upright[bottom].add(top)
            level[left].add(right)
    return any(len(ends) >= _BARS for ends in (*upright.values(), *level.values()))
