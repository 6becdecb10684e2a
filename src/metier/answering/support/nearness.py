"""Similarity of a claim to sources, comparable between embedders: 0 at what unrelated sentences have, 1 for the same.

Whether an embedder knows two languages is found out by asking it: sentences and their translations must be nearer to
each other than to the rest. What it does not know it cannot judge.
"""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from metier.answering.sentence_vectors import SentenceVectors
from metier.embedding.base import Embedder

FILE = Path(__file__).with_name("translations.toml")
_KNOWN = 0.75  # share of the sentences whose translation must be the nearest one


@lru_cache(maxsize=1)
def translations() -> Mapping[str, tuple[str, ...]]:
    """By language, the same everyday sentences in the same order."""
    return {code: tuple(each["sentences"]) for code, each in tomllib.loads(FILE.read_text(encoding="utf-8")).items()}


class Nearness:
    """Vectors are remembered, see `SentenceVectors`. Several threads may ask at once."""

    def __init__(self, embedder: Embedder) -> None:
        self._vectors = SentenceVectors(embedder)
        self._pairs: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def to(self, claim: str, sources: Sequence[str], language: str) -> np.ndarray:
        """(cosine - b) / (1 - b) of `claim` with each source; b: its mean cosine with unrelated sentences."""
        known = translations()
        unrelated = known.get(language.split("-")[0], known["en"])
        vectors = self._vectors.of([claim, *sources, *unrelated])
        mine, theirs, others = vectors[0], vectors[1 : 1 + len(sources)], vectors[1 + len(sources) :]
        background = float(np.mean(others @ mine))
        nearness: np.ndarray = (theirs @ mine - background) / max(1e-6, 1 - background)
        return nearness

    def knows(self, first: str, second: str) -> bool:
        """Whether the embedder finds the translation of a sentence from one language to the other."""
        first, second = sorted((first.split("-")[0], second.split("-")[0]))
        if first == second:
            return True
        known = translations()
        if first not in known or second not in known:
            return False
        pair = first, second
        with self._lock:
            if pair not in self._pairs:
                one, two = (self._vectors.of(known[code]) for code in pair)
                cosines = one @ two.T
                places = np.arange(len(cosines))
                right = (cosines.argmax(axis=1) == places).mean() + (cosines.argmax(axis=0) == places).mean()
                self._pairs[pair] = bool(right / 2 >= _KNOWN)
            return self._pairs[pair]
