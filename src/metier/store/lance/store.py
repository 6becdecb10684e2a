"""The embedded store: one LanceDB table that holds documents and their passages.

A document is a row too (`position` -1, no vector, no tokens), beside the rows of its passages, so that one commit
changes the text of a document and all its passages together. The table's name carries the identity of the
embedder and the analyser: an index made by others is seen and refused, and a new one can be built beside it.
"""

from __future__ import annotations

import hashlib
import json
import threading
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from metier.core.documents import Document
from metier.core.errors import IndexMismatch, StoreError
from metier.core.permissions import make_folder
from metier.core.settings import StoreSettings
from metier.store.base import Entry, Filter, Identity, Scored
from metier.store.lance import generations, lexical
from metier.store.lance.ann import build_index, drop_index
from metier.store.lance.archive import SINCE, Archive, stamp
from metier.store.lance.conditions import condition, of_documents
from metier.store.lance.import_lancedb import import_lancedb
from metier.store.lance.past_store import PastStore
from metier.store.lance.reader import LanceReader, TablePart, document_in
from metier.store.lance.statistics import Statistics
from metier.store.lance.storage_errors import storage_errors
from metier.store.lance.table_rows import rows_of, table_schema

_REMEMBERED = 256  # filters whose documents were counted
_KEEP_VERSIONS = timedelta(hours=1)  # of LanceDB's own: a reader that began before a sync can finish


class LanceStore(LanceReader):
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
        with storage_errors(folder):
            make_folder(folder)
            self._open(*(generations.begin(folder) if replace else generations.enter(folder)))
        self._known: dict[str, str] | None = None
        self._counted: dict[str, tuple[int, int]] = {}  # by condition
        self._keeping = threading.RLock()  # what is known of the documents and what is written are never apart

    # --- writing ---------------------------------------------------------------------------------------------

    def replace(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        made = [row for entry in entries for row in rows_of(entry, self.identity.dimension)]
        with self._keeping, storage_errors(self._folder, entries[0].document.uri if len(entries) == 1 else ""):
            changed = [entry.document.id for entry in entries if entry.document.id in self.hashes()]
            since = self._changing(changed)
            rows = pa.Table.from_pylist([row | {SINCE: since} for row in made], schema=self._schema)
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
        with self._keeping, storage_errors(self._folder):
            gone = [name for name in document_ids if name in self.hashes()]
            if not gone:
                return
            self._changing(gone)
            self._table.delete(of_documents(gone))
            for name in gone:
                del self.hashes()[name]
            self._counted.clear()

    def refresh(self) -> None:
        with self._keeping, storage_errors(self._folder):
            if self._is_beside or generations.is_current(self._root, self._folder):
                self._open(self._folder, generations.hold(self._folder))
            else:  # a rebuild put another in its place
                self._open(*generations.enter(self._root))
                generations.clear(self._root)
            self._known = None
            self._counted.clear()

    def publish(self) -> None:
        with self._keeping, storage_errors(self._root):
            if self._is_beside:
                generations.publish(self._root, self._folder)
                self._is_beside = False

    def optimize(self) -> dict[str, float | int | str]:
        with storage_errors(self._folder):
            self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)  # a commit a document leaves many small files
            if self.counts()[1]:
                lexical.is_indexed(self._table)
            self._archive.prune(_now() - timedelta(days=self._settings.keep_versions_days))
            self._archive.optimize(_KEEP_VERSIONS)
            self._statistics.take()
            generations.clear(self._root)  # what a killed rebuild left
            return build_index(self._table, self._folder, self.counts()[1], self._settings.exact_until)

    # --- reading ---------------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, str]:
        if (known := self._known) is not None:
            return known
        with self._keeping:
            known = self._known = super().hashes()
        return known

    def replaced(self, document_id: str) -> Document | None:
        if not self._is_beside:
            return None
        with storage_errors(self._root):
            folder, held = generations.enter(self._root)
            try:
                database = import_lancedb().connect(folder)
                parts = [TablePart(database.open_table(name)) for name in _indexes(database)]
                return next((found for each in parts if (found := document_in(each, document_id))), None)
            finally:
                generations.leave(held)

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        return super().lexical(tokens, limit, where) if self.counts()[1] else []

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        counted = condition(where)
        if (known := self._counted.get(counted)) is None:
            with self._keeping:
                if len(self._counted) >= _REMEMBERED:
                    self._counted.clear()
                known = self._counted[counted] = super().counts(where)
        return known

    # --- earlier versions ------------------------------------------------------------------------------------

    def begins(self) -> datetime | None:
        with storage_errors(self._folder):
            return self._archive.begins

    def written(self) -> str:
        with storage_errors(self._folder):
            return self._archive.written

    def as_of(self, moment: datetime) -> PastStore:
        with storage_errors(self._folder):
            table = self._database.open_table(self._table.name)
            if SINCE not in table.schema.names:
                raise StoreError("no earlier version is kept", where=str(self._folder))
            parts = self._archive.parts(table, moment)
        return PastStore(self._folder, self.identity, parts, self._statistics)

    def prune(self, before: datetime) -> None:
        with self._keeping, storage_errors(self._folder):
            self._archive.begin(self._table, _now())
            self._archive.prune(before)
            drop_index(self._table)
            self._archive.erase(self._table, _now())
            build_index(self._table, self._folder, self.counts()[1], self._settings.exact_until)

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
        self._statistics, self._archive = Statistics(folder, table), Archive(database, name, folder)

    @property
    def _parts(self) -> Sequence[TablePart]:
        return [TablePart(self._table)]

    def _changing(self, document_ids: Sequence[str]) -> str:
        """These documents are about to change: keep what is there of them. Returns when that is, as rows say it."""
        now = _now()
        self._archive.begin(self._table, now)
        if document_ids and self._settings.keep_versions_days and not self._is_beside:
            self._archive.keep(self._table, document_ids, now)
        return stamp(now)


def _now() -> datetime:
    return datetime.now(UTC)


def _indexes(database: Any) -> list[str]:
    """Names of tables, one for each identity."""
    return [table for table in database.list_tables().tables if table.startswith("passages_")]


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
