"""Vectors of sentences, remembered: many questions find the same passages, and embedding their sentences is what an
answer costs beside search and model. A vector depends on its sentence alone, so an answer does not depend on what was
asked before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metier.core.lru_cache import Remembered
from metier.embedding.base import Embedder

MOST = 8192  # 13 MB at 384 dimensions; of some 800 passages all that is ever asked about


class SentenceVectors:
    """The sentences that were needed last, at most `most`. Several threads may ask at once."""

    def __init__(self, embedder: Embedder, most: int = MOST) -> None:
        self._embedder = embedder
        self._known: Remembered[str, np.ndarray] = Remembered(most)

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32 (texts, dimension), as `Embedder.embed_passages` gives them."""

        def made(places: list[int]) -> list[np.ndarray]:
            vectors = self._embedder.embed_passages([texts[place] for place in places])
            return [vector.copy() for vector in vectors]  # not views of their batch

        return np.stack(self._known.of(texts, made))
