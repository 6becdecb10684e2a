"""Clauses of a claim, the names that a number of it may be said of, and where names stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metier.answering.refusal_messages import declines
from metier.answering.support.agreement import agrees
from metier.answering.support.claims import Claim
from metier.answering.support.coverage import Coverage
from metier.answering.support.names import Name, form_of, keys, names, stands_in
from metier.answering.support.polarity import clause_spans
from metier.answering.support.sources import Cell, Shown, SourceUnit, same_word
from metier.core.documents import CELL
from metier.text.quantities import Quantity, quantities
from metier.text.sentences import without_marker

_ARTICLE = 6  # characters beside a name in a clause that is nothing but a part of a list
_BACK = 3  # sentences back in the same passage in which what "it" stands for may be named
_FEW = 2  # names up to which a number must be of all of them
_TOO_SHORT = 2  # words of a clause that says by itself what it is about
_KEY = 1.0  # weight of a name or a year beside that of words, 0.4 to 1


@dataclass(frozen=True, slots=True)
class Clause:
    """`words`: those that say what it is about, its own or, where it has too few, also those around it. `keys`: of
    names and years in it."""

    start: int
    end: int
    own: tuple[str, ...]
    words: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    names: tuple[Name, ...]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A number of a source; `cell`: what it is said of, in a row."""

    index: int
    quantity: Quantity
    cell: Cell | None


