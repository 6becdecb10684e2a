"""What a question asks of something that a table names, and that the table does not tell.

    Boat: Badger | Capacity: 500 kg | Depot: Brunnskär        "How heavy is the Badger?"        weight: no such column

Said of words alone that are known to ask for an attribute: those of `[synonyms]` and `[measures]` in the language's
file, and "when". Any other word may be another name of a column. What is missing is called by a noun: "when" asks for a
date and "how heavy" for a weight, and in "how high is the deposit" the deposit is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from metier.answering.evidence import is_row
from metier.core.documents import CELL, Passage
from metier.tables.measured_columns import DIMENSIONS
from metier.tables.question import TableQuestion
from metier.tables.question_reading import read
from metier.tables.vocabulary import (
    alike,
    is_attribute,
    is_called,
    is_short_for,
    measure_of,
    names_of,
    said_words,
    synonymous,
)
from metier.text.language import Language
from metier.text.names import apart
from metier.text.phrases import fold
from metier.text.quantities import quantities

_TIMES = frozenset({"date", "clock"})
_MOST = 12  # columns that are told
_UNIT = regex.compile(r"[(\[]([^()\[\]]{1,12})[)\]]\s*$")  # of the name of a column
_KIN = 3  # letters that an adjective and its noun begin with


@dataclass(frozen=True, slots=True)
class MissingAttribute:
    """`asked`: the words for it, `named`: what it is called. `entity`: what names the row; `columns`: what the table
    tells of it."""

    asked: str
    named: str
    entity: str
    columns: tuple[str, ...]

    @property
    def note(self) -> str:
        told = ", ".join(self.columns[:_MOST])
        return f"The table with {self.entity} does not tell “{self.named}”. It tells: {told}."


@dataclass(frozen=True, slots=True)
class _Attribute:
    """`word`: folded, `said`: as the question has it; `measure`: what it measures, "" where that is not known."""

    word: str
    said: str
    measure: str

    def is_degree(self, language: Language) -> bool:
        """Whether it is an adjective of more or less: "lange", though "Länge" is the same without its accent."""
        found = measure_of(self.word, language.code)
        return found is not None and (found[1] != 0 or self.said.lower() not in self._nouns(language))

    def named(self, language: Language) -> str:
        nouns = self._nouns(language)
        kin = [noun for noun in nouns if fold(noun)[:_KIN] == self.word[:_KIN]]
        noun = next(iter((*kin, *nouns)), self.said)
        return noun[:1].upper() + noun[1:] if language.capitalises_nouns else noun

    def _nouns(self, language: Language) -> list[str]:
        lists = language.phrases.get("measures", {}).get(self.measure, ())
        return lists[0].split() if lists else []


def missing_attribute(asked: str, row: Passage, language: str) -> MissingAttribute | None:
    """`row`: the row of a table that would answer. None where it may, or does not name what is asked about."""
    if not is_row(row.text) or "\n" in row.text:
        return None
    cells = [(name.strip(), value.strip()) for name, _, value in (c.partition(": ") for c in row.text.split(CELL))]
    question = read(asked, language)
    entity = _named(question, cells)
    if entity is None:
        return None
    words = [word for name, value in cells for word in said_words(f"{apart(name)} {value}")]
    words += said_words(" ".join((row.title, *row.headings)))
    measured = " | ".join([row.text, *_with_units(cells)])
    dimensions = {q.dimension for q in quantities(measured, row.language or language)}
    heads = [word for name, _ in cells for word in said_words(apart(name))]
    asked_for = _attributes(question, dimensions, entity)
    missing = [each for each in asked_for if not _told(each.word, words, heads, language)]
    columns = tuple(name for name, value in cells if value and value != entity)
    if not missing:
        return None
    named = dict.fromkeys(_names(missing, question, entity))
    return MissingAttribute(" ".join(each.said for each in missing), ", ".join(named), entity, columns)


def _names(missing: list[_Attribute], question: TableQuestion, entity: str) -> list[str]:
    """What is missing; where only "how high" is known of it, the words that say what is to be high."""
    language = question.language
    told = [each.named(language) for each in missing if not each.is_degree(language)]
    if told:
        return told
    known = {*said_words(entity), *(each.word for each in missing)}
    others = [place for place in sorted(question.free - question.weak) if question.tokens[place].said not in known]
    words = [question.words((place, place + 1)) for place in others]
    if language.capitalises_nouns:
        words = [word for word in words if word[0].isupper()]
    return words or [each.named(language) for each in missing]


def _with_units(cells: list[tuple[str, str]]) -> Iterator[str]:
    """Numbers with the unit that stands in the name of their column ("Weight (kg): 5")."""
    for name, value in cells:
        if (unit := _UNIT.search(name)) is not None:
            yield f"{value} {unit[1]}"


def _named(question: TableQuestion, cells: list[tuple[str, str]]) -> str | None:
    """The first cell that the question names in full."""
    said = {token.said for token in question.tokens}
    code = question.language.code
    for _, value in cells:
        words = [word for word in said_words(value) if word not in question.language.function_words]
        if words and any(map(str.isalpha, value)) and all(any(alike(w, s, code) for s in said) for w in words):
            return value
    return None


def _attributes(question: TableQuestion, dimensions: set[str], entity: str) -> Iterator[_Attribute]:
    """What the question asks for, but for what is measured and the row has a measure of, and for the words of the name.
    Who asks when is answered by any time: "leave" is no attribute then."""
    code, tokens, named = question.language.code, question.tokens, set(said_words(entity))
    if question.has("days"):
        if dimensions.isdisjoint(_TIMES):
            said = next(question.words(each.span) for each in question.operations if each.kind == "days")
            yield _Attribute(said, said, "time")
        return
    asked = {place: question.words((place, place + 1)) for place in question.free - question.weak}
    for measured in question.measured:
        if dimensions.isdisjoint(DIMENSIONS.get(measured.measure, ())):
            asked[measured.span[0]] = question.words(measured.span)
    for place, said in sorted(asked.items()):
        word = tokens[place].said
        if is_attribute(word, code) and word not in named:
            measure, _ = measure_of(word, code) or ("", 0)
            yield _Attribute(word, said, measure)


def _told(word: str, words: list[str], heads: list[str], code: str) -> bool:
    """Whether a row has a word, another name of it, or what measures it. `heads`: words of the names of its columns,
    which may be short for either ("Lehrk.", "Amt")."""
    found = measure_of(word, code)
    names = names_of(found[0], code) if found else ()
    if any(is_short_for(head, name, code) for head in heads for name in (word, *names)):
        return True
    return any(
        alike(each, word, code) or synonymous(word, each, code) or any(is_called(each, name, code) for name in names)
        for each in words
    )
