"""USearch: an HNSW graph in memory, vectors in half precision; it has no filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from usearch.index import Index as Graph

from scale_engines import EF_CONSTRUCTION, M
from scale_engines.corpus import Corpus

PACKAGES = ("usearch",)
EFFORTS: tuple[int, ...] = (32, 64, 96, 128, 192, 256, 384)
FILTERS = False
_AT_ONCE = 50_000


class Index:
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._graph = Graph(
            ndim=corpus.vectors.shape[1], metric="ip", dtype="f16", connectivity=M, expansion_add=EF_CONSTRUCTION
        )
        for first in range(0, len(corpus), _AT_ONCE):
            vectors = np.asarray(corpus.vectors[first : first + _AT_ONCE])
            self._graph.add(np.arange(first, first + len(vectors)), vectors)
        self._graph.save(str(folder / "graph"))

    def search(self, vector: np.ndarray, k: int, share: str) -> list[int]:
        return list(self._graph.search(vector, k).keys)

    def try_harder(self, effort: int) -> None:
        self._graph.expansion_search = effort

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        pass
