"""Whether two sources state different values for the same thing.

    "The warranty lasts 12 months."                "The warranty lasts 24 months."            12 months | 24 months
    Boat: Badger | Deposit: 200 EUR                Boat: Badger | Deposit: 250 EUR            200 EUR | 250 EUR
    Boat: Badger | Deposit: 200 EUR                "The deposit of the Badger is 250 EUR."    200 EUR | 250 EUR
    "Dogs are allowed on deck."                    "Dogs are not allowed on deck."

Both must speak of the same thing: nearly all of their words but the values are shared, or what one has more only says
which ("the filter *of the machine*") where the documents do not tell several such things apart; no name, code or time
of one stands against another of the other, and neither do the titles they stand under. What is said in other words is
not found; what is found should be worth a look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import regex

from metier.answering.evidence import is_row
from metier.answering.modifiers import Modifier, modifier
from metier.answering.support.agreement import agrees
from metier.answering.term_weights import SAME_WORD, alike, content_tokens
from metier.answering.version_selection import version_of
from metier.core.documents import CELL, Passage
from metier.text.analyzer import Analyser
from metier.text.language import Language
from metier.text.phrases import WORD, compose, fold
from metier.text.quantities import Quantity, quantities
from metier.text.sentences import is_heading_like, is_question

_SHARED = 0.75  # share of the words of both that each has, from which two sentences speak of the same thing
_ALL_BUT_ONE = 0.9  # the same where nothing but a day or a denial tells them apart
_FEWEST = 2  # words that are shared at least
_SIBLINGS = 0.3  # share of the words of two titles from which their other words tell two things apart
_BESIDE = 3  # other words of a statement of which one may say which thing is meant
_KIN = 5  # letters at the end of two words that tell things of one kind apart
_LONGEST = 60  # words of a sentence
_LONGEST_CELL = 4  # words of a cell that is a name or a state
_COUNTED = 3  # words that are shared at least where a number has no unit: "item 1" is a name
_SPANS = frozenset({"time", "months", "workdays", "nights"})  # dimensions of lengths of time
_LETTER = r"\p{Latin}\p{Greek}\p{Cyrillic}"  # other scripts write names with digits apart
_SIGN, _REST = rf"[{_LETTER}\p{{N}}]", rf"(?:[-/.][{_LETTER}\p{{N}}]+)*"
_CODE = regex.compile(rf"(?={_SIGN}*\p{{N}})(?={_SIGN}*[{_LETTER}]){_SIGN}+{_REST}|\p{{Lu}}+[-/]\p{{N}}+{_REST}")


class Values(NamedTuple):
    """What each of two sources says of the same thing, as it is written there."""

    first: str
    second: str


@dataclass(frozen=True)
class Statement:
    """A sentence or a row of a source. `piece`: the passage cut down to it."""

    piece: Passage
    analyser: Analyser
    language: str

    @cached_property
    def is_row(self) -> bool:
        return is_row(self.piece.text)

    @cached_property
    def cells(self) -> Mapping[str, str]:
        """Name of each column to its value; of a cell without a name nothing."""
        pairs = (cell.partition(": ") for cell in self.piece.text.split(CELL))
        return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}

    @cached_property
    def label(self) -> str:
        """The value of the first column, folded."""
        first = self.piece.text.partition(CELL)[0]
        return fold(compose(first.partition(": ")[2] or first)).strip()

    @cached_property
    def _quantities(self) -> list[Quantity]:
        return quantities(self.piece.text, self.language)

    @cached_property
    def numbers(self) -> list[Quantity]:
        return [q for q in self._quantities if not q.dates]

    @cached_property
    def days(self) -> list[Quantity]:
        return [q for q in self._quantities if q.dates]

    @cached_property
    def bare(self) -> str:
        """Its text without numbers, their units and days."""
        text = self.piece.text
        for quantity in reversed(self._quantities):
            text = f"{text[: quantity.start]} {text[quantity.end :]}"
        return text

    @cached_property
    def words(self) -> frozenset[str]:
        """What it says but for its numbers, their units and days."""
        found = content_tokens(self.bare, self.language, self.analyser)
        return frozenset(word for word in found if not word.isdigit() and word not in self.negations)

    @cached_property
    def negations(self) -> frozenset[str]:
        return Language.of(self.language).negations

    @cached_property
    def denies(self) -> bool:
        """Whether an odd number of its words deny."""
        return sum(word in self.negations for word in WORD.findall(fold(compose(self.piece.text)))) % 2 == 1

    @cached_property
    def codes(self) -> frozenset[str]:
        """Names with digits, in it and over it."""
        return frozenset(fold(code) for code in _CODE.findall(f"{self.piece.text}\n{self._over}"))

    @cached_property
    def context(self) -> frozenset[str]:
        """The words of its title and headings."""
        found = content_tokens(self._over, self.language, self.analyser)
        return frozenset(word for word in found if not any(map(str.isdigit, word)))

    @cached_property
    def times(self) -> list[Quantity]:
        """Years and days that stand over it."""
        return [q for q in quantities("\n".join(self.piece.headings), self.language) if q.dates]

    @cached_property
    def _over(self) -> str:
        return " › ".join((self.piece.title, *self.piece.headings))

    @property
    def subject(self) -> frozenset[str] | str:
        """What it speaks of: the name of a row, the words of a sentence."""
        return self.label if self.is_row else self.words

    def may_be_contradicted(self) -> bool:
        """Whether it states a value at all."""
        if is_question(self.piece.text) or len(WORD.findall(self.piece.text)) > _LONGEST:
            return False
        return bool(self.is_row or self.numbers or self.days or self.denies)


def contradiction(one: Statement, other: Statement, beside: Sequence[Statement] = ()) -> Values | None:
    """The values of two statements of different documents that contradict each other; None where they do not, or speak
    of two things. Of versions of one document the newest holds: they contradict nothing. `beside`: what else is stated,
    which may tell things apart."""
    if one.piece.document_id == other.piece.document_id or _are_versions(one, other) or _apart(one, other):
        return None
    if one.is_row and other.is_row:
        return _of_rows(one, other)
    if one.is_row or other.is_row:
        row, sentence = (one, other) if one.is_row else (other, one)
        found = _of_row_and_sentence(row, sentence)
        return found if found is None or row is one else Values(found.second, found.first)
    return _of_sentences(one, other) or _of_general_and_specific(one, other, beside)


def _are_versions(one: Statement, other: Statement) -> bool:
    (name, day), (same, other_day) = version_of(one.piece), version_of(other.piece)
    return bool(name) and name == same and day is not None and other_day is not None and day != other_day


def _apart(one: Statement, other: Statement) -> bool:
    """Whether what stands over two statements, or a code in them, tells that they speak of two things."""
    if one.codes and other.codes and one.codes.isdisjoint(other.codes):
        return True
    if one.times and other.times and not _any_agrees(one.times, other.times):
        return True
    mine, theirs = one.context - other.context - other.words, other.context - one.context - one.words
    shared = one.context & other.context
    return bool(mine and theirs) and len(shared) >= _SIBLINGS * min(len(one.context), len(other.context))


def _of_sentences(one: Statement, other: Statement) -> Values | None:
    shared = one.words & other.words
    likeness = len(shared) / max(1, len(one.words), len(other.words))
    if likeness < _SHARED or len(shared) < _needed(one, other, likeness):
        return None
    if one.denies != other.denies:
        agree = _all_agree(one.numbers, other.numbers) and _all_agree(one.days, other.days)
        return Values(one.piece.text, other.piece.text) if agree and likeness >= _ALL_BUT_ONE else None
    if one.numbers and other.numbers and not _all_agree(one.numbers, other.numbers):
        if one.days and other.days and not _any_agrees(one.days, other.days):
            return None  # of two times
        return _different(one.numbers, other.numbers)
    if likeness >= _ALL_BUT_ONE and one.days and other.days and _all_agree(one.numbers, other.numbers):
        return _different(one.days, other.days)
    return None


def _of_general_and_specific(one: Statement, other: Statement, beside: Sequence[Statement]) -> Values | None:
    """Of two sentences of which one only says besides which thing it speaks of."""
    general, specific = (one, other) if len(one.bare) < len(other.bare) else (other, one)
    spaced = Language.of(general.language).spaced
    if (spaced and not general.words < specific.words) or len(general.words) < _needed(one, other, 0):
        return None
    if one.denies != other.denies or not _all_agree(one.days, other.days):
        return None
    values = _different(one.numbers, other.numbers)
    if values is None or any(is_heading_like(each.piece.text) for each in (one, other)):
        return None
    which = modifier(specific.bare, general.bare, general.language, general.analyser)
    return None if which is None or _told_apart(general, specific, which, beside) else values


def _told_apart(general: Statement, specific: Statement, which: Modifier, beside: Sequence[Statement]) -> bool:
    """Whether there are several things of the kind of which one is meant: what stands over the general statement names
    another, or another is stated with the same words, or the general and the specific one in one document. What stands
    over the general one may as well say that this is meant."""
    over = [word for word in which.words if word in general.context or alike(word, general.context, SAME_WORD)]
    if len(over) == len(which.words):
        return False
    strange = general.context - specific.words - specific.context
    if over or which.of_attribute or any(_are_kin(word, each) for word in which.words for each in strange):
        return True
    for each in beside:
        more = each.words - general.words
        if not general.words <= each.words or each is general or each is specific:
            continue
        if (not more and each.piece.document_id == specific.piece.document_id) or (
            0 < len(more) <= _BESIDE and more.isdisjoint(which.words)
        ):
            return True
    return False


def _are_kin(one: str, other: str) -> bool:
    """Whether two words end alike as names of things of one kind do: "Filtermaschine", "Spülmaschine"."""
    return one != other and min(len(one), len(other)) > _KIN and one[-_KIN:] == other[-_KIN:]


def _needed(one: Statement, other: Statement, likeness: float) -> int:
    """Words that must be shared. One alone does in whole sentences ("The warranty is 12 months."), and where the titles
    tell of the same thing ("Weight: 5 kg")."""
    if not any(q.unit for q in (*one.numbers, *one.days)) and not one.days:
        return _COUNTED
    is_whole = likeness == 1 and not any(is_heading_like(each.piece.text) for each in (one, other))
    return 1 if is_whole or one.context & other.context else _FEWEST


def _of_rows(one: Statement, other: Statement) -> Values | None:
    """Rows of one name that differ in one column alone, and agree in the others that both have."""
    if not one.label or one.label != other.label:
        return None
    columns = [name for name in list(one.cells)[1:] if name in other.cells and name in list(other.cells)[1:]]
    differing = [name for name in columns if _differ(one.cells[name], other.cells[name], one.language)]
    if len(differing) != 1 or (len(columns) == 1 and one.context.isdisjoint(other.context) and not one.codes):
        return None
    return Values(one.cells[differing[0]], other.cells[differing[0]])


def _differ(one: str, other: str, language: str) -> bool:
    if fold(compose(one)) == fold(compose(other)):
        return False
    mine, theirs = quantities(one, language), quantities(other, language)
    if len(mine) == len(theirs) == 1:
        return not agrees(mine[0], theirs[0]) and not agrees(theirs[0], mine[0])
    words, others = set(WORD.findall(fold(compose(one)))), set(WORD.findall(fold(compose(other))))
    return max(len(words), len(others)) <= _LONGEST_CELL and words.isdisjoint(others)


def _of_row_and_sentence(row: Statement, sentence: Statement) -> Values | None:
    """A cell and a sentence that names row and column, and says another number of the same kind."""
    name = _tokens(row, row.label)
    if sentence.denies or not name or not name <= sentence.words:
        return None  # of what stands over a sentence a row may be one of many
    for column, value in list(row.cells.items())[1:]:
        named, held = _tokens(row, column), quantities(value, row.language)
        if not named - name or not named <= sentence.words or len(held) != 1:
            continue
        said = [q for q in (*sentence.numbers, *sentence.days) if _comparable(q, held[0])]
        if len(said) != 1 or agrees(said[0], held[0]) or agrees(held[0], said[0]):
            continue
        if said[0].unit or _stands_beside(said[0], named - name, name, sentence):
            return Values(value, said[0].text)
    return None


def _stands_beside(number: Quantity, wanted: frozenset[str], name: frozenset[str], sentence: Statement) -> bool:
    """Whether a number without a unit has one of these words before or behind it, with nothing but the name and small
    words between: "The Badger has 4 berths", and not "on deck 4 of the Badger, beside the berths"."""
    if not Language.of(sentence.language).spaced:
        return True
    before, _number, behind = sentence.piece.text.partition(number.text)
    for words in (reversed(before.split()), behind.split()):
        for word in words:
            found = _tokens(sentence, word)
            if found & wanted:
                return True
            if found - name:
                break
    return False


def _tokens(statement: Statement, text: str) -> frozenset[str]:
    found = content_tokens(text, statement.language, statement.analyser)
    units = {q.text for q in quantities(text, statement.language)}
    return frozenset(word for word in found if word not in units)


def _different(mine: Sequence[Quantity], theirs: Sequence[Quantity]) -> Values | None:
    """The one number of each that the other does not have, of the same kind."""
    left = [q for q in mine if not _any_agrees([q], theirs)]
    right = [q for q in theirs if not _any_agrees([q], mine)]
    if len(left) != 1 or len(right) != 1 or not _comparable(left[0], right[0]):
        return None
    return Values(left[0].text, right[0].text)


def _comparable(one: Quantity, other: Quantity) -> bool:
    return one.dimension == other.dimension or {one.dimension, other.dimension} <= _SPANS


def _any_agrees(mine: Sequence[Quantity], theirs: Sequence[Quantity]) -> bool:
    return any(agrees(one, other) or agrees(other, one) for one in mine for other in theirs)


def _all_agree(mine: Sequence[Quantity], theirs: Sequence[Quantity]) -> bool:
    return all(_any_agrees([one], theirs) for one in mine) and all(_any_agrees([one], mine) for one in theirs)


def statements(
    passages: Sequence[Passage], spans: Sequence[Sequence[tuple[int, int]]], analyser: Analyser, language: str
) -> list[Statement]:
    """What passages state. `spans`: of each the sentences and rows; `language`: where a passage tells none. What a
    document says of several things in the same words ("Item 1", "Item 2") tells none of them apart, and is left out."""
    found = []
    for passage, cut in zip(passages, spans, strict=True):
        made = (Statement(passage.within(*span), analyser, passage.language or language) for span in cut)
        found += [each for each in made if each.may_be_contradicted()]
    counts = Counter((each.piece.document_id, each.piece.headings, each.subject) for each in found)
    return [each for each in found if counts[each.piece.document_id, each.piece.headings, each.subject] == 1]
