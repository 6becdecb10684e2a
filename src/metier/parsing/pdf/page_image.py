"""One page of a PDF as a picture, and where on it given words stand. Runs inside the worker process.

The parsed text is no copy of the text layer: columns are put in order, hyphens of broken words are gone, rows carry the
names of their columns, running titles are left out. But a line of the layer, or its part in a cell, stands in the
parsed text as a whole. So each such fragment is looked up there by its letters and digits alone; where it occurs more
than once, the places are chosen that let fragments follow each other as they do in the file.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from metier.core.errors import ParseError
from metier.parsing.core.pictures import png
from metier.parsing.core.protocol import Box, Places
from metier.parsing.pdf.bidi import Box as PdfBox
from metier.parsing.pdf.bidi import Glyph, is_rtl, spoken
from metier.parsing.pdf.document import flattened, opened, placed
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.scans import on_canvas

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_DPI = 110
_MAX_PIXELS = 2_500_000
_MAX_SIDE = 4000  # pixels
_MAX_PLACES = 64  # of one fragment that are compared
_MID_WORD = 2.0  # cost of a line that begins or ends within a word, as of a jump over three letters
_END = "\n"  # of a paragraph or cell: no line goes on behind it
_LONG = 8  # letters of a line that is hardly in the text by chance
_CLOSING = frozenset(".,;:!?)]}%°।。，、؟»”’\"'")


@dataclass(slots=True)
class _Line:
    """A fragment by its letters and digits: `letters[i]` is of `glyphs[owner[i]]`, unless it counts as a `whole` only.
    `places`: where these letters stand in the text, `odd` what speaks against each; `at`: the one it has, -1 for none;
    `cost`: how far from where its neighbours would have it."""

    letters: str
    owner: list[int]
    glyphs: list[Glyph]
    whole: bool
    places: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    odd: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    at: int = -1
    cost: float = 0.0


def draw(content: bytes, number: int) -> bytes:
    """PNG of page `number`, from 1. Raises `ParseError`."""
    page = flattened(_opened(content, number), number)
    width, height = max(1.0, page.get_width()), max(1.0, page.get_height())
    scale = min(_DPI / 72, math.sqrt(_MAX_PIXELS / (width * height)), _MAX_SIDE / max(width, height))
    return png(page.render(scale=scale, rev_byteorder=True).to_numpy())


def find(content: bytes, number: int, text: str, spans: Sequence[tuple[int, int]]) -> Places:
    """Where `spans` of `text` stand on page `number`; `text` is all that was read from it, a paragraph or cell a line.
    Raises `ParseError`."""
    page, found = placed(_opened(content, number), number)
    lines = [line for part in found.parts if (line := _line(part)).letters]
    letters, places = _folded(text, keep=_END)
    _look_up(lines, letters, _edges(letters, places))
    wanted = np.zeros(len(text) + 1, bool)
    for start, end in spans:
        wanted[start:end] = True
    marked = wanted[places]
    boxes = [_drawn(page, found.turn, box) for line in lines for box in _boxes(line, marked)]
    return Places(page.get_width(), page.get_height(), bool(lines), tuple(_merged(boxes)))


def _opened(content: bytes, number: int) -> PdfDocument:
    document = opened(content)
    if not 1 <= number <= len(document):
        raise ParseError(f"has no page {number}")
    return document


def _line(part: Fragment) -> _Line:
    glyphs = part.glyphs
    if is_rtl("".join(glyph.text for glyph in glyphs)):  # what is read from the right has no letter at a glyph's place
        letters, _places = _folded(spoken(glyphs))
        return _Line(letters, [], glyphs, whole=True)
    letters, owner = "", []
    for index, glyph in enumerate(glyphs):
        folded, _places = _folded(glyph.text)
        letters += folded
        owner += [index] * len(folded)
    return _Line(letters, owner, glyphs, whole=False)


def _folded(text: str, keep: str = "") -> tuple[str, np.ndarray]:
    """Letters, marks and digits of `text`, and the character `keep`, in a form that does not depend on case, ligatures
    or composition, and for each the index that it is from."""
    found, places = [], []
    for index, character in enumerate(text):
        for each in unicodedata.normalize("NFKD", character).casefold():
            if unicodedata.category(each)[0] in "LMN" or each == keep:
                found.append(each)
                places.append(index)
    return "".join(found), np.array(places, int)


def _look_up(lines: list[_Line], text: str, edges: np.ndarray) -> None:
    """Give each line its place in `text`: of all ways to choose among their places, one whose jumps are shortest.
    `edges`: where in the text a word begins or the one before has ended; few lines begin or end elsewhere."""
    rank = np.concatenate(([0], np.cumsum([character != _END for character in text])))  # letters before each
    for line in lines:
        line.places = np.array(_occurrences(text, line.letters, edges), int)
        line.odd = _MID_WORD * (2 - edges[line.places] - edges[line.places + len(line.letters)])
    chain = [line for line in lines if len(line.places)]
    if not chain:
        return
    costs, back = [chain[0].odd], []
    for before, line in pairwise(chain):
        total = costs[-1][:, None] + _jump(rank[before.places + len(before.letters)], rank[line.places])
        back.append(total.argmin(0))
        costs.append(total.min(0) + line.odd)
    choice = int(costs[-1].argmin())
    for index in range(len(chain) - 1, -1, -1):
        chain[index].at, chain[index].cost = int(chain[index].places[choice]), float(chain[index].odd[choice])
        choice = int(back[index - 1][choice]) if index else choice
    for before, line in pairwise(chain):
        jump = float(_jump(rank[[before.at + len(before.letters)]], rank[[line.at]])[0, 0])
        before.cost += jump
        line.cost += jump
    _settle(chain, len(text))


def _edges(letters: str, places: np.ndarray) -> np.ndarray:
    """1 where a word begins or the one before has ended, else 0; shape (letters + 1,)."""
    ends = np.array([character == _END for character in letters], bool)
    return np.concatenate(([1], (np.diff(places) > 1) | ends[1:] | ends[:-1], [1])).astype(int)


def _occurrences(text: str, letters: str, edges: np.ndarray) -> list[int]:
    """Those that are whole words first."""
    whole: list[int] = []
    others: list[int] = []
    at = text.find(letters)
    while at >= 0 and len(whole) < _MAX_PLACES:
        is_whole = edges[at] and edges[at + len(letters)]
        if is_whole or len(others) < _MAX_PLACES:
            (whole if is_whole else others).append(at)
        at = text.find(letters, at + 1)
    return (whole + others)[:_MAX_PLACES]


def _jump(ends: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Cost of going from each end to each start: nothing where one follows the other, more back than on."""
    distance = starts[None, :] - ends[:, None]
    costs: np.ndarray = np.where(distance < 0, 1.5, 1.0) * np.log2(1.0 + np.abs(distance))
    return costs


