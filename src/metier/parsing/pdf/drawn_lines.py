"""Lines drawn on a PDF page, level and upright ones, and the texts that they part."""

from __future__ import annotations

import ctypes
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING

from metier.parsing.pdf.bidi import Glyph
from metier.parsing.pdf.fragments import Fragment, Turn, plain

if TYPE_CHECKING:
    from pypdfium2 import PdfPage
    from pypdfium2.raw import FPDF_PAGEOBJECT

_TOUCHING = 1.0  # points between pieces of one line
_THIN = 3.0
_MAX_SEGMENTS = 4000
_WORDS_APART = 0.4  # font sizes between two words that a line parts


@dataclass(frozen=True, slots=True)
class Segment:
    """A horizontal (`across`) or vertical line: `at` its fixed coordinate, from `start` to `end`."""

    across: bool
    at: float
    start: float
    end: float


def segments(page: PdfPage, turn: Turn) -> list[Segment]:
    """Straight lines and thin or stroked boxes drawn on a page, each whole, turned upright with its text."""
    return _whole([_upright(segment, turn) for segment in _drawn_lines(page)])


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


def _whole(lines: list[Segment]) -> list[Segment]:
    """Pieces of one line, drawn cell by cell, as one."""
    levels: dict[tuple[bool, int], list[Segment]] = {}
    for line in lines:
        levels.setdefault((line.across, round(line.at)), []).append(line)
    found: list[Segment] = []
    for level in levels.values():
        level.sort(key=lambda line: line.start)
        whole = level[0]
        for line in level[1:]:
            if line.start <= whole.end + _TOUCHING:
                whole = Segment(whole.across, whole.at, whole.start, max(whole.end, line.end))
            else:
                found.append(whole)
                whole = line
        found.append(whole)
    return found


def cut_at_lines(parts: list[Fragment], lines: list[Segment]) -> list[Fragment]:
    """Parts, each cut where an upright line stands between two of its words: these belong to two cells."""
    upright = sorted((line for line in lines if not line.across), key=lambda line: line.at)
    places = [line.at for line in upright]
    found = []
    for part in parts:
        inside = upright[bisect_right(places, part.left) : bisect_left(places, part.right)]
        for line in inside if not part.pieces and not part.rtl else ():
            gap = _gap_at(part, line) if line.start < part.middle < line.end else 0
            if gap:
                before, behind = part.glyphs[:gap], part.glyphs[gap:]
                found.append(replace(part, text=_said(before), right=before[-1].box[2], parted=True, glyphs=before))
                part = replace(part, text=_said(behind), left=behind[0].box[0], glyphs=behind)
        found.append(part)
    return found


def _gap_at(part: Fragment, line: Segment) -> int:
    """How many of the glyphs of a part stand before a line that runs through a wide gap between words, 0 for none."""
    for place, (before, behind) in enumerate(pairwise(part.glyphs), start=1):
        left, right = before.box[2], behind.box[0]
        if right - left > _WORDS_APART * part.size and left - 1 < line.at < right + 1:
            return place
    return 0


def _said(glyphs: list[Glyph]) -> str:
    return plain("".join(glyph.text + " " * glyph.blank for glyph in glyphs))
