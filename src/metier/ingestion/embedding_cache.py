"""Vectors of one sync, each text embedded once: copies of a document, and what every manual says in its first pages,
would be embedded, and at an endpoint paid for, again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metier.embedding.base import Embedder

_AT_ONCE = 1024  # texts given to the embedder, so that the tokens of a large document are not all there together
_KEPT = 20_000  # texts with their vectors; of 384 numbers about 50 MB


class EmbeddingCache:
    """Remembers the last texts that were embedded."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, np.ndarray] = {}

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        """As `Embedder.embed_passages`: float32, (texts, dimension)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        parts = [self._embedder.embed_passages(new[at : at + _AT_ONCE]) for at in range(0, len(new), _AT_ONCE)]
        vectors = np.concatenate(parts) if parts else self._embedder.embed_passages([])
        self._known.update(zip(new, vectors, strict=True))
        if len(new) < len(texts):
            vectors = np.stack([self._known[text] for text in texts])
        for text in list(self._known)[:-_KEPT]:
            del self._known[text]
        return vectors
