"""Qdrant in this process (Qdrant Edge: a shard of the server without the server): HNSW with a keyword index to filter
by, as its manual has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import qdrant_edge as qdrant

from scale_engines import EF_CONSTRUCTION, M
from scale_engines.corpus import PER_DOCUMENT, SHARES, Corpus

PACKAGES = ("qdrant-edge-py",)
EFFORTS: tuple[int, ...] = (32, 64, 96, 128, 192, 256, 384)
FILTERS = True
_AT_ONCE = 10_000


class Index:
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        (folder / "shard").mkdir()
        graph = qdrant.HnswIndexConfig(m=M, ef_construct=EF_CONSTRUCTION, full_scan_threshold=10_000)
        vectors = qdrant.EdgeVectorParams(size=corpus.vectors.shape[1], distance=qdrant.Distance.Dot)
        optimizers = qdrant.EdgeOptimizersConfig(default_segment_number=1, max_segment_size=2**31)
        config = qdrant.EdgeConfig(vectors=vectors, hnsw_config=graph, optimizers=optimizers)
        self._shard = qdrant.EdgeShard.create(str(folder / "shard"), config)
        operation = qdrant.UpdateOperation
        self._shard.update(operation.create_field_index("share", qdrant.PayloadSchemaType.Keyword))
        for first in range(0, len(corpus), _AT_ONCE):
            points = [
                qdrant.Point(number, vector.tolist(), {"share": _share(number // PER_DOCUMENT)})
                for number, vector in enumerate(corpus.vectors[first : first + _AT_ONCE], first)
            ]
            self._shard.update(operation.upsert_points(points))
        self._shard.flush()
        while self._shard.optimize():
            pass
        self._effort = EFFORTS[0]

    def search(self, vector: np.ndarray, k: int, share: str) -> list[int]:
        narrowed = None
        if share != "all":
            narrowed = qdrant.Filter(must=[qdrant.FieldCondition("share", match=qdrant.MatchValue(share))])
        query = qdrant.Query.Nearest(vector.tolist())
        params = qdrant.SearchParams(hnsw_ef=self._effort)
        asked = qdrant.QueryRequest(limit=k, query=query, filter=narrowed, params=params)
        return [point.id for point in self._shard.query(asked)]

    def try_harder(self, effort: int) -> None:
        self._effort = effort

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        self._shard.close()


def _share(document: int) -> str:
    return next((share for share, holds in SHARES.items() if holds(document)), "none")
