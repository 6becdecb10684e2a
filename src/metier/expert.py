"""`Expert`: one directory opened. It composes the services that the command line, the server and programs call.

from metier import Expert

with Expert.open("turbines") as expert:
    print(expert.ask("How tight are the blade bolts of the NV-110?").text)

expert.dataset        training data                expert.exam          questions that it is examined by
expert.adapters       what was tuned               expert.evaluation    calibration, comparison, verdict, report
expert.corrections    what people say              expert.flow          keeps what was tuned current
expert.runtime        settings, store, models
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from metier.answering.answer import Answer, Conflict, OnSentence, OnText
from metier.answering.request import Request, WriterOptions
from metier.core import settings_file
from metier.core.errors import InputError, MetierError
from metier.core.modes import FROM_DOCUMENTS, MODES, WITH_ADAPTER, Mode
from metier.core.moments import AsOf, moment_of
from metier.core.reading import reading_as
from metier.core.settings import LANGUAGE_CODE, Settings
from metier.generation.base import Message, Sampling
from metier.retrieval.retriever import Hit
from metier.runtime import WRITE_PATIENCE, Runtime
from metier.services.adapters import AdapterService
from metier.services.conversation import Conversation
from metier.services.corrections import CorrectionService
from metier.services.datasets import DatasetService
from metier.services.evaluation import EvaluationService
from metier.services.exam import ExamService
from metier.services.parts import Parts
from metier.state.answer_counts import AnswerCounter
from metier.store.base import Entry, Filter
from metier.text.language import code_named

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.core.documents import Document
    from metier.flow.drift import Drift
    from metier.ingestion.work import OnChange, SyncProgress, SyncReport
    from metier.retrieval.curation import Curation
    from metier.services.earlier import EarlierService, Pruned
    from metier.services.flow import FlowService
    from metier.services.preferences import PreferenceService
    from metier.services.sql_adapters import SqlAdapterService
    from metier.services.status import Status
    from metier.state.catalog import ItemState, SyncRun


class Expert:
    """An expert on disk. Everything heavy is loaded when it is first needed; close it, or use it as a context."""

    def __init__(self, folder: Path, parallel: int = 1) -> None:
        self.runtime = Runtime(folder, parallel, self._curation)
        self.dataset = DatasetService(self.runtime, lambda: self.exam.questions("practice"))
        self.adapters = AdapterService(self.runtime, self.dataset)
        self.exam = ExamService(self.runtime, self.dataset)
        self._parts = Parts(
            self.runtime, self.dataset, self.adapters, self.exam, self.ask, partial(_parts_of, folder.absolute())
        )  # fmt: skip
        self.evaluation = EvaluationService(self._parts)
        self.corrections = CorrectionService(self.runtime, self.dataset)
        self._counter = AnswerCounter(self.runtime.state)

    @cached_property
    def flow(self) -> FlowService:
        """Sync, drift, retraining, exam, and promotion in one."""
        from metier.services.flow import FlowService  # here, because what it needs costs other verbs time

        return FlowService(self._parts, self.sync)

    @cached_property
    def sql_adapters(self) -> SqlAdapterService:
        """Adapters that write queries to the tables."""
        from metier.services.sql_adapters import SqlAdapterService

        return SqlAdapterService(self.runtime, self.adapters)

    @cached_property
    def preferences(self) -> PreferenceService:
        """Which answers people want rather than which others, and adapters tuned on that (DPO)."""
        from metier.services.preferences import PreferenceService

        return PreferenceService(self.runtime, self.dataset, self.adapters, self.corrections)

    def __repr__(self) -> str:
        settings, folder = self.runtime.settings, str(self.runtime.folder)
        return f"<Expert {settings.name!r} in {folder!r}: {settings.generation.model}, {settings.embedding.model}>"

    def _curation(self) -> Curation:
        self.corrections.place()
        return self.corrections.overrides()

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, parallel: int = 1) -> Self:
        """Open the expert in `folder`. `parallel`: answers that a model in this process writes at once, for whoever
        asks from several threads. Raises `SettingsError` if there is none or its metier.toml is wrong."""
        return cls(Path(folder), parallel)

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        *,
        language: str = "en",
        embedding: str | None = None,
        model: str | None = None,
        base: str | None = None,
    ) -> Self:
        """Make a new expert: the folder and its metier.toml, with the packaged models for `language`. `embedding`,
        `model`: others than those; `base`: the full weights of `model`, to tune, where they lie elsewhere.
        Raises `InputError` where there is one already."""
        if not str(folder).strip():
            raise InputError("an expert needs a name", hint="Name its folder: `metier init turbines`.")
        _check_language(language)
        settings_file.create(Path(folder), language, embedding, model, base)
        return cls(Path(folder))

    def add(self, source: str, **options: object) -> bool:
        """Add a file, folder, glob or address to metier.toml; `options` as in `SourceSettings`. False if it was
        there already. Paths are kept relative to the expert's folder. Raises `InputError` for a path that does not
        exist and an address that nothing reads."""
        if "://" in source:
            from metier import sources

            sources.check(source, self.folder, private=bool(options.get("private")))
        added = settings_file.add_source(self.folder, source, **options)
        self.runtime.reload_settings()
        return added

    def remove(self, source: str) -> None:
        """Take a source from metier.toml; what came from it goes with the next sync. Raises `InputError` where there is
        no such source."""
        settings_file.remove_source(self.folder, source)
        self.runtime.reload_settings()

    def status(self) -> Status:
        """Where the expert stands: documents, questions, adapters, the last verdict. Loads no model."""
        from metier.services.status import status_of

        return status_of(self._parts)

    def drift(self, *, ask: int = 30, tell: Callable[[str, int, int, str], None] | None = None) -> Drift:
        """How far the documents of today are from what the adapter in production learned, and which exam questions are
        stale. `ask`: exam questions whose source changed that are asked, at most, 0 = none."""
        from metier.services.drift import drift

        return drift(self._parts, ask=ask, tell=tell)

    @property
    def folder(self) -> Path:
        return self.runtime.folder

    @property
    def settings(self) -> Settings:
        return self.runtime.settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free models and files."""
        self._counter.flush()
        if "earlier" in self.__dict__:
            self.earlier.close()
        self.runtime.close()
        self.corrections.close()

    # --- knowledge -------------------------------------------------------------------------------------------

    def sync(
        self,
        *,
        rebuild: bool = False,
        retry: bool = False,
        allow_empty: bool = False,
        only: Collection[str] | None = None,
        on: str | None = None,
        on_progress: Callable[[SyncProgress], None] | None = None,
        on_change: OnChange | None = None,
    ) -> SyncReport:
        """Bring the store into line with the sources. `rebuild`: throw the index away first, which is needed after
        another embedder was chosen. `retry`: read items again that failed and did not change since. `allow_empty`: of a
        source that is gone, or empty where it was not, the documents go; else they stay, and the report names it.
        `only`: names of the sources to look at, None = all; where sources are for different readers, all are looked at,
        since what is in two of them is for those whom both let read it. `on`: a Ray cluster that parses and embeds,
        "ray://HOST:PORT", "auto" or "local:N", None = this process. `on_change`: hears what happened (added, changed,
        moved, deleted, failed) to which item."""
        from metier import sources
        from metier.ingestion.sync import Syncer
        from metier.parsing import Parser
        from metier.services.sync_stages import stages_of
        from metier.services.unread_languages import unread_languages
        from metier.state.catalog import Catalog

        runtime, corrections = self.runtime, self.corrections
        names = {each.name for each in self.settings.sources}
        readers = {frozenset(each.groups) for each in self.settings.sources}
        skipped = set() if only is None or len(readers) > 1 or rebuild else names.difference(only)

        def before_commit(entries: Sequence[Entry], moves: Mapping[str, str]) -> None:
            check_lock()
            corrections.before_commit(entries, moves)
            runtime.table_store.put([entry.document for entry in entries])

        with (
            runtime.exclusive("sync.lock", WRITE_PATIENCE) as check_lock,
            runtime.replacing_index(rebuild),
            runtime.store.writing(),
        ):
            catalog = Catalog(runtime.state)
            try:
                with (
                    Parser(self.settings.parsing, self.settings.language) as parser,
                    runtime.vision() as vision,
                    stages_of(runtime, parser, describes=vision is not None, on=on) as (preparation, stages),
                ):
                    syncer = Syncer(
                        self.settings, runtime.store, catalog, preparation, stages, runtime.embedder, runtime.analyser,
                        parser_version=parser.version, retry=retry or rebuild, on_progress=on_progress,
                        keep=corrections.documents(), before_commit=before_commit,
                        fusion=runtime.fusion_path, vision=vision, rebuild=rebuild, allow_empty=allow_empty,
                        skipped=skipped, on_change=on_change,
                    )  # fmt: skip
                    report = syncer.run(sources.create_all(self.settings.sources, self.folder))
                runtime.follow_tables()
                report.warnings += corrections.after_sync()
                runtime.learned_files.publish()
                report.unread_languages = unread_languages(self.settings.embedding, runtime.store.records())
                if runtime.is_built("retriever"):
                    runtime.retriever.refresh()
                    runtime.retriever.fusion = runtime.fusion
                return report
            finally:
                catalog.close()
                runtime.settle_permissions()

    def watch(
        self,
        hear: Callable[[SyncReport | MetierError], None],
        *,
        stop: threading.Event | None = None,
        on_progress: Callable[[SyncProgress], None] | None = None,
        on_change: OnChange | None = None,
    ) -> None:
        """Sync now, and again whenever a file of the sources changes or the time of a source has come (`[sync]` and
        `[[sources]] every`), until `stop` is set. `hear`: is given the report of each sync, or why it did not come
        about; then it is tried again. The others as of `sync`."""
        from metier.services.watching import watch

        def sync(only: Collection[str] | None) -> SyncReport:
            return self.sync(only=only, on_progress=on_progress, on_change=on_change)

        watch(self.runtime, sync, stop or threading.Event(), hear)

    def items(self) -> list[ItemState]:
        """What the last sync knew of every item of every source, failed ones with their reason."""
        with self.runtime.catalog() as catalog:
            return sorted(catalog.items().values(), key=lambda item: item.uri)

    @contextmanager
    def original(self, document: Document) -> Iterator[Path]:
        """The file that a document was read from, as it is at its source now, while the context is open. Raises
        `SourceError` where no source has it, or another content by now."""
        from metier.services.originals import original

        with original(self.runtime, document) as path:
            yield path

    def conflicts(
        self, *, where: Filter | None = None, on_document: Callable[[int, int, str], None] | None = None
    ) -> list[Conflict]:
        """Where documents state different values for the same thing. `on_document` hears how many are read, of how
        many, and which."""
        from metier.services.conflicts import conflicts

        runtime = self.runtime
        visible = runtime.retriever.visible(where)
        with reading_as(where.groups if where else None):
            return conflicts(runtime.store, runtime.analyser, self.settings.language, visible, on_document)

    def syncs(self) -> list[SyncRun]:
        """What every sync did, the first one first."""
        return self.runtime.syncs()

    # --- questions -------------------------------------------------------------------------------------------

    def search(
        self, question: str, limit: int = 10, where: Filter | None = None, as_of: AsOf | None = None
    ) -> list[Hit]:
        """Passages that may answer the question, best first. `as_of`: as for `ask`."""
        with reading_as(where.groups if where else None):
            retriever = self.runtime.retriever if as_of is None else self.earlier.at(moment_of(as_of)).retriever
            return retriever.search(_asked(question), limit, where)

    def ask(
        self,
        question: str,
        *,
        mode: Mode | str = Mode.RAG,
        where: Filter | None = None,
        history: Sequence[Message] = (),
        on_text: OnText | None = None,
        on_sentence: OnSentence | None = None,
        abstain: bool | None = None,
        without: frozenset[str] = frozenset(),
        adapter: str | None = None,
        fresh: bool = False,
        system: str = "",
        sampling: Sampling | None = None,
        as_of: AsOf | None = None,
    ) -> Answer:
        """Answer a question. `mode`: base, rag, tuned or rag+tuned. `adapter`: the one of a tuned mode, None = the one
        in production; to a reader who may not read all that it learned (`where`), it is not there. `history`: earlier
        turns, from which a follow-up is understood. `fresh`: see `WriterOptions`; an examiner's, so that it is not
        counted among the answers that drift is told by. `on_text` gets the answer piece by piece, `on_sentence` each
        sentence with its support as it ends. `system`: an added instruction. `sampling`: None = as set. For `where`,
        `abstain` and `without` see `Request`. `as_of`: from the documents and tables of that day,
        `2026-10-01`, or moment; who may read is decided by then and now, what people corrected holds as it does now."""
        if mode not in MODES:
            raise InputError(f"there is no mode {mode!r}", hint=f"Choose one of {', '.join(MODES)}.")
        mode = Mode(mode)
        question = _asked(question)
        readable = where.groups if where else None
        card = self.adapters.in_use(adapter, readable) if mode in WITH_ADAPTER else None
        writer = WriterOptions(sql_adapter=self.adapters.for_sql(readable), fresh=fresh)
        if card:
            writer = replace(writer, adapter=card.reference, labels=card.labels)
        request = Request(
            question, mode=mode, where=where, history=tuple(history), system=system, sampling=sampling or Sampling(),
            writer=writer, without=without, abstain=abstain, on_text=on_text, on_sentence=on_sentence,
        )  # fmt: skip
        with reading_as(readable):
            answer = self.runtime.answerer.ask(request) if as_of is None else self._asked_earlier(request, as_of)
        if not fresh:
            self._counter.note(mode, card.reference if card else "", answer.abstained)
        return answer

    def _asked_earlier(self, request: Request, as_of: AsOf) -> Answer:
        if request.mode not in FROM_DOCUMENTS:
            raise InputError(f"mode {request.mode} asks the documents of no day", hint="Choose mode rag.")
        day = self.earlier.at(moment_of(as_of))
        answer = day.answerer.ask(request)
        note = f"As known on {day.moment.astimezone():%Y-%m-%d %H:%M}."
        return replace(answer, notes=(*answer.notes, note))

    def prune(self, keep_days: float | None = None) -> Pruned:
        """Forget what was replaced or deleted more than `keep_days` ago, None = `[store] keep_versions_days`, so that
        no byte of it is left in the index and the tables."""
        days = self.settings.store.keep_versions_days if keep_days is None else keep_days
        with self.runtime.exclusive("sync.lock", WRITE_PATIENCE), self.runtime.store.writing():
            return self.earlier.prune(days)

    @cached_property
    def earlier(self) -> EarlierService:
        """What was known on earlier days."""
        from metier.services.earlier import EarlierService

        return EarlierService(self.runtime, self.corrections)

    def chat(self) -> Conversation:
        """A conversation that remembers its turns."""
        return Conversation(self.ask)


def _check_language(language: str) -> None:
    if re.fullmatch(LANGUAGE_CODE, language):
        return
    code = code_named(language)
    hint = f"{language} is `{code}`: `--language {code}`." if code else "Codes are as `de`, `bn`, `pt-BR` (BCP-47)."
    raise InputError(f"the language is given by its code, and {language!r} is none", hint=hint)


def _asked(question: str) -> str:
    question = question.strip()
    if not question:
        raise InputError("the question is empty", hint='Ask something: `metier ask "How often is the oil changed?"`.')
    return question


def _parts_of(folder: Path) -> Parts:
    return Expert(folder)._parts
