"""Whether a rate (of refusals, of thumbs down) has changed, asked again every day without finding a change by luck.

A usual test that is repeated each day finds a change in the end, whether there is one or not. An e-value does not: it
is the wealth of a bettor who begins with 1 and bets against "nothing has changed" in a game that is fair where that is
so. By Ville's inequality the chance that it ever reaches 1/alpha is then at most alpha, however often one looks.

The bet is that of universal inference (Wasserman, Ramdas and Balakrishnan 2020, "Universal inference", PNAS 117(29),
section 8): what two rates of their own, before and since, would have foretold of each answer, over the best that any
one rate for all of them can do. Foretold is by Krichevsky and Trofimov (1981), a Beta(1/2, 1/2) prior, under which n
answers with k hits have the probability B(k + 1/2, n - k + 1/2) / B(1/2, 1/2). Nothing has to be assumed of either
rate. What it costs: about half as many answers again as a test that looks once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class RateChange:
    """A rate before, of `before_of` answers, and since, of `now_of`; both 0..1. `e_value`: the largest so far. `p`:
    its inverse, valid whenever it is looked at."""

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


def rate_change(days: Iterable[tuple[int, int]], reference: int) -> RateChange | None:
    """`days`: (hits, of how many), the first day first. `reference`: answers that the rate before is taken from; whole
    days, until there are as many. None where there are no later ones."""
    hits = of = since_hits = since_of = 0
    best = -math.inf
    for day_hits, day_of in days:
        if of < reference:
            hits, of = hits + day_hits, of + day_of
            continue
        since_hits, since_of = since_hits + day_hits, since_of + day_of
        best = max(best, log_e_value(hits, of, since_hits, since_of))
    if not since_of:
        return None
    return RateChange(
        hits / of, of, since_hits / since_of, since_of, math.exp(min(best, 700.0)), min(1.0, math.exp(-best))
    )


def log_e_value(hits: int, of: int, since_hits: int, since_of: int) -> float:
    """Natural logarithm of the e-value against one rate for both."""
    return _foretold(hits, of) + _foretold(since_hits, since_of) - _best(hits + since_hits, of + since_of)


def _foretold(hits: int, of: int) -> float:
    """Log probability of so many hits in their order, by Krichevsky and Trofimov; 0 for none."""
    return math.lgamma(hits + 0.5) + math.lgamma(of - hits + 0.5) - math.lgamma(of + 1) - math.log(math.pi)


def _best(hits: int, of: int) -> float:
    """Log probability under the one rate that makes it largest."""
    return sum(n * math.log(n / of) for n in (hits, of - hits) if n)
