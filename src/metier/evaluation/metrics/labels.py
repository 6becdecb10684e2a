"""How well labels are given; which one an answer gives: `text.labels`."""

from __future__ import annotations

import numpy as np


def accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Share of right ones, 0..1. Both (n,) of class numbers; -1 is no class. NaN where n is 0."""
    return float(np.mean(predicted == truth)) if len(truth) else float("nan")


def macro_f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean of the F1 of each class that `truth` has, 0..1; classes count alike, however rare. Both (n,) of class
    numbers, of which -1 (or a class that `truth` has not) is never right. NaN where n is 0."""
    if not len(truth):
        return float("nan")
    size = int(max(truth.max(), predicted.max())) + 1
    right = np.bincount(truth[predicted == truth], minlength=size)
    wanted = np.bincount(truth, minlength=size)
    given = np.bincount(predicted[predicted >= 0], minlength=size)
    there = wanted > 0
    return float(np.mean(2 * right[there] / (wanted[there] + given[there])))
