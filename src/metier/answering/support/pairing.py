"""Objections to a claim that says together what one sentence or row of a source tells apart.

    samples are kept for seven days and results for five years     "results for seven days"
    technicians $600 a year, doctors $2,200                        "doctors have $600"
    Drug: Propofol | Dog: 4–6 mg/kg | Cat: 6–8 mg/kg               "cats get 4–6 mg/kg"

A source is cut into parts, each with numbers and with words that no other part has (labels). Where a part of the claim
has the number of one part and only labels of another one, which has a number of the same kind, the two were exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from metier.answering.support.agreement import agrees
from metier.answering.support.claims import Claim
from metier.answering.support.findings import Finding
from metier.answering.support.names import Name, stands_in
from metier.answering.support.polarity import clause_spans
from metier.answering.support.row_quantities import CELL_TEXT
from metier.answering.support.sources import Shown, SourceUnit, same_word
from metier.text.quantities import Quantity

_LONGEST = 600  # characters of a source; longer ones are paragraphs that nothing could cut
_FEW = 4  # labels that a part has at most: one with more tells a story, and may be told in another order
_ALIKE = 0.9  # how like two words must be to be one
_NEAREST, _SAYS_IT, _AS_GOOD = 3, 0.4, 0.15  # sources looked at; share of the claim that one holds, and may hold less

_DURATIONS = frozenset({"months", "nights", "workdays"})
_TOPIC = regex.compile(r"(?::|\s[-–—])\s*$")  # "Training: …" is said of all that follows

Words = Callable[[str, str], list[str]]
Value = Quantity | Name


@dataclass(frozen=True, slots=True)
class _Part:
    """`labels`: words of this part that no other part of the text has."""

    words: tuple[str, ...]
    values: tuple[Value, ...]
    labels: tuple[str, ...] = ()


class PairingCheck:
    """Over one set of shown passages."""

    def __init__(self, shown: Shown, words: Words, language: str) -> None:
        self._shown = shown
        self._words = words
        self._language = language
        self._known: dict[int, list[_Part]] = {}

    def judge(self, claim: Claim, finding: Finding) -> None:
        """Looks at the sources that hold most of the claim."""
        said = self._parts(claim.text, _values(claim.quantities, claim.names), claim.language)
        best = float(finding.units.max()) if finding.units.size else 0.0
        for index in map(int, np.argsort(-finding.units, kind="stable")[:_NEAREST]):
            if not said or best < _SAYS_IT or finding.units[index] < best - _AS_GOOD:
                break
            given = self._of(self._shown.sources[index])
            for part in said if given else ():
                for value, word in _exchanged(part, given):
                    if not self._is_told_elsewhere(value, word, index):
                        reason = f"{value.text} does not stand where “{word}” stands"
                        kind = "number_rival" if isinstance(value, Quantity) else "name_swapped"
                        finding.add_objection(kind, reason, fatal=True)
                        return

    def _of(self, source: SourceUnit) -> list[_Part]:
        if source.index not in self._known:
            found = []
            if len(source.text) <= _LONGEST:
                parts = self._cells(source) if source.is_row else self._sentence(source)
                found = _told_apart(parts) if len(parts) > 1 else []
            self._known[source.index] = found
        return self._known[source.index]

    def _sentence(self, source: SourceUnit) -> list[_Part]:
        return self._parts(source.text, _values(source.quantities, source.names), self._language, whole=True)

    def _cells(self, row: SourceUnit) -> list[_Part]:
        """What each column that holds a number with a unit is called."""
        found = []
        for cell in CELL_TEXT.finditer(row.text):
            name, _, _ = cell[0].partition(":")
            inside = tuple(q for q in _undated(row.quantities) if cell.start() <= q.start < cell.end() and q.dimension)
            if inside:
                found.append(_Part(tuple(self._words(name, self._language)), inside))
        return found

    def _parts(self, text: str, values: Sequence[Value], language: str, *, whole: bool = False) -> list[_Part]:
        """`text` in parts; one without a value belongs to the next that has one, at the end (`whole`) to the last."""

        def inside(start: int, end: int) -> bool:
            return any(start <= value.start < end for value in values)

        spans: list[list[int]] = []
        waiting: int | None = None
        for start, end in clause_spans(text, language):
            if waiting is None and spans and text[:start].rstrip().endswith("(") and not inside(start, end):
                spans[-1][1] = end  # what is in brackets belongs to what it stands behind
                continue
            if waiting is not None and not _TOPIC.search(text, 0, start):
                start = waiting
            waiting = start
            if inside(start, end):
                spans.append([start, end])
                waiting = None
        if waiting is not None and whole and spans:
            spans[-1][1] = len(text)
        worded = list(text)
        for value in values:
            worded[value.start : value.end] = " " * (value.end - value.start)
        bare = "".join(worded)
        return [
            _Part(tuple(self._words(bare[start:end], language)), tuple(v for v in values if start <= v.start < end))
            for start, end in spans
        ]

    def _is_told_elsewhere(self, value: Value, label: str, index: int) -> bool:
        """Whether another source has this value and this word."""
        held = self._shown.holding(label)
        others = (s for s in self._shown.sources if held[s.index] > 0 and s.index != index)
        return any(_is(value, other) for s in others for other in _values(s.quantities, s.names))


def _values(numbers: Sequence[Quantity], names: Sequence[Name]) -> list[Value]:
    return [*_undated(numbers), *(n for n in names if n.sure and not n.identifier and not n.text.isupper())]


def _undated(numbers: Sequence[Quantity]) -> list[Quantity]:
    """Dates stand in many sentences, and years beside everything."""
    return [q for q in numbers if not q.dates]


def _told_apart(parts: Sequence[_Part]) -> list[_Part]:
    """The parts with their labels; nothing where fewer than two have any."""
    found = []
    for part in parts:
        others = [word for other in parts if other is not part for word in other.words]
        labels = tuple(word for word in part.words if not any(_is_same(word, other) for other in others))
        found.append(_Part(part.words, part.values, labels if len(labels) <= _FEW else ()))
    return found if sum(bool(part.labels) for part in found) > 1 else []


def _exchanged(said: _Part, given: Sequence[_Part]) -> Iterator[tuple[Value, str]]:
    """Values of a part of the claim, each with a word of it that belongs to another value of that kind."""
    owned = [(value, owner) for value in said.values if (owner := _owner(value, given)) is not None]
    owners = list(dict.fromkeys(owner for _, owner in owned))
    if len(owners) > 1:
        named = list(dict.fromkeys(part for word in said.words for part in _labelled(word, given)))
        if sorted(named) == sorted(owners) and named != owners:  # "dogs and cats, 5 ml and 3 ml"
            yield owned[0][0], next(word for word in said.words if named[0] in _labelled(word, given))
        return
    for value, owner in owned:
        if not given[owner].labels or _shared(said, given[owner]):
            continue
        for part in given:
            rivals = [other for other in part.values if _kinds(other) & _kinds(value)]
            if part is not given[owner] and rivals and (word := _shared(said, part)):
                yield value, word


def _owner(value: Value, given: Sequence[_Part]) -> int | None:
    """The one part that has a value."""
    found = [n for n, part in enumerate(given) if any(_is(value, other) for other in part.values)]
    return found[0] if len(found) == 1 else None


def _is(value: Value, other: Value) -> bool:
    if isinstance(value, Quantity):
        return isinstance(other, Quantity) and agrees(value, other)
    return isinstance(other, Name) and stands_in(value, frozenset({other.key}))


def _labelled(word: str, given: Sequence[_Part]) -> list[int]:
    return [n for n, part in enumerate(given) if any(_is_same(word, label) for label in part.labels)]


def _shared(said: _Part, given: _Part) -> str:
    return next((word for word in said.words if any(_is_same(word, label) for label in given.labels)), "")


def _kinds(value: Value) -> frozenset[str]:
    """Kinds that a value may be of: five what, where no unit is known, may be days."""
    if isinstance(value, Name):
        return frozenset({"name"})
    dimension = "time" if value.dimension in _DURATIONS else value.dimension
    return frozenset({dimension, "time"}) if not dimension else frozenset({dimension})


def _is_same(word: str, other: str) -> bool:
    return same_word(word, other) >= _ALIKE
