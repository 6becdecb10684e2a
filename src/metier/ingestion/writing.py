"""The last stage of a sync: whole documents into the store, and after it what the catalog remembers of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from metier.core.documents import document_id
from metier.core.errors import MetierError
from metier.ingestion.work import INCOMPLETE, Failure, SyncProgress, SyncReport, Work
from metier.sources.base import Item
from metier.state.catalog import Catalog, ItemState
from metier.store.base import Entry, Store

_CATALOG_EVERY = 2.0  # seconds between writes of the catalog


class Writer(threading.Thread):
    """Commits documents in order, then tells the catalog and `report`. The first error is raised in the thread that
    submits. `total`: items that are to come; `sign`, `before_commit` and `on_progress`: as of `Syncer`."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        report: SyncReport,
        total: int,
        *,
        sign: Callable[[Item], str],
        before_commit: Callable[[Sequence[Entry]], None] | None,
        on_progress: Callable[[SyncProgress], None] | None,
    ) -> None:
        super().__init__(name="metier-write", daemon=True)
        self._store, self._catalog, self._report, self._total = store, catalog, report, total
        self._sign, self._before_commit, self._on_progress = sign, before_commit, on_progress
        self._inbox = queue.Queue[tuple[list[Work], np.ndarray] | None](maxsize=4)
        self._error: BaseException | None = None
        self._states: list[ItemState] = []
        self._done = 0

    def submit(self, entry: tuple[list[Work], np.ndarray]) -> None:
        if self._error is not None:
            raise self._error
        self._inbox.put(entry)

    def finish(self) -> None:
        self._inbox.put(None)
        self.join()
        if self._error is not None:
            raise self._error

    def run(self) -> None:
        saved = time.monotonic()
        try:
            while (entry := self._inbox.get()) is not None:
                if self._error is None:
                    self._commit(*entry)
                    if time.monotonic() - saved > _CATALOG_EVERY:
                        self._save()
                        saved = time.monotonic()
        except BaseException as error:  # noqa: BLE001 - carried to the main thread and raised there
            self._error = error
            while self._inbox.get() is not None:  # let the main thread come out of its put
                pass
        finally:
            try:
                self._save()
            except MetierError as error:
                self._error = self._error or error

    def _commit(self, batch: list[Work], vectors: np.ndarray) -> None:
        store, report = self._store, self._report
        known = dict(store.hashes())
        # What a file that fails now said before is no longer true.
        store.delete([document_id(work.item.uri) for work in batch if work.failure is not None and not work.keep])
        entries = list(_entries(batch, vectors))
        if self._before_commit is not None:
            self._before_commit(entries)
        store.replace(entries)
        for work in batch:
            uri, reason = work.item.uri, work.failure or ""
            if work.is_hidden:
                continue  # what the catalog says of it holds
            if work.failure is not None:
                report.failed.append(Failure(uri, work.failure))
            elif work.document is None:  # the bytes are the same, so what was said of them holds
                report.unchanged += 1
                reason = work.before.reason if work.before is not None else ""
            else:
                before = known.get(work.document.id)
                report.added += before is None
                report.unchanged += before == work.content_hash  # a run that was killed has written it
                report.changed += before not in (None, work.content_hash)
                report.passages += len(work.passages)
                if reason := "; ".join(work.document.warnings):
                    report.warnings.append(Failure(uri, reason))
            self._states.append(self._state(work, reason))
            self._done += 1
            if self._on_progress is not None:
                self._on_progress(SyncProgress(self._done, self._total, report.passages, uri))

    def _state(self, work: Work, reason: str) -> ItemState:
        return ItemState(
            uri=work.item.uri,
            source=work.source.name,
            version=work.item.version,
            signature=self._sign(work.item) if work.is_complete and not work.keep else INCOMPLETE,
            content_hash=work.content_hash,
            state="failed" if work.failure is not None else "indexed",
            reason=reason,
            passages=work.count,
            synced_at=datetime.now(UTC).isoformat(timespec="seconds"),
            identity=work.item.known_as,
            groups=work.item.groups,
        )

    def _save(self) -> None:
        self._catalog.put(self._states)
        self._states.clear()


def _entries(batch: list[Work], vectors: np.ndarray) -> Iterator[Entry]:
    at = 0
    for work in batch:
        if work.document is not None:
            yield Entry(work.document, work.passages, vectors[at : at + len(work.passages)], work.tokens)
        at += len(work.passages)
