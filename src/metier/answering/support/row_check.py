"""Objections to a claim that says two cells of a table together which stand in two rows.

    Name: Badger | Capacity: 500 kg | Depot: Brunnskär
    Name: Stoat  | Capacity: 250 kg | Depot: Grisselby         "The Badger (500 kg) is at Grisselby."

What a clause holds of a table's cells must stand in one row, or in one other source. A clause with two cells of one
column compares or lists; nothing is said of those. Where a clause holds one cell alone, the question and the lead-in
say which row is meant; they decide less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain

import regex

from metier.answering.support.agreement import agrees
from metier.answering.support.claims import Claim
from metier.answering.support.findings import Finding
from metier.answering.support.polarity import Polarity
from metier.answering.support.sources import MOST_ROWS, Shown, SourceUnit
from metier.core.documents import CELL
from metier.text.language import in_any_language, single_words
from metier.text.phrases import WORD, any_of, compose, fold
from metier.text.quantities import Quantity, quantities

_SHORTEST, _LONGEST = 3, 60  # characters of a cell that names something
_CODE = 4  # digits


@dataclass(frozen=True, slots=True)
class _Value:
    """A cell, or one of several things in it. `columns`: names of columns that hold it; `rows`: indices of sources."""

    text: str
    number: Quantity | None
    columns: frozenset[str]
    rows: frozenset[int]


class RowCheck:
    """Over one set of shown passages and one question."""

    def __init__(self, shown: Shown, polarity: Polarity, question: str, language: str) -> None:
        self._shown = shown
        self._polarity = polarity
        self._question = fold(compose(question))
        self._capitals = [w for w in WORD.findall(question)[1:] if w[:1].isupper()]
        self._language = language

    def judge(self, claim: Claim, finding: Finding) -> None:
        listed = claim.kind != "sentence"  # a sentence need not speak of what the one before it did
        around = [(" ".join(claim.about), True)] if listed else []
        around.append((self._question, False))
        around = [] if self._polarity.denying(claim.text) else around
        for table in self._tables.values():
            joined = ((self._conflict(part), True) for part in self._parts(table, claim))
            beside = ((self._beside(table, claim, text, decides), decides) for text, decides in around)
            for conflict, decides in chain(joined, beside):
                if conflict:
                    finding.add_objection("name_swapped", _reason(*conflict), fatal=decides)
                    break

    def _parts(self, table: Sequence[_Value], claim: Claim) -> Iterator[list[_Value]]:
        """What a claim says of one thing: of a row, its first cell with each of the others; an item as a whole; of a
        sentence what stands between commas and the words that join clauses, brackets with what they stand behind. Not
        what denies something."""
        if claim.kind == "row":
            cells = [cell.partition(": ")[2] or cell for cell in claim.text.split(CELL)]
            thing, *rest = [_said(table, cell, _inside(claim, cell)) for cell in cells]
            if len(thing) == 1:
                yield from ([replace(thing[0], columns=frozenset()), value] for cell in rest for value in cell)
        spans, start = [], 0
        for joint in _joint().finditer(claim.text) if claim.kind == "sentence" else ():
            spans.append((start, joint.start()))
            start = joint.end()
        for first, last in [*spans, (start, len(claim.text))]:
            if not self._polarity.denying(claim.text[first:last]):
                yield _said(table, claim.text[first:last], [q for q in claim.quantities if first <= q.start < last])

    def _beside(self, table: Sequence[_Value], claim: Claim, around: str, decides: bool) -> tuple[str, str] | None:
        """A cell that a claim holds, and one of another row that the lead-in (`decides`) or the question names."""
        said = _said(table, claim.text, claim.quantities)
        if not said or not frozenset.intersection(*(value.rows for value in said)):
            return None
        if not decides and any(value.number is None for value in said) and len(said) > 1:
            return None  # it names its own row
        columns = frozenset().union(*(value.columns for value in said))
        named = [value for value in _said(table, around, ()) if not value.columns & columns]
        if not decides:
            named = [value for value in named if self._is_name(value.text)]
        return None if _share_a_column(named) else self._conflict([*named, *said])

    def _is_name(self, text: str) -> bool:
        """Whether the question writes what a cell holds as a name: a word like "open" may be a verb there."""
        if any(character.isdigit() for character in text) or text.upper() == text.lower():
            return True
        return any(fold(compose(word)) in text for word in self._capitals)

    def _conflict(self, said: Sequence[_Value]) -> tuple[str, str] | None:
        """Two of these that no row joins, nor any other source."""
        if len(said) < 2 or _share_a_column(said) or frozenset.intersection(*(value.rows for value in said)):
            return None
        if any(self._says(source, said) for source in self._shown.sources):
            return None
        apart = ((a, b) for n, a in enumerate(said) for b in said[n + 1 :] if not a.rows & b.rows)
        first, second = next(apart, (said[0], said[-1]))
        return first.text, second.text

    def _says(self, source: SourceUnit, said: Sequence[_Value]) -> bool:
        """Whether a source with what stands around it holds all of these values."""
        last = min(len(self._shown.sources) - 1, source.index + 1)
        near = [source] if source.is_row else self._shown.sources[max(0, source.index - 2) : last + 1]
        texts = [s.text for s in near if s.passage == source.passage and (source.is_row or not s.is_row)]
        text = fold(compose("\n".join([*self._shown.passages[source.passage].headings, *texts])))
        numbers = [q for s in near for q in s.quantities]
        return all(_holds(text, numbers, value) for value in said)

    @cached_property
    def _tables(self) -> dict[int, list[_Value]]:
        """Number of a table to all that its cells hold."""
        named = {table: [row for row in rows if ": " in row.text] for table, rows in self._shown.tables.items()}
        return {table: self._values(rows) for table, rows in named.items() if 2 <= len(rows) <= MOST_ROWS}

    def _values(self, rows: Sequence[SourceUnit]) -> list[_Value]:
        columns: dict[str, set[str]] = defaultdict(set)
        places: dict[str, set[int]] = defaultdict(set)
        for row in rows:
            for cell in row.text.split(CELL):
                name, _, value = cell.partition(": ")
                for part in {value, *_and().split(value)} if value else ():
                    key = fold(compose(part)).strip(" .;,")
                    key = f"{fold(compose(name)).strip()} {key}" if len(key) < _SHORTEST else key  # "group B"
                    if len(key) <= _LONGEST:
                        columns[key].add(name.strip())
                        places[key].add(row.index)
        return [
            _Value(key, _number(key, self._language), frozenset(columns[key]), frozenset(places[key]))
            for key in places
            if key and len(places[key]) < len(rows)  # what stands in every row tells none apart
        ]


@lru_cache(maxsize=8192)
def _number(text: str, language: str) -> Quantity | None:
    """The number that a value is nothing but; a code of digits is a name."""
    found = quantities(text, language) if not (text.isdecimal() and len(text) >= _CODE) else []
    return found[0] if len(found) == 1 and found[0].end - found[0].start >= len(text) - 1 else None


def _said(table: Sequence[_Value], text: str, numbers: Sequence[Quantity]) -> list[_Value]:
    """The values that a text holds, each once: a number with all cells that it may be."""
    folded = fold(compose(text))
    worded = [value for value in table if value.number is None and _stands(value.text, folded)]
    found = [v for v in worded if not any(v is not other and v.text in other.text for other in worded)]
    for said in numbers:
        same = [v for v in table if v.number is not None and _is(said, v.number)]
        if same:
            columns = frozenset().union(*(value.columns for value in same))
            rows = frozenset().union(*(value.rows for value in same))
            found.append(_Value(said.text, said, columns, rows))
    return found


def _is(said: Quantity, given: Quantity) -> bool:
    return (said.unit is not None or bool(said.dates)) and agrees(said, given)


def _holds(text: str, numbers: Sequence[Quantity], value: _Value) -> bool:
    """`text`: folded."""
    if value.number is not None:
        return any(agrees(value.number, given) for given in numbers)
    return _stands(value.text, text)


def _inside(claim: Claim, cell: str) -> list[Quantity]:
    at = claim.text.find(cell)
    return [q for q in claim.quantities if at <= q.start < at + len(cell)]


def _stands(words: str, text: str) -> bool:
    at = text.find(words)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(words) : at + len(words) + 1]
        if not (before.isalnum() or after.isalnum()):
            return True
        at = text.find(words, at + 1)
    return False


def _share_a_column(values: Sequence[_Value]) -> bool:
    return any(a.columns & b.columns for n, a in enumerate(values) for b in values[n + 1 :])


def _reason(first: str, second: str) -> str:
    return f"{second} does not stand in the row of {first}"


@lru_cache(maxsize=1)
def _and() -> regex.Pattern[str]:
    """Between parts of a cell."""
    return regex.compile(rf"\s*[,;/]\s+|\s+(?:{any_of(single_words('words', 'conjunction'))})\s+")


@lru_cache(maxsize=1)
def _joint() -> regex.Pattern[str]:
    """Between two statements of a sentence."""
    words = any_of(in_any_language("sentences", "joint"))
    return regex.compile(rf"[,;](?=\s)|\s[–—-]\s|\b(?:{words})\b")
