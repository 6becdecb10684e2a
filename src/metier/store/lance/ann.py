"""An approximate index over the vectors, built only when exact search becomes too slow, and never believed unmeasured.

Its recall@10 against exact search is measured at build time, with queries that lie between vectors of the table. Where
it stays under 0.95 the index is dropped and search stays exact, until the table has doubled.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from metier.store.lance.files import StoreFiles

RECALL_WANTED = 0.95
_QUERIES = 100
_TOP = 10
_INDEX = "vector_idx"
REFINED = 3  # times as many candidates as wanted are compared by their whole vectors; the index holds 8 bits of each
_NOTE = "ann.json"


def build_index(table: Any, files: StoreFiles, rows: int, exact_until: int) -> dict[str, float | int | str]:
    """Index the `vector` column of a LanceDB table if it holds more than `exact_until` rows.

    Returns {"recall_at_10", "rows", "state"}; empty where exact search is fast enough or the index is already there.
    """
    if rows <= exact_until or any(index.name == _INDEX for index in table.list_indices()):
        return {}
    if rows < 2 * _refused(files):
        return {}
    from lancedb.index import HnswSq

    # At most a few partitions: each HNSW graph holds up to a million vectors, and recall falls with partitions.
    table.create_index("vector", config=HnswSq(distance_type="dot", num_partitions=max(1, rows // 1_000_000)))
    recall = measure_recall(table)
    if recall < RECALL_WANTED:
        table.drop_index(_INDEX)
        with files.replacing(_NOTE) as note:
            note.write(json.dumps({"rows": rows, "recall_at_10": recall}).encode())
        return {"recall_at_10": recall, "rows": rows, "state": "refused"}
    return {"recall_at_10": recall, "rows": rows, "state": "built"}


def drop_index(table: Any) -> None:
    """Where there is one."""
    if any(index.name == _INDEX for index in table.list_indices()):
        table.drop_index(_INDEX)


def _refused(files: StoreFiles) -> int:
    """Rows at which an index was refused, 0 if never."""
    try:
        return int(json.loads(files.read(_NOTE) or "")["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def measure_recall(table: Any) -> float:
    """Share of the exact ten nearest that the index finds, over queries drawn from the table with a fixed seed."""
    vectors = table.search().where("vector IS NOT NULL").select(["vector"]).limit(20_000).to_arrow()["vector"]
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_QUERIES]
    found = 0
    for first, second in zip(chosen, np.roll(chosen, 1), strict=True):
        one, other = (np.asarray(vectors[int(index)].as_py(), dtype=np.float32) for index in (first, second))
        vector = one + other
        vector /= max(float(np.linalg.norm(vector)), 1e-9)
        query = table.search(vector, vector_column_name="vector").distance_type("dot")
        exact = table.search(vector, vector_column_name="vector").distance_type("dot").bypass_vector_index()
        found += len(_ids(exact) & _ids(query.refine_factor(REFINED)))
    return found / (_TOP * len(chosen)) if len(chosen) else 1.0


def _ids(query: Any) -> set[str]:
    return {row["id"] for row in query.select(["id", "_distance"]).limit(_TOP).to_list()}
