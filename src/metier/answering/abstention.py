"""When to say that the documents hold no answer.

A small logistic regression decides from what was found, before anything is written:

    answerable   log-odds of the reader that the best passage answers the question
    place        log-odds of the reader that its answer stands where it points
    unnamed      share of the question's names (NV-110, Vargmyr, 9 March) that stand in none of the best passages
    unknown      share of its names that are not in the index
    coverage     share of the question's content words that stand in the best passage, its headings and title

None of them grows with the length of the question or with the size of the corpus. The coefficients that ship were
fitted on public data (`benchmarks/refusals.py`). `metier calibrate` fits them to an expert's practice questions; what
it learned holds for the model, embedder, reader and style that it was learned with, and for no other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from metier.core.atomic import write_text
from metier.core.errors import StoreError

FEATURES = ("answerable", "place", "unnamed", "unknown", "coverage")
_SIGNS = np.array([0, -1, -1, 1, 1, -1])  # of the bias and of each feature: what speaks for refusing is positive
_RIDGE = 1.0  # L2 penalty on standardised features, in units of one observation
_FOLDS = 5
_MOST_WRONGLY_REFUSED = 0.08  # share of the answerable cases, where the threshold is chosen


@dataclass(frozen=True, slots=True)
class Abstention:
    """P(unanswerable) = sigmoid(bias + coefficients · (x - mean) / scale), refused at or above `threshold`.

    `precision`, `recall` of refusing and `wrongly_refused` (share of the answerable ones) are of cases kept apart, of
    which there were `questions`. `near_misses`: share refused of those that ask a known thing for what no document
    gives. `fitted_for`: fingerprint of what it holds for, "" = for all.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    bias: float
    threshold: float
    precision: float
    recall: float
    wrongly_refused: float
    near_misses: float | None
    questions: int
    fitted_on: str
    fitted_for: str = ""

    def probability(self, features: dict[str, float]) -> float:
        x = np.array([features[name] for name in FEATURES])
        x = np.where(np.isnan(x), self.mean, x)  # what cannot be known speaks neither way
        z = self.bias + float(np.dot(self.coefficients, (x - self.mean) / self.scale))
        return float(_sigmoid(np.array(z)))

    def refuses(self, features: dict[str, float]) -> bool:
        return self.probability(features) >= self.threshold

    def save(self, path: Path) -> None:
        write_text(path, json.dumps(asdict(self), indent=1))


def load(path: Path, fitted_for: str = "") -> Abstention:
    """The expert's own calibration where it was made for what answers now, else the shipped one. Raises `StoreError`
    for a damaged file."""
    if path.exists():
        try:
            own = _from_json(path.read_text(encoding="utf-8"))
        except _OtherVersion:
            return shipped()
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise StoreError(
                f"cannot be used: {error}", where=str(path), hint="Make it again with `metier calibrate`."
            ) from None
        if own.fitted_for in ("", fitted_for):
            return own
    return shipped()


def is_stale(path: Path, fitted_for: str) -> bool:
    """Whether there is a calibration that was made for another model, embedder, reader or style."""
    try:
        return path.exists() and _from_json(path.read_text(encoding="utf-8")).fitted_for not in ("", fitted_for)
    except _OtherVersion:
        return True
    except (ValueError, KeyError, TypeError, OSError):
        return False


def shipped() -> Abstention:
    text = resources.files("metier.answering").joinpath("default_abstention.json").read_text(encoding="utf-8")
    return _from_json(text)


class _OtherVersion(ValueError):
    """Learned by an earlier Métier, from other features."""


def _from_json(text: str) -> Abstention:
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise ValueError("it is no table of values")
    if "before" in raw:
        raise _OtherVersion("it was learned by another version of Métier")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    model = Abstention(**values)
    columns = np.array([model.mean, model.scale, model.coefficients], dtype=float)
    finite = np.isfinite(columns).all() and np.isfinite([model.bias, model.threshold]).all()
    if columns.shape != (3, len(FEATURES)) or not finite:
        raise ValueError("it does not hold a finite number for every feature")
    return model


@dataclass(frozen=True, slots=True)
class Labelled:
    """A practice case. `weight`: what it counts. `group`: cases of one question are never on both sides of a fold.
    `near_miss`: it asks a known thing for what no document gives."""

    features: dict[str, float]
    unanswerable: bool
    weight: float = 1.0
    group: str = ""
    near_miss: bool = False


