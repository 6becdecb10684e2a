"""Bring the store into line with the sources.

    discover ─▶ fetch, hash, parse, describe, cut (one thread) ─▶ embed (this thread) ─▶ commit (one thread)

The three stages overlap, since each leaves the interpreter to native code for most of its time. Files may be parsed
and texts embedded elsewhere (`stages`); what is known of a document, and what is embedded together, is decided here and
in the order of the sources, so that the result is the same wherever that is. What was embedded together is committed
together, always whole documents, and the catalog is written after it; so a run that was killed leaves whole documents
behind, and the next run does the rest (docs/decisions/0006-commits.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from metier.core import plugins
from metier.core.documents import Document, document_id
from metier.core.errors import ParseError, SourceError
from metier.core.settings import Settings
from metier.embedding.base import Embedder
from metier.ingestion import retries
from metier.ingestion.descriptions import DescribedDocument, describe
from metier.ingestion.discovery import Discovery, discover
from metier.ingestion.embedding_cache import EmbeddingCache
from metier.ingestion.known_content import KnownContent
from metier.ingestion.preparation import Preparation, PreparedDocument
from metier.ingestion.stages import IngestionStages
from metier.ingestion.work import (
    INCOMPLETE,
    Failure,
    OnChange,
    SyncProgress,
    SyncReport,
    Work,
    bytes_hash,
    noting_failure,
)
from metier.ingestion.writing import BeforeCommit, Writer
from metier.retrieval import corpus_weight
from metier.sources.base import Item, Source
from metier.sources.real_files import hash_file
from metier.state.catalog import Catalog, ItemState, SyncRun
from metier.store.base import Store
from metier.text.analyzer import Analyser

if TYPE_CHECKING:  # needed where a vision model is set
    from metier.generation.vision import VisionModel


_SHAPE = 3  # raised when the same bytes would be cut into other passages than before
_TOGETHER = 128  # passages gathered over small documents for one call of the embedder and one commit
_NOT_SHAPING = {"vision_url", "vision_key_env", "sandbox"}  # settings of parsing that do not shape what is stored


_Waiting = Callable[[], PreparedDocument]
_Parsed = queue.Queue[Work | BaseException | None]  # None: no more comes


@dataclass(frozen=True, slots=True)
class Syncer:
    """What a sync is made of. `preparation`, `stages`: what is done with documents, and where. `retry`: read items
    again that failed before and did not change. `on_change`: hears of each item to which something happened. `keep`:
    ids of documents that come from no source and stay. `before_commit`: hears of documents that are about to change,
    and of the ids that moved ones had. `fusion`: file that keeps what the corpus says of weighing both searches.
    `vision`: describes pictures. `rebuild`: the store is empty, whatever was indexed. `allow_empty`: a source, or a
    folder in it, that is gone or empty takes what was indexed of it along. `skipped`: names of sources that are not
    looked at this time."""

    settings: Settings
    store: Store
    catalog: Catalog
    preparation: Preparation
    stages: IngestionStages
    embedder: Embedder
    analyser: Analyser
    parser_version: str = ""
    retry: bool = False
    on_progress: Callable[[SyncProgress], None] | None = None
    on_change: OnChange | None = None
    keep: Collection[str] = ()
    before_commit: BeforeCommit | None = None
    fusion: Path | None = None
    vision: VisionModel | None = None
    rebuild: bool = False
    allow_empty: bool = False
    skipped: Collection[str] = ()
    _signatures: dict[tuple[tuple[str, ...], str], str] = field(default_factory=dict)  # by groups and suffix

    def run(self, sources: Sequence[Source]) -> SyncReport:
        """Sync all sources. One bad item never stops it; a full disk or a broken model does, with nothing lost.

        The caller holds `exclusive` from before the store is opened: a rebuild empties it.
        """
        began = time.monotonic()
        report = SyncReport()
        self.store.refresh()
        known = self.catalog.items()
        discovery = self._discover(sources, known, report)
        works = {
            uri: Work(each.item, each.source, known.get(uri), failure=each.refusal or None)
            for uri, each in discovery.found.items()
        }
        todo = [work for work in works.values() if not self._unchanged(work, report)]
        if self.rebuild:
            todo += self._hidden(sources, discovery, known)
        gone = {uri for uri in known if uri not in works and uri not in discovery.kept}
        new = (work.item for work in todo if work.before is None)
        content = KnownContent(self.store, known, gone, new, self._sign)
        ids = {document_id(uri) for uri in (*works, *discovery.kept, *content.waiting)}
        others = [name for name in self.store.hashes() if name not in ids and name not in self.keep]
        self._delete(gone - content.waiting, others, report)
        self._refuse(discovery)
        moved = self._process(todo, content, report)
        left = content.waiting - moved
        self._delete(left, [name for name in map(document_id, left) if name in self.store.hashes()], report)
        is_new = report.passages or report.added or report.changed or report.deleted or report.moved
        if is_new or self._was_broken_off(known):
            report.index = self.store.optimize()
        if self.fusion is not None:
            corpus_weight.keep(self.fusion, self.store, self.embedder, self.analyser)
        report.failed.sort(key=lambda failure: failure.item)
        states = self.catalog.items().values() if report.failed else ()
        report.next_try, report.gave_up = retries.earliest(states), sum(state.gave_up for state in states)
        report.seconds = time.monotonic() - began
        self.store.publish()  # before it is told: who hears of a sync looks for its index at once
        self.catalog.put_sync(_run_of(report, todo, known))
        return report

    def _was_broken_off(self, known: Mapping[str, ItemState]) -> bool:
        """Whether a run wrote and came to no end, so that what it wrote is not indexed yet."""
        ended = self.catalog.syncs()[-1:]
        return any(state.synced_at > ended[0].ended_at for state in known.values()) if ended else bool(known)

    # --- what is there ---------------------------------------------------------------------------------------

    def _discover(self, sources: Sequence[Source], known: Mapping[str, ItemState], report: SyncReport) -> Discovery:
        """Raises `SourceError` where a rebuild would lose what was indexed of a source that is out of reach."""
        made = discover(sources, known, allow_empty=self.allow_empty, skipped=self.skipped)
        report.failed += [Failure(*told) for told in made.failed]
        report.overlaps = [Failure(*told) for told in made.overlaps]
        report.unreachable = made.unreachable
        kept = (known[uri] for uri in made.kept if uri not in made.found)
        report.kept = sum(each.state == "indexed" and each.source not in self.skipped for each in kept)
        if self.rebuild and made.unreachable and report.kept:
            raise SourceError(
                f"out of reach or empty: {', '.join(made.unreachable)}. A rebuild would lose {report.kept} documents",
                hint="Bring it back first, or let them go with `metier sync --rebuild --allow-empty`.",
            )
        return made

    def _unchanged(self, work: Work, report: SyncReport) -> bool:
        item, state = work.item, work.before
        if work.failure is not None or state is None:
            return False
        if not self.retry and state.version == item.version and retries.is_waiting(state, datetime.now(UTC)):
            report.failed.append(Failure(item.uri, state.reason))
            return True
        if not item.version:
            return False
        if (state.version, state.signature, state.identity) != (item.version, self._sign(item), item.known_as):
            return False
        if state.state == "failed":
            if not self.retry:
                report.failed.append(Failure(item.uri, state.reason))
            return not self.retry
        if self.store.hashes().get(document_id(item.uri)) != state.content_hash:
            return False
        report.unchanged += 1
        if state.reason:
            report.warnings.append(Failure(item.uri, state.reason))
        return True

    def _hidden(
        self, sources: Sequence[Source], discovery: Discovery, known: Mapping[str, ItemState]
    ) -> Iterator[Work]:
        """What could not be looked at, to be taken over from the index that is replaced."""
        by_name = {source.name: source for source in sources}
        for uri in discovery.kept:
            state = known[uri]
            if uri not in discovery.found and state.source in by_name:
                item = Item(uri, state.version, state.groups, state.identity)
                yield Work(item, by_name[state.source], state, keep=True, is_hidden=True)

    def _delete(self, gone: Collection[str], documents: Sequence[str], report: SyncReport) -> None:
        """Take out items that are gone, and documents of the store, by their ids."""
        self.catalog.bury(gone)
        self.store.delete(documents)
        self.catalog.forget(gone)
        report.deleted += len(documents)
        if self.on_change is not None:
            for uri in sorted(gone):
                self.on_change("deleted", uri)

    def _refuse(self, discovery: Discovery) -> None:
        """Remember what must not be read, and why."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.catalog.put(
            ItemState(each.uri, source, "", INCOMPLETE, "", "failed", each.reason, passages=0, synced_at=now)
            for each, source in discovery.refused
            if each.uri not in discovery.found and each.uri not in discovery.kept
        )

    def _sign(self, item: Item) -> str:
        """Everything but the content that shapes what is stored for an item."""
        kind = (tuple(item.groups), PurePath(item.uri).suffix.lower())
        if kind not in self._signatures:
            self._signatures[kind] = self._signature(*kind)
        return self._signatures[kind]

    def _signature(self, groups: Sequence[str], suffix: str) -> str:
        parts = [_SHAPE, self.parser_version, self.settings.language, sorted(groups)]
        parts += [self.settings.passages.model_dump(), self.settings.parsing.model_dump(exclude=_NOT_SHAPING)]
        if added := plugins.release(plugins.PARSERS, suffix):
            parts.append(added)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    # --- the three stages ------------------------------------------------------------------------------------

    def _process(self, todo: list[Work], content: KnownContent, report: SyncReport) -> set[str]:
        """Read, embed and commit. Returns uris from which documents were moved; those are not there any more."""
        parsed: _Parsed = queue.Queue(maxsize=32)
        stop, cache = threading.Event(), EmbeddingCache(self.stages.embed)
        writer = Writer(
            self.store, self.catalog, report, len(todo), ahead=self.stages.batches_ahead, sign=self._sign,
            before_commit=self.before_commit, on_progress=self.on_progress, on_change=self.on_change,
        )  # fmt: skip
        reading = (todo, content, parsed, stop)
        reader = threading.Thread(target=self._read_all, args=reading, name="metier-read", daemon=True)
        reader.start()
        writer.start()
        if self.on_progress is not None:  # the first batch may take long
            self.on_progress(SyncProgress(0, len(todo), 0, ""))
        try:
            for batch in _batches(parsed):
                texts = [passage.indexed_text for work in batch for passage in work.passages]
                writer.submit((batch, cache.request(texts, content.vectors(batch))))
        except BaseException:
            stop.set()
            self.stages.cancel()  # what is waited for may never come
            with suppress(Exception):
                writer.finish()
            raise
        else:
            writer.finish()
        finally:
            stop.set()
            _drain(parsed, reader)
            report.embedded = cache.embedded
        return writer.moved

    def _read_all(self, todo: list[Work], content: KnownContent, out: _Parsed, stop: threading.Event) -> None:
        try:
            again = []
            for work in self._read(todo, content, stop):
                if work.keep and not work.is_hidden:
                    again.append(work)
                else:
                    self._hand_on(work, out)
            for work in self._read_again(again, content, stop):
                self._hand_on(work, out)
        except BaseException as error:  # noqa: BLE001 - carried to the main thread and raised there
            out.put(error)
        finally:
            out.put(None)

    def _read(self, works: Sequence[Work], content: KnownContent, stop: threading.Event) -> Iterator[Work]:
        """Fetch, hash, parse, describe and cut, in their order; a failure is noted on each."""
        ahead: deque[tuple[Work, _Waiting | None]] = deque()
        for work in works:
            if stop.is_set():
                return
            is_wanted = not work.is_hidden and work.failure is None
            ahead.append((work, self._fetch(work, content) if is_wanted else None))
            if len(ahead) > self.stages.documents_ahead:
                yield self._taken(*ahead.popleft(), stop)
        while ahead and not stop.is_set():
            yield self._taken(*ahead.popleft(), stop)

    def _read_again(self, failed: list[Work], content: KnownContent, stop: threading.Event) -> list[Work]:
        """Try once more what failed for a reason that may have passed. Of a source that is out of reach as a whole the
        rest is not asked for. Returns them all."""
        open_works = failed
        for pause in retries.PAUSES:
            if not open_works or stop.wait(pause):
                break
            in_a_row: Counter[str] = Counter()
            for work in open_works:
                if in_a_row[work.source.name] < retries.LEFT_ALONE and not stop.is_set():
                    work.failure, work.keep = None, False
                    list(self._read([work], content, stop))
                    in_a_row[work.source.name] = in_a_row[work.source.name] + 1 if work.keep else 0
            open_works = [work for work in open_works if work.keep]
        return failed

    def _hand_on(self, work: Work, out: _Parsed) -> None:
        """While the index is made anew, what cannot be reached is taken over from the one that is replaced."""
        if work.keep and self.rebuild:
            document = self.store.replaced(document_id(work.item.uri))
            with suppress(ParseError):  # why it cannot be read is told already
                if document is not None:
                    work.take(self.preparation.cut(replace(document, groups=work.item.groups)))
        out.put(work)

    def _fetch(self, work: Work, content: KnownContent) -> _Waiting | None:
        """What is read of an item, when it is waited for; None where it failed, or is known."""
        item = work.item
        with noting_failure(work), work.source.fetch(item) as path:
            real = item.identity if os.path.isabs(item.identity) else ""
            read = hash_file(path, self.settings.parsing.max_file_bytes, real)
            work.content_hash = f"{read}-{self._sign(item)}"
            if self._is_known(work):
                return None
            content.note(work, read)
            if (document := content.document(work)) is not None:
                prepared = self.preparation.prepare(document)
                return lambda: prepared
            return self.stages.read(path, item, read if real else "")
        return None

    def _taken(self, work: Work, waiting: _Waiting | None, stop: threading.Event) -> Work:
        """The item with what was read of it, once that is there."""
        if waiting is None:
            return work
        with noting_failure(work):
            prepared = waiting()
            if prepared.passages is None:
                described = self._described(prepared.document, stop)
                work.is_complete = described.is_complete
                if not work.is_complete:
                    work.content_hash = f"{bytes_hash(work.content_hash)}-{INCOMPLETE}"
                prepared = self.preparation.cut(described.document)
            work.take(prepared)
        return work

    def _is_known(self, work: Work) -> bool:
        """Whether store and catalog have it as it is. A run that was killed may have written to the store alone, which
        does not know how the document was read."""
        kept = self.store.hashes().get(document_id(work.item.uri))
        return kept == work.content_hash and work.before is not None and work.before.content_hash == kept

    def _described(self, document: Document, stop: threading.Event) -> DescribedDocument:
        if self.vision is None or not document.pictures:
            return DescribedDocument(document, is_complete=True)
        return describe(document, self.vision, stop.is_set)


