"""Characters of a PDF page to fragments: stretches of text on one line without a wide gap in them.

Coordinates are in points with the origin at the lower left, turned so that most of the page's text is upright.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from dataclasses import dataclass

_GAP = 1.5  # ems between two words that belong to different columns or cells
_PRESENTATION = range(0xFB00, 0xFE00), range(0xFE70, 0xFEFF)  # ligatures and Arabic letter shapes
_INVISIBLE_MODE = 3


@dataclass(slots=True)
class Fragment:
    """Text with its box. `size`: font size in points; `spaced`: a blank follows it in the file; `slant`: not upright."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    bold: bool = False
    spaced: bool = False
    hyphen: bool = False
    slant: bool = False
    invisible: bool = False

    @property
    def middle(self) -> float:
        return (self.bottom + self.top) / 2

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def rtl(self) -> bool:
        return is_rtl(self.text)


def is_rtl(text: str) -> bool:
    """Whether more letters run from right to left than the other way."""
    right = sum("\u0590" <= c <= "\u08ff" or "\ufb1d" <= c <= "\ufeff" for c in text)
    return right > sum(c.isalpha() for c in text) / 2


def fragments(textpage) -> list[Fragment]:
    """All text of a pypdfium2 text page, in the order of the file."""
    turn = _turn(textpage)
    return _Collector(textpage, turn).run()


def _turn(textpage) -> float:
    """Angle of most characters, in quarter turns, radians."""
    import pypdfium2.raw as raw

    count = textpage.count_chars()
    step = max(1, count // 200)
    angles = Counter(round(raw.FPDFText_GetCharAngle(textpage, index) / (math.pi / 2)) % 4 for index in range(0, count, step))
    return angles.most_common(1)[0][0] * math.pi / 2 if angles else 0.0


class _Collector:
    def __init__(self, textpage, turn: float) -> None:
        import pypdfium2.raw as raw

        self._raw, self._page, self._turn = raw, textpage, turn
        self._quarter = round(turn / (math.pi / 2)) % 4
        self._found: list[Fragment] = []
        self._chars: list[str] = []
        self._box: list[float] = []  # left, bottom, right, top of the open fragment
        self._last: tuple[float, float, float, float] | None = None
        self._first = 0

    def run(self) -> list[Fragment]:
        raw, page, box = self._raw, self._page, self._raw.FS_RECTF()
        for index in range(page.count_chars()):
            code = raw.FPDFText_GetUnicode(page, index)
            if code in (10, 13):
                self._close()
                continue
            if code in (32, 9, 0xA0) or raw.FPDFText_IsGenerated(page, index) == 1:
                self._space()
                continue
            if not code or not raw.FPDFText_GetLooseCharBox(page, index, box):
                continue
            self._take(index, code, self._upright(box))
        self._close()
        return self._found

    def _upright(self, box) -> tuple[float, float, float, float]:
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        if self._quarter == 1:
            return bottom, -right, top, -left
        if self._quarter == 2:
            return -right, -top, -left, -bottom
        if self._quarter == 3:
            return -top, left, -bottom, right
        return left, bottom, right, top

    def _space(self) -> None:
        if self._chars and self._chars[-1] != " ":
            self._chars.append(" ")

    def _take(self, index: int, code: int, box: tuple[float, float, float, float]) -> None:
        left, bottom, right, top = box
        if self._last is not None:
            height = max(1.0, self._last[3] - self._last[1], top - bottom)
            gap = max(left - self._last[2], self._last[0] - right)
            apart = min(top, self._last[3]) - max(bottom, self._last[1]) < 0.3 * min(top - bottom, self._last[3] - self._last[1])
            if gap > _GAP * height or (apart and not _attached(box, self._last)):
                self._close()
        if not self._chars:
            self._first, self._box = index, [left, bottom, right, top]
        elif self._swapped(box):
            self._chars.insert(len(self._chars) - 1, chr(code))
            self._last = box
            return
        self._chars.append(chr(code))
        self._last = box
        self._box = [min(self._box[0], left), min(self._box[1], bottom), max(self._box[2], right), max(self._box[3], top)]

    def _swapped(self, box: tuple[float, float, float, float]) -> bool:
        """Two letters of one right-to-left glyph (lam-alef): pdfium turns the line around, and the pair with it."""
        previous = self._chars[-1]
        return box == self._last and len(self._chars) > 0 and "\u0590" <= previous <= "\u08ff"

    def _close(self) -> None:
        if self._chars:
            raw_text = "".join(self._chars)
            text = _plain(raw_text)
            if text:
                size, bold, slant, invisible = self._look(self._first)
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
                        spaced=raw_text.endswith(" "),
                        hyphen=text[-1] in "\ufffe\u0002",
                        slant=slant,
                        invisible=invisible,
                    )
                )
        self._chars, self._last = [], None

    def _look(self, index: int) -> tuple[float, bool, bool, bool]:
        """Font size in points, bold or not, not upright, invisible: of the character at `index`."""
        raw, page = self._raw, self._page
        matrix = raw.FS_MATRIX()
        scale = 1.0
        if raw.FPDFText_GetMatrix(page, index, matrix):
            scale = math.hypot(matrix.c, matrix.d) or 1.0
        size = raw.FPDFText_GetFontSize(page, index) * scale
        angle = (raw.FPDFText_GetCharAngle(page, index) - self._turn) % math.tau
        slant = min(angle, math.tau - angle) > 0.2
        text_object = raw.FPDFText_GetTextObject(page, index)
        invisible = bool(text_object) and raw.FPDFTextObj_GetTextRenderMode(text_object) == _INVISIBLE_MODE
        return size, self._bold(index), slant, invisible

    def _bold(self, index: int) -> bool:
        raw = self._raw
        if raw.FPDFText_GetFontWeight(self._page, index) >= 600:
            return True
        buffer, flags = ctypes.create_string_buffer(128), ctypes.c_int()
        raw.FPDFText_GetFontInfo(self._page, index, buffer, 128, flags)
        name = buffer.value.decode("utf-8", "replace").lower()
        return any(word in name for word in ("bold", "black", "heavy", "cmbx", "-medi", "semibold")) or bool(flags.value & 1 << 18)


def _attached(box: tuple[float, float, float, float], last: tuple[float, float, float, float]) -> bool:
    """A raised or lowered character (index, exponent) right beside the one before."""
    return abs(box[0] - last[2]) < 0.3 * (last[3] - last[1]) and abs(box[1] - last[1]) < last[3] - last[1]


def _plain(text: str) -> str:
    """Ligatures and letter shapes as the letters they stand for."""
    text = text.strip()
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", c) if any(ord(c) in block for block in _PRESENTATION) and c != "\ufffe" else c
        for c in text
    )
