"""Answers from what was known on an earlier day: documents, passages and tables of that day.

Who may read is decided by both days, then and now; what is hidden, replaced or pinned now is so in it.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from metier.answering.document_info import document_infos
from metier.core.errors import InputError, StoreError
from metier.retrieval.retriever import Retriever
from metier.state import sqlite
from metier.store.current_groups import GroupsOfEarlier
from metier.tables.asking import TableAsker
from metier.tables.runner import QueryRunner
from metier.tables.table_store import TableStore

if TYPE_CHECKING:
    from metier.answering.answerer import Answerer
    from metier.answering.document_info import DocumentInfo
    from metier.retrieval.curation import Curation
    from metier.runtime import Runtime
    from metier.services.corrections import CorrectionService
    from metier.store.access_control import AccessControlledStore
    from metier.store.base import Filter

_OPEN = 4  # days that are held open


@dataclass(frozen=True, slots=True)
class Pruned:
    """`freed`: bytes on the disk; `begins`: from when on it is known what was there, ISO 8601."""

    freed: int
    begins: str


class EarlierDay:
    """An expert as it was at `moment`."""

    def __init__(self, runtime: Runtime, store: AccessControlledStore, curation: Curation, moment: datetime) -> None:
        self.moment = moment
        self._runtime, self._store, self._curation = runtime, store, curation

    @cached_property
    def retriever(self) -> Retriever:
        return self._runtime.retriever_over(self._store, self._curation)

    @cached_property
    def answerer(self) -> Answerer:
        return self._runtime.answerer_over(self._store, self.retriever, self.documents, lambda: self.tables)

    def documents(self, where: Filter | None = None) -> list[DocumentInfo]:
        with self._runtime.catalog() as catalog:
            history, first_sync = catalog.history(), catalog.first_sync()
        return document_infos(self._store.records(where), history, first_sync)

    @cached_property
    def tables(self) -> TableAsker:
        """Those of today, with the documents that were others on that day as they were."""
        scratch = TemporaryDirectory(prefix="metier-earlier-", ignore_cleanup_errors=True)
        path, today = Path(scratch.name, "tables.sqlite"), self._runtime.table_store.path
        if today.exists():
            with closing(sqlite.open_read_only(today)) as whole, closing(sqlite3.connect(path)) as copy:
                whole.backup(copy)
        store = TableStore(path, self._runtime.analyser)
        store.follow(self._store.hashes(), self._store.document)
        asker = TableAsker(store, QueryRunner(path), self._runtime.analyser)
        weakref.finalize(self, _end, asker, scratch)
        return asker


class EarlierService:
    """The last days that were asked for are held open until something is synced or corrected."""

    def __init__(self, runtime: Runtime, corrections: CorrectionService) -> None:
        self._runtime, self._corrections = runtime, corrections
        self._days: OrderedDict[tuple[object, ...], EarlierDay] = OrderedDict()
        self._lock = threading.Lock()

    def begins(self) -> datetime:
        """From when on it is known what was there. Raises `StoreError` where no versions are kept."""
        begins, first = self._runtime.store.begins(), _first(self._runtime)
        if begins is None or first is None:
            raise StoreError(
                "nothing is kept of earlier days",
                where=str(self._runtime.folder),
                hint="Versions are kept from the next sync that changes something on, for as long as "
                "`[store] keep_versions_days` says.",
            )
        kept = datetime.now(UTC) - timedelta(days=self._runtime.settings.store.keep_versions_days)
        return max(begins, kept, first)

    def at(self, moment: datetime) -> EarlierDay:
        """Raises `InputError` where nothing is kept of that moment."""
        if moment < (begins := self.begins()):
            day = begins.astimezone().strftime("%Y-%m-%d %H:%M")
            raise InputError(
                f"nothing is kept of what was known on {moment.astimezone():%Y-%m-%d %H:%M}",
                hint=f"It is known from {day} on: versions are kept for as long as `[store] keep_versions_days` says, "
                "and an index that was rebuilt or copied begins anew.",
            )
        with self._runtime.catalog() as catalog:
            key = (moment, catalog.ended(), self._runtime.curation.key())
        with self._lock:
            if key not in self._days:
                self._days[key] = self._opened(moment)
            self._days.move_to_end(key)
            while len(self._days) > _OPEN:
                self._days.popitem(last=False)
            return self._days[key]

    def _opened(self, moment: datetime) -> EarlierDay:
        from metier.feedback.earlier_overrides import EarlierOverrides

        runtime = self._runtime
        runtime.store.refresh()
        store, whole = runtime.store.as_of(
            moment, lambda uris: GroupsOfEarlier(runtime.folder, runtime.state, runtime.correction_records, uris)
        )
        corrections = self._corrections.all()
        overrides = EarlierOverrides(runtime.curation, corrections, whole, runtime.store.hashes())
        return EarlierDay(runtime, store, overrides, moment)

    def close(self) -> None:
        with self._lock:
            self._days.clear()

    def prune(self, keep_days: float) -> Pruned:
        """Forget what was replaced or deleted more than `keep_days` ago, and leave no byte of it in the index and the
        tables. The caller holds the lock of the store."""
        folder, before = self._runtime.state_folder, datetime.now(UTC) - timedelta(days=keep_days)
        taken = _size(folder)
        self._runtime.store.refresh()
        self._runtime.store.prune(before)
        self._runtime.table_store.compact()
        self.close()
        begins = self._runtime.store.begins()
        return Pruned(taken - _size(folder), begins.isoformat(timespec="seconds") if begins else "")


def _first(runtime: Runtime) -> datetime | None:
    """When the first sync ended."""
    syncs = runtime.syncs()
    return datetime.fromisoformat(syncs[0].ended_at) if syncs else None


def _end(asker: TableAsker, scratch: TemporaryDirectory[str]) -> None:
    asker.close()
    scratch.cleanup()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
