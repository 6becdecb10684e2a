"""Vectors of one sync, each text embedded once: copies of a document, and what every manual says in its first pages,
would be embedded, and at an endpoint paid for, again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metier.core.lru_cache import Remembered
from metier.embedding.base import Embedder

_AT_ONCE = 1024  # texts given to the embedder, so that the tokens of a large document are not all there together
_KEPT = 20_000  # texts with their vectors; of 384 numbers about 50 MB


class EmbeddingCache:
    """Remembers the vectors that were needed last."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: Remembered[str, np.ndarray] = Remembered(_KEPT)

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        """As `Embedder.embed_passages`: float32, (texts, dimension)."""
        vectors = self._known.of(texts, lambda places: self._embedded([texts[place] for place in places]))
        return np.stack(vectors) if vectors else self._embedder.embed_passages([])

    def _embedded(self, texts: Sequence[str]) -> list[np.ndarray]:
        starts = range(0, len(texts), _AT_ONCE)
        return [vector for at in starts for vector in self._embedder.embed_passages(texts[at : at + _AT_ONCE])]
