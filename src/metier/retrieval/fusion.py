"""Two rankings made into one.

A convex combination of min-max normalised scores (Bruch, Gai, Ingber: "An Analysis of Fusion Functions for Hybrid
Retrieval", ACM TOIS 2023): `score = w * dense + (1 - w) * lexical`, each scaled to 0..1 over the candidates of the
question. A passage that one side did not return takes that side's lowest score.
"""

from __future__ import annotations

import numpy as np


def normalise(scores: np.ndarray) -> np.ndarray:
    """Scale to 0..1; NaN (not returned by this side) becomes 0. All equal: all 1. Shape (n,) to (n,)."""
    known = scores[~np.isnan(scores)]
    if not known.size:
        return np.zeros_like(scores)
    low, high = known.min(), known.max()
    scaled = np.ones_like(scores) if high <= low else (scores - low) / (high - low)
    return np.where(np.isnan(scores), 0.0, scaled)


def fuse(dense: np.ndarray, lexical: np.ndarray, weight: float) -> np.ndarray:
    """Fused scores of the candidates of one question. `weight`: the share of the dense side. Shapes (n,)."""
    return weight * normalise(dense) + (1 - weight) * normalise(lexical)
