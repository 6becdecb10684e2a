"""Which row of a table a number of the question lies within: the fee for 80 km stands in the row "51 to 100 km"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from metier.answering.coverage import QuestionCoverage
from metier.answering.row_cells import rows_of_table
from metier.core.documents import CELL, Passage
from metier.tables.question import Bound, TableQuestion
from metier.tables.question_reading import read
from metier.text.language import words_of
from metier.text.quantities import Quantity
from metier.text.units import UnitOfMeasure

_DASHES = frozenset("-–—")


@dataclass(frozen=True, slots=True)
class _Range:
    """Numbers of one dimension, in its base unit; the ends belong to it where they are `closed`."""

    dimension: str
    low: float
    high: float
    closed: tuple[bool, bool] = (True, True)

    def holds(self, number: float) -> bool:
        above = number >= self.low if self.closed[0] else number > self.low
        return above and (number <= self.high if self.closed[1] else number < self.high)


def row_in_range(
    chosen: Passage, around: Sequence[Passage], coverage: QuestionCoverage, asked: str, language: str
) -> Passage:
    """`chosen`, a row of a table, or the one of its table whose range holds the amount that is asked of, where that of
    `chosen` does not. `around`: passages of its document in reading order."""
    amounts = [each for each in _amounts(asked, language) if each.low == each.high]
    if not amounts:
        return chosen
    own = _ranges(chosen.text, chosen.language or language)
    wanted = [each for each in amounts if any(each.dimension == other.dimension for other in own)]
    if len(wanted) != 1 or any(_is_in(wanted[0], other) for other in own):
        return chosen
    rows = (row for row in rows_of_table(chosen, around) if row.headings == chosen.headings)
    found = [row for row in rows if any(_is_in(wanted[0], r) for r in _ranges(row.text, row.language or language))]
    return max(found, key=coverage.of, default=chosen)


def _is_in(amount: _Range, other: _Range) -> bool:
    return amount.dimension == other.dimension and other.holds(amount.low)


def _ranges(row: str, language: str) -> list[_Range]:
    """Those of its cells."""
    cells = (cell.partition(": ")[2] or cell for cell in row.split(CELL))
    return [found for cell in cells for found in _amounts(cell, language) if found.low != found.high]


def _amounts(text: str, language: str) -> Iterator[_Range]:
    """The numbers with a unit in a text, and its ranges."""
    question = read(text, language)
    bounds = [bound for bound in question.bounds if bound.quantity.values]
    is_end = False
    for bound, following in pairwise([*bounds, None]):
        if is_end or bound is None:
            is_end = False
        elif following is not None and _joined(bound, following, question):
            is_end = True
            yield from _range(bound.quantity, following.quantity)
        else:
            yield from _of(bound)


def _joined(first: Bound, second: Bound, question: TableQuestion) -> bool:
    """ "5 to 10 kg", "21–50 km" """
    if (
        first.operator != "="
        or second.operator not in ("=", "<=")
        or first.quantity.values[0] > second.quantity.values[0]
    ):
        return False
    middle, language = question.text[first.quantity.end : second.quantity.start], question.language
    to = language.word_set("numbers", "to") | language.word_set("query", "to")
    return middle.strip() in _DASHES or (bool(words := words_of(middle)) and to.issuperset(words))


def _of(bound: Bound) -> Iterator[_Range]:
    unit = bound.quantity.unit
    if bound.operator == "between" and bound.other is not None:
        yield from _range(bound.quantity, bound.other)
    elif unit is not None:
        number = _in_base(bound.quantity, unit)
        low = -inf if bound.operator in ("<", "<=") else number
        high = inf if bound.operator in (">", ">=") else number
        yield _Range(unit.dimension, low, high, (bound.operator != ">", bound.operator != "<"))


def _range(first: Quantity, last: Quantity) -> Iterator[_Range]:
    if (unit := last.unit or first.unit) is not None:
        yield _Range(unit.dimension, _in_base(first, first.unit or unit), _in_base(last, last.unit or unit))


def _in_base(quantity: Quantity, unit: UnitOfMeasure) -> float:
    return unit.in_base(quantity.values[0])
