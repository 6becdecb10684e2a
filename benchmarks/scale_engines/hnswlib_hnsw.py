"""hnswlib: an HNSW graph in memory, whole vectors; its filters are functions of Python, called a candidate each."""

from __future__ import annotations

from pathlib import Path

import hnswlib
import numpy as np

from scale_engines import EF_CONSTRUCTION, M
from scale_engines.corpus import Corpus

PACKAGES = ("hnswlib",)
EFFORTS: tuple[int, ...] = (32, 64, 96, 128, 192, 256, 384)
FILTERS = False
_AT_ONCE = 50_000


class Index:
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._graph = hnswlib.Index(space="ip", dim=corpus.vectors.shape[1])
        self._graph.init_index(max_elements=len(corpus), M=M, ef_construction=EF_CONSTRUCTION)
        for first in range(0, len(corpus), _AT_ONCE):
            vectors = np.asarray(corpus.vectors[first : first + _AT_ONCE])
            self._graph.add_items(vectors, np.arange(first, first + len(vectors)))
        self._graph.save_index(str(folder / "graph"))

    def search(self, vector: np.ndarray, k: int, share: str) -> list[int]:
        return list(self._graph.knn_query(vector, k=k)[0][0])

    def try_harder(self, effort: int) -> None:
        self._graph.set_ef(effort)

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        pass
