"""Initials: the large first letter of a text put to the line that it begins."""

from __future__ import annotations

from collections.abc import Sequence

from metier.parsing.pdf.fragments import Fragment

_LARGER = 1.6  # than the text beside it
_LETTERS = 2  # with a quotation mark
_BESIDE = 1.5  # sizes of the text between a letter and its line
_BLANK = 0.3  # as much of that is left free before a word of its own


def with_initials(parts: list[Fragment]) -> list[Fragment]:
    """The fragments of a page, a large letter over several lines as part of the first one."""
    gone: set[int] = set()
    for part in parts:
        if _is_letter(part) and (line := _begun_by(part, parts)) is not None:
            _put(part, line)
            gone.add(id(part))
    return [part for part in parts if id(part) not in gone] if gone else parts


def _is_letter(part: Fragment) -> bool:
    text = part.text.strip()
    return len(text) <= _LETTERS and text[-1:].isupper() and not part.slant and sum(map(str.isalnum, text)) == 1


def _begun_by(letter: Fragment, parts: Sequence[Fragment]) -> Fragment | None:
    """The top line beside a letter that goes on with its word, or with words after it."""
    beside = [
        part
        for part in parts
        if part is not letter
        and not part.slant
        and part.size * _LARGER <= letter.size
        and -0.5 * part.size < part.left - letter.right < _BESIDE * part.size
        and letter.bottom < part.middle < letter.top
    ]
    first = max(beside, key=lambda part: part.middle, default=None)
    return first if first is not None and _goes_on(first.text) else None


def _goes_on(text: str) -> bool:
    """Whether a line cannot begin a sentence or an entry: small letters, or a word in capitals."""
    word = (text.split() or [""])[0]
    return word[:1].islower() or (word.isupper() and word.isalpha())


def _put(letter: Fragment, line: Fragment) -> None:
    blank = " " if letter.spaced and line.left - letter.right > _BLANK * line.size else ""
    if line.pieces:
        line.pieces = [(letter.text + blank, line.pieces[0][1]), *line.pieces]
    line.text, line.glyphs = letter.text + blank + line.text, [*letter.glyphs, *line.glyphs]
    line.left = min(letter.left, line.left)
