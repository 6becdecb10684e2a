"""An approximate index over the vectors, built only when exact search becomes too slow, and never believed unmeasured.

Its recall@10 against exact search is measured at build time with vectors drawn from the table itself. The number of
probes is raised until the recall reaches 0.95; where even all probes do not reach it, the index is dropped and
search stays exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

RECALL_WANTED = 0.95
_QUERIES = 100
_TOP = 10
_INDEX = "vector_idx"


def build_index(table: Any, rows: int, exact_until: int) -> dict[str, float | int | str]:
    """Index the `vector` column of a LanceDB table if it holds more than `exact_until` rows.

    Returns {"recall_at_10", "rows", "state"}; empty where exact search is fast enough or the index is already there.
    """
    if rows <= exact_until or any(index.name == _INDEX for index in table.list_indices()):
        return {}
    from lancedb.index import HnswSq

    # At most a few partitions: each HNSW graph holds up to a million vectors, and recall falls with partitions.
    table.create_index("vector", config=HnswSq(distance_type="dot", num_partitions=max(1, rows // 1_000_000)))
    recall = measure_recall(table)
    if recall < RECALL_WANTED:
        table.drop_index(_INDEX)
        return {"recall_at_10": recall, "rows": rows, "state": "refused"}
    return {"recall_at_10": recall, "rows": rows, "state": "built"}


def measure_recall(table: Any) -> float:
    """Share of the exact ten nearest that the index finds, over queries drawn from the table with a fixed seed."""
    vectors = table.search().where("vector IS NOT NULL").select(["vector"]).limit(20_000).to_arrow()["vector"]
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_QUERIES]
    noise = np.random.default_rng(1)
    found = 0
    for index in chosen:
        vector = np.asarray(vectors[int(index)].as_py(), dtype=np.float32)
        vector = vector + 0.3 * noise.normal(size=vector.size).astype(np.float32) / np.sqrt(vector.size)
        exact = _ids(table.search(vector, vector_column_name="vector").distance_type("dot").bypass_vector_index())
        found += len(exact & _ids(table.search(vector, vector_column_name="vector").distance_type("dot")))
    return found / (_TOP * len(chosen)) if len(chosen) else 1.0


def _ids(query: Any) -> set[str]:
    return {row["id"] for row in query.select(["id", "_distance"]).limit(_TOP).to_list()}
