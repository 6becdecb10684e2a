"""How far a figure over questions can be trusted: intervals, paired comparisons, and how many questions it would take.

Scores lie between 0 and 1, most of them at 0 or 1. There the usual bootstrap breaks down: twenty right answers of
twenty, or two systems that agree on all questions, give an interval of no width. So intervals come from the Bayesian
bootstrap (Rubin 1981: the questions get random weights) with one observation more, half of it at each end of the
scale, for what has not been seen yet. For 0/1 scores that is Jeffreys' interval of a proportion, which keeps its
promise down to ten questions (Brown, Cai and DasGupta 2001, "Interval Estimation for a Binomial Proportion"); for two
systems it is close to what Agresti and Min (2005) advise for matched pairs; and it needs no other method for graded
scores. Everything is drawn with a fixed seed: the same scores give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from metier.evaluation.result import Figure

ALPHA = 0.05
MOST_QUESTIONS = 10_000  # nobody writes more; `questions_needed` stops here
_TAILS = (ALPHA / 2, 1 - ALPHA / 2)
_UNSEEN = 0.5  # of an observation, at each end of the scale
_DRAWS = 5_000  # of weights; the ends of an interval then waver by 2% of its width
_REDRAWS = 2_000  # of questions, where a statistic cannot be weighted
_FLIPS = 9_999
_ENUMERATED = 14  # non-zero differences up to which all 2^m signs are tried
_BLOCK = 1_000_000  # numbers in memory at a time
_NEAR = 1e-9
_LEAST_DIFFERENCES = 6  # fewer can not reach p < 0.05: 2 * 2^-5 = 0.0625


@dataclass(frozen=True, slots=True)
class Difference:
    """Two systems on the same `n` questions: mean difference (-1..1), its 95% interval, two-sided p, and effect size.

    `effect` is Cohen's d_z: mean over standard deviation of the differences (n - 1 in the divisor), so it tells how
    steady a difference is rather than how large. About 0.2 is slight (it takes about 200 questions to be found), 0.5
    medium (about 32), 0.8 strong (about 13). None where it is undefined: fewer than two questions, or the same
    difference on all of them."""

    difference: float
    low: float
    high: float
    p: float
    effect: float | None
    n: int


def interval(values: np.ndarray | Sequence[float], seed: int = 0) -> Figure:
    """95% interval of the mean of `values`, (n,), each 0..1. Raises `ValueError` on NaN or a value outside."""
    values = checked(values)
    if not len(values):
        return Figure(mean=math.nan, low=0.0, high=1.0, n=0)
    return _around(float(values.mean()), _weighted_means(values, 0.0, seed), len(values))


def interval_of(statistic: Callable[[np.ndarray], float], n: int, seed: int = 0) -> Figure:
    """95% interval of a figure (0..1) that is not a mean, such as a ratio or macro-F1: percentile bootstrap over
    questions. `statistic` takes indices of questions, (n,), and may return NaN where a draw leaves it undefined; such
    draws are left out. The interval is at least as wide as that of a share of the same value among `n`, so that a
    perfect figure is not a certain one. Where all questions together leave it undefined, n is 0."""
    value = float(statistic(np.arange(n))) if n else math.nan
    if math.isnan(value):
        return Figure(mean=math.nan, low=0.0, high=1.0, n=0)
    if not -_NEAR <= value <= 1 + _NEAR:
        raise ValueError(f"the figure must be between 0 and 1, not {value}")
    rng = np.random.default_rng(seed)
    drawn = np.array([statistic(rng.integers(n, size=n)) for _ in range(_REDRAWS)], float)
    drawn = drawn[~np.isnan(drawn)]
    least = _gamma_means(np.array([0.0, 1.0]), np.array([1 - value, value]).clip(0) * n + _UNSEEN, seed)
    low, high = np.quantile(least, _TAILS)
    if len(drawn):
        low, high = min(low, np.quantile(drawn, _TAILS[0])), max(high, np.quantile(drawn, _TAILS[1]))
    return Figure(mean=value, low=float(min(low, value)), high=float(max(high, value)), n=n)


def compare(a: np.ndarray | Sequence[float], b: np.ndarray | Sequence[float], seed: int = 0) -> Difference:
    """`a` less `b`, scores (n,) of the same questions in the same order. Raises `ValueError` on NaN, a value outside
    0..1, or another length.

    p is of the paired sign-flip test: were the systems alike, each difference could as well have had the other sign.
    It is exact where all differences have one size (0/1 scores: McNemar's exact test) and where they are few; else of
    random flips with one added to hits and flips (Phipson and Smyth 2010), so that it is never 0.

    The interval is the weighted bootstrap's. The test asks a little more of rare 0/1 differences, and less of many
    small ones; where the two disagree about 0, that end of the interval is set to 0. So an interval that excludes 0
    always has p < 0.05, and with p < 0.05 no interval reaches beyond 0."""
    a, b = checked(a), checked(b)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} scores cannot be paired with {len(b)}")
    n, differences = len(a), a - b
    if not n:
        return Difference(math.nan, -1.0, 1.0, 1.0, None, 0)
    p = _sign_flip(differences, seed)
    # Drawn for the larger one less the smaller, so that `compare(b, a)` is the exact mirror.
    sign = -1.0 if (differences.sum() or (differences**3).sum()) < 0 else 1.0
    found = _around(float((sign * differences).mean()), _weighted_means(sign * differences, -1.0, seed), n)
    low = min(max(found.low, 0.0), found.mean) if p < ALPHA else min(found.low, 0.0)
    spread = float(differences.std(ddof=1)) if n > 1 else 0.0
    effect = sign * found.mean / spread if spread > _NEAR else None
    low, high = sorted((sign * low + 0.0, sign * found.high + 0.0))  # + 0.0: no -0.0
    return Difference(sign * found.mean + 0.0, low, high, p, effect, n)


def holm(ps: Sequence[float] | np.ndarray) -> np.ndarray:
    """p values adjusted for being several (Holm 1979), in the order given: the chance of even one false finding among
    those below a level is at most that level. Raises `ValueError` on NaN or a value outside 0..1."""
    ps = checked(ps)
    order = np.argsort(ps, kind="stable")
    stepped = np.maximum.accumulate(ps[order] * np.arange(len(ps), 0, -1))
    adjusted = np.empty(len(ps))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def questions_needed(
    differences: np.ndarray | Sequence[float],
    gap: float | None = None,
    alpha: float = ALPHA,
    power: float = 0.8,
) -> int | None:
    """How many questions in all would show a difference with p < `alpha` in a share `power` of exams: the one seen in
    `differences`, (n,), or a stated `gap` between systems that differ from question to question as these do.

    A rough figure, because the difference seen is not the true one. At most `MOST_QUESTIONS`, which then means that or
    more; None where no number would do, because there is no difference. Normal approximation with a continuity
    correction: n * gap - 1 = (z_alpha/2 + z_power) * sqrt(n) * deviation."""
    differences = checked(differences, -1.0)
    n = len(differences)
    mean = float(differences.mean()) if n else 0.0
    gap = abs(mean if gap is None else gap)
    if gap < _NEAR:
        return None
    # With the unseen at both ends, as in the intervals.
    squares = float(((differences - mean) ** 2).sum()) + _UNSEEN * ((1 - mean) ** 2 + (1 + mean) ** 2)
    spread = math.sqrt(squares / (n + 2 * _UNSEEN))
    reach = (NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)) * spread
    needed = ((reach + math.sqrt(reach**2 + 4 * gap)) / (2 * gap)) ** 2
    return min(MOST_QUESTIONS, max(_LEAST_DIFFERENCES, math.ceil(needed)))


def checked(values: np.ndarray | Sequence[float], least: float = 0.0) -> np.ndarray:
    """`values` as floats, (n,). Raises `ValueError` on another shape, NaN, or a value outside `least`..1."""
    values = np.asarray(values, float)
    if values.ndim != 1:
        raise ValueError(f"one value a question is wanted, not an array of shape {values.shape}")
    if np.isnan(values).any():
        raise ValueError(f"{int(np.isnan(values).sum())} of {len(values)} values are NaN: leave those questions out")
    if len(values) and not (values.min() >= least - _NEAR and values.max() <= 1 + _NEAR):
        raise ValueError(f"values must be between {least:g} and 1, not {values.min()} to {values.max()}")
    return values


def _around(mean: float, drawn: np.ndarray, n: int) -> Figure:
    low, high = np.quantile(drawn, _TAILS)
    return Figure(mean=mean, low=float(min(low, mean)), high=float(max(high, mean)), n=n)


def _weighted_means(values: np.ndarray, least: float, seed: int) -> np.ndarray:
    """`_DRAWS` means of `values`, (n,), with half an unseen one at `least` and at 1, under random weights."""
    padded = np.concatenate([values, [least, 1.0]])
    counted = np.concatenate([np.ones(len(values)), [_UNSEEN, _UNSEEN]])
    distinct, place = np.unique(padded, return_inverse=True)
    return _gamma_means(distinct, np.bincount(place, weights=counted), seed)


def _gamma_means(values: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
    """Means of `values`, (k,), under `_DRAWS` draws of Dirichlet weights. Equal values share one draw: the sum of m
    exponential weights is a gamma weight of shape m."""
    rng = np.random.default_rng(seed)
    once = counts == 1  # most of them where scores are graded; an exponential is drawn three times as fast
    rows = max(1, _BLOCK // len(values))
    means = []
    for start in range(0, _DRAWS, rows):
        draws = min(rows, _DRAWS - start)
        single = rng.standard_exponential((draws, int(once.sum())))
        several = rng.standard_gamma(counts[~once], (draws, int((~once).sum())))
        total = single.sum(axis=1) + several.sum(axis=1)
        means.append((_sums(single, values[once]) + _sums(several, values[~once])) / total)
    return np.concatenate(means)


def _sign_flip(differences: np.ndarray, seed: int) -> float:
    sizes = np.abs(differences[np.abs(differences) > _NEAR])
    if not len(sizes):
        return 1.0
    if np.ptp(sizes) < _NEAR:
        return _binomial(int((differences > _NEAR).sum()), len(sizes))
    seen = abs(float(differences.sum())) - _NEAR * len(sizes)
    if len(sizes) <= _ENUMERATED:
        every = np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes)) & 1
        return float((np.abs(_sums(2 * every - 1, sizes)) >= seen).mean())
    rng = np.random.default_rng(seed)
    rows, hits = max(1, _BLOCK // len(sizes)), 0
    for start in range(0, _FLIPS, rows):
        flips = min(rows, _FLIPS - start)
        bits = np.unpackbits(np.frombuffer(rng.bytes(flips * len(sizes) // 8 + 1), np.uint8), count=flips * len(sizes))
        sums = 2 * _sums(bits.reshape(flips, len(sizes)), sizes) - sizes.sum()
        hits += int((np.abs(sums) >= seen).sum())
    return (hits + 1) / (_FLIPS + 1)


def _binomial(heads: int, tosses: int) -> float:
    """Two-sided p of so many heads with a fair coin."""
    fewer = min(heads, tosses - heads)
    places = np.arange(1, fewer + 1)
    ways = np.concatenate([[0.0], np.cumsum(np.log((tosses - places + 1) / places))])  # log of n choose 0..fewer
    return min(1.0, 2 * float(np.exp(ways - tosses * math.log(2)).sum()))


def _sums(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`rows @ values`, without the threads that BLAS would start: at this size, on a busy machine, they take five times
    the processor time."""
    sums: np.ndarray = np.einsum("ij,j->i", rows, values)
    return sums
