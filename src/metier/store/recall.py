"""Whether an approximate index finds what exact search finds: measured where it is built, and believed only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

RECALL_WANTED = 0.95
TOP = 10
SAMPLED = 20_000  # vectors that queries are drawn from, at most
_QUERIES = 100


def queries(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Unit vectors that lie between two of `vectors`, (n, dimension), drawn with a fixed seed; (dimension,) each."""
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_QUERIES]
    for first, second in zip(chosen, np.roll(chosen, 1), strict=True):
        vector = np.asarray(vectors[first] + vectors[second], dtype=np.float32)
        yield vector / max(float(np.linalg.norm(vector)), 1e-9)


def measure(
    vectors: np.ndarray, exact: Callable[[np.ndarray], set[str]], approximate: Callable[[np.ndarray], set[str]]
) -> float:
    """Share of the ten nearest by `exact` that `approximate` finds; both give ids."""
    shares = [len(exact(query) & approximate(query)) / TOP for query in queries(vectors)]
    return float(np.mean(shares)) if shares else 1.0
