"""Vectors of sentences, remembered: many questions find the same passages, and embedding their sentences is what an
answer costs beside search and model. A vector depends on its sentence alone, so an answer does not depend on what was
asked before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from metier.embedding.base import Embedder

MOST = 8192  # 13 MB at 384 dimensions; of some 800 passages all that is ever asked about


class SentenceVectors:
    """The sentences that were needed last, at most `most`. Several threads may ask at once."""

    def __init__(self, embedder: Embedder, most: int = MOST) -> None:
        self._embedder = embedder
        self._most = most
        self._known: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32 (texts, dimension), as `Embedder.embed_passages` gives them."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            made = dict(zip(missing, self._embedder.embed_passages(missing), strict=True))
            found |= made
            self._keep(made)
        return np.stack([found[text] for text in texts])

    def _keep(self, made: dict[str, np.ndarray]) -> None:
        with self._lock:
            self._known.update({text: vector.copy() for text, vector in made.items()})  # not a view of its batch
            while len(self._known) > self._most:
                self._known.popitem(last=False)
