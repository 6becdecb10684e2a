"""What a question about tables says whatever the table: what is counted or summed, bounds, extremes, numbers, days.

How many rooms cost more than 120 euro?      count · rooms · [price: more] · more than 120 euro
Which two suppliers have the highest rating?  most, 2 · suppliers · rating
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from metier.text.language import Language
from metier.text.phrase_cover import Span
from metier.text.quantities import Quantity

_COMPUTED = frozenset(("count", "total", "average", "each", "each_behind", "difference"))
_LONGEST_WORD = 4  # characters of a word in a script without spaces


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the question, or a character of a script without spaces. `said`: folded; `function`: whether it says
    nothing alone."""

    start: int
    end: int
    said: str
    function: bool


@dataclass(frozen=True, slots=True)
class QuestionOperation:
    """`kind`: a field of `[query]`. `span`: tokens, first and behind the last. `of_money`: a "total" that says what is
    summed up ("turnover"), so that no other thing is. `of_times`: a "count" of how often something is so."""

    kind: str
    span: Span
    of_money: bool = False
    of_times: bool = False


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest or the smallest. `descending`: the largest first; `measure`: of what, "" where the word does not say
    it; `limit`: how many are asked for; `alone`: the last of them alone ("the second largest")."""

    span: Span
    descending: bool
    measure: str = ""
    limit: int = 1
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A number or a day with what it bounds. `operator`: of SQL, "=" where nothing is said, or "between", of which
    `other` is the second. `measure`: what a comparative tells ("heavier than")."""

    span: Span
    operator: str
    quantity: Quantity
    other: Quantity | None = None
    measure: str = ""

    @property
    def year(self) -> int | None:
        """The year that it names and no more of the day."""
        dates = self.quantity.dates
        return dates[0][0] if dates and dates[0][1:] == (None, None) else None


@dataclass(frozen=True, slots=True)
class Relation:
    """Words that bound something by what is no number ("below its minimum"). `operator`: of SQL; `behind`: they stand
    behind both ("BよりAが大きい")."""

    span: Span
    operator: str
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A word that tells what is measured and no extreme: "long" of "how long". `direction`: 1 of more of it, -1 of
    less, as where two are compared ("longer than")."""

    span: Span
    measure: str
    direction: int = 0


@dataclass(slots=True)
class TableQuestion:
    """A question read once, for all tables."""

    text: str
    language: Language
    tokens: tuple[Token, ...]
    operations: list[QuestionOperation] = field(default_factory=list)
    extremes: list[Extreme] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    negations: tuple[int, ...] = ()  # tokens that deny
    free: frozenset[int] = frozenset()  # tokens that no rule has read and that say something
    weak: frozenset[int] = frozenset()  # of them those that say little ("located", "have")
    calling: frozenset[int] = frozenset()  # of them those by which some table may be called ("delivered")
    things: frozenset[int] = frozenset()  # of them those that call anything so ("items")

    @property
    def negated(self) -> bool:
        return bool(self.negations)

    @property
    def computes(self) -> bool:
        """Whether it asks for what is counted, added, bounded or the most."""
        told = any(operation.kind in _COMPUTED for operation in self.operations)
        return told or bool(self.extremes or self.bounds)

    def has(self, kind: str) -> bool:
        return any(operation.kind == kind for operation in self.operations)

    def words(self, span: Span) -> str:
        return self.text[self.tokens[span[0]].start : self.tokens[span[1] - 1].end]


def joined_at(question: TableQuestion, place: int) -> Iterator[tuple[str, int]]:
    """The word at a token, and the place behind it; in a script without spaces all that may begin there, the longest
    first."""
    tokens = question.tokens
    for length in (1,) if question.language.spaced else range(_LONGEST_WORD, 0, -1):
        if place + length <= len(tokens):
            yield "".join(token.said for token in tokens[place : place + length]), place + length