def fit(cases: Sequence[Labelled], fitted_on: str, fitted_for: str = "", prior: Abstention | None = None) -> Abstention:
    """Fit on practice cases. The figures are those of cases kept apart, five folds. `prior`: coefficients that a few
    cases only move away from, the shipped ones by default."""
    labels = np.array([case.unanswerable for case in cases], dtype=float)
    weights = np.array([case.weight for case in cases])
    weights = weights / weights.mean()
    start = prior or shipped()
    mean, scale = np.array(start.mean), np.array(start.scale)
    x = np.array([[case.features[name] for name in FEATURES] for case in cases])
    x = np.column_stack([np.ones(len(x)), (np.where(np.isnan(x), mean, x) - mean) / scale])
    beta = np.array([start.bias, *start.coefficients])
    held_out = np.empty(len(labels))
    folds = _folds(cases)
    for fold in range(_FOLDS):
        train, test = folds != fold, folds == fold
        held_out[test] = _sigmoid(x[test] @ _fitted(x[train], labels[train], weights[train], beta))
    threshold = _threshold(held_out, labels, weights)
    refused = held_out >= threshold
    near = np.array([case.near_miss for case in cases])
    precision, recall = _precision_recall(refused, labels, weights)
    fitted = _fitted(x, labels, weights, beta)
    return Abstention(
        tuple(mean.tolist()), tuple(scale.tolist()), tuple(fitted[1:].tolist()), float(fitted[0]), threshold,
        precision, recall, float(refused[labels == 0].mean()) if (labels == 0).any() else 0.0,
        float(refused[near].mean()) if near.any() else None, len(labels), fitted_on, fitted_for,
    )  # fmt: skip


def standardised(cases: Sequence[Labelled]) -> Abstention:
    """A start without knowledge: coefficients 0, features scaled by these cases. What the shipped ones begin from."""
    x = np.array([[case.features[name] for name in FEATURES] for case in cases])
    mean, scale = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    zero = (0.0,) * len(FEATURES)
    return Abstention(tuple(mean.tolist()), tuple(scale.tolist()), zero, 0.0, 0.5, 0, 0, 0, None, 0, "")


def _folds(cases: Sequence[Labelled]) -> np.ndarray:
    """A fold for each case, drawn with a fixed seed; cases of one group share it."""
    names = [case.group or f"\0{number}" for number, case in enumerate(cases)]
    groups = {group: number for number, group in enumerate(dict.fromkeys(names))}
    drawn = np.random.default_rng(0).permutation(len(groups)) % _FOLDS
    return np.array([drawn[groups[name]] for name in names])


def _fitted(x: np.ndarray, y: np.ndarray, weights: np.ndarray, start: np.ndarray) -> np.ndarray:
    """As `_newton`, where no feature may speak against its meaning: a few cases would else teach that an unknown name
    is a good sign. One that would is left out. Shape (d,)."""
    kept = np.ones(x.shape[1], dtype=bool)
    while True:
        beta = np.zeros(x.shape[1])
        beta[kept] = _newton(x[:, kept], y, weights, start[kept])
        wrong = kept & (beta * _SIGNS < 0)
        if not wrong.any():
            return beta
        kept &= ~wrong


def _newton(x: np.ndarray, y: np.ndarray, weights: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Weighted logistic regression by Newton's method, with a ridge towards `start`; the bias (column 0) is penalised
    little. A step that would not lower the loss is halved. Shape (d,)."""
    penalty = np.full(x.shape[1], _RIDGE)
    penalty[0] = 1e-3

    def loss(beta: np.ndarray) -> float:
        z = x @ beta
        return float((weights * (np.logaddexp(0, z) - y * z)).sum() + (penalty * (beta - start) ** 2).sum() / 2)

    beta = start.copy()
    for _ in range(100):
        p = _sigmoid(x @ beta)
        gradient = x.T @ (weights * (p - y)) + penalty * (beta - start)
        hessian = (x.T * (weights * np.maximum(p * (1 - p), 1e-6))) @ x + np.diag(penalty)
        step, size, before = np.linalg.solve(hessian, gradient), 1.0, loss(beta)
        while loss(beta - size * step) > before and size > 1e-6:
            size /= 2
        beta = beta - size * step
        if np.abs(size * step).max() < 1e-8:
            break
    return beta


def _threshold(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """Where the worse of precision and recall of refusing is best, among the thresholds that wrongly refuse few; 0.5
    where the cases are all of one kind."""
    best, chosen = (-1.0, -1.0), 0.5
    answerable = y == 0
    for threshold in np.unique(p):
        refused = p >= threshold
        wrongly = float((weights * refused)[answerable].sum() / max(1e-9, weights[answerable].sum()))
        precision, recall = _precision_recall(refused, y, weights)
        if wrongly <= _MOST_WRONGLY_REFUSED and (min(precision, recall), precision) > best:
            best, chosen = (min(precision, recall), precision), float(threshold)
    return chosen


def _precision_recall(refused: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    right = float((weights * refused * y).sum())
    return right / max(float((weights * refused).sum()), 1e-9), right / max(float((weights * y).sum()), 1e-9)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    falling: np.ndarray = np.exp(-np.clip(z, -30, 30))
    return 1 / (1 + falling)
