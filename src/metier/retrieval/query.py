"""A question as search sees it, made once and handed down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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


def inverse_frequency(counts: np.ndarray, passages: int) -> np.ndarray:
    """What a word weighs in BM25 (Robertson and Spärck Jones, as Lucene keeps it positive). `counts`: in how many of
    `passages` it occurs, 0 for one that the index does not know. Shape (n,) to (n,), in nats."""
    counts = np.minimum(counts, passages)  # counted at the last `optimize`
    return np.log1p((passages - counts + 0.5) / (counts + 0.5))


def known_share(counts: np.ndarray, passages: int) -> float:
    """Share of the words' weight that falls on words of the index; 1 for a question without words."""
    weights = inverse_frequency(counts, passages)
    total = float(weights.sum())
    return float(weights[counts > 0].sum()) / total if total > 0 else 1.0
