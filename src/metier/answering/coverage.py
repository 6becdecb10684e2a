"""How much of one question's words stands in a passage or in one of its sentences and rows."""

from __future__ import annotations

from functools import cached_property

import regex

from metier.answering.support.agreement import agrees
from metier.answering.term_weights import SAME_WORD, Sought, alike, content_tokens
from metier.core.documents import CELL, Passage
from metier.core.tables import PATH
from metier.text.analyzer import Analyser
from metier.text.detection import detect_passage
from metier.text.quantities import quantities

_BRACKETS = regex.compile(r"\([^()]*\)")
_LONGEST_FIELD = 80  # characters of a field's name
_TOLD, _UNTOLD = 4, 3  # words of a row's name that count, at most


class QuestionCoverage:
    """Of one question. What was once counted is remembered."""

    def __init__(self, question: str, sought: Sought, analyser: Analyser) -> None:
        self.sought = sought
        self.analyser = analyser
        self.question = question
        self._known: dict[tuple[str, int, int], float] = {}
        self._names: dict[str, tuple[int, int]] = {}

    @property
    def language(self) -> str:
        return self.sought.language

    @cached_property
    def content(self) -> frozenset[str]:
        """Tokens of the words that say something."""
        return frozenset(content_tokens(self.question, self.language, self.analyser))

    def of(self, piece: Passage) -> float:
        """Share of the question's words, by rarity, in a sentence, row or passage and its headings, 0..1."""
        key = (piece.id, piece.start, piece.end)
        if key not in self._known:
            text = piece.indexed_text
            self._known[key] = self.sought.covered(set(self.analyser.tokens(text)), text, piece.language)
        return self._known[key]

    def in_column_of_question(self, row: str, language: str) -> bool:
        """Whether a cell gives a date or measure of the question under a column name that has a word of it: for "the
        week of 22 December" `Week beginning: 2025-12-22`, not `Ends: 2025-12-22`."""
        if not self.sought.quantities or CELL not in row:
            return False
        for cell in row.split(CELL):
            name, _, value = cell.partition(": ")
            if value and self.content & frozenset(self.analyser.tokens(name)):
                given = quantities(value, language or self.language or "en")
                if any(agrees(quantity, other) for quantity, _ in self.sought.quantities for other in given):
                    return True
        return False

    def content_of(self, text: str) -> frozenset[str]:
        """Tokens of the words of a text that say something, read as words of the question's language."""
        return frozenset(content_tokens(text, self.language, self.analyser))

    def names_row(self, row: str) -> int:
        """How many words of a row's name the question has, less those that it has not, -3 to 4: of "Cost of sales" and
        "Total cost of sales" the first is meant where no total is asked for. What is in brackets may be left out."""
        told, count = self._words_told(_BRACKETS.sub(" ", _without_column(row.partition(CELL)[0])))
        return max(-_UNTOLD, min(_TOLD, 2 * told - count)) if told else 0

    def words_of_row(self, row: str) -> tuple[int, int, int]:
        """How many words of a row's name the question has, how many it has not, and how many it has of what stands
        around the name: the groups of the row, the name of the column, what is in brackets."""
        own, around = _row_name(row.partition(CELL)[0])
        told, count = self._words_told(own)
        return told, count - told, self._words_told(around)[0]

    def asks_for_field(self, passage: Passage) -> bool:
        """Whether a line of the passage is what the question names: a field all of whose name it has ("Officer on duty:
        Tomas Reed"), or a cell whose row and column it names, by two words at least."""
        return any(map(self._is_field, passage.text.splitlines()))

    def _is_field(self, line: str) -> bool:
        label, *cells = line.split(CELL)
        if not cells:
            name, _, value = line.partition(": ")
            return bool(value) and len(name) <= _LONGEST_FIELD and self._named(name) > 1
        own = self._named(_BRACKETS.sub(" ", _without_column(label)))
        columns = [self._named(cell.partition(": ")[0]) for cell in cells if ": " in cell]
        return bool(own) and any(columns) and own + max(columns) > 1

    def _named(self, name: str) -> int:
        """How many words a name has, if the question has all of them, else 0."""
        told, count = self._words_told(name)
        return count if told == count else 0

    def _words_told(self, name: str) -> tuple[int, int]:
        """How many words of a name the question has, and how many there are. Every row has the names of its columns."""
        if name not in self._names:
            words = set(content_tokens(name, self.language, self.analyser))
            told = sum(word in self.content or alike(word, self.content, SAME_WORD) for word in words)
            self._names[name] = told, len(words)
        return self._names[name]


def without_years(name: str) -> str:
    """The name of a row without groups that hold no letter: the years that it stands under."""
    *groups, own = name.split(PATH)
    return PATH.join([*(group for group in groups if any(map(str.isalpha, group))), own])


def _without_column(label: str) -> str:
    """What the first cell of a row holds, without the name of its column."""
    return label.partition(": ")[2] or label


def _row_name(label: str) -> tuple[str, str]:
    """The name of a row in its first cell, and what stands around it: the name of that column, groups, brackets."""
    column, colon, name = label.partition(": ")
    if not colon or PATH in column:  # a colon of the name itself
        column, name = "", label
    *groups, own = name.split(PATH)
    bare = _BRACKETS.sub(" ", own)
    return (bare if bare.strip() else own), " ".join([column, *groups, *_BRACKETS.findall(own)])


def is_foreign(passage: Passage, language: str) -> bool:
    """Whether the text of a passage, which may be in another language than its document, is in another than this."""
    own = detect_passage(passage.text, passage.language or language)
    return own.split("-")[0] != language.split("-")[0]
