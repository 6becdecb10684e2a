"""Reading documents and passages: of the tables of an index as they stand, or of what was there on a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from metier.core.documents import Document, Passage
from metier.store.base import DocumentRecord, Entry, Filter, Identity, Scored
from metier.store.postgres.conditions import Narrowing, condition, groups_of
from metier.store.postgres.connections import Connection, Connections
from metier.store.postgres.copying import as_text, vector_of
from metier.store.postgres.lexical import AskedWords, best_passages
from metier.store.postgres.postings import Postings
from metier.store.rows import PASSAGE_COLUMNS, as_document, as_passage, as_record, entries_of

_SAMPLE = 1024  # passages at large that a question is held against; the deviation is then known to about 2%
PASSAGE = ", ".join(f'"{name}"' for name in PASSAGE_COLUMNS)
_DOCUMENT = "id AS document_id, uri, title, language, groups, metadata, content_hash, text, payload"
_RECORD = "id AS document_id, uri, title, media_type, language, groups, metadata"


class PostgresReader:
    """The reading half of `metier.store.base.Store`."""

    identity: Identity
    _connections: Connections

    @property
    def _generation(self) -> int:
        raise NotImplementedError

    @property
    def _documents(self) -> str:
        """The table, or a query in brackets, with the rows of documents."""
        return f"documents_{self._generation}"

    @property
    def _passages(self) -> str:
        return f"passages_{self._generation}"

    def hashes(self) -> dict[str, str]:
        rows = self._all(f"SELECT id, content_hash FROM {self._documents} AS d", Narrowing("true", ()))
        return {row["id"]: row["content_hash"] for row in rows}

    def vectors(self, document_ids: Sequence[str]) -> dict[str, np.ndarray]:
        wanted = Narrowing("document_id = ANY(%s::text[])", (list(document_ids),))
        query = f"SELECT {PASSAGE}, vector_send(embedding) AS sent FROM {self._passages} AS p"
        rows = self._all(query, wanted) if document_ids else []
        return {as_passage(row).indexed_text: vector_of(row["sent"]) for row in rows}

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        wanted = list(document_ids)
        if not wanted:
            return []

        def found(connection: Connection) -> list[Entry]:
            documents = connection.execute(
                f"SELECT {_DOCUMENT} FROM {self._documents} AS d WHERE id = ANY(%s::text[]) "
                "ORDER BY array_position(%s::text[], id)",
                [wanted, wanted],
            ).fetchall()
            passages = connection.cursor(binary=True).execute(
                f"SELECT {PASSAGE}, tokens, vector_send(embedding) AS sent FROM {self._passages} AS p "
                "WHERE document_id = ANY(%s::text[]) ORDER BY document_id, position",
                [wanted],
            )
            rows = [row | {"vector": vector_of(row["sent"])} for row in passages]
            return entries_of(documents, rows, self.identity.dimension)

        return self._connections.read(found, None)

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        rows = self._of_documents("uri, id", where)
        return {row["uri"]: row["id"] for row in rows}

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        rows = self._of_documents(_RECORD, where)
        return sorted(map(as_record, rows), key=lambda record: record.uri)

    def document(self, document_id: str) -> Document | None:
        return self._connections.read(lambda c: document_in(c, self._documents, document_id), None)

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        wanted = condition(where).and_("document_id = %s", document_id)
        return self._of_passages(wanted, where, "ORDER BY position")

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not document_ids:
            return []
        first = condition(where).and_("document_id = ANY(%s::text[]) AND position = 0", list(document_ids))
        return self._of_passages(first, where)

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        if not passages:
            return []
        near = condition(where).and_(
            "(document_id, start) IN (SELECT p.document_id, p.start "
            "FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS near (of, least, most) "
            f"JOIN {self._passages} AS p ON p.document_id = near.of "
            "AND p.start BETWEEN near.least AND near.most)",
            [each.document_id for each in passages],
            [each.start - characters for each in passages],
            [each.end + characters for each in passages],
        )
        return self._of_passages(near, where, "ORDER BY document_id, position")

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not passage_ids:
            return []
        wanted = condition(where).and_("id = ANY(%s::text[])", list(passage_ids))
        found = {passage.id: passage for passage in self._of_passages(wanted, where)}
        return [found[name] for name in dict.fromkeys(passage_ids) if name in found]

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        return self._connections.read(
            lambda connection: self._nearest(connection, as_text(vector), limit, condition(where)), groups_of(where)
        )

    def _nearest(self, connection: Connection, vector: str, limit: int, wanted: Narrowing) -> list[Scored]:
        """Among all of them."""
        rows = connection.execute(
            f"SELECT {PASSAGE}, distance FROM (SELECT *, embedding <#> %s::vector AS distance "
            f"FROM {self._passages} AS p WHERE {wanted.sql} ORDER BY distance LIMIT %s) AS nearest ORDER BY distance",
            [vector, *wanted.values, limit],
        ).fetchall()
        return [Scored(as_passage(row), -row["distance"]) for row in rows]

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        if not tokens:
            return []
        groups = groups_of(where)

        def found(connection: Connection) -> list[Scored]:
            words = AskedWords.of(connection, self._postings, tokens, groups)
            return self._ranked(connection, words, limit, condition(where), groups)

        return self._connections.read(found, groups)

    def _ranked(
        self,
        connection: Connection,
        words: AskedWords,
        limit: int,
        wanted: Narrowing,
        groups: Sequence[str] | None,
    ) -> list[Scored]:
        passages = self._passages
        best = best_passages(connection, self._postings, passages, words, limit, wanted, groups)
        rows = connection.execute(
            f"SELECT {PASSAGE}, number FROM {passages} WHERE number = ANY(%s::int[])", [list(best)]
        ).fetchall()
        found = [Scored(as_passage(row), best[row["number"]]) for row in rows]
        return sorted(found, key=lambda each: (-each.score, each.passage.id))

    def frequencies(self, tokens: Sequence[str], where: Filter | None = None) -> np.ndarray:
        if not len(tokens):
            return np.zeros(0, dtype=np.int64)
        groups = groups_of(where)
        return self._connections.read(lambda c: self._postings.counts(c, tokens, groups), groups)

    def background(self, vector: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
        groups = groups_of(where)
        (row,) = self._sampled("avg(cosine) AS mean, stddev_pop(cosine) AS deviation", "", vector, groups)
        return (float(row["mean"]), float(row["deviation"])) if row["mean"] is not None else (0.0, 0.0)

    def languages(self, vector: np.ndarray, where: Filter | None = None) -> dict[str, tuple[int, float, float]]:
        told = (
            "coalesce(language, '') AS code, count(*) AS passages, avg(cosine) AS mean, stddev_pop(cosine) AS deviation"
        )
        rows = self._sampled(told, "GROUP BY code", vector, groups_of(where))
        return {row["code"]: (int(row["passages"]), float(row["mean"]), float(row["deviation"])) for row in rows}

    def _sampled(
        self, told: str, grouped: str, vector: np.ndarray, groups: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        """Of the sample of passages that a reader may see, with the `cosine` of each."""
        query = (
            f"SELECT {told} FROM (SELECT cosine, language FROM unnest(%s::bigint[]) "
            "AS of CROSS JOIN LATERAL (SELECT rank, language, -(embedding <#> %s::vector) AS cosine "
            f"FROM passages_{self._generation} WHERE label = of ORDER BY rank LIMIT {_SAMPLE}) AS part "
            f"ORDER BY rank LIMIT {_SAMPLE}) AS sample {grouped}"
        )

        def sampled(connection: Connection) -> list[dict[str, Any]]:
            for each in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):  # see ann.py: the index has the order
                connection.execute(f"SET LOCAL {each} = off")
            labels = self._postings.labels(connection, groups)
            return connection.execute(query, [labels, as_text(vector)]).fetchall()

        return self._connections.read(sampled, groups)

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        of_documents, of_passages = condition(where, of_passages=False), condition(where)
        query = (
            f"SELECT (SELECT count(*) FROM {self._documents} AS d WHERE {of_documents.sql}) AS documents, "
            f"(SELECT count(*) FROM {self._passages} AS p WHERE {of_passages.sql}) AS passages"
        )
        values = [*of_documents.values, *of_passages.values]
        row = self._connections.read(lambda c: c.execute(query, values).fetchone(), groups_of(where)) or {}
        return int(row["documents"]), int(row["passages"])

    # --- inside ----------------------------------------------------------------------------------------------

    @property
    def _postings(self) -> Postings:
        return Postings(self._generation)

    def _of_documents(self, columns: str, where: Filter | None) -> list[dict[str, Any]]:
        wanted = condition(where, of_passages=False)
        return self._all(f"SELECT {columns} FROM {self._documents} AS d", wanted, groups_of(where))

    def _of_passages(self, wanted: Narrowing, where: Filter | None, order: str = "") -> list[Passage]:
        rows = self._all(f"SELECT {PASSAGE} FROM {self._passages} AS p", wanted, groups_of(where), order)
        return list(map(as_passage, rows))

    def _all(
        self, query: str, wanted: Narrowing, groups: Sequence[str] | None = None, order: str = ""
    ) -> list[dict[str, Any]]:
        whole = f"{query} WHERE {wanted.sql} {order}"
        return self._connections.read(lambda c: c.execute(whole, wanted.values).fetchall(), groups)


def document_in(connection: Connection, documents: str, document_id: str) -> Document | None:
    """The document with this id in a table."""
    row = connection.execute(f"SELECT {_DOCUMENT} FROM {documents} AS d WHERE id = %s", [document_id]).fetchone()
    return as_document(row) if row else None
