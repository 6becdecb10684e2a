"""`Expert`: one directory opened, the rooms wired. The command line, the server and the flow only call this.

from metier import Expert

with Expert.open("turbines") as expert:
    print(expert.ask("How tight are the blade bolts of the NV-110?").text)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from metier import settings as settings_room
from metier.answering import abstention, style
from metier.answering.abstention import Abstention
from metier.answering.answer import Answer, OnSentence, OnText, Style
from metier.answering.answerer import Answerer
from metier.answering.request import MODES, WITH_ADAPTER, Request, Writer
from metier.answering.shown import Shown
from metier.answering.support.base import Checker
from metier.correcting import Correcting
from metier.deciding import Deciding
from metier.embedding.base import Embedder
from metier.errors import InputError, SourceError
from metier.examining import Examining
from metier.generation.base import Generator, Message, Sampling
from metier.reader.base import Reader
from metier.retrieval.analysis import Analyser
from metier.retrieval.fusion import Fusion
from metier.retrieval.retriever import Hit, Retriever
from metier.settings import STATE_FOLDER, Settings
from metier.store.base import Filter, Identity, Store
from metier.training import Training

if TYPE_CHECKING:  # these rooms are entered by few verbs, and importing them costs the others time
    from metier.answering.document_info import DocumentInfo
    from metier.catalog import Catalog, ItemState, SyncRun
    from metier.documents import Document
    from metier.sync import Progress, SyncReport
    from metier.tuning.adapters import Card

_PATIENCE = 2.0  # seconds to wait for a correction that is written into the store
_LOADED_ADAPTERS = 2  # at most: the one in production and the one before it


class Expert(Training, Examining, Deciding, Correcting):
    """An expert on disk. Everything heavy is loaded when it is first needed; close it, or use it as a context."""

    def __init__(self, folder: Path, parallel: int = 1) -> None:
        self.folder = folder
        self._parallel = parallel
        self.settings: Settings = settings_room.load(folder)
        self._rebuild = False
        self._served: dict[str, Path] = {}  # adapters that the generator loads, by reference, the latest last
        self._loading = threading.Lock()

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
        settings_room.create(Path(folder), language, embedding, model, base)
        return cls(Path(folder))

    def add(self, source: str, **options: object) -> bool:
        """Add a file, folder, glob or address to metier.toml; `options` as in `SourceSettings`. False if it was
        there already. Paths are kept relative to the expert's folder."""
        added = settings_room.add_source(self.folder, source, **options)
        self.settings = settings_room.load(self.folder)
        return added

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free models and files."""
        for name in ("generator", "embedder", "_feedback_log"):
            if name in self.__dict__:
                self.__dict__[name].close()
        self._forget("generator", "store", "retriever", "answerer", "embedder", "_feedback_log")

    def _forget(self, *rooms: str) -> None:
        """The next use of these opens them anew."""
        for name in rooms:
            self.__dict__.pop(name, None)

    # --- rooms -----------------------------------------------------------------------------------------------

    @property
    def state_folder(self) -> Path:
        return self.folder / STATE_FOLDER

    @cached_property
    def embedder(self) -> Embedder:
        from metier import embedding

        return embedding.create(self.settings.embedding, folder=self.folder)

    @cached_property
    def analyser(self) -> Analyser:
        return Analyser(self.settings.language)

    @cached_property
    def store(self) -> Store:
        from metier.store import open_store

        embedder = self.embedder
        identity = Identity(embedder.name, embedder.fingerprint, embedder.dimension, self.analyser.version)
        return open_store(self.state_folder / "store", self.settings.store, identity, replace=self._rebuild)

    @cached_property
    def generator(self) -> Generator:
        return self._new_generator(self._served)

    def _new_generator(self, adapters: Mapping[str, Path]) -> Generator:
        from metier import generation

        return generation.create(
            self.settings.generation, folder=self.folder, parallel=self._parallel, adapters=adapters
        )

    @cached_property
    def retriever(self) -> Retriever:
        from metier.retrieval import reranking

        chosen = self.settings.retrieval
        reranker = reranking.create(chosen.reranker, folder=self.folder) if chosen.reranker else None
        self._place_corrections()
        return Retriever(
            self.store, self.embedder, self.analyser, chosen, self.fusion, reranker, curation=self.curation
        )

    @property
    def fusion(self) -> Fusion:
        """The fusion in force: from metier.toml, else what sync and calibrate learned."""
        return self._unless_fixed(self._learned_fusion)

    @property
    def _learned_fusion(self) -> Fusion:
        return Fusion.load(self.state_folder / "fusion.json")

    def _unless_fixed(self, learned: Fusion) -> Fusion:
        fixed = self.settings.retrieval.fusion_weight
        return learned if fixed is None else learned.fixed(fixed)

    @property
    def shown(self) -> Shown:
        """How many passages are in force: from metier.toml, else what calibrate learned."""
        return self._unless_set(Shown.load(self.state_folder / "shown.json"))

    def _unless_set(self, learned: Shown) -> Shown:
        fixed = self.settings.retrieval.passages
        return learned if fixed is None else Shown(fixed, "metier.toml")

    @cached_property
    def answerer(self) -> Answerer:
        return self.answerer_from(self.shown)

    def answerer_from(self, shown: Shown) -> Answerer:
        return Answerer(
            self.settings,
            self.store,
            self.retriever,
            self.embedder,
            self.analyser,
            self.generator,
            self.refusals,
            shown.passages,
            lambda: self.reader,
            lambda: self.checker,
            self.documents,
        )

    def documents(self, where: Filter | None = None) -> list[DocumentInfo]:
        """What the catalog knows of every document that the filter lets through, by uri."""
        from metier.answering.document_info import document_infos

        with self._catalog() as catalog:
            history = catalog.history() if catalog else {}
        return document_infos(self.store.records(where), history)

    @cached_property
    def reader(self) -> Reader | None:
        """Tells whether and where a passage answers; None where `[answering] reader` is "none"."""
        from metier import reader

        settings = self.settings
        name, threads = settings.answering.reader, settings.embedding.threads

        def made(multilingual: bool) -> Reader | None:
            return reader.create(
                name, language=settings.language, multilingual=multilingual, threads=threads, folder=self.folder
            )

        english = settings.language.split("-")[0] == "en"
        if name != "auto" or not english:
            chosen = made(multilingual=True)
        else:
            chosen = reader.LanguageReader(made(multilingual=False), lambda: made(multilingual=True))
        return reader.RememberingReader(chosen) if chosen else None

    @cached_property
    def checker(self) -> Checker:
        """Tells how far the sources carry an answer."""
        from metier.answering import support
        from metier.answering.words import WordWeights

        return support.create(self.settings, self.embedder, self.analyser, WordWeights(self.store), self.folder)

    @property
    def refusals(self) -> Abstention:
        """When to refuse: what calibrate learned for what answers now, else what ships."""
        path = self.state_folder / "abstention.json"
        return abstention.load(path, self.calibrated_for()) if path.exists() else abstention.shipped()

    def is_calibration_stale(self) -> bool:
        """Whether calibrate learned when to refuse for something else than what answers now."""
        return abstention.is_stale(self.state_folder / "abstention.json", self.calibrated_for())

    def calibrated_for(self) -> str:
        """Changes with all that a calibration of refusals depends on: model, embedder, reader and style."""
        from metier.dataset.cache import key_of

        chosen = style.choose(self.settings, self.generator.parameters)
        writes = self.generator.fingerprint if chosen is Style.WRITTEN else ""  # a quote is no model's
        return key_of(chosen, writes, self.embedder.fingerprint, self.reader.fingerprint if self.reader else "")

    # --- knowledge -------------------------------------------------------------------------------------------

    def sync(
        self, *, rebuild: bool = False, retry: bool = False, on_progress: Callable[[Progress], None] | None = None
    ) -> SyncReport:
        """Bring the store into line with the sources. `rebuild`: throw the index away first, which is needed after
        another embedder was chosen. `retry`: read items again that failed and did not change since."""
        from metier import sources
        from metier.catalog import Catalog
        from metier.exclusive import exclusive
        from metier.parsing import Parser
        from metier.sync import Syncer

        with exclusive(self.state_folder / "sync.lock", _PATIENCE):
            if rebuild:
                self._forget("store", "retriever", "answerer")
            self._rebuild = rebuild
            catalog = Catalog(self.state_folder / "catalog.sqlite")
            try:
                with Parser(self.settings.parsing, self.settings.language) as parser:
                    syncer = Syncer(
                        self.settings, self.store, catalog, parser, self.embedder, self.analyser,
                        parser_version=parser.version, retry=retry or rebuild, on_progress=on_progress,
                        keep=self._corrected_documents(), before_commit=self._follow_corrections,
                        fusion=self.state_folder / "fusion.json",
                    )  # fmt: skip
                    report = syncer.run([sources.create(each, self.folder) for each in self.settings.sources])
                report.warnings += self._corrections_after_sync()
                if "retriever" in self.__dict__:
                    self.retriever.refresh()
                    self.retriever.fusion = self.fusion
                return report
            finally:
                self._rebuild = False
                catalog.close()

    def items(self) -> list[ItemState]:
        """What the last sync knew of every item of every source, failed ones with their reason."""
        with self._catalog() as catalog:
            return sorted(catalog.items().values(), key=lambda item: item.uri) if catalog else []

    @contextmanager
    def original(self, document: Document) -> Iterator[Path]:
        """The file that a document was read from, as it is at its source now, while the context is open. Raises
        `SourceError` where no source has it, or another content by now."""
        from metier import sources
        from metier.sync import bytes_hash, hash_file

        with self._catalog() as catalog:
            state = catalog.item(document.uri) if catalog else None
        chosen = next((each for each in self.settings.sources if state and each.name == state.source), None)
        if chosen is None:
            raise SourceError("comes from no source of this expert", where=document.uri)
        source = sources.create(chosen, self.folder)
        item = source.find(document.uri)
        if item is None:
            raise SourceError("is not at its source any more", where=document.uri, hint="Run `metier sync`.")
        with source.fetch(item) as path:
            try:
                found = hash_file(path)
            except OSError as error:
                raise SourceError(error.strerror or str(error), where=document.uri) from None
            if found != bytes_hash(document.content_hash):
                raise SourceError("has changed since it was read", where=document.uri, hint="Run `metier sync`.")
            yield path

    def syncs(self) -> list[SyncRun]:
        """What every sync did, the first one first."""
        with self._catalog() as catalog:
            return catalog.syncs() if catalog else []

    @contextmanager
    def _catalog(self) -> Iterator[Catalog | None]:
        """The catalog, None before the first sync."""
        from metier.catalog import Catalog

        path = self.state_folder / "catalog.sqlite"
        if not path.exists():
            yield None
            return
        catalog = Catalog(path)
        try:
            yield catalog
        finally:
            catalog.close()

    # --- questions -------------------------------------------------------------------------------------------

    def search(self, question: str, limit: int = 10, where: Filter | None = None) -> list[Hit]:
        """Passages that may answer the question, best first."""
        return self.retriever.search(_asked(question), limit, where)

    def ask(
        self,
        question: str,
        *,
        mode: str = "rag",
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
    ) -> Answer:
        """Answer a question. `mode`: base, rag, tuned or rag+tuned. `adapter`: the one of a tuned mode, None = the one
        in production. `history`: earlier turns, from which a follow-up is understood. `fresh`: see `Writer`.
        `on_text` gets the answer piece by piece, `on_sentence` each sentence with its support as it ends. `system`: an
        added instruction. `sampling`: None = as set. For `where`, `abstain` and `without` see `Request`."""
        if mode not in MODES:
            raise InputError(f"there is no mode {mode!r}", hint=f"Choose one of {', '.join(MODES)}.")
        question = _asked(question)
        card = self.adapter(adapter) if mode in WITH_ADAPTER else None
        writer = Writer(card.reference, card.labels, fresh) if card else Writer(fresh=fresh)
        return self.answerer.ask(
            Request(
                question, mode=mode, where=where, history=tuple(history), system=system,
                sampling=sampling or Sampling(), writer=writer, without=without, abstain=abstain, on_text=on_text,
                on_sentence=on_sentence,
            )
        )  # fmt: skip

    def adapter(self, reference: str | None = None) -> Card:
        """The adapter of a tuned mode, None = the one in production, loaded beside the base if it is not yet.
        Raises `InputError` where there is none, or it belongs to other weights."""
        card = self.adapters.get(reference) if reference else self.adapters.production()
        if card is None:
            raise InputError(
                "no adapter is in production",
                hint="Make one with `metier tune`, then `metier adapters promote NAME`; or name one with --adapter.",
            )
        self.load_adapter(card)
        return card

    def has_loaded(self, card: Card) -> bool:
        return card.reference in self._served

    def load_adapter(self, card: Card, *, beside: bool = False) -> None:
        """Have the model load an adapter, which it can only where it starts. `beside`: the new model is there before
        the old one goes, which takes memory for both; answers that run are finished by the old one, and it is freed
        with the last of them. Else the old one is closed first, and what it writes is broken off.
        Raises as `adapter`; the old one answers on then."""
        from metier.tuning import base_model
        from metier.tuning.tune import served

        with self._loading:
            if self.has_loaded(card):
                return
            card.require_base(base_model.fingerprint(self.settings, self.folder))
            kept = list(self._served.items())[1 - _LOADED_ADAPTERS :]
            adapters = dict([*kept, (card.reference, served(self.adapters, card, self.settings, self.folder))])
            if "generator" in self.__dict__:
                self._replace_generator(adapters, beside)
            self._served = adapters  # last: who finds an adapter here finds the model that has it, too

    def _replace_generator(self, adapters: Mapping[str, Path], beside: bool) -> None:
        made = self._new_generator(adapters)
        if not beside:
            self.generator.close()  # a later call loads it again
        made.count_tokens([Message("user", "?")])
        self.generator = made
        if "answerer" in self.__dict__:
            self.answerer = self.answerer_from(self.shown)

    def chat(self) -> Conversation:
        """A conversation that remembers its turns."""
        return Conversation(self)


class Conversation:
    """Questions and answers in turn; a follow-up is looked up in its standalone form."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert
        self.turns: list[Message] = []

    def ask(self, question: str, **options: object) -> Answer:
        """As `Expert.ask`, with the conversation so far as history."""
        answer = self._expert.ask(question, history=tuple(self.turns), **options)
        self.turns += [Message("user", question), Message("assistant", answer.text)]
        return answer


def _asked(question: str) -> str:
    question = question.strip()
    if not question:
        raise InputError("the question is empty", hint='Ask something: `metier ask "How often is the oil changed?"`.')
    return question
