"""The shown passages as evidence: cut into sentences, items and table rows, each with its words, numbers and names.

Read once for an answer; what a passage holds is remembered, because the same passages are shown again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import PurePath

import numpy as np
import regex
from rapidfuzz import fuzz

from metier.answering.support.names import Name, key_of, keys, names
from metier.answering.support.row_quantities import CELL_TEXT, COLUMN, row_quantities
from metier.core.documents import Passage
from metier.text.analyzer import Analyser
from metier.text.language import Language, all_languages, in_any_language
from metier.text.phrases import SPACED_LETTER, SPACED_SIGN, compose, fold
from metier.text.quantities import Quantity, is_code, is_identifier, quantities
from metier.text.sentences import Unit, is_leadin, units, without_marker
from metier.text.units import unit_of

_NUMERIC = regex.compile(
    r"[~≈<>≤≥±+(-]*\s*(?:[\p{Sc}]|[A-Z]{3})?\s*[\p{Nd}.,'’ \u00a0–/-]*\p{Nd}\)?\s*[\p{L}\p{M}%°²³/]{0,12}"
)
# A token with a digit, and the word behind it, which may be its unit.
_UNWORDLY = regex.compile(
    rf"(?V1)({SPACED_LETTER}*\p{{N}}{SPACED_SIGN}*(?:[\-‐‑–/._+,]{SPACED_SIGN}+)*"
    rf"|{SPACED_LETTER}+(?:[\-/._]{SPACED_LETTER}+)*[\-/._]\p{{N}}{SPACED_SIGN}*(?:[\-/._]{SPACED_SIGN}+)*)"
    rf"([ \u00a0]?[\p{{L}}°%µ]+[²³]?(?![\p{{L}}\p{{M}}]))?"
)
_LAST_LATIN = "ʰ"
_LONG_WORD, _FORM, _COMPOUND = 5, 82, 5  # characters of words that are compared; similarity 0..100 of two forms
_LONGER = 3
_PART = 0.7  # how much of a word one that holds it, or is held by it, counts for
_INFLECTED = 0.95
MOST_ROWS = 400  # of a table that is looked through; larger ones take too long


@dataclass(frozen=True, slots=True)
class Cell:
    """What a number in a row is said of: its column's name, the cells that are no numbers, and what the row is named
    by; a number that names it is said of the whole row."""

    words: frozenset[str]
    keys: frozenset[str]


@dataclass(frozen=True)
class SourceUnit:
    """A sentence, list item or table row of a passage. `start`, `end`: characters of the passage's text.

    `words`: tokens that are no function words and hold no digit. `label`: of a row, the words of its first cell.
    `table`: number of the table that a row is of, -1 for others. `parent`: index of the lead-in of a list item, else
    -1. `cells`: of a row, for each of its quantities."""

    index: int
    passage: int
    start: int
    end: int
    kind: str
    text: str
    words: frozenset[str]
    quantities: tuple[Quantity, ...]
    keys: frozenset[str]
    names: tuple[Name, ...]
    label: frozenset[str] = frozenset()
    table: int = -1
    parent: int = -1
    cells: tuple[Cell, ...] = ()

    @property
    def is_row(self) -> bool:
        return self.table >= 0


@dataclass(frozen=True)
class Read:
    """One passage, read: its sources (indices from 0), and the words and keys of headings, title and file name."""

    sources: tuple[SourceUnit, ...]
    around: frozenset[str]
    around_keys: frozenset[str]
    around_quantities: tuple[Quantity, ...]


class PassageReader:
    """Reads passages for one language of the expert."""

    def __init__(self, analyser: Analyser, most: int = 2048) -> None:
        self._analyser = analyser
        self._most = most
        self._known: dict[tuple[str, str], Read] = {}
        self._function: dict[str, frozenset[str]] = {}
        self._split: dict[tuple[str, str], list[str]] = {}

    def words(self, text: str, language: str) -> list[str]:
        """Tokens that say something, each once: no function words, numbers, units of numbers, names with digits."""
        key = (text, language)
        if key not in self._split:
            if len(self._split) >= self._most:
                self._split.clear()
            function = self._function_tokens(language)
            seen = dict.fromkeys(self._analyser.tokens(_UNWORDLY.sub(_without, text)))
            self._split[key] = [t for t in seen if t not in function and not _is_sign(t)]
        return self._split[key]

    def _function_tokens(self, language: str) -> frozenset[str]:
        if language not in self._function:
            known = Language.of(language)
            words = known.function_words - known.negations
            negations = known.negations - known.word_set("words", "lacking")
            tokens = {token for word in words | negations for token in self._analyser.tokens(word)}
            # A language without spaces is read in pairs of characters; single function words hide nothing there.
            self._function[language] = frozenset(tokens) if known.spaced else frozenset()
        return self._function[language]

    def read(self, passage: Passage, expected: str) -> Read:
        key = (passage.id, passage.text)
        if key not in self._known:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[key] = self._read(passage, passage.language or expected)
        return self._known[key]

    def _read(self, passage: Passage, language: str) -> Read:
        places = [*passage.headings, passage.title, _stem(passage.uri), *passage.metadata.values()]
        around = " · ".join(dict.fromkeys(place for place in places if place))
        numbers = tuple(quantities(f"{around} · {PurePath(passage.uri).stem}", language))
        found: list[SourceUnit] = []
        table, parent = -1, -1
        cut = units(passage.text, language)
        for unit in cut:
            if unit.kind == "rule":
                continue
            if unit.kind == "row":
                before = found[-1] if found else None
                table = (
                    before.table if before and before.is_row and _adjacent(passage.text, before, unit) else table + 1
                )
            of = table if unit.kind == "row" else -1
            source = self._source(len(found), passage, unit, language, of, parent, numbers)
            found.append(source)
            if unit.kind != "item":
                parent = source.index if is_leadin(source.text) else -1
        parts = PurePath(passage.uri).parts
        file = frozenset(key_of("/".join(parts[first:])) for first in range(len(parts)))
        page = (Quantity(0, 0, str(passage.page), (float(passage.page),)),) if passage.page is not None else ()
        return Read(tuple(found), frozenset(self.words(around, language)), keys(around) | file, numbers + page)

    def _cells(self, row: str, numbers: Sequence[Quantity], language: str) -> tuple[Cell, ...]:
        parts = list(CELL_TEXT.finditer(row))
        numeric = [n > 0 and _numeric(part[0]) for n, part in enumerate(parts)]  # the first cell names the row
        shared = " | ".join(part[0] for part, is_number in zip(parts, numeric, strict=True) if not is_number)
        found = []
        for number in numbers:
            own = next((n for n, part in enumerate(parts) if part.start() <= number.start < part.end()), None)
            text = f"{shared} | {parts[own][0]}" if own is not None and numeric[own] else row
            found.append(Cell(frozenset(self.words(text, language)), keys(text)))
        return tuple(found)

    def _source(
        self, index: int, passage: Passage, unit: Unit, language: str, table: int, parent: int,
        around: Sequence[Quantity],
    ) -> SourceUnit:  # fmt: skip
        text = passage.text[unit.start : unit.end]
        bare = without_marker(text) if unit.kind == "item" else text
        numbers = row_quantities(text, language, around) if table >= 0 else tuple(quantities(bare, language))
        label = frozenset(self.words(_first_cell(text), language)) if table >= 0 else frozenset()
        return SourceUnit(
            index, 0, unit.start, unit.end, unit.kind, text, frozenset(self.words(bare, language)), numbers,
            keys(bare), tuple(names(bare, language)), label, table, parent if unit.kind == "item" else -1,
            self._cells(text, numbers, language) if table >= 0 else (),
        )  # fmt: skip


def _without(match: regex.Match[str]) -> str:
    """What is left of a token with digits for the comparison of words: nothing of a name or a number with its unit."""
    token, unit = match[1], match[2]
    if is_identifier(token) or is_code(token):
        return " " + (unit or "")
    return match[0] if unit and unit_of(unit.strip()) is None else " "


def _is_sign(token: str) -> bool:
    """A number, or a single letter."""
    return any(c.isdigit() for c in token) or (len(token) == 1 and token < _LAST_LATIN)


def _numeric(cell: str) -> bool:
    """Whether the value of a cell is a number, perhaps with its unit."""
    value = COLUMN.sub("", cell).strip()
    return bool(_NUMERIC.fullmatch(value))


def _adjacent(text: str, before: SourceUnit, unit: Unit) -> bool:
    return "\n\n" not in text[before.end : unit.start]


def _stem(uri: str) -> str:
    return regex.sub(r"[-_]+", " ", PurePath(uri.partition("#")[0]).stem)


def _first_cell(row: str) -> str:
    first = next((cell[0] for cell in CELL_TEXT.finditer(row) if cell[0].strip()), "")
    return COLUMN.sub("", first)


@dataclass
class Shown:
    """All passages that were shown, as one list of sources (indices run through), and where each word stands."""

    passages: Sequence[Passage]
    reads: Sequence[Read]
    sources: list[SourceUnit] = field(default_factory=list)

    @classmethod
    def of(cls, passages: Sequence[Passage], reader: PassageReader, language: str) -> Shown:
        reads = [reader.read(passage, language) for passage in passages]
        shown = cls(passages, reads)
        tables = 0
        for number, read in enumerate(reads):
            first, most = len(shown.sources), -1
            for source in read.sources:
                most = max(most, source.table)
                table = source.table + tables if source.is_row else -1
                parent = source.parent + first if source.parent >= 0 else -1
                index = source.index + first
                shown.sources.append(replace(source, index=index, passage=number, table=table, parent=parent))
            tables += most + 1
        return shown

    def part(self, index: int) -> Passage:
        """The source `index`, cut out of its passage."""
        source = self.sources[index]
        return self.passages[source.passage].within(source.start, source.end)

    @cached_property
    def passage_of(self) -> np.ndarray:
        return np.array([source.passage for source in self.sources], dtype=np.intp)

    @cached_property
    def tables(self) -> dict[int, list[SourceUnit]]:
        """Number of a table to its rows."""
        found: dict[int, list[SourceUnit]] = {}
        for source in self.sources:
            if source.is_row:
                found.setdefault(source.table, []).append(source)
        return found

    @cached_property
    def keys(self) -> frozenset[str]:
        """All that names are compared with, headings and file names included."""
        return frozenset().union(*(s.keys for s in self.sources), *(r.around_keys for r in self.reads))

    @cached_property
    def documents(self) -> frozenset[str]:
        """Keys of what the documents are called by."""
        return frozenset(key_of(name) for p in self.passages for name in (PurePath(p.uri).stem, p.title) if name)

    @cached_property
    def folded(self) -> str:
        return fold(compose("\n".join(source.text for source in self.sources)))

    @cached_property
    def _vocabulary(self) -> dict[str, list[int]]:
        """Word to the sources that hold it."""
        found: dict[str, list[int]] = {}
        for source in self.sources:
            for word in source.words:
                found.setdefault(word, []).append(source.index)
        return found

    @cached_property
    def _by_letter(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word in self._vocabulary:
            found.setdefault(word[0], []).append(word)
        return found

    @cached_property
    def _long_words(self) -> list[str]:
        return [word for word in self._vocabulary if len(word) >= _COMPOUND]

    @cached_property
    def _remembered(self) -> dict[str, np.ndarray]:
        return {}

    def holding(self, word: str) -> np.ndarray:
        """(sources,): how well each holds `word`, 1 as it is, less as another form or as part of a compound."""
        if word not in self._remembered:
            row = np.zeros(len(self.sources), dtype=np.float32)
            for other, quality in self._forms(word):
                places = self._vocabulary[other]
                row[places] = np.maximum(row[places], quality)
            self._remembered[word] = row
        return self._remembered[word]

    def _forms(self, word: str) -> list[tuple[str, float]]:
        found = [(word, 1.0)] if word in self._vocabulary else []
        if len(word) < _LONG_WORD:
            return found
        for other in self._by_letter.get(word[0], ()):
            if other != word and _is_form(word, other):
                found.append((other, _INFLECTED))
        for other in self._long_words:
            if other != word and (word in other or other in word) and _holds(word, other):
                found.append((other, _PART))
        return found


def same_word(word: str, other: str) -> float:
    """1 for the same word, less for another form or a compound, 0 for another word."""
    if word == other:
        return 1.0
    if min(len(word), len(other)) < _LONG_WORD:
        return 0.0
    if word[0] == other[0] and _is_form(word, other):
        return _INFLECTED
    return _PART if _holds(word, other) else 0.0


def _is_form(word: str, other: str) -> bool:
    """Whether two words that begin with the same letter are forms of one word."""
    return abs(len(word) - len(other)) <= _LONGER and fuzz.ratio(word, other) >= _FORM


def _holds(word: str, other: str) -> bool:
    """Whether one is a part of the other at its start or end ("Schraube", "Blattwurzelschraube"); what turns a word
    into its opposite makes no compound."""
    long, short = (word, other) if len(word) > len(other) else (other, word)
    if long.startswith(short):
        return True
    return long.endswith(short) and long.removesuffix(short) not in _turning()


@lru_cache(maxsize=1)
def _turning() -> frozenset[str]:
    """What in front of a word makes another of it, in any language."""
    others = (language.forms.get("turning", "").split() for language in all_languages())
    return frozenset(in_any_language("words", "reversing")).union(*others)
