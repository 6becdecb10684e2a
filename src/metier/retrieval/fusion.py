"""Two rankings made into one, weighted by what the corpus itself says of each.

    evidence = (1 - w) * BM25 + w * z^2 / 2,     z = max(0, (cosine - mean) / deviation)

BM25 is a sum of log-odds. A cosine is no such thing: its scale differs from embedder to embedder (0.75 to 0.9 for
e5, 0 to 0.7 for MiniLM) and from corpus to corpus. Measured against the cosines between this question and the
corpus at large, it becomes one: z^2 / 2 is the logarithm of how unlikely so near a passage is by chance, if those
cosines are about normal. Both sides are then in nats, and a side that found nothing remarkable weighs little on its
own, question by question. Why this and not min-max: docs/decisions/0005-fusion.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from metier.atomic import write_text

DEFAULT_WEIGHT = 0.75
_LEAST_DEVIATION = 0.02  # of cosines; a store of a few passages has none to speak of


@dataclass(frozen=True, slots=True)
class Fusion:
    """`weight`: share of the dense side, 0..1. `origin`: who chose it ("default", "practice", "metier.toml");
    `questions`: on how many practice questions."""

    weight: float = DEFAULT_WEIGHT
    origin: str = "default"
    questions: int = 0

    @classmethod
    def load(cls, path: Path) -> Fusion:
        """What calibration saved; the default where it saved nothing readable."""
        try:
            saved = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()
        usable = isinstance(saved.weight, float | int) and 0 <= saved.weight <= 1
        return saved if usable else cls()

    def save(self, path: Path) -> None:
        write_text(path, json.dumps(asdict(self)))

    def fixed(self, weight: float) -> Fusion:
        return replace(self, weight=weight, origin="metier.toml", questions=0)


def dense_evidence(cosines: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """z^2 / 2 of each cosine against the corpus; 0 where it is below the mean. Shape (n,) to (n,), in nats."""
    z = np.maximum(0.0, (cosines - mean) / max(deviation, _LEAST_DEVIATION))
    return z * z / 2


def fuse(dense: np.ndarray, lexical: np.ndarray, weight: float) -> np.ndarray:
    """Fused evidence of the candidates of one question. `dense` from `dense_evidence`, `lexical` BM25, -inf where
    the passage holds none of the words. Shapes (n,)."""
    return weight * dense + (1 - weight) * np.maximum(lexical, 0.0)
