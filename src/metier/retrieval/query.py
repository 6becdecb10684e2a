"""A question as search sees it, made once and handed down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from metier.store.bm25 import inverse_frequency

_FEWEST, _DRAWN = 3, 4  # passages of a language in a sample


@dataclass(frozen=True, slots=True)
class Query:
    """`vector`: (dimension,), L2-normalised. `mean`, `deviation`: of its cosines with the corpus at large. `tokens`: as
    the analyser makes them, repeats kept. `known`: the share, 0..1, of what its words weigh (by rarity) that the
    index knows at all; near 0 where the question is in another language than the documents. `below`: by how much its
    cosines with passages of a language lie below those with the language that lies nearest, where there are several."""

    text: str
    vector: np.ndarray
    mean: float
    deviation: float
    tokens: tuple[str, ...] = ()
    known: float = 1.0
    below: Mapping[str, float] = field(default_factory=dict)

    def closeness(self, vector: np.ndarray) -> float:
        """Cosine with another vector, 0 at the mean of the corpus and 1 where both are the same: embedders differ in
        where their cosines lie."""
        return (float(vector @ self.vector) - self.mean) / max(1e-6, 1 - self.mean)


Languages = Mapping[str, tuple[int, float, float]]
"""Of each language the passages in a sample, and mean and deviation of their cosines with a question."""


def pooled(languages: Languages) -> tuple[float, float]:
    """Mean and standard deviation of the whole sample; (0, 0) of none."""
    total = max(1, sum(passages for passages, _, _ in languages.values()))
    mean = sum(passages * cosine for passages, cosine, _ in languages.values()) / total
    squares = (passages * (spread**2 + (cosine - mean) ** 2) for passages, cosine, spread in languages.values())
    return mean, math.sqrt(sum(squares) / total)


def below_nearest(languages: Languages) -> dict[str, float]:
    """By how much the mean of each lies below the highest, without that one; those of few passages are drawn towards
    the mean of all, and of fewer than three, or of no known language, nothing is said."""
    mean, _ = pooled(languages)
    means = {
        code: (passages * cosine + _DRAWN * mean) / (passages + _DRAWN)
        for code, (passages, cosine, _) in languages.items()
        if code and passages >= _FEWEST
    }
    nearest = max(means.values(), default=0.0)
    return {code: nearest - cosine for code, cosine in means.items() if cosine < nearest}


def known_share(counts: np.ndarray, passages: int) -> float:
    """Share of the words' weight that falls on words of the index; 1 for a question without words."""
    weights = inverse_frequency(counts, passages)
    total = float(weights.sum())
    return float(weights[counts > 0].sum()) / total if total > 0 else 1.0
