"""LanceDB as its manual has it: one table of passages and vectors with the columns to filter by, an HNSW index over
8-bit codes whose candidates are compared by their whole vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import BTree, HnswSq

from scale_engines import EF_CONSTRUCTION, M
from scale_engines.corpus import PER_DOCUMENT, SHARES, Corpus

PACKAGES = ("lancedb",)
EFFORTS: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 20)  # refine factor: ten times as many candidates
FILTERS = True
_AT_ONCE = 50_000


class Index:
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        dimension = corpus.vectors.shape[1]
        columns = {"id": pa.int64(), "share": pa.string(), "text": pa.string()}
        schema = pa.schema({**columns, "vector": pa.list_(pa.float32(), dimension)})
        self._table = lancedb.connect(folder).create_table("passages", _batches(corpus, schema), schema=schema)
        partitions = max(1, len(corpus) // 1_000_000)
        graph = {"m": M, "ef_construction": EF_CONSTRUCTION}
        self._table.create_index("vector", config=HnswSq(distance_type="dot", num_partitions=partitions, **graph))
        self._table.create_index("share", config=BTree())
        self._refined = 1

    def search(self, vector: np.ndarray, k: int, share: str) -> list[int]:
        query = self._table.search(vector, vector_column_name="vector").distance_type("dot")
        query = query.refine_factor(self._refined).select(["id", "text", "_distance"]).limit(k)
        if share != "all":
            query = query.where(f"share = '{share}'", prefilter=True)
        found: list[int] = query.to_arrow()["id"].to_pylist()
        return found

    def try_harder(self, effort: int) -> None:
        self._refined = effort

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        pass


def _batches(corpus: Corpus, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for first in range(0, len(corpus), _AT_ONCE):
        vectors = np.asarray(corpus.vectors[first : first + _AT_ONCE])
        numbers = np.arange(first, first + len(vectors))
        shares = [
            next((share for share, holds in SHARES.items() if holds(number // PER_DOCUMENT)), "none")
            for number in numbers.tolist()
        ]
        values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        texts = [corpus.text(number)[0] for number in numbers.tolist()]
        yield pa.record_batch([pa.array(numbers), pa.array(shares), pa.array(texts), values], schema=schema)
