"""An approximate index over the vectors, built only when exact search becomes too slow, and never believed unmeasured.

Its recall@10 against exact search is measured at build time (`metier.store.recall`) with wider and wider searches: the
narrowest that reaches 0.95 is kept. Where none does the index is dropped and search stays exact, until the table has
doubled.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from metier.store import recall
from metier.store.lance.files import StoreFiles

_INDEX = "vector_idx"
_NOTE = "ann.json"
_LINKS, _CONSTRUCTION = 16, 100  # of the graph: of each vector, and candidates for them
_WIDTHS = (45, 70, 100, 150, 200, 300, 400, 550, 800)  # of ef
_REFINED = 3  # times as many candidates as wanted are compared by their whole vectors; the index holds 8 bits of each


def build_index(table: Any, files: StoreFiles, rows: int, exact_until: int) -> dict[str, float | int | str]:
    """Index the `vector` column of a LanceDB table if it holds more than `exact_until` rows.

    Returns {"recall_at_10", "rows", "state", "ef"}; empty where exact search is fast enough or the index is already
    there.
    """
    if rows <= exact_until or any(index.name == _INDEX for index in table.list_indices()):
        return {}
    known = measured(files)
    if known.get("state") == "refused" and rows < 2 * int(known.get("rows", 0)):
        return {}
    from lancedb.index import HnswSq

    # At most a few partitions: each HNSW graph holds up to a million vectors, and recall falls with partitions.
    partitions = max(1, rows // 1_000_000)
    config = HnswSq(distance_type="dot", num_partitions=partitions, m=_LINKS, ef_construction=_CONSTRUCTION)
    table.create_index("vector", config=config)
    found, width = _measured(table)
    state = "built" if found >= recall.RECALL_WANTED else "refused"
    if state == "refused":
        table.drop_index(_INDEX)
    made: dict[str, float | int | str] = {"recall_at_10": found, "rows": rows, "state": state, "ef": width}
    with files.replacing(_NOTE) as note:
        note.write(json.dumps(made).encode())
    return made


def drop_index(table: Any) -> None:
    """Where there is one."""
    if any(index.name == _INDEX for index in table.list_indices()):
        table.drop_index(_INDEX)


def width(files: StoreFiles) -> int:
    """Of the searches that reach the recall wanted, as it was measured; the narrowest where there is no index."""
    return int(measured(files).get("ef", _WIDTHS[0]))


def nearest(table: Any, vector: np.ndarray, limit: int, ef: int) -> Any:
    """The query for the nearest rows; exact where there is no index."""
    query = table.search(np.asarray(vector, dtype=np.float32), vector_column_name="vector").distance_type("dot")
    return query.refine_factor(_REFINED).ef(max(ef, _REFINED * limit * 3 // 2)).limit(limit)


def measured(files: StoreFiles) -> dict[str, Any]:
    """What was measured when an index was last built or refused."""
    try:
        return dict(json.loads(files.read(_NOTE) or "{}"))
    except (OSError, ValueError, TypeError):
        return {}


def _measured(table: Any) -> tuple[float, int]:
    """Recall, and the width that has it."""
    rows = table.search().where("vector IS NOT NULL").select(["vector"]).limit(recall.SAMPLED).to_arrow()
    column = rows["vector"].combine_chunks()
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)

    def exact(vector: np.ndarray) -> set[str]:
        return _ids(nearest(table, vector, recall.TOP, 0).bypass_vector_index())

    def approximate(vector: np.ndarray, ef: int) -> set[str]:
        return _ids(nearest(table, vector, recall.TOP, ef))

    return recall.narrowest(vectors, _WIDTHS, exact, approximate)


def _ids(query: Any) -> set[str]:
    return {row["id"] for row in query.select(["id", "_distance"]).to_list()}