def _settle(chain: list[_Line], length: int) -> None:
    """No two lines stand at one place. Long ones that have no other come first, then those that fit best. Of the rest
    a long one may stand elsewhere; a short one, like a page number that is a figure of the text, too, nowhere."""
    taken = np.zeros(length, bool)

    def order(line: _Line) -> tuple[bool, float, int]:
        is_certain = len(line.places) == 1 and len(line.letters) >= _LONG
        return not is_certain, line.cost / len(line.letters), -len(line.letters)

    for line in sorted(chain, key=order):
        others = [int(place) for place in line.places if len(line.letters) >= _LONG]
        free = (place for place in (line.at, *others) if not taken[place : place + len(line.letters)].any())
        line.at = next(free, -1)
        if line.at >= 0:
            taken[line.at : line.at + len(line.letters)] = True


def _boxes(line: _Line, marked: np.ndarray) -> Iterator[PdfBox]:
    """Around what is marked of a line, stretch by stretch."""
    if line.at < 0:
        return
    hit = marked[line.at : line.at + len(line.letters)]
    if line.whole:
        if hit.any():
            yield _around(line.glyphs)
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([0], hit.view(np.int8), [0]))))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        first, last = line.owner[start], line.owner[end - 1]
        while last + 1 < len(line.glyphs) and not line.glyphs[last].blank and line.glyphs[last + 1].text in _CLOSING:
            last += 1
        yield _around(line.glyphs[first : last + 1])


def _around(glyphs: Sequence[Glyph]) -> PdfBox:
    lefts, bottoms, rights, tops = zip(*(glyph.box for glyph in glyphs), strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _drawn(page: PdfPage, turn: Turn, box: PdfBox) -> Box:
    """A place of upright text as shares of the page as it is drawn."""
    left, bottom, right, top = turn.as_in_file(box)
    corners = [on_canvas(page, left, top), on_canvas(page, right, bottom)]
    xs, ys = sorted(x for x, _y in corners), sorted(y for _x, y in corners)
    return xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]


def _merged(boxes: list[Box]) -> list[Box]:
    """Boxes of one line that touch or nearly touch as one."""
    merged: list[Box] = []
    for left, top, width, height in sorted(boxes, key=lambda box: (round(box[1] + box[3] / 2, 2), box[0])):
        if merged:
            x, y, w, h = merged[-1]
            level = min(y + h, top + height) - max(y, top) > 0.6 * min(h, height)
            if level and left - (x + w) < 0.8 * h and x - (left + width) < 0.8 * h:
                right, low = max(x + w, left + width), max(y + h, top + height)
                x, y = min(x, left), min(y, top)
                merged[-1] = (x, y, right - x, low - y)
                continue
        merged.append((left, top, width, height))
    return merged