class Subjects:
    """Over one set of shown passages and one question."""

    def __init__(self, shown: Shown, coverage: Coverage, question: str, language: str) -> None:
        self._shown = shown
        self._coverage = coverage
        self._language = language
        self._question = tuple(coverage.words(_undated(question, language), language))
        self._asked_names = names(question, language)
        self._near: dict[int, frozenset[str]] = {}
        self._documents: dict[str, frozenset[str]] = {}

    @cached_property
    def places(self) -> list[Place]:
        """All numbers of the sources."""
        return [
            Place(source.index, quantity, source.cells[n] if source.cells else None)
            for source in self._shown.sources
            for n, quantity in enumerate(source.quantities)
        ]

    def clauses(self, claim: Claim) -> list[Clause]:
        found: list[Clause] = []
        called = {w for name in claim.names for w in self._coverage.words(name.text, claim.language)}
        topic = [w for text in claim.about for w in self._coverage.words(text, claim.language)]
        for start, end in clause_spans(claim.text, claim.language):
            own = tuple(self._coverage.words(_undated(claim.text[start:end], claim.language), claim.language))
            words = own
            for more in (found[0].own if found else (), () if called else topic, self._question):
                if len(set(words) - called) < _TOO_SHORT:
                    words = tuple(dict.fromkeys((*words, *more)))
            inside = tuple(n for n in claim.names if start <= n.start < end)
            numbers = tuple(q for q in claim.quantities if start <= q.start < end)
            years = {str(d[0]) for q in numbers for d in q.dates if d[0] and d[1] is None}
            held = frozenset({name.key for name in inside} | years)
            found.append(Clause(start, end, own, words, numbers, inside, held))
        return found

    def fit(self, clause: Clause) -> np.ndarray:
        """(sources,): share of what a clause is about, words and names, that each source holds, 0..1."""
        words = list(clause.words)
        weights = self._coverage.weights(words)
        total = float(weights.sum()) + _KEY * len(clause.keys)
        if not total:
            return np.zeros(len(self._shown.sources))
        held = weights @ self._coverage.with_before(self._coverage.held(words)) if words else 0.0
        dates = [q for q in clause.quantities if q.dates and q.dates[0][1] is not None]
        keyed = np.zeros(len(self._shown.sources))
        for said in dates:
            total += _KEY
            held_by = {place.index for place in self.places if place.quantity.dates and agrees(said, place.quantity)}
            keyed[list(held_by)] += _KEY
        for key in clause.keys:
            keyed += np.array([_KEY * (key in s.keys or self._is_headed(key, s)) for s in self._shown.sources])
        return (held + keyed) / total

    def fit_place(self, clause: Clause, place: Place, fits: np.ndarray) -> float:
        """The same for one number; in a row what stands in the columns of other numbers does not count."""
        if place.cell is None or not fits[place.index]:
            return float(fits[place.index])
        weights = self._coverage.weights(list(clause.words))
        total = float(weights.sum()) + _KEY * len(clause.keys)
        found = sum(
            weight * max((same_word(word, other) for other in place.cell.words), default=0.0)
            for word, weight in zip(clause.words, weights, strict=True)
            if self._shown.holding(word)[place.index] > 0
        )
        source = self._shown.sources[place.index]
        held = [key for key in clause.keys if key in place.cell.keys or self._is_headed(key, source)]
        return float(found + _KEY * len(held)) / total

    def _is_headed(self, key: str, source: SourceUnit) -> bool:
        """Whether a row stands right under a year or a name: "Prices 2025"."""
        headings = self._shown.passages[source.passage].headings
        return source.is_row and bool(headings) and key in keys(headings[-1])

    def of(self, claim: Claim, clause: Clause, clauses: Sequence[Clause]) -> tuple[list[Name], bool, bool]:
        """The names that a number of `clause` may be said of, whether it must be of all of them, and whether they are
        the claim's own or the question's, so that nothing else can be meant."""
        own = self.present(clause.names)
        if claim.kind == "row":
            thing = claim.text.partition(CELL)[0]
            return own or self.present([n for n in claim.names if n.end <= len(thing)]), False, True
        numbered = [c for c in clauses if c.quantities]
        if own and (len(numbered) < 2 or all(self.present(c.names) for c in numbered)):
            return own, len(own) <= _FEW, True
        # Of documents one clause may name this and the next another: "the FAQ says …, but …".
        before = [n for n in claim.names if n.start < clause.end and n.key not in self._shown.documents]
        if whole := self.present(before):
            return whole, False, True
        for text in claim.about:
            if near := self.present(names(text, claim.language)):
                return near, False, False
        if declines(claim.before):  # what comes near is told of something else than was asked for
            return [], False, False
        return self.present(self._asked_names), False, True

    def is_asked_for(self, index: int) -> bool:
        """Whether a source has a name of the question."""
        return any(n.sure and stands_in(n, self._shown.sources[index].keys) for n in self._asked_names)

    def present(self, given: Sequence[Name]) -> list[Name]:
        """Those that stand somewhere in what was shown: of others nothing can be said."""
        return [n for n in given if (n.sure or n.identifier) and stands_in(n, self._shown.keys)]

    def are_near(self, subjects: Sequence[Name], place: Place | int, all_of: bool) -> bool:
        """Whether names stand where a source, or a number of it, stands."""
        index = place if isinstance(place, int) else place.index
        source = self._shown.sources[index]
        cell = None if isinstance(place, int) else place.cell
        own = cell.keys if cell is not None else source.keys
        if cell is None and not isinstance(place, int):
            own = own - self._of_other_clauses(source, place.quantity)
        around, back = self._around(index), self._back(index)
        until = self._first_clause(source) if isinstance(place, int) else place.quantity.start
        owned = {n.identifier for n in source.names if n.sure and n.start < until}
        shapes = {form_of(n.key) for n in source.names if n.identifier}

        def is_near(name: Name) -> bool:
            if stands_in(name, own):
                return True
            if name.identifier and form_of(name.key) in shapes:  # a sentence on the HP-3 in the manual of the HP-4
                return False
            if stands_in(name, around) or (name.identifier not in owned and stands_in(name, back)):
                return True
            return name.identifier and name.key in self._of_document(source.passage)

        return (all if all_of else any)(map(is_near, subjects))

    def _first_clause(self, source: SourceUnit) -> int:
        """Where it ends: who a sentence is about is named in it, or before."""
        spans = clause_spans(source.text, self._language)
        return spans[0][1] if spans and not source.is_row else len(source.text)

    def _of_document(self, passage: int) -> frozenset[str]:
        """Identifiers of a document that are its only one of their shape: its number, which is meant all over it."""
        document = self._shown.passages[passage].document_id
        if document not in self._documents:
            by_shape: dict[str, set[str]] = {}
            for source in self._shown.sources:
                if self._shown.passages[source.passage].document_id == document:
                    for name in source.names:
                        if name.identifier:
                            by_shape.setdefault(form_of(name.key), set()).add(name.key)
            self._documents[document] = frozenset(
                key for found in by_shape.values() if len(found) == 1 for key in found
            )
        return self._documents[document]

    def _of_other_clauses(self, source: SourceUnit, quantity: Quantity) -> frozenset[str]:
        """Keys of identifiers that a number of a sentence does not belong to: "the HP-3 opens at 228 bar, which is less
        than the HP-4 delivers". Several in a row ("the HP-3, HP-4 and HP-5 open at 228 bar") belong together."""
        named = [n for n in source.names if n.identifier]
        if len({n.key for n in named}) < 2:
            return frozenset()
        text = without_marker(source.text) if source.kind == "item" else source.text
        spans = clause_spans(text, self._language)
        at = next((n for n, (a, b) in enumerate(spans) if a <= quantity.start < b), None)
        if at is None:
            return frozenset()
        first = at
        while first > 0 and _is_list_of_names(text[slice(*spans[first - 1])], named):
            first -= 1
        inside = [n for n in named if spans[first][0] <= n.start < spans[at][1]]
        shapes = {form_of(n.key) for n in inside}
        return frozenset(n.key for n in named if form_of(n.key) in shapes) - {n.key for n in inside}

    def _around(self, index: int) -> frozenset[str]:
        """What headings, the lead-in of a list and the caption of a table name."""
        source = self._shown.sources[index]
        held = [self._shown.reads[source.passage].around_keys]
        if source.parent >= 0:
            held.append(self._shown.sources[source.parent].keys)
        if source.is_row and (caption := self._caption(index)) is not None:
            held.append(caption.keys)
        return frozenset().union(*held)

    def _back(self, index: int) -> frozenset[str]:
        if index not in self._near:
            source = self._shown.sources[index]
            before = self._shown.sources[max(0, index - _BACK) : index] if not source.is_row else []
            held = [s.keys for s in before if s.passage == source.passage and not s.is_row]
            self._near[index] = frozenset().union(*held)
        return self._near[index]

    def _caption(self, index: int) -> SourceUnit | None:
        source = self._shown.sources[index]
        for other in reversed(self._shown.sources[:index]):
            if other.passage != source.passage:
                return None
            if not other.is_row:
                return other
        return None


def _undated(text: str, language: str) -> str:
    """A text without its dates, whose months are no words: sources write them in other ways."""
    for date in reversed([q for q in quantities(text, language) if q.dates]):
        text = f"{text[: date.start]} {text[date.end :]}"
    return text


def _is_list_of_names(text: str, named: Sequence[Name]) -> bool:
    """Whether a clause is hardly more than an identifier."""
    held = sum(len(n.text) for n in named if n.text in text)
    return held > 0 and len(text.strip()) - held <= _ARTICLE
