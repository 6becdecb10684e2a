"""Vectors of one sync, each text embedded once: copies of a document, what every manual says in its first pages, and
what a changed document still says would be embedded, and at an endpoint paid for, again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metier.core.lru_cache import Remembered
from metier.embedding.base import Embedder

_AT_ONCE = 1024  # texts given to the embedder, so that the tokens of a large document are not all there together
_KEPT = 20_000  # texts with their vectors; of 384 numbers about 50 MB


class EmbeddingCache:
    """Remembers the vectors that were needed last. `embedded`: how many texts the embedder was given."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedded = 0
        self._embedder = embedder
        self._known: Remembered[str, np.ndarray] = Remembered(_KEPT)

    def embed_passages(self, texts: Sequence[str], stored: Mapping[str, np.ndarray]) -> np.ndarray:
        """As `Embedder.embed_passages`: float32, (texts, dimension). `stored`: vectors that are there already."""

        def made(places: list[int]) -> list[np.ndarray]:
            wanted = [texts[place] for place in places]
            new = [text for text in wanted if text not in stored]
            vectors = dict(zip(new, self._embedded(new), strict=True))
            return [vectors[text] if text in vectors else stored[text] for text in wanted]

        vectors = self._known.of(texts, made)
        return np.stack(vectors) if vectors else self._embedder.embed_passages([])

    def _embedded(self, texts: Sequence[str]) -> list[np.ndarray]:
        self.embedded += len(texts)
        starts = range(0, len(texts), _AT_ONCE)
        return [vector for at in starts for vector in self._embedder.embed_passages(texts[at : at + _AT_ONCE])]
