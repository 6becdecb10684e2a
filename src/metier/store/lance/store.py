"""The embedded store: one LanceDB table that holds documents and their passages.

A document is a row too (`position` -1, no vector, no tokens), beside the rows of its passages, so that one commit
changes the text of a document and all its passages together. The table's name carries the identity of the
embedder and the analyser: an index made by others is seen and refused, and a new one can be built beside it.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from metier.core.documents import Document
from metier.core.errors import DatabaseUnavailable, SettingsError, StoreError
from metier.core.settings import StoreSettings
from metier.store.base import Entry, Filter, Identity, Scored, StoreDescription
from metier.store.lance import ann, lexical, scalar_indexes
from metier.store.lance.archive import SINCE, Archive, stamp
from metier.store.lance.conditions import condition, of_documents
from metier.store.lance.files import LocalFiles, StoreFiles
from metier.store.lance.generations import Generations, LocalGenerations
from metier.store.lance.past_store import PastStore
from metier.store.lance.reader import LanceReader, TablePart, document_in
from metier.store.lance.statistics import Statistics
from metier.store.lance.storage_errors import storage_errors
from metier.store.lance.table_rows import create_table, rows_of, table_schema

_Made = TypeVar("_Made")
_REMEMBERED = 256  # filters whose documents were counted
_PAUSES = (1.0, 4.0)  # seconds before what was lost on the way is committed again
_KEEP_VERSIONS = timedelta(hours=1)  # of LanceDB's own: a reader that began before a sync can finish


class LanceStore(LanceReader):
    """See `metier.store.base.Store`."""

    _files: StoreFiles  # of the index that is read, one of `_generations`
    _database: Any
    _table: Any
    _statistics: Statistics

    def __init__(self, folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> None:
        self.identity = identity
        self._settings = settings
        self._schema = table_schema(identity.dimension)
        self._is_beside = replace  # built beside the index in use until `publish`
        self._copy: Any | None = None  # of the table, that is read
        self._commits = 0
        self._copying, self._swapping = threading.Lock(), threading.Lock()
        with storage_errors(LocalFiles(folder)):
            self._generations = _generations(folder, settings)
            self._open(*(self._generations.begin() if replace else self._generations.enter()))
        self._known: dict[str, str] | None = None
        self._counted: dict[str, tuple[int, int]] = {}  # by condition
        self._keeping = threading.RLock()  # what is known of the documents and what is written are never apart

    # --- writing ---------------------------------------------------------------------------------------------

    def replace(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        made = [row for entry in entries for row in rows_of(entry, self.identity.dimension)]

        def commit() -> None:
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
            if self._generations.is_shared:  # who reads may have no right to
                lexical.is_indexed(self._table)

        self._commit(commit, entries[0].document.uri if len(entries) == 1 else "")

    def delete(self, document_ids: Sequence[str]) -> None:
        def commit() -> None:
            gone = [name for name in document_ids if name in self.hashes()]
            if not gone:
                return
            self._changing(gone)
            self._table.delete(of_documents(gone))
            for name in gone:
                del self.hashes()[name]
            self._counted.clear()

        self._commit(commit)

    def refresh(self) -> None:
        with self._keeping, storage_errors(self._files):
            before = self._files.address
            self._open(*(self._generations.again(self._files) if self._is_beside else self._generations.enter()))
            if self._files.address != before:  # a rebuild put another in its place
                self._generations.clear()
            self._known = None
            self._counted.clear()

    def publish(self) -> None:
        with self._keeping, storage_errors(self._files):
            if self._is_beside:
                self._generations.publish(self._files)
                self._is_beside = False

    def optimize(self) -> dict[str, float | int | str]:
        return self._commit(self._optimize)

    def _optimize(self) -> dict[str, float | int | str]:
        self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)  # a commit a document leaves many small files
        if self.counts()[1]:
            lexical.is_indexed(self._table)
        scalar_indexes.index_columns(self._table, sum(self.counts()))
        self._archive.prune(_now() - timedelta(days=self._settings.keep_versions_days))
        self._archive.optimize(_KEEP_VERSIONS)
        self._statistics.take()
        self._generations.clear()  # what a killed rebuild left
        return self._index()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._generations.writing() as is_behind:
            if is_behind and not self._is_beside:
                self.refresh()
            yield

    def _commit(self, commit: Callable[[], _Made], document: str = "") -> _Made:
        """What `commit` gives. Where the connection is lost, nobody knows whether it was committed: it is done again on
        what is there by then."""
        is_known = True
        with self._keeping:
            for pause in (*_PAUSES, None):
                try:
                    with storage_errors(self._files, document), self.writing():
                        if not is_known:
                            self.refresh()
                        try:
                            return commit()
                        finally:
                            self._forget_copy()
                except DatabaseUnavailable:
                    if pause is None:
                        raise
                    time.sleep(pause)
                    is_known = False
        raise AssertionError

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
        with storage_errors(self._files):
            files, leave = self._generations.enter()
            try:
                database = files.connect()
                parts = [TablePart(database.open_table(name)) for name in _indexes(database)]
                return next((found for each in parts if (found := document_in(each, document_id))), None)
            finally:
                leave()

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

    def describe(self) -> StoreDescription:
        with storage_errors(self._files):
            return StoreDescription(self._files.address, self._files.size(), ann.measured(self._files))

    # --- earlier versions ------------------------------------------------------------------------------------

    def begins(self) -> datetime | None:
        with storage_errors(self._files):
            return self._archive.begins

    def written(self) -> str:
        with storage_errors(self._files):
            return self._archive.written + self._generations.written()

    def as_of(self, moment: datetime) -> PastStore:
        with storage_errors(self._files):
            table = self._database.open_table(self._table.name)
            if SINCE not in table.schema.names:
                raise StoreError("no earlier version is kept", where=self._files.address)
            parts = self._archive.parts(table, moment)
        return PastStore(self._files, self.identity, parts, self._statistics)

    def prune(self, before: datetime) -> None:
        with self._keeping, storage_errors(self._files), self.writing():
            self._archive.begin(self._table, _now())
            self._archive.prune(before)
            ann.drop_index(self._table)
            self._archive.erase(self._table, _now())
            self._generations.clear(at_once=True)
            self._forget_copy()
            self._index()

    # --- inside ----------------------------------------------------------------------------------------------

    def _open(self, files: StoreFiles, leave: Callable[[], None]) -> None:
        """Read the index in `files` from here on, made if there is none; `leave` is called after its last reader."""
        try:
            with storage_errors(files):
                database, name = files.connect(), f"passages_{_short(self.identity)}"
                table = self._table_of(database, name, files)
        except BaseException:
            leave()
            raise
        weakref.finalize(table, leave)
        self._database, self._table, self._files = database, table, files
        self._forget_copy()
        self._statistics, self._archive = Statistics(files, table), Archive(database, name, files)
        with storage_errors(files):
            self._ef = ann.width(files)

    def _index(self) -> dict[str, float | int | str]:
        made = ann.build_index(self._table, self._files, self.counts()[1], self._settings.exact_until)
        self._ef = ann.width(self._files)
        return made

    def _table_of(self, database: Any, name: str, files: StoreFiles) -> Any:
        try:
            return database.open_table(name)
        except ValueError as error:
            if "was not found" not in str(error):
                raise
        if present := _indexes(database):
            made = json.loads((database.open_table(present[0]).schema.metadata or {}).get(b"metier", b"{}"))
            raise self.identity.mismatch(made, files.address)
        schema = self._schema.with_metadata({"metier": json.dumps(asdict(self.identity))})
        return create_table(database, name, schema)

    @property
    def _parts(self) -> Sequence[TablePart]:
        return [TablePart(self._read_table())]

    def _read_table(self) -> Any:
        """The table; of one that is elsewhere a copy, as of the last commit of this process or when it was opened."""
        if (known := self._copy) is not None:
            return known
        with self._copying:
            if (known := self._copy) is None:
                at, table = self._commits, self._table
                known = self._files.copied(table.name, self._settings.local_copy_gb * 2**30) or table
                with self._swapping:
                    if at == self._commits:
                        self._copy = known
        return known

    def _forget_copy(self) -> None:
        with self._swapping:
            self._commits += 1
            self._copy = None

    def _changing(self, document_ids: Sequence[str]) -> str:
        """These documents are about to change: keep what is there of them. Returns when that is, as rows say it."""
        now = _now()
        self._archive.begin(self._table, now)
        if document_ids and self._settings.keep_versions_days and not self._is_beside:
            self._archive.keep(self._table, document_ids, now)
        return stamp(now)


def _generations(folder: Path, settings: StoreSettings) -> Generations:
    """Those that `[store] url` names, else those in `folder`, where then only what is mapped into memory is kept."""
    if settings.url is None:
        return LocalGenerations(folder)
    from metier.store.lance.shared_generations import SharedGenerations

    place = Path(settings.url.removeprefix("file://"))
    if settings.url.startswith("file://") and place.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(
            "lies in the folder of a store that no other machine uses", where=f"store.url {settings.url}",
            hint="Name another folder, or leave url out.",
        )  # fmt: skip
    return SharedGenerations(settings.url, settings.auth_env, folder / "fetched", settings.expert or "")


def _now() -> datetime:
    return datetime.now(UTC)


def _indexes(database: Any) -> list[str]:
    """Names of tables, one for each identity."""
    return [table for table in database.list_tables().tables if table.startswith("passages_")]


def _short(identity: Identity) -> str:
    return hashlib.sha256(json.dumps(asdict(identity), sort_keys=True).encode()).hexdigest()[:12]
