"""The words of a text as they are compared, and where some of them stand among others.

Words are folded (`text.normalization`), without case and punctuation; a number has one spelling and keeps its sign, a
code is one word (`NV-110`, `NV110`). Scripts without spaces (Chinese, Japanese, Thai, Khmer …) are taken by
characters with their marks. `language` is that of the texts: it says how numbers are written, and which words are
articles, which are dropped in English alone. `hepatitis A` keeps its A.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import regex

from metier.text import compound_units
from metier.text.morphology import same_word
from metier.text.normalization import CODE, fold, plain_number
from metier.text.phrases import UNSPACED

_WORD = regex.compile(
    rf"[{UNSPACED}]\p{{M}}*"
    r"|(?:(?<![\p{L}\p{M}\p{N}%°)\]])[-–])?\d++(?:[.,]\d++)*+(?![\p{L}\p{M}--[" + UNSPACED + r"]])"
    rf"|[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}]]+[+#]*",
    regex.V1,
)
_DIGIT = regex.compile(r"\d")
_NUMBER = regex.compile(r"[-–]?(\d+(?:[.,]\d+)+)|–(\d+)")
_ARTICLE = regex.compile(r"(?<![\p{L}\p{M}\p{N}'-])(?:(?i:the)|[Aa]n|a)(?=\s+[\p{L}\p{N}])|^\s*A(?=\s+[\p{L}\p{N}])")
_POSSESSIVE = regex.compile(r"(?<=[\p{L}\p{N}])'s(?![\p{L}\p{M}])")
_WITH_UNIT = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}])(\d+(?:[.,]\d+)*)([\p{Latin}\p{Greek}]+)(?![\p{L}\p{N}]|-\d)"
)  # 840Nm
# Where a word of another script is written onto a number: ৩০টি, و5.
_ONTO_NUMBER = regex.compile(r"(?<=\d)(?=[\p{L}--[\p{Latin}\p{Greek}\p{Cyrillic}]])|(?<=\p{Arabic})(?=\d)", regex.V1)


def words(text: str, language: str = "en") -> tuple[str, ...]:
    """Words, numbers and characters in order, as they are compared."""
    return _words(text, language.split("-")[0])


def places(said: Sequence[str], wanted: Sequence[str], language: str = "en") -> list[tuple[int, int]]:
    """(first, behind the last) of the words of `said` that are `wanted`, from left to right without overlaps. Written
    as one word or as several is the same (`NV 110`, `card arrival`), but two numbers are never joined."""
    found, at = [], 0
    while wanted and at < len(said):
        end = _joined_end(said, at, joined(wanted)) or _inflected_end(said, at, wanted, language)
        if end:
            found.append((at, end))
        at = end or at + 1
    return found


def joined(parts: Sequence[str]) -> str:
    """Without gaps but between numbers, where a gap makes a difference."""
    text = ""
    for part in parts:
        text += f" {part}" if text and text[-1].isdigit() and part[0] in "-0123456789" else part
    return text


@lru_cache(maxsize=2048)  # one answer is held against the same text by every metric
def _words(text: str, language: str) -> tuple[str, ...]:
    text = _POSSESSIVE.sub("", fold(text))
    if language == "en":
        text = _ARTICLE.sub(" ", text)
    text = CODE.sub(lambda match: match.group().replace("-", ""), text)
    text = _ONTO_NUMBER.sub(" ", _WITH_UNIT.sub(_apart, text)).casefold()
    return tuple(_spelled(match.group(), language) for match in _WORD.finditer(text))


def _joined_end(said: Sequence[str], start: int, wanted: str) -> int | None:
    for end in range(start + 1, len(said) + 1):
        so_far = joined(said[start:end])
        if so_far == wanted:
            return end
        if not wanted.startswith(so_far):
            return None
    return None


def _inflected_end(said: Sequence[str], start: int, wanted: Sequence[str], language: str) -> int | None:
    end = start + len(wanted)
    if end > len(said):
        return None
    pairs = zip(wanted, said[start:end], strict=True)
    return end if all(one == other or _is_form(one, other, language) for one, other in pairs) else None


def _is_form(wanted: str, said: str, language: str) -> bool:
    """A number and a code have no other form."""
    return not _DIGIT.search(wanted + said) and same_word(wanted, said, language)


def _apart(match: regex.Match[str]) -> str:
    return f"{match[1]} {match[2]}" if compound_units.is_symbol(match[2]) else match.group()


def _spelled(word: str, language: str) -> str:
    if not (match := _NUMBER.fullmatch(word)):
        return word
    digits = match[1] or match[2]
    return ("-" if word[0] in "-–" else "") + (plain_number(digits, language) or digits)
