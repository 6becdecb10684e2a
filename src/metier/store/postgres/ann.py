"""An HNSW index over the vectors, built only when exact search becomes too slow, and never believed unmeasured.

It holds vectors in half precision, so that it is half as large; what it finds is ordered by the whole vectors. It is
built in a transaction in which its recall@10 is measured with wider and wider searches (`hnsw.ef_search`): the
narrowest that reaches 0.95 is kept, and where none does all of it is rolled back until the table has doubled.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import psycopg
from psycopg import errors

from metier.store import recall
from metier.store.postgres.conditions import Narrowing
from metier.store.postgres.connections import Connection
from metier.store.postgres.copying import as_text, vector_of

log = logging.getLogger(__name__)
_WIDTHS = (40, 60, 80, 120, 160, 240, 320, 480, 640, 1000)  # of hnsw.ef_search
_LINKS, _CANDIDATES = 16, 100  # of the graph: of each vector, and candidates for them
_WIDEST = 1000  # that pgvector takes
_REFINED = 2  # times as many candidates as wanted are compared by their whole vectors
_DIMENSIONS = 4000  # that an index of half precision takes
_MEMORY_MB = 1024  # for the graph while it is built, at most, unless the server gives more by itself
_NODE_BYTES = 720  # of the graph, beside two for each number
_SCANNED = 40_000  # passages that a search with a filter goes through before it is given up for an exact one
_PLANNED = ("enable_seqscan", "enable_sort")
_GOES_ON = {"hnsw.iterative_scan": "relaxed_order", "hnsw.max_scan_tuples": str(_SCANNED)}


def build(connection: Connection, generation: int, dimension: int, rows: int, exact_until: int) -> dict[str, Any]:
    """Index the vectors of an index if it holds more than `exact_until` passages, in the transaction that `connection`
    is in. Returns {"recall_at_10", "rows", "state", "ef_search"}; empty where exact search is fast enough or the index
    is already there."""
    row = connection.execute("SELECT ann FROM store_generations WHERE id = %s FOR UPDATE", [generation]).fetchone()
    known = (row and row["ann"]) or {}
    if rows <= exact_until or dimension > _DIMENSIONS or known.get("state") == "built":
        return {}
    if rows < 2 * known.get("rows", 0):  # refused with so many
        return {}
    try:
        with connection.transaction():
            _create(connection, generation, dimension, rows)
            made = _measured(connection, generation, dimension) | {"rows": rows}
            if made["state"] == "refused":
                raise psycopg.Rollback
    except psycopg.Rollback:
        pass
    connection.execute("UPDATE store_generations SET ann = %s::jsonb WHERE id = %s", [json.dumps(made), generation])
    return made


def widen(connection: Connection, width: int, limit: int) -> None:
    """For the rest of a transaction: how many candidates a search keeps, and that it goes on where a filter leaves too
    few."""
    off = dict.fromkeys(_PLANNED, "off")  # the planner takes policies to let through one row, and would sort them all
    _set(connection, {"hnsw.ef_search": str(max(width, min(_WIDEST, _REFINED * limit)))} | _GOES_ON | off)


def give_up(connection: Connection) -> None:
    """For the rest of a transaction: searches are exact."""
    _set(connection, dict.fromkeys(_PLANNED, "on"))


def _set(connection: Connection, settings: dict[str, str]) -> None:
    """For the rest of a transaction, in one statement: each is an answer to wait for."""
    each = ", ".join("set_config(%s, %s, true)" for _ in settings)
    connection.execute(f"SELECT {each}", [text for pair in settings.items() for text in pair])


def nearest(generation: int, dimension: int, columns: str, vector: str, limit: int, wanted: Narrowing) -> Narrowing:
    """The query for the nearest that the index finds, best first, with their `distance`."""
    passages = f"passages_{generation}"
    return Narrowing(
        f"WITH near AS MATERIALIZED (SELECT number AS at FROM {passages} WHERE {wanted.sql} "
        f"ORDER BY embedding::halfvec({dimension}) <#> %s::halfvec({dimension}) LIMIT %s) "
        f"SELECT {columns}, embedding <#> %s::vector AS distance FROM near JOIN {passages} ON number = at "
        "ORDER BY distance LIMIT %s",
        (*wanted.values, vector, _REFINED * limit, vector, limit),
    )


def _create(connection: Connection, generation: int, dimension: int, rows: int) -> None:
    made = (
        f"CREATE INDEX nearest_{generation} ON passages_{generation} "
        f"USING hnsw ((embedding::halfvec({dimension})) halfvec_ip_ops) "
        f"WITH (m = {_LINKS}, ef_construction = {_CANDIDATES})"
    )
    _take_memory(connection, 64 + rows * (2 * dimension + _NODE_BYTES) // 2**20)
    try:
        with connection.transaction():
            connection.execute(made)
    except errors.DiskFull:  # shared memory of a container, which parallel workers need
        log.info("the index is built by one process: there is little shared memory (docker: --shm-size)")
        connection.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        connection.execute(made)


def _take_memory(connection: Connection, wanted: int) -> None:
    """For the rest of a transaction. What of the graph does not fit is added on the disk, at a quarter of the speed."""
    query = "SELECT pg_size_bytes(current_setting('maintenance_work_mem')) / 1048576 AS mb"
    given = (connection.execute(query).fetchone() or {"mb": 0})["mb"]
    taken = max(given, min(_MEMORY_MB, wanted))
    if taken < wanted:
        log.warning(
            "the index over vectors is built faster where the server's maintenance_work_mem is %d MB: it is %d",
            wanted,
            given,
        )
    _set(connection, {"maintenance_work_mem": f"{taken}MB"})


def _measured(connection: Connection, generation: int, dimension: int) -> dict[str, Any]:
    sample = connection.execute(
        f"SELECT vector_send(embedding) AS sent FROM passages_{generation} ORDER BY rank LIMIT {recall.SAMPLED}"
    )
    vectors = np.stack([vector_of(row["sent"]) for row in sample])

    def exact(vector: np.ndarray) -> set[str]:
        found = connection.execute(
            f"SELECT id FROM passages_{generation} ORDER BY embedding <#> %s::vector LIMIT %s",
            [as_text(vector), recall.TOP],
        )
        return {row["id"] for row in found}

    def approximate(vector: np.ndarray, width: int) -> set[str]:
        widen(connection, width, recall.TOP)
        asked = nearest(generation, dimension, "id", as_text(vector), recall.TOP, Narrowing("true", ()))
        return {row["id"] for row in connection.execute(asked.sql, asked.values)}

    found, width = recall.narrowest(vectors, _WIDTHS, exact, approximate)
    state = "built" if found >= recall.RECALL_WANTED else "refused"
    return {"recall_at_10": found, "state": state, "ef_search": width}
