"""A question as search sees it, made once and handed down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metier.store.bm25 import inverse_frequency


@dataclass(frozen=True, slots=True)
class Query:
    """`vector`: (dimension,), L2-normalised. `mean`, `deviation`: of its cosines with the corpus at large. `tokens`: as
    the analyser makes them, repeats kept. `known`: the share, 0..1, of what its words weigh (by rarity) that the
    index knows at all; near 0 where the question is in another language than the documents."""

    text: str
    vector: np.ndarray
    mean: float
    deviation: float
    tokens: tuple[str, ...] = ()
    known: float = 1.0

    def closeness(self, vector: np.ndarray) -> float:
        """Cosine with another vector, 0 at the mean of the corpus and 1 where both are the same: embedders differ in
        where their cosines lie."""
        return (float(vector @ self.vector) - self.mean) / max(1e-6, 1 - self.mean)


def known_share(counts: np.ndarray, passages: int) -> float:
    """Share of the words' weight that falls on words of the index; 1 for a question without words."""
    weights = inverse_frequency(counts, passages)
    total = float(weights.sum())
    return float(weights[counts > 0].sum()) / total if total > 0 else 1.0
