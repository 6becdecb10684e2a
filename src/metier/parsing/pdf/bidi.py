"""Right-to-left text from where its letters stand on the page, since the order in which a PDF holds them varies.

Some programs write letters from left to right as drawn, some from right to left as spoken, some words one way and
letters the other. Their places do not vary: letters are read from the right, and numbers and Latin words in between
from the left.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from metier.text.units import unit_of

_BLANK = 0.14  # of the height of a line: a gap between words; letters of one word touch or nearly so
_TOUCHING = 0.02  # and a blank that the file has, but that is not wider than this, is none
_UNIT_FIRST = re.compile(r"([^\W\d_][^\s\d]*) ([+-]?\d[\d.,/–-]*)")
_RIGHTWARD = re.compile(r"[\u0590-\u08ff\ufb1d-\ufeff]")
_BRACKET = re.compile(r"[()\[\]{}]")
_MIRRORED = str.maketrans("()[]{}«»", ")(][}{»«")
_SEPARATORS = ".,:/-+٫٬%"

Box = tuple[float, float, float, float]  # left, bottom, right, top


def is_rtl(text: str) -> bool:
    """Whether more letters run from right to left than the other way."""
    right = 0 if text.isascii() else len(_RIGHTWARD.findall(text))
    return right > 0 and right > sum(c.isalpha() for c in text) / 2


def holds_rtl(text: str) -> bool:
    return not text.isascii() and _RIGHTWARD.search(text) is not None


@dataclass(slots=True)
class Glyph:
    """What a PDF draws at one place: one letter or several. `blank`: the file has a blank after it."""

    text: str
    box: Box
    blank: bool = False

    @property
    def middle(self) -> float:
        return self.box[0] + self.box[2]


def spoken(glyphs: list[Glyph]) -> str:
    """The glyphs of one line as text, in the order in which they are spoken."""
    following = {id(one): other for one, other in pairwise(glyphs)}
    line = sorted(_with_marks(glyphs), key=lambda glyph: -glyph.middle)
    height = max((glyph.box[3] - glyph.box[1] for glyph in line), default=1.0)
    pieces = [line[0].text] if line else []
    for right, left in pairwise(line):
        gap = right.box[0] - left.box[2]
        told = right.blank and following.get(id(right)) is left
        if gap > _BLANK * height or (told and gap > _TOUCHING * height):
            pieces.append(" ")
        pieces.append(left.text)
    return "".join(_turned(pieces))


def unmirrored(text: str) -> str:
    """A paragraph that runs from right to left with its brackets turned, where they were taken as drawn."""
    if not is_rtl(text):
        return text
    brackets = _BRACKET.findall(text)
    if _is_balanced(brackets):
        return text
    if _is_balanced([bracket.translate(_MIRRORED) for bracket in brackets]) or len(brackets) < 2:
        return text.translate(_MIRRORED) if brackets and brackets[0] in ")]}" else text
    opens = dict.fromkeys("([{", False)

    def turn(match: re.Match[str]) -> str:
        left = match[0] if match[0] in opens else match[0].translate(_MIRRORED)
        opens[left] = not opens[left]
        return left if opens[left] else left.translate(_MIRRORED)

    return _BRACKET.sub(turn, text)


def _is_balanced(brackets: list[str]) -> bool:
    waiting: list[str] = []
    for bracket in brackets:
        if bracket in "([{":
            waiting.append(bracket.translate(_MIRRORED))
        elif not waiting or waiting.pop() != bracket:
            return False
    return not waiting


def _with_marks(glyphs: list[Glyph]) -> list[Glyph]:
    """Vowel signs put behind the letter over or under which they stand."""
    letters = [glyph for glyph in glyphs if not _is_mark(glyph.text)]
    for mark in glyphs:
        if _is_mark(mark.text) and letters:
            min(letters, key=lambda letter: abs(letter.middle - mark.middle)).text += mark.text
    return letters


def _is_mark(text: str) -> bool:
    return all(unicodedata.category(c) == "Mn" for c in text)


def _turned(pieces: list[str]) -> list[str]:
    """Pieces from right to left with the stretches in between that are read from the left turned around."""
    found: list[str] = []
    place = 0
    while place < len(pieces):
        end = _stretch(pieces, place)
        turned = pieces[place:end][::-1]
        found.extend(_number_first(turned) if any(piece[0].isalpha() for piece in turned) else turned)
        place = end
    return found


def _stretch(pieces: list[str], start: int) -> int:
    """End of what is read from the left as one, beginning at `start`; a single piece where there is none. Latin words
    and the numbers among them are one, numbers alone part at blanks."""
    if not _leftward(pieces[start]):
        return start + 1
    end, last, number = start, start, start
    while end < len(pieces) and not _rightward(pieces[end]):
        if _leftward(pieces[end]):
            last = end
            if all(each in _SEPARATORS for each in pieces[number + 1 : end]):
                number = end
        end += 1
    is_word = any(piece[0].isalpha() for piece in pieces[start : last + 1])
    return (last if is_word else number) + 1


def _number_first(pieces: list[str]) -> list[str]:
    """A unit and its number, `bar 16.4`, as they are said: a line that runs from the right shows them turned."""
    text = "".join(pieces)
    match = _UNIT_FIRST.fullmatch(text)
    if match is None or unit_of(match[1]) is None:
        return pieces
    return [f"{match[2]} {match[1]}"]


def _leftward(text: str) -> bool:
    return unicodedata.bidirectional(text[0]) in ("L", "EN", "AN")


def _rightward(text: str) -> bool:
    return unicodedata.bidirectional(text[0]) in ("R", "AL")
