"""The last stage of a sync: whole documents into the store, and after it what the catalog remembers of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from metier.core.documents import document_id
from metier.core.errors import MetierError
from metier.ingestion import retries
from metier.ingestion.work import INCOMPLETE, Failure, OnChange, SyncProgress, SyncReport, Work
from metier.sources.base import Item
from metier.state.catalog import Catalog, ItemState
from metier.store.base import Entry, Store

BeforeCommit = Callable[[Sequence[Entry], Mapping[str, str]], None]
Embedded = tuple[list[Work], Callable[[], np.ndarray]]  # documents, and their vectors when they are waited for
_CATALOG_EVERY = 2.0  # seconds between writes of the catalog


class Writer(threading.Thread):
    """Commits documents in order, each batch when its vectors have come, then tells the catalog and `report`. The first
    error is raised in the thread that submits. `total`: items that are to come; `ahead`: batches that wait here at
    most; the other options: as of `Syncer`. `moved`: uris that documents were moved from, which are taken out once
    they are in their new place."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        report: SyncReport,
        total: int,
        *,
        ahead: int,
        sign: Callable[[Item], str],
        before_commit: BeforeCommit | None,
        on_progress: Callable[[SyncProgress], None] | None,
        on_change: OnChange | None,
    ) -> None:
        super().__init__(name="metier-write", daemon=True)
        self._store, self._catalog, self._report, self._total = store, catalog, report, total
        self._sign, self._before_commit = sign, before_commit
        self._on_progress, self._on_change = on_progress, on_change
        self._inbox = queue.Queue[Embedded | None](maxsize=ahead)
        self._error: BaseException | None = None
        self._states: list[ItemState] = []
        self._done = 0
        self.moved: set[str] = set()
        self._moves: dict[str, str] = {}  # old uri to new one, not yet in the catalog

    def submit(self, entry: Embedded) -> None:
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
                    batch, vectors = entry
                    self._commit(batch, vectors())
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
        moves = {work.moved_from: work.item.uri for work in batch if work.moved_from and work.document is not None}
        if self._before_commit is not None:
            self._before_commit(entries, {document_id(new): document_id(old) for old, new in moves.items()})
        store.replace(entries)
        self._catalog.bury(moves)
        store.delete(list(map(document_id, moves)))
        self.moved.update(moves)
        self._moves |= moves
        for work in batch:
            if work.is_hidden:
                work.release()
                continue  # what the catalog says of it holds
            event, reason = self._counted(work, known)
            self._states.append(self._state(work, reason))
            work.release()
            self._done += 1
            if self._on_progress is not None:
                self._on_progress(SyncProgress(self._done, self._total, report.passages, work.item.uri))
            if self._on_change is not None and event != "unchanged":
                self._on_change(event, work.item.uri)

    def _counted(self, work: Work, known: Mapping[str, str]) -> tuple[str, str]:
        """What happened to an item, and what is to be said of it. `known`: content hashes before it was committed."""
        report, uri = self._report, work.item.uri
        if work.failure is not None:
            report.failed.append(Failure(uri, work.failure))
            return "failed", work.failure
        if work.document is None:  # the bytes are the same, so what was said of them holds
            report.unchanged += 1
            return "unchanged", work.before.reason if work.before is not None else ""
        before = known.get(work.document.id)
        if before is None:
            event = "moved" if work.moved_from else "added"
        else:  # equal where a run that was killed has written it
            event = "unchanged" if before == work.content_hash else "changed"
        setattr(report, event, getattr(report, event) + 1)
        report.passages += len(work.passages)
        if reason := "; ".join(work.document.warnings):
            report.warnings.append(Failure(uri, reason))
        return event, reason

    def _state(self, work: Work, reason: str) -> ItemState:
        now, tries = datetime.now(UTC), 0
        if work.failure is not None and work.keep:  # a reason that may pass
            is_same = work.before is not None and work.before.version == work.item.version
            tries = 1 + (work.before.tries if work.before is not None and is_same else 0)
        return ItemState(
            uri=work.item.uri,
            source=work.source.name,
            version=work.item.version,
            signature=self._sign(work.item) if work.is_complete and not work.keep else INCOMPLETE,
            content_hash=work.content_hash,
            state="failed" if work.failure is not None else "indexed",
            reason=reason,
            passages=work.count,
            synced_at=now.isoformat(timespec="microseconds"),
            identity=work.item.known_as,
            groups=work.item.groups,
            tries=tries,
            next_try=retries.next_try(tries, now) if tries else "",
        )

    def _save(self) -> None:
        self._catalog.move(self._moves)
        self._moves.clear()
        self._catalog.put(self._states)
        self._states.clear()


def _entries(batch: list[Work], vectors: np.ndarray) -> Iterator[Entry]:
    at = 0
    for work in batch:
        if work.document is not None:
            yield Entry(work.document, work.passages, vectors[at : at + len(work.passages)], work.tokens)
        at += len(work.passages)
