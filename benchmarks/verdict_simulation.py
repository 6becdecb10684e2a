"""How often the verdict is right, where the truth is known because it was made up.

    python benchmarks/verdict_simulation.py
    python benchmarks/verdict_simulation.py --comparisons 2000 --processes 8

Systems answer the same questions, and a question that is hard for one is hard for the others: what a system makes of
a question is `sqrt(correlation) * difficulty + sqrt(1 - correlation) * luck`, both normal. It is right where that lies
above a threshold which gives it the mean it should have (0/1 scores), or has a grade that rises with it smoothly
(graded). Correlation 0 are systems that have nothing in common but their mean. The columns:

    differ    share of the questions on which the first two systems are not both right or both wrong (0/1), or the
              standard deviation of their differences (graded)
    winner    comparisons in which `decide` names a winner; in brackets those where it is none
    right     choice is the cheapest system that truly is within the margin of the best
    dear      choice is within the margin, but a cheaper one would be too
    worse     choice is truly worse than the best by more than the margin
    undecided neither; `needed` is the median of the questions that it says would decide, `settled` how often a fresh
              exam of so many questions does
    covered   95% intervals that hold the truth

Systems are named by the modes, base the cheapest; means are given in that order. Every figure comes from
`metier.evaluation.verdict.decide` or the intervals of `metier.evaluation.statistics` as they ship.
Writes benchmarks/results/verdict_simulation.json.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist, median

import numpy as np
from ingest import circumstances

from metier.core.modes import MODES
from metier.evaluation import statistics
from metier.evaluation.verdict import UNDECIDED, decide

RESULTS = Path(__file__).resolve().parent / "results" / "verdict_simulation.json"
MARGIN = 0.03
CORRELATIONS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
GRADE_SPREAD = 1.0  # a grade is Phi(level + spread * what the system makes of the question)
AGAIN = 50  # of the undecided exams are held again with as many questions as were asked for
COSTS = dict(zip(MODES, (1.0, 2.0, 3.0, 4.0), strict=True))


@dataclass(frozen=True, slots=True)
class Setting:
    """`means`: true mean of each system, in the order of the modes."""

    group: str
    means: tuple[float, ...]
    correlation: float
    questions: int
    graded: bool
    comparisons: int


def settings(comparisons: int) -> Iterator[Setting]:
    for graded in (False, True):
        count = comparisons if not graded else max(1, comparisons // 3)
        for correlation in CORRELATIONS:
            yield Setting("two equal", (0.6, 0.6), correlation, 400, graded, count)
        for correlation in CORRELATIONS:
            yield Setting("gap of 5", (0.6, 0.65), correlation, 400, graded, count)
    for questions in (20, 60, 150):
        yield Setting("two equal", (0.6, 0.6), 0.8, questions, False, comparisons)
    yield Setting("two equal", (0.97, 0.97), 0.8, 400, False, comparisons)
    for correlation in (0.0, 0.8, 0.95):
        yield Setting("four equal", (0.6,) * 4, correlation, 250, False, comparisons)
    yield Setting("four equal", (0.6,) * 4, 0.8, 60, False, comparisons)
    yield Setting("four equal", (0.6,) * 4, 0.8, 250, True, comparisons // 10)
    for correlation in (0.8, 0.9, 0.95):
        yield Setting("one of four 5 ahead", (0.6, 0.6, 0.6, 0.65), correlation, 400, False, comparisons)
    yield Setting("as often seen", (0.2, 0.62, 0.3, 0.64), 0.8, 250, False, comparisons)
    for gap in (0.01, 0.02, 0.0301, 0.04, 0.08):
        for questions in (400, 2000):
            yield Setting("dearer is better", (0.6, 0.6 + gap), 0.9, questions, False, comparisons)


def drawn(setting: Setting, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Scores of every system, whose expected mean is exactly the one set."""
    shape = (len(setting.means), setting.questions)
    difficulty, luck = rng.standard_normal(shape[1]), rng.standard_normal(shape)
    made = math.sqrt(setting.correlation) * difficulty + math.sqrt(1 - setting.correlation) * luck
    levels = np.array([NormalDist().inv_cdf(mean) for mean in setting.means])[:, None]
    if setting.graded:
        # E[Phi(a + s Z)] = Phi(a / sqrt(1 + s^2))
        scores = _phi(levels * math.sqrt(1 + GRADE_SPREAD**2) + GRADE_SPREAD * made)
    else:
        scores = (made > -levels).astype(float)
    return dict(zip(MODES, scores, strict=False))


def _phi(values: np.ndarray) -> np.ndarray:
    return np.array([(1 + math.erf(value / math.sqrt(2))) / 2 for value in values.ravel()]).reshape(values.shape)


