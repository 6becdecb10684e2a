"""Whether a candidate takes the place of the adapter in production: only if better, and nowhere worse than the margin.

    better          on all questions, on those whose source changed, or in what it no longer says of before: more, with
                    p < 0.05 by the paired sign-flip test (`evaluation.statistics`)
    nowhere worse   on no part does it lose more than the margin as seen, nor anything with p < 0.05; its answers do not
                    take longer than [flow] latency_margin allows; its exported forms say the same; and there are
                    enough questions to tell

That a part with few questions hides a small loss cannot be helped: the interval says how large a loss may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from metier.evaluation import statistics
from metier.evaluation.result import Figure
from metier.evaluation.statistics import ALPHA

ALL, CHANGED, OUTDATED, REFUSALS, GENERAL = "all", "changed", "outdated", "refusals", "general"
PARTS = {
    ALL: "all questions",
    CHANGED: "the questions whose source changed",
    OUTDATED: "not saying what is no longer true",
    REFUSALS: "refusing what nothing answers",
    GENERAL: "general questions",
}
FEWEST_QUESTIONS = 10  # of the exam; on fewer a loss of half of them may not show
_NOTICED = 0.1  # seconds
_CAN_BE_BETTER = (ALL, CHANGED, OUTDATED)


@dataclass(frozen=True, slots=True)
class Paired:
    """Scores of both on the same questions in the same order, (n,), 0..1."""

    candidate: np.ndarray
    production: np.ndarray


class PartResult(BaseModel):
    """Of one part of the exam, over `n` questions: both means with their 95% intervals, and the paired difference,
    candidate less production, with its own."""

    model_config = ConfigDict(frozen=True)

    candidate: Figure
    production: Figure
    difference: float
    low: float
    high: float
    p: float
    n: int

    @property
    def is_better(self) -> bool:
        return self.difference > 0 and self.p < ALPHA

    def is_worse(self, margin: float) -> bool:
        return self.difference < -margin or (self.difference < 0 and self.p < ALPHA)


class Latency(BaseModel):
    """Seconds to the whole answer, median over the same questions."""

    model_config = ConfigDict(frozen=True)

    candidate: float
    production: float

    @property
    def slower(self) -> float:
        """Share by which the candidate takes longer; 0 where nobody would notice."""
        if self.candidate - self.production < _NOTICED:
            return 0.0
        return self.candidate / self.production - 1 if self.production > 0 else 0.0


class Judgement(BaseModel):
    """`promote`, and why, in sentences."""

    model_config = ConfigDict(frozen=True)

    promote: bool
    reasons: tuple[str, ...] = ()


def compared(parts: Mapping[str, Paired]) -> dict[str, PartResult]:
    """Each part that has questions."""
    return {name: _result(paired) for name, paired in parts.items() if len(paired.candidate)}


def judge(
    found: Mapping[str, PartResult],
    latency: Latency | None,
    parity: Sequence[str],
    *,
    margin: float,
    latency_margin: float,
) -> Judgement:
    """`parity`: what is wrong with the exported forms, in sentences, empty where they agree."""
    against = [_worse(name, result) for name, result in found.items() if result.is_worse(margin)]
    if latency is not None and latency.slower > latency_margin:
        against.append(
            f"Half of its answers take more than {latency.candidate:.2f} s, of those of the adapter in production "
            f"{latency.production:.2f} s: {latency.slower:.0%} longer; [flow] latency_margin is {latency_margin:.0%}."
        )
    against += parity
    asked = found[ALL].n if ALL in found else 0
    if asked < FEWEST_QUESTIONS:
        few = f"The exam has {_questions(asked)} that can be asked: under {FEWEST_QUESTIONS} nothing is decided."
        against.append(few)
    better = [_better(name, found[name]) for name in _CAN_BE_BETTER if name in found and found[name].is_better]
    if against:
        return Judgement(promote=False, reasons=tuple(against + better))
    if better:
        return Judgement(promote=True, reasons=(*better, _nowhere(found, margin)))
    return Judgement(promote=False, reasons=_undecided(found))


def said(result: PartResult) -> str:
    """`0.82 against 0.47: +0.35 (+0.12 to +0.55) over 40 questions, p 0.002`."""
    means = f"{result.candidate.mean:.2f} against {result.production.mean:.2f}"
    interval = f"{result.difference:+.2f} ({result.low:+.2f} to {result.high:+.2f})"
    return f"{means}: {interval} over {_questions(result.n)}, p {result.p:.2g}"


def _result(paired: Paired) -> PartResult:
    difference = statistics.compare(paired.candidate, paired.production)
    return PartResult(
        candidate=statistics.interval(paired.candidate), production=statistics.interval(paired.production),
        difference=difference.difference, low=difference.low, high=difference.high, p=difference.p, n=difference.n,
    )  # fmt: skip


def _worse(name: str, result: PartResult) -> str:
    return f"It is worse in {PARTS[name]}: {said(result)}."


def _better(name: str, result: PartResult) -> str:
    return f"It is better in {PARTS[name]}: {said(result)}."


def _nowhere(found: Mapping[str, PartResult], margin: float) -> str:
    widest = min(found, key=lambda name: found[name].low)
    low = found[widest].low
    rest = "" if low >= -margin else f" What its questions cannot exclude is a loss of {-low:.2f} in {PARTS[widest]}."
    return f"Nowhere does it lose more than the margin ({margin:.2f}).{rest}"


def _undecided(found: Mapping[str, PartResult]) -> tuple[str, ...]:
    shown = [f"{PARTS[name].capitalize()}: {said(found[name])}." for name in _CAN_BE_BETTER if name in found]
    return ("Nothing shows it to be better than the adapter in production.", *shown)


def _questions(n: int) -> str:
    return "1 question" if n == 1 else f"{n} questions"
