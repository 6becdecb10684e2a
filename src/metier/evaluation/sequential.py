"""Whether a rate (of refusals, of thumbs down) has changed, asked again every day without finding a change by luck.

A usual test that is repeated each day finds a change in the end, whether there is one or not. An e-value does not: it
is the wealth of a bettor who begins with 1 and bets against "nothing has changed" in a game that is fair where that is
so. By Ville's inequality the chance that it ever reaches 1/alpha is then at most alpha, however often one looks.

The bet is that of universal inference (Wasserman, Ramdas and Balakrishnan 2020, "Universal inference", PNAS 117(29),
section 8): what two rates of their own, before a day and since, would have foretold of each answer, over the best that
any one rate for all of them can do. Foretold is by Krichevsky and Trofimov (1981), a Beta(1/2, 1/2) prior, under which
n answers with k hits have the probability B(k + 1/2, n - k + 1/2) / B(1/2, 1/2). On which day the rate changed nobody
knows: the wealth is divided among the days beforehand, 1/(j (j + 1)) of it on the j-th, and what all of them won is
added up, which is an e-value again. Nothing has to be assumed of either rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ALPHA = 0.05
_MOST_DAYS = 200  # of more, neighbours are taken together: the work grows with their square
_LARGEST = 700.0  # exp of more is no number


@dataclass(frozen=True, slots=True)
class DayCount:
    """`day`: ISO 8601. `hits`: how many of `of` answers."""

    day: str
    hits: int
    of: int


@dataclass(frozen=True, slots=True)
class RateChange:
    """A rate before the day `since`, of `before_of` answers, and from then on, of `now_of`; both 0..1. `since`: the day
    on which it changed most likely, where it did. `e_value`: the largest so far. `p`: its inverse, valid whenever it is
    looked at."""

    since: str
    before: float
    before_of: int
    now: float
    now_of: int
    e_value: float
    p: float

    @property
    def changed(self) -> bool:
        return self.p < ALPHA

    @property
    def rose(self) -> bool:
        return self.changed and self.now > self.before


def rate_change(days: Sequence[DayCount], reference: int) -> RateChange | None:
    """`days`: the first one first. `reference`: answers before which no change is looked for. None where there are no
    later ones."""
    days = _merged([each for each in days if each.of])
    hits, of = [0], [0]
    for each in days:
        hits, of = [*hits, hits[-1] + each.hits], [*of, of[-1] + each.of]
    first = next((n for n, count in enumerate(of) if count >= max(1, reference)), len(of))
    if first >= len(days):
        return None

    def won(at: int, end: int) -> float:
        """Log of what is won by `end` days with a change before the day `at`."""
        place = at - first + 1
        return log_e_value(hits[at], of[at], hits[end] - hits[at], of[end] - of[at]) - math.log(place * (place + 1))

    wealth = [_sum_of([won(at, end) for at in range(first, end)]) for end in range(first + 1, len(days) + 1)]
    best, last = max(wealth), len(days)
    at = max(range(first, last), key=lambda day: won(day, last)) if best >= -math.log(ALPHA) else first
    return RateChange(
        since=days[at].day,
        before=hits[at] / of[at],
        before_of=of[at],
        now=(hits[last] - hits[at]) / (of[last] - of[at]),
        now_of=of[last] - of[at],
        e_value=math.exp(min(best, _LARGEST)),
        p=min(1.0, math.exp(-best)),
    )


def log_e_value(hits: int, of: int, since_hits: int, since_of: int) -> float:
    """Natural logarithm of the e-value of two rates against one for both."""
    return _foretold(hits, of) + _foretold(since_hits, since_of) - _best(hits + since_hits, of + since_of)


def _foretold(hits: int, of: int) -> float:
    """Log probability of so many hits in their order, by Krichevsky and Trofimov; 0 for none."""
    return math.lgamma(hits + 0.5) + math.lgamma(of - hits + 0.5) - math.lgamma(of + 1) - math.log(math.pi)


def _best(hits: int, of: int) -> float:
    """Log probability under the one rate that makes it largest."""
    return sum(n * math.log(n / of) for n in (hits, of - hits) if n)


def _sum_of(logs: Sequence[float]) -> float:
    most = max(logs)
    return most + math.log(sum(math.exp(each - most) for each in logs))


def _merged(days: list[DayCount]) -> list[DayCount]:
    while len(days) > _MOST_DAYS:
        pairs = [days[at : at + 2] for at in range(0, len(days), 2)]
        days = [DayCount(pair[0].day, sum(d.hits for d in pair), sum(d.of for d in pair)) for pair in pairs]
    return days