def _batches(parsed: _Parsed) -> Iterator[list[Work]]:
    """Group finished documents so that the embedder and the store get enough passages at once."""
    batch: list[Work] = []
    waiting = 0
    while (entry := parsed.get()) is not None:
        if isinstance(entry, BaseException):
            raise entry
        batch.append(entry)
        waiting += len(entry.passages)
        if waiting >= _TOGETHER:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch


def _drain(parsed: _Parsed, reader: threading.Thread) -> None:
    while reader.is_alive():
        try:
            parsed.get(timeout=0.05)
        except queue.Empty:
            continue
    reader.join()


def _run_of(report: SyncReport, todo: Sequence[Work], known: Mapping[str, ItemState]) -> SyncRun:
    """What is remembered of a run: what happened to the documents. One that is indexed again with the bytes that it
    had, after a rebuild, where a setting changed, or in another place, is unchanged."""
    before = {uri: bytes_hash(state.content_hash) for uri, state in known.items() if state.state == "indexed"}
    read = [work for work in todo if work.is_indexed]
    again = sum(before.get(work.moved_from or work.item.uri) == bytes_hash(work.content_hash) for work in read)
    added = sum((work.moved_from or work.item.uri) not in before for work in read)
    return SyncRun(
        datetime.now(UTC).isoformat(), added, len(read) - added - again, report.deleted, report.unchanged + again,
        len(report.failed), report.passages, report.seconds,
    )  # fmt: skip
