"""`words:N`: a text is the sum of its words, each put by its hash into one of N dimensions."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metier.core.errors import SettingsError
from metier.core.settings import EmbeddingSettings

_WORD = re.compile(r"\w+")


class WordEmbedder:
    """See `metier.embedding.base.Embedder`. Knows which words are the same, and nothing of what they mean."""

    max_tokens = 1_000_000  # nothing is cut

    def __init__(self, name: str, dimension: int) -> None:
        self.name = name
        self.dimension = dimension
        self.fingerprint = f"words-1-{dimension}"  # the 1 is raised when a text gets another vector

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.casefold()):
                code = zlib.crc32(word.encode("utf-8", "surrogatepass"))
                vector[code % self.dimension] += 1 if code & 2**31 else -1
            if not vector.any():  # no words, or words that cancel each other out
                vector[0] = 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self.embed_passages(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_WORD.findall(text)) for text in texts]

    def close(self) -> None:
        pass


def create(settings: EmbeddingSettings, name: str, *, folder: Path) -> WordEmbedder:
    """`name`: how many dimensions. `folder`: the expert's, for names that are files."""
    if not name.isdecimal() or int(name) < 1:
        raise SettingsError(
            f"{name!r} is no number of dimensions", where="embedding.model", hint="Write words:256 or the like."
        )
    return WordEmbedder(settings.model, int(name))
