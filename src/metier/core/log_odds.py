"""Probabilities and log-odds, in nats."""

from __future__ import annotations

import math

_MOST = 8.0


def probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -60.0), 60.0)))


def log_odds(probability: float) -> float:
    """Of a probability, -8 to 8: what is surer than one in three thousand says no more."""
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return max(-_MOST, min(_MOST, math.log(clipped / (1 - clipped))))
