"""Characters of a PDF page to fragments: stretches of text on one line without a wide gap in them.

Coordinates are in points with the origin at the lower left, turned so that most of the page's text is upright.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from metier.parsing.core.decoding import tidy
from metier.parsing.core.legacy_fonts import is_drawn_by, legacy_font
from metier.parsing.core.superscripts import Position, joined
from metier.parsing.pdf.bidi import Box, Glyph, is_rtl, spoken

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_SMALLER, _OFFSET = 0.88, 0.13  # of a line's height: how high what is raised or lowered is at most, and how far off it
_INITIAL = 1.6  # how much higher than most letters those are that begin a text
_GAP = 0.9  # heights of a line between two words that belong to different columns or cells
NUMBERS_APART = 0.4  # the same between two numbers, that a plain blank parts only if they are one
_PRESENTATION = range(0xFB00, 0xFE00), range(0xFE70, 0xFEFF)  # ligatures and Arabic letter shapes
_INVISIBLE_MODE = 3
_LINE_ENDS, _BLANKS = frozenset([10, 13]), frozenset([32, 9, 0xA0])
_SYMBOL_BULLET = re.compile(r"^[\x80-\x9f\ue000-\uf8ff](?:\s+|$)")
_ITALIC, _FORCE_BOLD = 1 << 6, 1 << 18  # font flags of the PDF specification, table 121
_BOLD = re.compile(r"(?i)bold|black|heavy|-medi\b|(?:cm|sf|ec|lm)[a-z]*bx")  # the last are those of LaTeX


Piece = tuple[str, Box]  # text of one height


@dataclass(slots=True)
class Fragment:
    """Text with its box. `size`: font size in points; `spaced`: a blank follows in the file; `slant`: not upright;
    `glyphs`: what it is made of, in the order of the file, of those that were not put together since; `font`: its name
    in the file, "" where it has none; `pieces`: its text where parts of it are raised or lowered; `filled`: a label
    of a form with what is filled in; `parted`: an upright line stands behind it."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    bold: bool = False
    italic: bool = False
    spaced: bool = False
    hyphen: bool = False
    slant: bool = False
    invisible: bool = False
    filled: bool = False
    parted: bool = False
    font: str = ""
    pieces: list[Piece] = field(default_factory=list, repr=False)
    glyphs: list[Glyph] = field(default_factory=list, repr=False)

    @property
    def middle(self) -> float:
        return (self.bottom + self.top) / 2

    @property
    def box(self) -> Box:
        return self.left, self.bottom, self.right, self.top

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def rtl(self) -> bool:
        return is_rtl(self.text)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a page is turned so that its text stands upright. `quarters`: 0 to 3, by how many quarter turns, clockwise,
    its characters stand in the file; `width`, `height`: of the page as the file has it, in points."""

    quarters: int
    width: float
    height: float

    def upright(self, box: Box) -> Box:
        """A place of the file (left, bottom, right, top), turned upright."""
        left, bottom, right, top = box
        if self.quarters == 1:
            return self.height - top, left, self.height - bottom, right
        if self.quarters == 2:
            return self.width - right, self.height - top, self.width - left, self.height - bottom
        if self.quarters == 3:
            return bottom, self.width - right, top, self.width - left
        return box

    def as_in_file(self, box: Box) -> Box:
        """The inverse of `upright`."""
        left, bottom, right, top = box
        if self.quarters == 1:
            return bottom, self.height - right, top, self.height - left
        if self.quarters == 2:
            return self.width - right, self.height - top, self.width - left, self.height - bottom
        if self.quarters == 3:
            return self.width - top, left, self.width - bottom, right
        return box

    @property
    def page_width(self) -> float:
        """Of the upright page."""
        return self.height if self.quarters % 2 else self.width

    @property
    def page_height(self) -> float:
        """Of the upright page."""
        return self.width if self.quarters % 2 else self.height


def turn_of(page: PdfPage, textpage: PdfTextPage) -> Turn:
    """The turn that most characters of a page need, whatever the rotation a viewer gives it."""
    width, height = page.get_size()
    if page.get_rotation() % 180:
        width, height = height, width
    return Turn(_quarter_turns(textpage), width, height)


def fragments(textpage: PdfTextPage, turn: Turn) -> list[Fragment]:
    """All text of a pypdfium2 text page, in the order of the file."""
    return _Collector(textpage, turn).run()


def _quarter_turns(textpage: PdfTextPage) -> int:
    import pypdfium2.raw as raw

    count = textpage.count_chars()
    step = max(1, count // 200)
    angles = Counter(
        round(raw.FPDFText_GetCharAngle(textpage, index) / (math.pi / 2)) % 4 for index in range(0, count, step)
    )
    return angles.most_common(1)[0][0] if angles else 0


class _Collector:
    def __init__(self, textpage: PdfTextPage, turn: Turn) -> None:
        import pypdfium2.raw as raw

        self._raw, self._page, self._turn = raw, textpage.raw, turn  # the handle: a page has many characters
        self._found: list[Fragment] = []
        self._glyphs: list[Glyph] = []
        self._box: list[float] = []  # left, bottom, right, top of the open fragment
        self._last: Box | None = None
        self._first = self._end = 0  # indices in the page of the first and last character

    def run(self) -> list[Fragment]:
        raw, page, upright, box = self._raw, self._page, self._turn.upright, self._raw.FS_RECTF()
        code_of, box_of, is_generated = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox, raw.FPDFText_IsGenerated
        for index in range(raw.FPDFText_CountChars(page)):
            code = code_of(page, index)
            if code in _LINE_ENDS:
                self._close()
            elif code in _BLANKS or is_generated(page, index) == 1:
                self._space()
            elif code and box_of(page, index, box):
                self._take(index, code, upright((box.left, box.bottom, box.right, box.top)))
        self._close()
        return self._found

    def _space(self) -> None:
        if self._glyphs:
            self._glyphs[-1].blank = True

    def _take(self, index: int, code: int, box: Box) -> None:
        left, bottom, right, top = box
        if self._last is not None and (
            _parted(box, self._last)
            or (self._glyphs[-1].blank and _is_next_number(box, self._last, self._glyphs[-1].text, chr(code)))
        ):
            self._close()
        if not self._glyphs:
            self._first, self._box = index, [left, bottom, right, top]
        elif box == self._last and "\u0590" <= self._glyphs[-1].text <= "\u08ff":
            # two letters of one glyph (lam-alef): pdfium turns the line around, and the pair with it
            self._glyphs[-1].text = chr(code) + self._glyphs[-1].text
            return
        self._end = index
        self._glyphs.append(Glyph(chr(code), box))
        self._last = box
        whole = self._box
        if left < whole[0]:
            whole[0] = left
        if bottom < whole[1]:
            whole[1] = bottom
        if right > whole[2]:
            whole[2] = right
        if top > whole[3]:
            whole[3] = top

    def _close(self) -> None:
        if self._glyphs:
            (bold, italic, font), (*last, _font) = self._style(self._first), self._style(self._end)
            text = "".join(glyph.text + " " * glyph.blank for glyph in self._glyphs)
            legacy = legacy_font(font)
            if legacy and legacy.convert and is_drawn_by(text, legacy):
                left, bottom, right, top = self._box
                text = legacy.convert(text)
                self._glyphs = [Glyph(text.strip(), (left, bottom, right, top), self._glyphs[-1].blank)]
            pieces = [] if is_rtl(text) else glyph_pieces(self._glyphs)
            text = plain(spoken(self._glyphs) if is_rtl(text) else in_one_line(pieces) if pieces else text)
            if text:
                size, slant, invisible = self._look(self._first)
                if _begins_with_bullet(self._glyphs):  # which may be of another size
                    size = self._look(self._end)[0]
                size *= _without_initials(self._glyphs)
                bold, italic = bold and last[0], italic and last[1]
                left, bottom, right, top = self._box
                self._found.append(
                    Fragment(
                        text=text.rstrip("\ufffe\u0002"),
                        left=left,
                        bottom=bottom,
                        right=right,
                        top=top,
                        size=size or max(1.0, (top - bottom) / 1.2),
                        bold=bold,
                        italic=italic,
                        spaced=self._glyphs[-1].blank,
                        hyphen=text[-1] in "\ufffe\u0002",
                        slant=slant,
                        invisible=invisible,
                        font=font,
                        pieces=pieces,
                        glyphs=self._glyphs,
                    )
                )
        self._glyphs, self._last = [], None

    def _look(self, index: int) -> tuple[float, bool, bool]:
        """Font size in points, not upright, invisible: of the character at `index`."""
        raw, page = self._raw, self._page
        matrix = raw.FS_MATRIX()
        scale = 1.0
        if raw.FPDFText_GetMatrix(page, index, matrix):
            scale = math.hypot(matrix.c, matrix.d) or 1.0
        size = raw.FPDFText_GetFontSize(page, index) * scale
        angle = (raw.FPDFText_GetCharAngle(page, index) - self._turn.quarters * math.pi / 2) % math.tau
        slant = min(angle, math.tau - angle) > 0.2
        text_object = raw.FPDFText_GetTextObject(page, index)
        invisible = bool(text_object) and raw.FPDFTextObj_GetTextRenderMode(text_object) == _INVISIBLE_MODE
        return size, slant, invisible

    def _style(self, index: int) -> tuple[bool, bool, str]:
        """Bold, italic, name of the font."""
        raw = self._raw
        buffer, flags = ctypes.create_string_buffer(128), ctypes.c_int()
        raw.FPDFText_GetFontInfo(self._page, index, buffer, 128, flags)
        name = buffer.value.decode("utf-8", "replace")
        bold = raw.FPDFText_GetFontWeight(self._page, index) >= 600 or bool(flags.value & _FORCE_BOLD)
        return bold or _BOLD.search(name) is not None, bool(flags.value & _ITALIC), name


def _without_initials(glyphs: list[Glyph]) -> float:
    """By how much smaller most glyphs are than the first; 1 unless that is the initial of a text."""
    first, heights = _height(glyphs[0].box), [_height(glyph.box) for glyph in glyphs]
    if first <= _INITIAL * min(heights):
        return 1.0
    usual = median(heights)
    return usual / first if first > _INITIAL * usual else 1.0


def _begins_with_bullet(glyphs: list[Glyph]) -> bool:
    """Whether a bullet stands before a text that ends with letters of its full height."""
    first, *others = glyphs
    return bool(others[1:]) and first.blank and not first.text.isalnum() and not glyph_pieces(others)


def are_two_numbers(before: str, behind: str) -> bool:
    """Whether a wide blank between two texts stands between two numbers."""
    return (before[-1:].isdigit() or before[-1:] in ")%") and (behind[:1].isdigit() or behind[:1] in "(–−-*$€£")


def _is_next_number(box: Box, last: Box, before: str, text: str) -> bool:
    """Whether a character begins a number of its own behind another one: in narrow columns they stand close."""
    return box[0] - last[2] > NUMBERS_APART * (box[3] - box[1]) and are_two_numbers(before, text)


def _parted(box: Box, last: Box) -> bool:
    """Whether a character belongs to another fragment than the one before: behind a wide gap, or on another line."""
    left, bottom, right, top = box
    tall, before = top - bottom, last[3] - last[1]
    gap = left - last[2] if left >= last[0] else last[0] - right
    if gap > _GAP and gap > _GAP * max(tall, before):
        return True
    if bottom == last[1] and top == last[3]:
        return False
    apart = min(top, last[3]) - max(bottom, last[1]) < 0.3 * min(tall, before)
    return apart and not _attached(box, last)


def _position(box: Box, line: Box) -> Position:
    """Whether what stands in `box` is raised or lowered in a line whose full-sized text stands in `line`."""
    height = _height(line)
    if _height(box) > _SMALLER * height:
        return ""
    above = (box[1] + box[3] - line[1] - line[3]) / 2
    return "raised" if above > _OFFSET * height else "lowered" if above < -_OFFSET * height else ""


def _height(box: Box) -> float:
    return box[3] - box[1]


def glyph_pieces(glyphs: Sequence[Glyph]) -> list[Piece]:
    """The text of glyphs by their heights; nothing where all have one."""
    heights = [_height(glyph.box) for glyph in glyphs]
    if min(heights) > _SMALLER * max(heights):
        return []
    found: list[Piece] = []
    for glyph in glyphs:
        text = glyph.text + " " * glyph.blank
        if found and found[-1][1][1::2] == glyph.box[1::2]:
            found[-1] = found[-1][0] + text, glyph.box
        else:
            found.append((text, glyph.box))
    return found


def in_one_line(pieces: list[Piece]) -> str:
    """The text of pieces of one line, with exponents, marks of footnotes and indices told in line."""
    line = max((box for text, box in pieces if any(map(str.isalnum, text))), key=_height, default=pieces[0][1])
    if min(_height(box) for _text, box in pieces) > _SMALLER * _height(line):
        return "".join(text for text, _box in pieces)
    placed = [(text, _position(box, line)) for text, box in pieces]
    for n in range(1, len(placed) - 1):
        before, after = placed[n - 1], placed[n + 1]
        if placed[n][0] in ("/", "⁄") or (before[0][-1:] == "(" and after[0][:1] == ")" and not before[1] + after[1]):
            placed[n] = placed[n][0], ""  # a solidus, and a mark in brackets of full size
    return joined(placed)


def _attached(box: Box, last: Box) -> bool:
    """A raised or lowered character (index, exponent) right beside the one before."""
    return abs(box[0] - last[2]) < 0.3 * (last[3] - last[1]) and abs(box[1] - last[1]) < last[3] - last[1]


def plain(text: str) -> str:
    """Without controls; ligatures and letter shapes as the letters they stand for; bullets of symbol fonts as `•`."""
    text = text.strip()
    if text.isascii() and text.isprintable():
        return text
    hyphen = text[-1:] if text[-1:] in ("\ufffe", "\u0002") else ""
    text = _SYMBOL_BULLET.sub("• ", text)
    if any(ord(c) in block for c in text for block in _PRESENTATION):
        text = "".join(unicodedata.normalize("NFKC", c) if any(ord(c) in b for b in _PRESENTATION) else c for c in text)
    return tidy(text).strip() + hyphen
