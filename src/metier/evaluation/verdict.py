"""Which way to use: the cheapest that keeps what is asked for and is not worse than any other by more than a margin.

    all ways asked ─▶ those that keep the constraints ─▶ every pair compared ─▶ cheapest first:
        shown not worse than any other by more than the margin?     ─▶ use it
        shown worse than another, by the margin or more as seen?    ─▶ the next
        neither                                                     ─▶ undecided, between it and those after it

Two different things are asked of a pair. *Worse*: p < 0.05 by the sign-flip test, adjusted for all pairs of eligible
ways (Holm), so that the chance of one false claim in the whole verdict is at most 5%. That alone rules no cheaper way
out: a difference under the margin is not worth its price however certain it is. To ask that the whole interval lie
beyond the margin would be safer still, but would leave a true gap of 5 points undecided most of the time.

*Not worse by more than the margin*: the 95% interval of the difference lies above -margin (a test of non-inferiority at
2.5%). To hold this against the best alone would flatter a way, since the same scores chose the best; so it must hold
against each of the others, whether they scored more or less. Where all of several tests must succeed, none needs a
correction (Berger 1982, "Multiparameter Hypothesis Testing and Acceptance Sampling"); but each cheaper way that is at
the very edge of the margin has its own 2.5%.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np

from metier.core.errors import InputError
from metier.core.modes import FROM_DOCUMENTS, MODES, Mode
from metier.evaluation.result import Verdict
from metier.evaluation.statistics import ALPHA, MOST_QUESTIONS, Difference, checked, compare, holm, questions_needed

UNDECIDED = "undecided"
FEWEST_QUESTIONS = 20  # fewer are a matter of a handful of answers, and of who chose them
SAME_COST = 1.1  # times as much; less is within the noise of timing
_PROBABLE_ERROR = 0.6745 / 1.96  # of half the width of a 95% interval
_STALE = (Mode.TUNED,)  # has learned the documents and does not look them up


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a way must keep, None or False where nothing is asked. `must_refuse`: share of the unanswerable questions,
    at least. `latency_seconds`: 95th percentile of the time to the whole answer, at most. `memory_mb`: peak in MiB, at
    most. `data_changes`: documents change so often that no adapter keeps up with them."""

    must_cite: bool = False
    must_refuse: float | None = None
    latency_seconds: float | None = None
    memory_mb: float | None = None
    data_changes: bool = False

    def sentences(self) -> tuple[str, ...]:
        said = (
            (self.must_cite, "must cite"),
            (self.must_refuse is not None, f"must refuse {_percent(self.must_refuse)} of the unanswerable questions"),
            (self.latency_seconds is not None, f"95 of 100 answers within {_short(self.latency_seconds)} s"),
            (self.memory_mb is not None, f"at most {_short(self.memory_mb)} MiB of memory"),
            (self.data_changes, "the documents change often"),
        )
        return tuple(sentence for asked, sentence in said if asked)


