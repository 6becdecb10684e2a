"""Two rankings made into one, weighted by what the corpus itself says of each.

    evidence = (1 - w) * sqrt(known) * BM25 + w * z^2 / 2,     z = max(0, (cosine - mean) / deviation)

BM25 is a sum of log-odds. A cosine is no such thing: its scale differs from embedder to embedder (0.75 to 0.9 for
e5, 0 to 0.7 for MiniLM) and from corpus to corpus. Measured against the cosines between this question and the
corpus at large, it becomes one: z^2 / 2 is the logarithm of how unlikely so near a passage is by chance, if those
cosines are about normal. Both sides are then in nats, and a side that found nothing remarkable weighs little on its
own, question by question.

`known` is the share of the question's words that the index holds: where it holds few of them, as when the question
is in another language than the documents, what the others match is mostly chance. The weight w comes from the corpus
(`corpus_weight`), practice questions refine it. What was tried: docs/decisions/0005-fusion.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from metier.core.atomic import write_text

DEFAULT_WEIGHT = 0.7  # right, to .005 nDCG@10, wherever an embedder was tried on languages that it was made for
_LEAST_DEVIATION = 0.02  # of cosines; a store of a few passages has none to speak of


@dataclass(frozen=True, slots=True)
class Fusion:
    """`weight`: share of the dense side, 0..1. `origin`: who chose it ("default", "corpus", "practice", "metier.toml");
    `questions`: from how many practice questions, or pairs of sentences of the corpus. `corpus`: the weight that the
    corpus alone gives, from which practice questions start; learned over `passages` passages with the embedder of that
    fingerprint."""

    weight: float = DEFAULT_WEIGHT
    origin: str = "default"
    questions: int = 0
    corpus: float = DEFAULT_WEIGHT
    passages: int = 0
    embedder: str = ""

    @classmethod
    def load(cls, path: Path) -> Fusion:
        """What sync or calibration saved; the default where they saved nothing readable."""
        try:
            saved = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()
        return saved if _is_share(saved.weight) and _is_share(saved.corpus) else cls()

    def save(self, path: Path) -> None:
        write_text(path, json.dumps(asdict(self)))

    def fixed(self, weight: float) -> Fusion:
        return replace(self, weight=weight, origin="metier.toml", questions=0)


def _is_share(value: object) -> bool:
    return isinstance(value, float | int) and 0 <= value <= 1


def dense_evidence(cosines: np.ndarray, mean: float | np.ndarray, deviation: float | np.ndarray) -> np.ndarray:
    """z^2 / 2 of each cosine against the corpus; 0 where it is below the mean. Any shape, `mean` and `deviation`
    broadcast; in nats."""
    z = np.maximum(0.0, (cosines - mean) / np.maximum(deviation, _LEAST_DEVIATION))
    return z * z / 2


def fuse(dense: np.ndarray, lexical: np.ndarray, weight: float, known: float = 1.0) -> np.ndarray:
    """Fused evidence of the candidates of one question. `dense` from `dense_evidence`, `lexical` BM25, -inf where
    the passage holds none of the words; `known`: see `Query`. Shapes (n,)."""
    fused: np.ndarray = weight * dense + (1 - weight) * math.sqrt(known) * np.maximum(lexical, 0.0)
    return fused
