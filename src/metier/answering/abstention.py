"""When to say that the documents hold no answer.

Two small logistic regressions decide: one from what retrieval found, before anything is generated (a clear "no" costs
no generation), and one that also sees the answer. They are fitted on practice questions by `metier calibrate`; until
then the coefficients that ship with Métier are used, fitted on the practice questions of the sample company.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from metier.atomic import write_text
from metier.errors import StoreError

BEFORE = ("score", "weight", "lead", "sentence", "coverage", "unnamed")
AFTER = (*BEFORE, "support", "logprob", "echo", "declined")
_RIDGE = 1.0  # L2 penalty on standardised features, in units of one observation
_FOLDS = 5
_LEAST_CERTAIN = 10  # cases
NEVER = 1.01  # a threshold beyond every probability


@dataclass(frozen=True, slots=True)
class Logistic:
    """P(unanswerable) = sigmoid(bias + coefficients · (x - mean) / scale), refused at or above `threshold`."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    bias: float
    threshold: float
    precision: float
    recall: float
    questions: int

    def probability(self, features: dict[str, float]) -> float:
        x = np.array([features[name] for name in self.names])
        z = self.bias + float(np.dot(self.coefficients, (x - self.mean) / self.scale))
        return float(1 / (1 + np.exp(-np.clip(z, -30, 30))))


@dataclass(frozen=True, slots=True)
class Abstention:
    """`certain`: at or above this probability the first model refuses on its own, without a generation."""

    before: Logistic
    after: Logistic
    certain: float
    fitted_on: str

    @property
    def deciding(self) -> Logistic:
        """The model that has the last word."""
        return self.before if self.after.threshold >= NEVER else self.after

    def save(self, path: Path) -> None:
        write_text(path, json.dumps(asdict(self), indent=1))


def load(path: Path) -> Abstention:
    """The expert's own calibration, or the shipped one where there is none. Raises `StoreError`."""
    if not path.exists():
        text = resources.files("metier.answering").joinpath("default_abstention.json").read_text(encoding="utf-8")
        return _from_json(text)
    try:
        return _from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise StoreError(
            f"cannot be used: {error}", where=str(path), hint="Make it anew with `metier calibrate`."
        ) from None


def _from_json(text: str) -> Abstention:
    raw = json.loads(text)
    models = {
        name: Logistic(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw[name].items()})
        for name in ("before", "after")
    }
    if (models["before"].names, models["after"].names) != (BEFORE, AFTER):
        raise ValueError("it was learned by another version of Métier")
    for model in models.values():
        columns = np.array([model.mean, model.scale, model.coefficients], dtype=float)
        numbers = np.array([model.bias, model.threshold, raw["certain"]], dtype=float)
        if columns.shape != (3, len(model.names)) or not (np.isfinite(columns).all() and np.isfinite(numbers).all()):
            raise ValueError("it does not hold a finite number for every feature")
    return Abstention(**models, certain=raw["certain"], fitted_on=raw["fitted_on"])


@dataclass(frozen=True, slots=True)
class Labelled:
    """A practice case. `features`: those of `BEFORE`, and of `AFTER` where an answer was generated. `weight`: what it
    counts. `group`: cases of one question are never on both sides of a fold."""

    features: dict[str, float]
    unanswerable: bool
    weight: float = 1.0
    group: str = ""


def fit(cases: Sequence[Labelled], fitted_on: str) -> Abstention:
    """Fit both models, the second on the cases with an answer. Where the answer tells no more than what was found, the
    first decides alone: with fewer features it errs less, and a refusal costs no generation."""
    before, doubts = _fit_one(cases, BEFORE)
    answered = [number for number, case in enumerate(cases) if case.features.keys() >= set(AFTER)]
    after, _ = _fit_one([cases[number] for number in answered], AFTER)
    labels, weights = _columns([cases[number] for number in answered])
    alone = _best_threshold(doubts[answered], labels, weights)
    if min(alone[1:]) >= min(after.precision, after.recall):
        return Abstention(before, replace(after, threshold=NEVER), before.threshold, fitted_on)
    return Abstention(before, after, _certain(doubts, *_columns(cases)), fitted_on)


def _columns(cases: Sequence[Labelled]) -> tuple[np.ndarray, np.ndarray]:
    """Labels, 1 = unanswerable, and weights that sum to the number of cases; shapes (n,)."""
    weights = np.array([case.weight for case in cases])
    return np.array([case.unanswerable for case in cases], dtype=float), weights / weights.mean()


def _fit_one(cases: Sequence[Labelled], names: tuple[str, ...]) -> tuple[Logistic, np.ndarray]:
    labels, weights = _columns(cases)
    x = np.array([[case.features[name] for name in names] for case in cases])
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    x = (x - mean) / scale
    held_out = np.empty(len(labels))
    folds = _folds(cases)
    for fold in range(_FOLDS):
        train, test = folds != fold, folds == fold
        held_out[test] = _sigmoid(_with_bias(x[test]) @ _newton(_with_bias(x[train]), labels[train], weights[train]))
    threshold, precision, recall = _best_threshold(held_out, labels, weights)
    beta = _newton(_with_bias(x), labels, weights)
    model = Logistic(
        names, tuple(mean.tolist()), tuple(scale.tolist()), tuple(beta[1:].tolist()), float(beta[0]),
        threshold, precision, recall, len(labels),
    )  # fmt: skip
    return model, held_out


def _folds(cases: Sequence[Labelled]) -> np.ndarray:
    """A fold for each case, drawn with a fixed seed; cases of one group share it."""
    groups = {group: number for number, group in enumerate(dict.fromkeys(_group(n, c) for n, c in enumerate(cases)))}
    drawn = np.random.default_rng(0).permutation(len(groups)) % _FOLDS
    return np.array([drawn[groups[_group(number, case)]] for number, case in enumerate(cases)])


def _group(number: int, case: Labelled) -> str:
    return case.group or f"\0{number}"


def _newton(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted ridge logistic regression by Newton's method; the bias (column 0) is not penalised. Shape (d,)."""
    beta = np.zeros(x.shape[1])
    penalty = np.full(x.shape[1], _RIDGE)
    penalty[0] = 1e-6
    for _ in range(50):
        p = _sigmoid(x @ beta)
        gradient = x.T @ (weights * (p - y)) + penalty * beta
        hessian = (x.T * (weights * np.maximum(p * (1 - p), 1e-6))) @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def _best_threshold(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """The threshold at which the worse of precision and recall of refusing is best."""
    best = (0.5, 0.0, 0.0)
    for threshold in np.unique(p):
        precision, recall = _precision_recall(p >= threshold, y, weights)
        if (min(precision, recall), precision) > (min(best[1:]), best[1]):
            best = (float(threshold), precision, recall)
    return best


def _certain(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """The lowest probability from which on refusing is right 95 times in 100; `NEVER` where there is none, or
    where so few cases lie above it that luck could have put them there."""
    for threshold in np.unique(p):
        refused = p >= threshold
        if refused.sum() >= _LEAST_CERTAIN and _precision_recall(refused, y, weights)[0] >= 0.95:
            return float(threshold)
    return NEVER


def _precision_recall(refused: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    right = float((weights * refused * y).sum())
    return right / max(float((weights * refused).sum()), 1e-9), right / max(float((weights * y).sum()), 1e-9)


def _with_bias(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))
