"""The embedded store: one LanceDB table that holds documents and their passages.

A document is a row too (`position` -1, no vector, no tokens), beside the rows of its passages, so that one commit
changes the text of a document and all its passages together. The table's name carries the identity of the
embedder and the analyser: an index made by others is seen and refused, and a new one can be built beside it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from metier.core.disk import unwritable
from metier.core.documents import Document, Passage
from metier.core.errors import IndexMismatch, StoreError
from metier.core.permissions import make_folder
from metier.core.settings import StoreSettings
from metier.store.base import DocumentRecord, Entry, Filter, Identity, Scored
from metier.store.lance import generations, lexical
from metier.store.lance.ann import REFINED, build_index
from metier.store.lance.conditions import condition, in_list, of_documents, quoted
from metier.store.lance.import_lancedb import import_lancedb
from metier.store.lance.statistics import Statistics
from metier.store.lance.table_rows import (
    DOCUMENT,
    PASSAGE_COLUMNS,
    as_document,
    as_passage,
    as_record,
    rows_of,
    table_schema,
)

log = logging.getLogger(__name__)

_RUST_PLACE = re.compile(r",? ?/\S+\.rs:\d+(:\d+)?$")  # where in its own source the engine gave up
_REMEMBERED = 256  # filters whose documents were counted
_KEEP_VERSIONS = timedelta(hours=1)  # a reader that began before a sync can finish


class LanceStore:
    """See `metier.store.base.Store`."""

    _folder: Path  # of the index that is read, in `_root`
    _database: Any
    _table: Any
    _statistics: Statistics

    def __init__(self, folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> None:
        self.identity = identity
        self._settings = settings
        self._schema = table_schema(identity.dimension)
        self._root = folder
        self._is_beside = replace  # built beside the index in use until `publish`
        with _storage_errors(folder):
            make_folder(folder)
            self._open(*(generations.begin(folder) if replace else generations.enter(folder)))
        self._known: dict[str, str] | None = None
        self._counted: dict[str, tuple[int, int]] = {}  # by condition
        self._keeping = threading.RLock()  # what is known of the documents and what is written are never apart

    # --- writing ---------------------------------------------------------------------------------------------

    def replace(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        rows = pa.Table.from_pylist(
            [row for entry in entries for row in rows_of(entry, self.identity.dimension)], schema=self._schema
        )
        with self._keeping, _storage_errors(self._folder, entries[0].document.uri if len(entries) == 1 else ""):
            changed = [entry.document.id for entry in entries if entry.document.id in self.hashes()]
            if changed:
                (
                    self._table.merge_insert("id")
                    .when_matched_update_all()
                    .when_not_matched_insert_all()
                    .when_not_matched_by_source_delete(of_documents(changed))
                    .execute(rows, on_bad_vectors="null")  # a document's own row has none
                )
            else:
                self._table.add(rows)
            self.hashes().update((entry.document.id, entry.document.content_hash) for entry in entries)
            self._counted.clear()

    def delete(self, document_ids: Sequence[str]) -> None:
        with self._keeping, _storage_errors(self._folder):
            gone = [name for name in document_ids if name in self.hashes()]
            if not gone:
                return
            self._table.delete(of_documents(gone))
            for name in gone:
                del self.hashes()[name]
            self._counted.clear()

    def refresh(self) -> None:
        with self._keeping, _storage_errors(self._folder):
            if self._is_beside or generations.is_current(self._root, self._folder):
                self._open(self._folder, generations.hold(self._folder))
            else:  # a rebuild put another in its place
                self._open(*generations.enter(self._root))
                generations.clear(self._root)
            self._known = None
            self._counted.clear()

    def publish(self) -> None:
        with self._keeping, _storage_errors(self._root):
            if self._is_beside:
                generations.publish(self._root, self._folder)
                self._is_beside = False

    def optimize(self) -> dict[str, float | int | str]:
        with _storage_errors(self._folder):
            self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)  # a commit a document leaves many small files
            if not self._table.list_indices() and self.counts()[1]:
                lexical.index_tokens(self._table)
            self._statistics.take()
            generations.clear(self._root)  # what a killed rebuild left
            return build_index(self._table, self._folder, self.counts()[1], self._settings.exact_until)

    # --- reading ---------------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, str]:
        if (known := self._known) is not None:
            return known
        with self._keeping, _storage_errors(self._folder):
            rows = self._documents().select(["document_id", "content_hash"]).to_arrow()
            known = dict(zip(rows["document_id"].to_pylist(), rows["content_hash"].to_pylist(), strict=True))
            self._known = known
        return known

    def vectors(self, document_ids: Sequence[str]) -> dict[str, np.ndarray]:
        if not document_ids:
            return {}
        with _storage_errors(self._folder):
            query = self._table.search().where(f"{of_documents(document_ids)} AND {condition(None)}")
            rows = query.select([*PASSAGE_COLUMNS, "vector"]).to_list()
        return {as_passage(row).indexed_text: np.asarray(row["vector"], np.float32) for row in rows}

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        with _storage_errors(self._folder):
            rows = self._documents(where).select(["document_id", "uri"]).to_arrow()
        return dict(zip(rows["uri"].to_pylist(), rows["document_id"].to_pylist(), strict=True))

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        columns = ["document_id", "uri", "title", "language", "groups", "metadata", "payload"]
        with _storage_errors(self._folder):
            rows = self._documents(where).select(columns).to_list()
        return sorted(map(as_record, rows), key=lambda record: record.uri)

    def document(self, document_id: str) -> Document | None:
        with _storage_errors(self._folder):
            return _document_in(self._table, document_id)

    def replaced(self, document_id: str) -> Document | None:
        if not self._is_beside:
            return None
        with _storage_errors(self._root):
            folder, held = generations.enter(self._root)
            try:
                database = import_lancedb().connect(folder)
                tables = map(database.open_table, _indexes(database))
                return next((found for each in tables if (found := _document_in(each, document_id))), None)
            finally:
                generations.leave(held)

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        with _storage_errors(self._folder):
            query = self._table.search().where(f"{of_documents([document_id])} AND {condition(where)}")
            rows = query.select([*PASSAGE_COLUMNS, "position"]).to_list()
        return [as_passage(row) for row in sorted(rows, key=lambda row: row["position"])]

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not document_ids:
            return []
        with _storage_errors(self._folder):
            first = f"{of_documents(document_ids)} AND position = 0 AND {condition(where)}"
            query = self._table.search().where(first)
            return [as_passage(row) for row in query.select(PASSAGE_COLUMNS).to_list()]

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        if not passages:
            return []
        near = " OR ".join(
            f"(document_id = {quoted(p.document_id)} AND start >= {p.start - characters} AND "
            f"start <= {p.end + characters})"
            for p in passages
        )
        with _storage_errors(self._folder):
            query = self._table.search().where(f"{condition(where)} AND ({near})")
            rows = query.select([*PASSAGE_COLUMNS, "position"]).to_list()
        return [as_passage(row) for row in sorted(rows, key=lambda row: (row["document_id"], row["position"]))]

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not passage_ids:
            return []
        with _storage_errors(self._folder):
            query = self._table.search().where(f"id IN ({in_list(passage_ids)}) AND {condition(where)}")
            rows = query.select(PASSAGE_COLUMNS).to_list()
        found = {row["id"]: as_passage(row) for row in rows}
        return [found[name] for name in dict.fromkeys(passage_ids) if name in found]

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        with _storage_errors(self._folder):
            query = self._table.search(np.asarray(vector, dtype=np.float32), vector_column_name="vector")
            query = query.distance_type("dot").refine_factor(REFINED).select([*PASSAGE_COLUMNS, "_distance"])
            rows = query.where(condition(where), prefilter=True).limit(limit).to_list()
        return [Scored(as_passage(row), 1.0 - row["_distance"]) for row in rows]

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        if not tokens:
            return []
        with _storage_errors(self._folder):
            if not self._table.list_indices():
                if not self.counts()[1]:
                    return []
                lexical.index_tokens(self._table)
            return lexical.search(self._table, tokens, limit, where, self._statistics)

    def frequencies(self, tokens: Sequence[str], where: Filter | None = None) -> np.ndarray:
        with _storage_errors(self._folder):
            return self._statistics.frequencies(tokens, where.groups if where else None)

    def background(self, vector: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
        with _storage_errors(self._folder):
            return self._statistics.background(vector, where.groups if where else None)

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        counted = condition(where)
        if (known := self._counted.get(counted)) is not None:
            return known
        with self._keeping, _storage_errors(self._folder):
            if len(self._counted) >= _REMEMBERED:
                self._counted.clear()
            documents = self._table.count_rows(condition(where, f"position = {DOCUMENT}"))
            known = self._counted[counted] = documents, self._table.count_rows(counted)
        return known

    # --- inside ----------------------------------------------------------------------------------------------

    def _open(self, folder: Path, held: int | None) -> None:
        """Read the index in `folder` from here on, made if there is none; `held` is let go with its last reader."""
        try:
            database, name = import_lancedb().connect(folder), f"passages_{_short(self.identity)}"
            present = _indexes(database)
            if name not in present:
                if present:
                    raise _mismatch(folder, database.open_table(present[0]).schema, self.identity)
                schema = self._schema.with_metadata({"metier": json.dumps(asdict(self.identity))})
                database.create_table(name, schema=schema)
            table = database.open_table(name)
        except BaseException:
            generations.leave(held)
            raise
        weakref.finalize(table, generations.leave, held)
        self._database, self._table, self._folder = database, table, folder
        self._statistics = Statistics(folder, table)

    def _documents(self, where: Filter | None = None) -> Any:
        return self._table.search().where(condition(where, f"position = {DOCUMENT}"))


def _indexes(database: Any) -> list[str]:
    """Names of tables, one for each identity."""
    return [table for table in database.list_tables().tables if table.startswith("passages_")]


def _document_in(table: Any, document_id: str) -> Document | None:
    rows = table.search().where(f"id = {quoted(document_id)} AND position = {DOCUMENT}").limit(1).to_list()
    return as_document(rows[0]) if rows else None


def _short(identity: Identity) -> str:
    return hashlib.sha256(json.dumps(asdict(identity), sort_keys=True).encode()).hexdigest()[:12]


def _mismatch(folder: Path, schema: pa.Schema, wanted: Identity) -> IndexMismatch:
    made = json.loads((schema.metadata or {}).get(b"metier", b"{}"))
    differs = [
        f"{name} {made.get(name)!r} instead of {value!r}"
        for name, value in asdict(wanted).items()
        if made.get(name) != value
    ]
    return IndexMismatch(
        f"this index was made with {', '.join(differs)}",
        where=str(folder),
        hint="Set `[embedding] model` back in metier.toml, or rebuild the index with `metier sync --rebuild`.",
    )


@contextmanager
def _storage_errors(folder: Path, document: str = "") -> Iterator[None]:
    """Turn what the storage engine raises into a `StoreError` that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        log.debug("storage error", exc_info=True)
        if (told := unwritable(folder, error)) is not None:
            raise told from error
        text = str(error)
        said = _RUST_PLACE.sub("", text.splitlines()[0])[:300] if text else repr(error)
        raise StoreError(
            f"{document}: {said}" if document else said,
            where=str(folder),
            hint="If this goes on, `metier sync --rebuild` rebuilds the index from the sources.",
        ) from error