def run(setting: Setting) -> dict:
    rng = np.random.default_rng([setting.questions, int(1000 * setting.correlation), len(setting.means)])
    truth = dict(zip(MODES, setting.means, strict=False))
    told: Counter[str] = Counter()
    differ, needed = [], []
    for _ in range(setting.comparisons):
        scores = drawn(setting, rng)
        verdict = decide(scores, COSTS, margin=MARGIN)
        told[_judged(verdict.choice, truth)] += 1
        if verdict.winner:
            ahead = all(truth[verdict.winner] > mean for mode, mean in truth.items() if mode != verdict.winner)
            told["winner"] += 1
            told["false winner"] += not ahead
        if verdict.choice == UNDECIDED:
            needed.append(verdict.questions_needed)
        difference = scores[MODES[1]] - scores[MODES[0]]
        differ.append(difference.std() if setting.graded else np.abs(difference).mean())
    names = ("winner", "false winner", "right", "dear", "worse", UNDECIDED)
    shares = {name: told[name] / setting.comparisons for name in names}
    again = {"needed": median(needed) if needed else None, "settled": settled(setting, needed, rng)}
    return asdict(setting) | {"differ": float(np.mean(differ))} | shares | again


def settled(setting: Setting, needed: Sequence[int], rng: np.random.Generator) -> float | None:
    """Share of fresh exams of the sizes asked for that are decided."""
    sizes = needed[: AGAIN if not setting.graded else AGAIN // 5]
    fresh = [drawn(replace(setting, questions=size), rng) for size in sizes]
    choices = [decide(scores, COSTS, margin=MARGIN).choice for scores in fresh]
    return float(np.mean([choice != UNDECIDED for choice in choices])) if choices else None


def _judged(choice: str, truth: dict[str, float]) -> str:
    if choice == UNDECIDED:
        return UNDECIDED
    will_do = [mode for mode in truth if max(truth.values()) - truth[mode] <= MARGIN + 1e-9]
    if choice not in will_do:
        return "worse"
    return "right" if choice == will_do[0] else "dear"


def coverage(setting: Setting) -> dict:
    """Of the interval of the first system's mean, and of the difference of the first two."""
    rng = np.random.default_rng(setting.questions)
    one, two = setting.means
    held = {"mean": 0, "difference": 0}
    for _ in range(setting.comparisons):
        scores = drawn(setting, rng)
        mean = statistics.interval(scores[MODES[0]])
        pair = statistics.compare(scores[MODES[1]], scores[MODES[0]])
        held["mean"] += mean.low <= one <= mean.high
        held["difference"] += pair.low - 1e-9 <= two - one <= pair.high + 1e-9
    return asdict(setting) | {name: count / setting.comparisons for name, count in held.items()}


def coverages(comparisons: int) -> Iterator[Setting]:
    for means in ((0.6, 0.65), (0.9, 0.95), (0.98, 0.99)):
        for questions in (10, 20, 50, 100, 400):
            yield Setting("coverage", means, 0.8, questions, False, comparisons)
    for questions in (10, 50, 400):
        yield Setting("coverage", (0.6, 0.65), 0.8, questions, True, comparisons // 3)
        yield Setting("coverage", (0.95, 0.97), 0.8, questions, True, comparisons // 3)


def show(rows: Sequence[dict]) -> None:
    print(f"{'':20}{'means':21}{'corr.':>6}{'n':>6}{'scores':>8}{'times':>7}{'differ':>8}{'winner':>9}{'(false)':>9}"
          f"{'right':>7}{'dear':>6}{'worse':>7}{'undecided':>11}{'needed':>8}{'settled':>9}")  # fmt: skip
    for row in rows:
        means = " ".join(f"{mean:.2f}" for mean in row["means"])
        again = "-" if row["settled"] is None else f"{row['settled']:.0%}"
        needed = "-" if row["needed"] is None else f"{row['needed']:,.0f}"
        print(f"{row['group']:20}{means:21}{row['correlation']:>6.2f}{row['questions']:>6}{_kind(row):>8}"
              f"{row['comparisons']:>7}{row['differ']:>8.3f}{row['winner']:>9.1%}{row['false winner']:>9.1%}"
              f"{row['right']:>7.0%}{row['dear']:>6.0%}{row['worse']:>7.1%}"
              f"{row[UNDECIDED]:>11.0%}{needed:>8}{again:>9}")  # fmt: skip


def show_coverage(rows: Sequence[dict]) -> None:
    print(f"\n{'covered by the 95% interval':30}{'n':>6}{'scores':>8}{'times':>7}{'mean':>8}{'difference':>12}")
    for row in rows:
        means = " against ".join(f"{mean:.2f}" for mean in row["means"])
        print(f"{means:30}{row['questions']:>6}{_kind(row):>8}{row['comparisons']:>7}{row['mean']:>8.1%}"
              f"{row['difference']:>12.1%}")  # fmt: skip


def _kind(row: dict) -> str:
    return "graded" if row["graded"] else "0/1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=1000, help="of each setting with 0/1 scores; fewer graded")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    result = circumstances("verdict_simulation.py")
    begun = time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        decided = list(pool.map(run, settings(options.comparisons)))
        covered = list(pool.map(coverage, coverages(options.comparisons)))
    show(decided)
    show_coverage(covered)
    result |= {"margin": MARGIN, "seconds": round(time.perf_counter() - begun, 1)}
    result |= {"verdicts": decided, "coverage": covered}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
