"""Reading documents and passages: of one LanceDB table as it stands, or of several of which rows of a day are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from metier.core.documents import Document, Passage
from metier.store.base import DocumentRecord, Entry, Filter, Identity, Scored
from metier.store.lance import ann, lexical
from metier.store.lance.conditions import condition, in_list, narrowed, narrowing, of_documents, quoted
from metier.store.lance.files import LocalFiles, StoreFiles
from metier.store.lance.statistics import Statistics
from metier.store.lance.storage_errors import storage_errors
from metier.store.lance.table_rows import DOCUMENT, MEDIA_TYPE
from metier.store.rows import PASSAGE_COLUMNS, as_document, as_passage, as_record, entries_of


@dataclass(frozen=True, slots=True)
class TablePart:
    """A LanceDB table, and the condition for its rows that are read, "" for all of them."""

    table: Any
    within: str = ""

    def where(self, wanted: str) -> str:
        """Both conditions together, "" where there is none."""
        return " AND ".join(f"({each})" for each in (wanted, self.within) if each)

    def rows(self, wanted: str, columns: dict[str, str]) -> pa.Table:
        found: pa.Table = self.table.search().where(self.where(wanted)).select(columns).to_arrow()
        return found

    def count(self, wanted: str) -> int:
        return int(self.table.count_rows(self.where(wanted)))


class LanceReader:
    """The reading half of `metier.store.base.Store`. Rows with the same id in two parts are the same."""

    identity: Identity
    _files: StoreFiles
    _ef = 0  # what a search with the vector index keeps of candidates, at least
    _statistics: Statistics

    @property
    def _parts(self) -> Sequence[TablePart]:
        raise NotImplementedError

    def hashes(self) -> dict[str, str]:
        with storage_errors(self._files):
            rows = self._rows(condition(None, f"position = {DOCUMENT}"), ["document_id", "content_hash"])
        return pairs(rows, "document_id", "content_hash")

    def vectors(self, document_ids: Sequence[str]) -> dict[str, np.ndarray]:
        if not document_ids:
            return {}
        wanted = f"{of_documents(document_ids)} AND {condition(None)}"
        with storage_errors(self._files):
            rows = self._rows(wanted, [*PASSAGE_COLUMNS, "vector"]).to_pylist()
        return {as_passage(row).indexed_text: np.asarray(row["vector"], np.float32) for row in rows}

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        if not document_ids:
            return []
        columns = [*PASSAGE_COLUMNS, "position", "tokens", "vector", "content_hash", "payload"]
        with storage_errors(self._files):
            rows = self._rows(of_documents(document_ids), columns).to_pylist()
        places = {name: place for place, name in enumerate(document_ids)}
        rows.sort(key=lambda row: (places[row["document_id"]], row["position"]))
        own, rest = ([row for row in rows if (row["position"] == DOCUMENT) is is_own] for is_own in (True, False))
        return entries_of(own, rest, self.identity.dimension)

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        with storage_errors(self._files):
            rows = self._rows(condition(where, f"position = {DOCUMENT}"), ["document_id", "uri"])
        return pairs(rows, "uri", "document_id")

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        columns = {name: name for name in ("document_id", "uri", "title", "language", "groups", "metadata")}
        columns["media_type"] = MEDIA_TYPE
        with storage_errors(self._files):
            rows = self._rows(condition(where, f"position = {DOCUMENT}"), columns).to_pylist()
        return sorted(map(as_record, rows), key=lambda record: record.uri)

    def document(self, document_id: str) -> Document | None:
        with storage_errors(self._files):
            return next((found for part in self._parts if (found := document_in(part, document_id))), None)

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        wanted = f"{of_documents([document_id])} AND {condition(where)}"
        with storage_errors(self._files):
            rows = self._rows(wanted, [*PASSAGE_COLUMNS, "position"]).to_pylist()
        return [as_passage(row) for row in sorted(rows, key=lambda row: row["position"])]

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not document_ids:
            return []
        first = f"{of_documents(document_ids)} AND position = 0 AND {condition(where)}"
        with storage_errors(self._files):
            return [as_passage(row) for row in self._rows(first, PASSAGE_COLUMNS).to_pylist()]

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        if not passages:
            return []
        near = " OR ".join(
            f"(document_id = {quoted(p.document_id)} AND start >= {p.start - characters} AND "
            f"start <= {p.end + characters})"
            for p in passages
        )
        with storage_errors(self._files):
            rows = self._rows(f"{condition(where)} AND ({near})", [*PASSAGE_COLUMNS, "position"]).to_pylist()
        return [as_passage(row) for row in sorted(rows, key=lambda row: (row["document_id"], row["position"]))]

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not passage_ids:
            return []
        wanted = f"id IN ({in_list(passage_ids)}) AND {condition(where)}"
        with storage_errors(self._files):
            rows = self._rows(wanted, PASSAGE_COLUMNS).to_pylist()
        found = {row["id"]: as_passage(row) for row in rows}
        return [found[name] for name in dict.fromkeys(passage_ids) if name in found]

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        rows: list[dict[str, Any]] = []
        with storage_errors(self._files):
            for part in self._parts:
                query = ann.nearest(part.table, vector, limit, self._ef).select([*PASSAGE_COLUMNS, "_distance"])
                rows += narrowed(query, part.where(narrowing(where))).to_list()
        if len(self._parts) > 1:
            rows = sorted({row["id"]: row for row in rows}.values(), key=lambda row: row["_distance"])[:limit]
        return [Scored(as_passage(row), 1.0 - row["_distance"]) for row in rows]

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        if not tokens:
            return []
        with storage_errors(self._files):
            is_here = isinstance(self._files, LocalFiles)  # who reads what is elsewhere writes nothing there
            parts = [part for part in self._parts if lexical.is_indexed(part.table, may_index=is_here)]
            searched = [(part.table, part.where(narrowing(where))) for part in parts]
            return lexical.search(searched, tokens, limit, where, self._statistics) if parts else []

    def frequencies(self, tokens: Sequence[str], where: Filter | None = None) -> np.ndarray:
        with storage_errors(self._files):
            return self._statistics.frequencies(tokens, where.groups if where else None)

    def background(self, vector: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
        with storage_errors(self._files):
            return self._statistics.background(vector, where.groups if where else None)

    def languages(self, vector: np.ndarray, where: Filter | None = None) -> dict[str, tuple[int, float, float]]:
        with storage_errors(self._files):
            return self._statistics.languages(vector, where.groups if where else None)

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        with storage_errors(self._files):
            documents = sum(part.count(condition(where, f"position = {DOCUMENT}")) for part in self._parts)
            return documents, sum(part.count(condition(where)) for part in self._parts)

    def _rows(self, wanted: str, columns: Sequence[str] | Mapping[str, str]) -> pa.Table:
        """Each once, whatever several parts have of it. `columns`: names, or each with the expression that it is of."""
        parts = self._parts
        named = dict(columns) if isinstance(columns, Mapping) else dict(zip(columns, columns, strict=True))
        if len(parts) == 1:
            return parts[0].rows(wanted, named)
        rows = pa.concat_tables([part.rows(wanted, named | {"id": "id"}) for part in parts])
        places = {name: place for place, name in reversed(list(enumerate(rows["id"].to_pylist())))}
        return rows.take(pa.array(sorted(places.values()), pa.int64())).select(list(columns))


def pairs(rows: pa.Table, keys: str, values: str) -> dict[str, str]:
    """Two columns of texts."""
    columns: list[list[Any]] = [rows[name].to_pylist() for name in (keys, values)]
    return dict(zip(*columns, strict=True))


def document_in(part: TablePart, document_id: str) -> Document | None:
    """The document with this id in a table."""
    wanted = part.where(f"id = {quoted(document_id)} AND position = {DOCUMENT}")
    rows = part.table.search().where(wanted).limit(1).to_list()
    return as_document(rows[0]) if rows else None
