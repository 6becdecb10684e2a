"""How much a word says: its rarity in the store, and what share of that a text holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from metier.store.base import Store

Weigh = Callable[[Sequence[str]], np.ndarray]  # tokens to rarity, (n,)


class WordWeights:
    """Rarity of words in the store: ln(1 + (N - n + 0.5) / (n + 0.5)), the inverse document frequency of BM25."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._passages = max(1, store.counts()[1])

    def __call__(self, tokens: Sequence[str]) -> np.ndarray:
        counts = np.minimum(self._store.frequencies(tokens), self._passages)
        return np.log1p((self._passages - counts + 0.5) / (counts + 0.5))


def share(tokens: Sequence[str], weights: np.ndarray, words: Collection[str]) -> float:
    """Share of the weight of `tokens` that stands in `words`, 0..1; 0 where there is no weight. `weights`: (n,)."""
    total = float(weights.sum())
    return float(sum(w for t, w in zip(tokens, weights, strict=True) if t in words)) / total if total > 0 else 0.0
