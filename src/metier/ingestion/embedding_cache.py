"""Vectors of one sync, each text embedded once: copies of a document, what every manual says in its first pages, and
what a changed document still says would be embedded, and at an endpoint paid for, again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from metier.core.lru_cache import Remembered

_AT_ONCE = 1024  # texts given to the embedder, so that the tokens of a large document are not all there together
_KEPT = 20_000  # texts with their vectors; of 384 numbers about 50 MB
Vector = Callable[[], np.ndarray]  # when it is waited for
Embed = Callable[[Sequence[str]], Callable[[], np.ndarray]]


class EmbeddingCache:
    """Remembers the vectors that were needed last. `embed`: as of `IngestionStages`; `embedded`: how many texts it was
    given."""

    def __init__(self, embed: Embed) -> None:
        self.embedded = 0
        self._embed = embed
        self._known: Remembered[str, Vector] = Remembered(_KEPT)

    def request(self, texts: Sequence[str], stored: Mapping[str, np.ndarray]) -> Callable[[], np.ndarray]:
        """As `Embedder.embed_passages`: float32, (texts, dimension), when it is waited for. `stored`: vectors that are
        there already."""

        def made(places: list[int]) -> list[Vector]:
            wanted = [texts[place] for place in places]
            new = [text for text in wanted if text not in stored]
            vectors = dict(zip(new, self._requested(new), strict=True))
            return [vectors[text] if text in vectors else _there(stored[text]) for text in wanted]

        vectors = self._known.of(texts, made)
        return lambda: np.stack([vector() for vector in vectors]) if vectors else self._embed([])()

    def _requested(self, texts: Sequence[str]) -> list[Vector]:
        self.embedded += len(texts)
        found: list[Vector] = []
        for at in range(0, len(texts), _AT_ONCE):
            some = texts[at : at + _AT_ONCE]
            found += _rows(self._embed(some), len(some))
        return found


def _there(vector: np.ndarray) -> Vector:
    return lambda: vector


def _rows(wait: Callable[[], np.ndarray], count: int) -> list[Vector]:
    def row(place: int) -> Vector:
        return lambda: wait()[place]

    return [row(place) for place in range(count)]
