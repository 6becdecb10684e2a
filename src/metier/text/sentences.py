"""Sentences, list items, table rows and blocks of code of any script, with their exact places.

One splitter serves documents and answers alike:

    a numbered step is one sentence           "1. Close valve V1." is one, "1." is none
    lines that only a margin broke are joined  a paragraph of 72 columns is read as a paragraph
    a table row is one unit                   "Turbine: WT-07 | Rated power: 4.2 MW", "| WT-07 | 4.2 MW |"
    a fenced block of code is one unit
    an abbreviation ends nothing              "No. 5", "approx. 5 mm", "z. B.", "am 3. März"

Where a sentence ends depends on the text before it and on the word that follows alone, so that text appended to what
was split changes the last unit only: an answer can be split while it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import regex
import sentencex

from metier.text.language import all_languages, words_in_any_language
from metier.text.phrases import compose, fold

Kind = Literal["sentence", "item", "row", "rule", "heading", "code"]


@dataclass(frozen=True, slots=True)
class Unit:
    """`text[start:end]` without surrounding white space. `kind`: of an item with several sentences each is an "item";
    "rule" is the line between the head of a Markdown table and its rows."""

    start: int
    end: int
    kind: Kind


_WRAPPED = 50  # columns from which a line that ends in the middle of a sentence was broken by a margin
_RAGGED = 0.7  # of the longest line before it: what a broken line is at least long
_LEADIN = 200  # characters of the longest sentence that introduces what follows
_HEADING_WORDS = 10
_LONGEST_SHORT = 6  # characters of an abbreviation that no list has
_SHORT = 3  # letters of a short name of a month, at most
_TERMINAL = r"[.!?…。！？｡।॥؟۔։።፧᠃៕။]"
_CLOSING = r"[\"'”’»›)\]}*_`」』）】〉》]"
_END = regex.compile(rf"{_TERMINAL}+{_CLOSING}*")
_ENDS = regex.compile(rf"(?:{_TERMINAL}|[:：;]){_CLOSING}*$")
_ASKS = regex.compile(r"[?？؟]\W*$")
_SPACED = ".!?…؟"  # marks that end a sentence only before a space; the others stand without one
_MARKER = regex.compile(
    r"[ \t]*(?:>[ \t]*)*(?:[-*+•◦▪‣·–—][ \t]+|\(?(?:(?:\p{Nd}{1,3}|[\p{Ll}\p{Lo}]|[ivxIVX]{1,5})[.)]|\p{Lu}\))[ \t]+"
    r"|\p{Nd}{1,3}[、．][ \t]*|\[[ xX]\][ \t]+)+"
)
_HEADING = regex.compile(r"[ \t]*#{1,6}[ \t]+\S")
_RULE = regex.compile(r"[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$")
_LINE = regex.compile(r"[ \t]*(?:[-*_=][ \t]*){3,}$")
_FENCE = regex.compile(r"[ \t]*(`{3,}|~{3,})")
_ROW = regex.compile(r"[ \t]*\||.*\S[ \t]\|[ \t]\S")
_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}.·'’-]+\.$")
_NEXT = regex.compile(r"[\"'“‘«(\[*_`¿¡]*([\p{L}\p{M}\p{N}]+)")
_CODE = regex.compile(r"\p{Lu}+(?:[-/.]?\p{N}|[-/.]?$)")  # "V-0023", or as much of it as is written
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_MARKS = regex.compile(r"[*_`#>]+")
_OPENS = regex.compile(rf"(?:^|{_TERMINAL}|[:\n])[\s*_\"'“‘«(]*$")
# Symbols of units, which end a sentence behind a number.
_UNITS = frozenset((
    "m", "mm", "cm", "km", "kg", "g", "mg", "t", "l", "ml", "s", "h", "a", "v", "w", "kw", "mw", "gw", "n", "nm", "kn",
    "knm", "bar", "pa", "hz", "in", "ft", "lb", "psi", "c", "f", "k", "min", "sec", "hr", "hrs", "yr", "d",
))  # fmt: skip
_MEASURED = regex.compile(r"\p{Nd}[ \u00a0\u202f]?$")


def sentence_spans(text: str, language: str = "en") -> list[tuple[int, int]]:
    """(start, end) of each unit of `text` that says something, in order, without surrounding white space."""
    return [(unit.start, unit.end) for unit in units(text, language) if unit.kind != "rule"]


def units(text: str, language: str = "en") -> list[Unit]:
    """The units of `text` in order. They do not overlap, and hold all of it but white space and lines drawn across."""
    found: list[Unit] = []
    for start, end, kind in _blocks(text, language):
        if kind in ("sentence", "item"):
            found.extend(Unit(a, b, kind) for a, b in _sentences(text, start, end, language))
        else:
            found.append(Unit(start, end, kind))
    return found


def is_leadin(text: str) -> bool:
    """Whether `text` only introduces what follows: it is short and ends in a colon."""
    bare = _MARKS.sub("", text).strip()
    return bare.endswith((":", "：")) and len(bare) <= _LEADIN


def is_question(text: str) -> bool:
    """Whether `text` ends as a question does."""
    return bool(_ASKS.search(text))


def is_heading_like(text: str) -> bool:
    """Whether a line looks like a heading or a title: marked as one, bold as a whole, or a few words without a stop."""
    line = text.strip()
    if not line or "\n" in line or _ROW.match(line):
        return False
    if _HEADING.match(line) or (line.startswith("**") and line.endswith("**") and line.count("**") == 2):
        return True
    return not _MARKER.match(line) and not _ENDS.search(line) and len(line.split()) <= _HEADING_WORDS


def without_marker(text: str) -> str:
    """A list item without what numbers or marks it."""
    found = _MARKER.match(text)
    return text[found.end() :] if found else text


def _blocks(text: str, language: str) -> Iterator[tuple[int, int, Kind]]:
    """Lines that belong together: (start, end, kind), trimmed."""
    start, end, widest, fence = 0, 0, 0, ""
    kind: Kind | Literal[""] = ""
    for at, line in _lines(text):
        stop = at + len(line.rstrip())
        if fence:
            end = max(end, stop)
            if (closing := _FENCE.match(line)) and closing[1].startswith(fence) and not line.strip().strip(fence[0]):
                yield start, end, "code"
                fence = kind = ""
            continue
        opens = _FENCE.match(line)
        if opens or not line.strip() or not _follows(text[start:end], kind, line, widest, language):
            if kind:
                yield start, end, kind
            kind, widest = "", 0
        if opens:
            fence, kind, start, end = opens[1], "code", at + len(line) - len(line.lstrip()), stop
        elif line.strip() and not (_LINE.match(line) and "|" not in line):
            if not kind:
                start, kind = at + len(line) - len(line.lstrip()), _kind(line)
            end, widest = stop, max(widest, _columns(line))
    if kind:
        yield start, end, "code" if fence else kind


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield at, line
        at += len(line)


def _kind(line: str) -> Kind:
    if _RULE.match(line) and "|" in line:
        return "rule"
    if _ROW.match(line):
        return "row"
    if _HEADING.match(line):
        return "heading"
    return "item" if _MARKER.match(line) else "sentence"


def _follows(block: str, kind: str, line: str, widest: int, language: str) -> bool:
    """Whether `line` goes on with the sentence in which the block before it ends."""
    if kind not in ("sentence", "item") or _kind(line) != "sentence" or _LINE.match(line):
        return False
    last = block.rpartition("\n")[2].rstrip()
    if _ENDS.search(last):
        return last.endswith(".") and not _ends_at(last + " " + line.lstrip(), len(last), language)
    first = line.lstrip()[0]
    if first.islower() or first in ",;)":
        return True
    if kind == "item" and line[0] in " \t":
        return True
    columns = _columns(last)
    return columns >= _WRAPPED and columns >= _RAGGED * widest


def _columns(line: str) -> int:
    return len(line.strip()) + len(_WIDE.findall(line))


def _sentences(text: str, start: int, end: int, language: str) -> Iterator[tuple[int, int]]:
    begin = start
    marker = _MARKER.match(text, start, end)
    for mark in _END.finditer(text, marker.end() if marker else start, end):
        if mark.end() < end and _ends_at(text, mark.end(), language, mark[0]):
            if trimmed := _trim(text, begin, mark.end()):
                yield trimmed
            begin = mark.end()
    if trimmed := _trim(text, begin, end):
        yield trimmed


def _ends_at(text: str, at: int, language: str, mark: str = ".") -> bool:
    """Whether a sentence ends at `at`, just behind its mark and what closes with it."""
    stop = mark[0]
    if stop not in _SPACED:
        return True
    if at < len(text) and not text[at].isspace():
        return bool(_WIDE.match(text, at)) and stop in "!?…"
    rest = text[at:].lstrip()
    following = _NEXT.match(rest)
    word = following[1] if following else ""
    if word and word[0].islower():
        return False
    if mark.rstrip("\"'”’»)]*_`") != ".":
        return True
    before = _TOKEN.search(text, max(0, at - len(mark) - 40), at - len(mark) + 1)
    token = before[0][:-1] if before else ""
    if token.isdigit():
        return not (len(token) <= 2 and word and _is_month(fold(compose(word)), len(word) == len(rest)))
    measured = before is not None and bool(_MEASURED.search(text, max(0, before.start() - 3), before.start()))
    opens = before is None or bool(_OPENS.search(text, max(0, before.start() - 4), before.start()))
    numbered = bool(_CODE.match(word + rest[following.end() :])) if following and not opens else False
    return not _abbreviated(token, word, measured, language, numbered=numbered)


def _is_month(word: str, cut: bool) -> bool:
    """`cut`: the text ends in the word, which may go on."""
    return any(word == month or (cut and month.startswith(word)) for month in _months())


def _abbreviated(token: str, following: str, measured: bool, language: str, *, numbered: bool) -> bool:
    """Whether `token`, before a stop, is short for something. `measured`: a number stands before it; `numbered`: a
    code stands behind it, and words before it ("inventory no. V-0023")."""
    plain = fold(compose(token)).lstrip(".")
    if not plain:
        return False
    if plain in words_in_any_language("sentences", "before_number") and (following[:1].isdigit() or numbered):
        return True
    if (measured and plain in _UNITS) or plain in words_in_any_language("sentences", "may_end"):
        return False
    if plain in words_in_any_language("sentences", "abbreviation"):
        return True
    if len(plain) == 1 and token.isupper():
        return True  # an initial
    return len(plain) <= _LONGEST_SHORT and _known_abbreviation(token, language.split("-")[0])


@lru_cache(maxsize=1)
def _months() -> frozenset[str]:
    """Folded; no short forms, which are words as well ("mar")."""
    spaced = (language for language in all_languages() if language.spaced)
    names = (month for language in spaced for month in language.months)
    return frozenset(fold(compose(name)) for month in names for name in month if name == month[0] or len(name) > _SHORT)


@lru_cache(maxsize=4096)
def _known_abbreviation(token: str, language: str) -> bool:
    """What the rules of the language say of a short word before a stop."""
    return len(list(sentencex.get_sentence_boundaries(language, f"Xx {token}. Xx xx."))) < 2


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