UNCONSTRAINED = Constraints()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured of a way, in the units of `Constraints`; None where it was not. `refused`: share of the
    unanswerable questions."""

    refused: float | None = None
    latency_seconds: float | None = None
    memory_mb: float | None = None


def decide(
    scores: Mapping[str, np.ndarray],
    costs: Mapping[str, float],
    constraints: Constraints = UNCONSTRAINED,
    facts: Mapping[str, Facts] | None = None,
    margin: float = 0.03,
) -> Verdict:
    """`scores`: mode to the scores of the same questions in the same order, (n,), 0..1. `costs`: mode to what the same
    number of answers costs, in any one unit. A constraint on what was not measured is not kept. Raises `InputError`
    where there are no questions, `ValueError` on scores that cannot be compared."""
    if not scores or not all(map(len, scores.values())):
        raise InputError("there are no questions to decide by", hint="Give a file of questions with their answers.")
    if unknown := sorted(set(scores) - set(MODES)):
        raise ValueError(f"there is no mode {unknown[0]!r}")
    excluded = {mode: why for mode in scores if (why := _broken(mode, constraints, (facts or {}).get(mode, Facts())))}
    order = _cheapest_first([mode for mode in MODES if mode in scores and mode not in excluded], costs)
    verdict = partial(Verdict, margin=margin, constraints=constraints.sentences(), excluded=excluded)
    if not order:
        reason = f"No way keeps what is asked for: {_listed(_excluded(excluded))}."
        return verdict(choice=UNDECIDED, reason=reason)
    field = _Field(order, scores, costs, margin)
    if len(order) == 1:
        return verdict(choice=order[0], best=order[0], reason=_alone(field, excluded))
    possible = field.possible()
    needed = field.needed(possible) or FEWEST_QUESTIONS
    if len(field) < FEWEST_QUESTIONS:
        few = "one question is" if len(field) == 1 else f"{len(field)} questions are"
        reason = f"{few.capitalize()} too few to decide anything; give at least {FEWEST_QUESTIONS}."
        return verdict(choice=UNDECIDED, between=tuple(order), best=field.best, reason=reason, questions_needed=needed)
    winner = field.winner()
    verdict = partial(verdict, winner=winner, best=field.best)
    if len(possible) == 1:
        return verdict(choice=possible[0], reason=_use(field, possible[0], winner))
    reason = _undecided(field, possible, needed)
    return verdict(choice=UNDECIDED, between=tuple(possible), reason=reason, questions_needed=needed)


class _Field:
    """The eligible ways, cheapest first, and every pair of them compared."""

    def __init__(
        self, order: Sequence[str], scores: Mapping[str, np.ndarray], costs: Mapping[str, float], margin: float
    ) -> None:
        self.order, self.costs, self.margin = order, costs, margin
        self.scores = {mode: checked(scores[mode]) for mode in order}
        self.means = {mode: float(values.mean()) for mode, values in self.scores.items()}
        self.best = max(order, key=lambda mode: self.means[mode])
        self.pairs: dict[tuple[str, str], Difference] = {}
        drawn = list(combinations(order, 2))
        for one, other in drawn:
            pair = compare(self.scores[one], self.scores[other])
            self.pairs[one, other] = pair
            self.pairs[other, one] = replace(pair, difference=-pair.difference, low=-pair.high, high=-pair.low)
        adjusted = dict(zip(drawn, holm([self.pairs[pair].p for pair in drawn]), strict=True))
        self._p = adjusted | {(other, one): p for (one, other), p in adjusted.items()}

    def __len__(self) -> int:
        return len(self.scores[self.best])

    def others(self, mode: str) -> list[str]:
        return [other for other in self.order if other != mode]

    def worse(self, mode: str, other: str) -> bool:
        """Whether `mode` is shown to be worse, by the test and by the interval."""
        return self._p[mode, other] < ALPHA and self.pairs[mode, other].high < 0

    def doubts(self, mode: str) -> list[str]:
        """The ways than which `mode` may be worse by more than the margin."""
        return [other for other in self.others(mode) if self.pairs[mode, other].low <= -self.margin]

    def winner(self) -> str | None:
        found = [mode for mode in self.order if all(self.worse(other, mode) for other in self.others(mode))]
        return found[0] if found else None

    def beaten(self) -> list[str]:
        return [mode for mode in self.order if any(self._far_behind(mode, other) for other in self.others(mode))]

    def _far_behind(self, mode: str, other: str) -> bool:
        """Whether it is shown to be worse, and by the margin as seen; or is beyond the margin wherever it may be."""
        pair = self.pairs[mode, other]
        return (self.worse(mode, other) and pair.difference <= -self.margin) or pair.high < -self.margin

    def possible(self) -> list[str]:
        """Those that may be the cheapest that will do; a single one is the choice."""
        beaten = self.beaten()
        left = [mode for mode in self.order if mode not in beaten]
        will_do = [mode for mode in left if not self.doubts(mode)]
        return left[: left.index(will_do[0]) + 1] if will_do else left

    def needed(self, possible: Iterable[str]) -> int | None:
        """Questions in all that would decide between `possible`, None where nothing is in doubt."""
        each = [self._to_settle(mode) for mode in possible if self.doubts(mode)]
        return min(MOST_QUESTIONS, max(FEWEST_QUESTIONS, len(self) + 1, *each)) if each else None

    def _to_settle(self, mode: str) -> int:
        """Either it is told on which side of the margin all doubts lie, or it is shown to be worse than one of them, as
        if what was seen were the truth. But a difference that was seen right at the margin is likely to lie some way
        to either side: by its probable error or more, half of the time."""
        told, far = [], []
        for other in self.doubts(mode):
            pair, differences = self.pairs[mode, other], self.scores[mode] - self.scores[other]
            probable = (pair.high - pair.low) / 2 * _PROBABLE_ERROR
            gap = max(abs(pair.difference + self.margin), probable)
            told.append(questions_needed(differences, gap) or MOST_QUESTIONS)
            if pair.difference < -self.margin:
                alpha = ALPHA / math.comb(len(self.order), 2)
                far.append(questions_needed(differences, pair.difference, alpha) or MOST_QUESTIONS)
        return min([max(told), *far])


def _broken(mode: str, constraints: Constraints, facts: Facts) -> str:
    """What of the constraints a way does not keep, "" where it keeps all."""
    said = []
    if constraints.must_cite and mode not in FROM_DOCUMENTS:
        said.append("cites nothing")
    if constraints.data_changes and mode in _STALE:
        said.append("grows stale when the documents change")
    if constraints.must_refuse is not None and not _at_most(constraints.must_refuse, facts.refused):
        asked = f"where {_percent(constraints.must_refuse)} is asked for"
        said.append(
            "was not tried on unanswerable questions"
            if facts.refused is None
            else f"refused {_percent(facts.refused)} of the unanswerable questions {asked}"
        )
    if constraints.latency_seconds is not None and not _at_most(facts.latency_seconds, constraints.latency_seconds):
        asked = f"where {_short(constraints.latency_seconds)} s are allowed"
        said.append(
            "was not timed"
            if facts.latency_seconds is None
            else f"takes {_short(facts.latency_seconds)} s for 95 of 100 answers {asked}"
        )
    if constraints.memory_mb is not None and not _at_most(facts.memory_mb, constraints.memory_mb):
        asked = f"where {_short(constraints.memory_mb)} are allowed"
        said.append(
            "has a peak memory that is not known"
            if facts.memory_mb is None
            else f"takes {_short(facts.memory_mb)} MiB of memory {asked}"
        )
    return _listed(said)


def _at_most(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value <= limit


def _cheapest_first(modes: Sequence[str], costs: Mapping[str, float]) -> list[str]:
    """By cost; those that cost about the same as the cheapest of them keep the order of `modes`, which is that of
    upkeep: an adapter has to be trained again."""
    left, order = list(modes), []
    while left:
        limit = min(costs[mode] for mode in left) * SAME_COST
        order += [mode for mode in left if costs[mode] <= limit]
        left = [mode for mode in left if costs[mode] > limit]
    return order


def _alone(field: _Field, excluded: Mapping[str, str]) -> str:
    mode = field.best
    scored = f"it scored {_points(field.means[mode])} of 100"
    if not excluded:
        return f"Only {mode} was asked, so there is nothing to compare it with: {scored}."
    return f"Use {mode}, which alone keeps what is asked for ({scored}): {_listed(_excluded(excluded))}."


def _use(field: _Field, choice: str, winner: str | None) -> str:
    best, means, margin = field.best, field.means, _margin(field)
    scored = f"{_points(means[choice])} of 100"
    if choice == winner:
        second = max(field.others(choice), key=lambda mode: means[mode])
        gap = _points(means[choice] - means[second])
        return f"Use {choice}: it scored {scored}, {gap} points more than {second}, which is more than chance explains."
    passed = _passed_over(field, choice)
    if choice == best:
        none = f"none scored more than its {scored}, nor can be better by more than {margin} points"
        return f"Use {choice}: {none}{passed}."
    pair = field.pairs[best, choice]
    more = f"{_points(pair.difference)} points more ({_points(pair.high)} at most), within the margin of {margin}"
    return f"Use {choice}: {best} scored {more}, and {_dearer(field, best, choice)}{passed}."


def _margin(field: _Field) -> str:
    return f"{100 * field.margin:g}"


def _passed_over(field: _Field, choice: str) -> str:
    cheaper = field.order[: field.order.index(choice)]
    behind = [f"{_points(field.means[choice] - field.means[mode])} points below {choice}" for mode in cheaper]
    told = [f"{mode} is {where}" for mode, where in zip(cheaper, behind, strict=True)]
    return f", while {_listed(told)}" if told else ""


def _dearer(field: _Field, dear: str, cheap: str) -> str:
    """Of two ways of which `cheap` comes first."""
    low, high = field.costs[cheap], field.costs[dear]
    if high <= low * SAME_COST:
        return "costs about as much but takes more upkeep"
    return f"costs {high / low:.1f} times as much" if low > 0 else "costs more"


def _undecided(field: _Field, possible: Sequence[str], needed: int) -> str:
    """Told by the way that a cheaper one is most in doubt against."""
    mode = possible[0]
    other = min(field.doubts(mode), key=lambda other: field.pairs[mode, other].low)
    pair = field.pairs[other, mode]
    points = _points(abs(pair.difference))
    seen = f"{points} points {'more' if pair.difference > 0 else 'less'} than" if float(points) else "as much as"
    left = f"it may truly be {_range(pair)}, on both sides of the margin of {_margin(field)}"
    told = f"{other} scored {seen} {mode}, but {left}"
    return f"Undecided between {_listed(possible)}: {told}; {_would(needed, len(field))}."


def _would(needed: int, n: int) -> str:
    if needed >= MOST_QUESTIONS:
        return f"it would take more than {MOST_QUESTIONS:,} questions to decide"
    return f"about {needed:,} questions instead of {n:,} would decide"


def _range(pair: Difference) -> str:
    low, high = _points(abs(pair.low)), _points(abs(pair.high))
    if pair.low >= 0:
        return f"{low} to {high} points better"
    return f"anything from {low} points worse to {high} points better"


def _excluded(excluded: Mapping[str, str]) -> list[str]:
    return [f"{mode} {why}" for mode, why in excluded.items()]


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _points(share: float) -> str:
    """Of 100."""
    return f"{100 * share:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f}%"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
