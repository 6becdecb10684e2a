"""Whether an approximate index finds what exact search finds: measured where it is built, and believed only then.

The queries that it is measured with lie as questions do: beside a group of passages rather than on one. Of MiniLM at
100,000 passages the nearest has a cosine of .71 with them and the tenth .65, of .70 and .63 with real questions, and
the index finds a little less for them than for those (docs/decisions/0004-store.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

RECALL_WANTED = 0.95
TOP = 10
SAMPLED = 20_000  # vectors that queries are drawn from, at most
_QUERIES = 100
_TOGETHER = 10  # vectors that a query lies beside
_SHAKEN_BY, _SHAKEN = 16, 0.8  # vectors, and how far


def queries(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Unit vectors beside some of `vectors`, (n, dimension), drawn with a fixed seed; (dimension,) each. One is the
    middle of a vector and its nearest, and off it by a sum of others: shaken as the vectors at large are spread."""
    random = np.random.default_rng(0)
    mean = vectors.mean(axis=0)
    for place in random.permutation(len(vectors))[:_QUERIES]:
        nearest = np.argsort(-(vectors @ vectors[place]))[:_TOGETHER]
        shaken = (vectors[random.integers(len(vectors), size=_SHAKEN_BY)] - mean).sum(axis=0)
        yield _unit(_unit(vectors[nearest].mean(axis=0)) + _SHAKEN * _unit(shaken))


def narrowest(
    vectors: np.ndarray,
    widths: Sequence[int],
    exact: Callable[[np.ndarray], set[str]],
    approximate: Callable[[np.ndarray, int], set[str]],
) -> tuple[float, int]:
    """The least of `widths` (candidates that a search keeps, ef), in rising order, with which `approximate` finds 0.95
    of the ten nearest that `exact` finds, and the share that it finds; else the last. Both give ids."""
    asked = [(query, exact(query)) for query in queries(vectors)]
    share, width = 1.0, widths[0]
    for width in widths:
        share = float(np.mean([len(known & approximate(query, width)) / TOP for query, known in asked] or [1.0]))
        if share >= RECALL_WANTED:
            break
    return share, width


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), dtype=np.float32)
