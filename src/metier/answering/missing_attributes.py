"""What a question asks of something that a table names, and that the table does not tell.

    Boat: Badger | Capacity: 500 kg | Depot: Brunnskär        "How heavy is the Badger?"        weight: no such column

Said of words alone that are known to ask for an attribute: those of `[synonyms]` and `[measures]` in the language's
file, and "when". Any other word may be another name of a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from metier.answering.evidence import is_row
from metier.core.documents import CELL, Passage
from metier.tables.links import DIMENSIONS
from metier.tables.question import TableQuestion
from metier.tables.question_reading import read
from metier.tables.vocabulary import alike, is_attribute, measure_of, names_of, said_words, synonymous
from metier.text.names import apart
from metier.text.quantities import quantities

_TIMES = frozenset({"date", "clock"})
_MOST = 12  # columns that are told


@dataclass(frozen=True, slots=True)
class MissingAttribute:
    """`asked`: the words for it. `entity`: what names the row; `columns`: what the table tells of it."""

    asked: str
    entity: str
    columns: tuple[str, ...]

    @property
    def note(self) -> str:
        told = ", ".join(self.columns[:_MOST])
        return f"The table with {self.entity} does not tell “{self.asked}”. It tells: {told}."


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
    dimensions = {q.dimension for q in quantities(row.text, row.language or language)}
    missing = [word for word in _attributes(question, dimensions, entity) if not _told(word, words, language)]
    columns = tuple(name for name, value in cells if value and value != entity)
    return MissingAttribute(" ".join(missing), entity, columns) if missing else None


def _named(question: TableQuestion, cells: list[tuple[str, str]]) -> str | None:
    """The first cell that the question names in full."""
    said = {token.said for token in question.tokens}
    code = question.language.code
    for _, value in cells:
        words = [word for word in said_words(value) if word not in question.language.function_words]
        if words and any(map(str.isalpha, value)) and all(any(alike(w, s, code) for s in said) for w in words):
            return value
    return None


def _attributes(question: TableQuestion, dimensions: set[str], entity: str) -> Iterator[str]:
    """Words of the question that ask for an attribute, but for what is measured and the row has a measure of, and for
    the words of the name. Who asks when is answered by any time: "leave" is no attribute then."""
    code, tokens, named = question.language.code, question.tokens, set(said_words(entity))
    if question.has("days"):
        if dimensions.isdisjoint(_TIMES):
            yield next(question.words(each.span) for each in question.operations if each.kind == "days")
        return
    for measured in question.measured:
        said = tokens[measured.span[0]].said
        if dimensions.isdisjoint(DIMENSIONS.get(measured.measure, ())) and said not in named:
            yield question.words(measured.span)
    for place in sorted(question.free - question.weak):
        if is_attribute(tokens[place].said, code) and tokens[place].said not in named:
            yield tokens[place].said


def _told(word: str, words: list[str], code: str) -> bool:
    """Whether a row has a word, another name of it, or what measures it."""
    found = measure_of(word, code)
    names = names_of(found[0], code) if found else ()
    return any(
        alike(each, word, code) or synonymous(word, each, code) or any(alike(each, name, code) for name in names)
        for each in words
    )
