"""`Runtime`: an expert's settings and paths, and what is built from them when it is first needed.

    expert.runtime.store                                    # opened now, and kept

The services of an expert take it: who asks for passages does not load a language model, and whoever comes second finds
what the first has built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from metier.answering import abstention, style
from metier.answering.abstention import Abstention
from metier.answering.answer import Style
from metier.answering.answerer import Answerer
from metier.answering.passage_count import PassageCount
from metier.answering.routing import Deleted, Documents
from metier.answering.support.base import Checker
from metier.core import locks, permissions
from metier.core import settings as settings_module
from metier.core.documents import CORRECTION
from metier.core.errors import Unwritable
from metier.core.settings import STATE_FOLDER, Settings
from metier.embedding.base import Embedder
from metier.generation.base import Generator, Message
from metier.reader.base import Reader
from metier.retrieval.curation import Curation
from metier.retrieval.fusion import Fusion
from metier.retrieval.retriever import Retriever
from metier.state.learned_files import LearnedFiles
from metier.state.place import Place, place_of
from metier.state.postgres_state import PostgresState
from metier.store.base import DocumentRecord, Filter, Identity, Store
from metier.tables.asking import TableAsker
from metier.tables.runner import QueryRunner
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.answering.document_info import DeletedDocument, DocumentInfo
    from metier.generation.vision import VisionModel
    from metier.state.catalog import Catalog, SyncRun
    from metier.store.access_control import AccessControlledStore

_OF_CORRECTIONS = Filter(uri=f"{CORRECTION}*")
_OF_STORE = ("store", "curation", "retriever", "answerer")
WRITE_PATIENCE = 2.0  # seconds to wait for another process that writes to the store


class Runtime:
    """`parallel`: answers that a model in this process writes at once. `curation`: makes what people decided
    about single passages, once it is needed. Raises `SettingsError` where `folder` holds no expert
    or its metier.toml is wrong."""

    def __init__(self, folder: Path, parallel: int, curation: Callable[[], Curation]) -> None:
        self.folder = folder
        self.settings: Settings = settings_module.load(folder)
        self._parallel = parallel
        self._make_curation = curation
        self._replacing_index = False
        self._served: dict[str, Path] = {}  # adapters that the generator loads, by reference, the latest last

    @property
    def state_folder(self) -> Path:
        return self.folder / STATE_FOLDER

    def reload_settings(self) -> None:
        self.settings = settings_module.load(self.folder)

    def reload_sources(self) -> None:
        """Take the sources as they stand in metier.toml now; of the rest, models and store may be in use. Raises
        `SettingsError`."""
        sources = settings_module.load(self.folder).sources
        self.settings = self.settings.model_copy(update={"sources": sources})

    def close(self) -> None:
        """Free models and files; what is needed again is built again."""
        for name in ("generator", "embedder", "reader"):
            if self.__dict__.get(name) is not None:
                self.__dict__[name].close()
        if self.is_built("tables"):
            self.tables.close()
        if self.is_built("state") and isinstance(self.state, PostgresState):
            self.state.close()
        self.forget("generator", "tables", "store", "curation", "retriever", "answerer", "embedder", "reader")

    def forget(self, *names: str) -> None:
        """The next use of these builds them again."""
        for name in names:
            self.__dict__.pop(name, None)

    def is_built(self, name: str) -> bool:
        return name in self.__dict__

    # --- storage and search ----------------------------------------------------------------------------------

    @cached_property
    def embedder(self) -> Embedder:
        from metier import embedding

        return embedding.create(self.settings.embedding, folder=self.folder)

    @cached_property
    def analyser(self) -> Analyser:
        return Analyser(self.settings.language)

    @cached_property
    def store(self) -> AccessControlledStore:
        from metier.store import open_store
        from metier.store.access_control import AccessControlledStore
        from metier.store.current_groups import CurrentGroups

        self.learned_files.fetch()
        embedder = self.embedder
        identity = Identity(embedder.name, embedder.fingerprint, embedder.dimension, self.analyser.version)
        settings = self.settings.own_store
        made = open_store(self.state_folder / "store", settings, identity, replace=self._replacing_index)
        current = CurrentGroups(self.folder, self.state, lambda: made.records(_OF_CORRECTIONS))
        return AccessControlledStore(made, current)

    def follow(self) -> None:
        """See what other processes did, on whatever machine."""
        self.retriever.refresh()
        if self.learned_files.fetch():
            self.retriever.fusion = self.fusion
            if self.is_built("answerer"):
                self.answerer = self.answerer_from(self.passage_count)
        if isinstance(self.state, PostgresState):
            self.follow_tables()

    @cached_property
    def learned_files(self) -> LearnedFiles:
        return LearnedFiles(self.state, (self.fusion_path, self.passage_count_path, self.abstention_path))

    def follow_tables(self) -> None:
        """Bring the tables in line with the store."""
        with self.catalog() as catalog:
            unread = [state.uri for state in catalog.items().values() if state.state == "failed"]
        self.table_store.follow(self.store.hashes(), self.store.document, unread)

    def correction_records(self) -> list[DocumentRecord]:
        """The documents that were made of corrections."""
        return self.store.records(_OF_CORRECTIONS)

    def settle_permissions(self) -> None:
        """Give what libraries wrote into the state the modes that it should have."""
        permissions.settle(self.state_folder, self.settings.state.shared)

    @contextmanager
    def vision(self) -> Iterator[VisionModel | None]:
        """What describes the pictures of documents, None where `[parsing] vision` names no model. Raises
        `SettingsError`."""
        if not self.settings.parsing.vision:
            yield None
            return
        from metier.generation.vision import VisionModel

        with closing(VisionModel(self.settings.parsing, self.state_folder)) as model:
            yield model

    @contextmanager
    def replacing_index(self, replacing: bool) -> Iterator[None]:
        """While it is open, the store is built from nothing, whatever made the one that is there, and takes its place
        when a sync has ended; the old one stays where that fails."""
        if not replacing:
            yield
            return
        self.forget(*_OF_STORE)
        self._replacing_index = True
        try:
            yield
        except BaseException:
            self.forget(*_OF_STORE)
            raise
        finally:
            self._replacing_index = False

    @cached_property
    def retriever(self) -> Retriever:
        return self.retriever_over(self.store, self.curation)

    def retriever_over(self, store: Store, curation: Curation) -> Retriever:
        from metier.retrieval import reranking

        chosen = self.settings.retrieval
        reranker = reranking.create(chosen.reranker, folder=self.folder) if chosen.reranker else None
        return Retriever(store, self.embedder, self.analyser, chosen, self.fusion, reranker, curation=curation)

    @cached_property
    def curation(self) -> Curation:
        """What people decided about single passages."""
        return self._make_curation()

    @cached_property
    def table_store(self) -> TableStore:
        """The tables of all documents, typed."""
        return TableStore(self.state_folder / "tables.sqlite", self.analyser)

    @cached_property
    def tables(self) -> TableAsker:
        """Asks them."""
        if isinstance(self.state, PostgresState) and not self.table_store.path.exists():
            with suppress(Unwritable):  # then it answers without them
                self.follow_tables()  # synced on another machine
        return TableAsker(self.table_store, QueryRunner(self.table_store.path), self.analyser)

    @property
    def fusion(self) -> Fusion:
        """The fusion in force: from metier.toml, else what sync and calibrate learned."""
        return self.unless_fixed(self.learned_fusion)

    @property
    def learned_fusion(self) -> Fusion:
        return Fusion.load(self.fusion_path)

    @property
    def fusion_path(self) -> Path:
        return self.state_folder / "fusion.json"

    def unless_fixed(self, learned: Fusion) -> Fusion:
        fixed = self.settings.retrieval.fusion_weight
        return learned if fixed is None else learned.fixed(fixed)

    @property
    def passage_count(self) -> PassageCount:
        """How many passages are shown: from metier.toml, else what calibrate learned."""
        return self.unless_set(PassageCount.load(self.passage_count_path))

    @property
    def passage_count_path(self) -> Path:
        return self.state_folder / "shown.json"

    def unless_set(self, learned: PassageCount) -> PassageCount:
        fixed = self.settings.retrieval.passages
        return learned if fixed is None else PassageCount(fixed, "metier.toml")

    @contextmanager
    def catalog(self) -> Iterator[Catalog]:
        """The catalog, empty before the first sync."""
        from metier.state.catalog import Catalog

        with closing(Catalog(self.state)) as catalog:
            yield catalog

    def syncs(self) -> list[SyncRun]:
        """What every sync did, the first one first."""
        with self.catalog() as catalog:
            return catalog.syncs()

    @cached_property
    def state(self) -> Place:
        """Where the state is."""
        return place_of(self.settings, self.folder)

    def exclusive(
        self, name: str, patience: float = 0.0, busy: str = locks.SYNCING
    ) -> AbstractContextManager[locks.Check]:
        """The lock `name` of this expert, as `core.locks.exclusive`; where the state is in a PostgreSQL, among all
        machines."""
        if isinstance(self.state, Path):
            return locks.exclusive(self.state_folder / name, patience, busy)
        from metier.state import advisory_locks

        permissions.make_state_folder(self.state_folder)  # for what is beside the state
        return advisory_locks.exclusive(self.state, name, patience, busy)

    def documents(self, where: Filter | None = None) -> list[DocumentInfo]:
        """What the catalog knows of every document that the filter lets through, by uri."""
        from metier.answering.document_info import document_infos

        with self.catalog() as catalog:
            history, first_sync = catalog.history(), catalog.first_sync()
        return document_infos(self.store.records(where), history, first_sync)

    def deleted_documents(self) -> list[DeletedDocument]:
        """What the catalog knows of documents that are gone."""
        from metier.answering.document_info import deleted_documents

        with self.catalog() as catalog:
            return deleted_documents(catalog.deleted())

    # --- answering -------------------------------------------------------------------------------------------

    @cached_property
    def answerer(self) -> Answerer:
        return self.answerer_from(self.passage_count)

    def answerer_from(self, shown: PassageCount) -> Answerer:
        return self._answerer(
            shown, self.store, self.retriever, self.documents, lambda: self.tables, self.deleted_documents
        )

    def answerer_over(
        self, store: Store, retriever: Retriever, documents: Documents, tables: Callable[[], TableAsker]
    ) -> Answerer:
        """Over other documents than those of now, with the models in use."""
        return self._answerer(self.passage_count, store, retriever, documents, tables)

    def _answerer(
        self,
        shown: PassageCount,
        store: Store,
        retriever: Retriever,
        documents: Documents,
        tables: Callable[[], TableAsker],
        deleted: Deleted = tuple,
    ) -> Answerer:
        return Answerer(
            self.settings, store, retriever, self.embedder, self.analyser, self.generator, self.abstention,
            shown.passages, lambda: self.reader, lambda: self.checker, documents, tables, deleted,
        )  # fmt: skip

    @cached_property
    def reader(self) -> Reader | None:
        """Tells whether and where a passage answers; None where `[answering] reader` is "none"."""
        from metier import reader

        settings = self.settings
        name, threads = settings.answering.reader, settings.embedding.threads
        if name == "none":
            return None

        def made(multilingual: bool) -> Reader:
            found = reader.create(
                name, language=settings.language, multilingual=multilingual, threads=threads, folder=self.folder
            )
            if found is None:
                raise ValueError("only “none” is no reader")
            return found

        english = settings.language.split("-")[0] == "en"
        if name != "auto" or not english:
            return reader.RememberingReader(made(multilingual=True))
        by_language = reader.LanguageReader(made(multilingual=False), lambda: made(multilingual=True))
        return reader.RememberingReader(by_language)

    @cached_property
    def checker(self) -> Checker:
        """Tells how far the sources carry an answer."""
        from metier.answering import support
        from metier.answering.term_weights import WordWeights

        return support.create(self.settings, self.embedder, self.analyser, WordWeights(self.store), self.folder)

    @property
    def abstention(self) -> Abstention:
        """When to refuse: what calibrate learned for what answers now, else what ships."""
        path = self.abstention_path
        return abstention.load(path, self.calibrated_for()) if path.exists() else abstention.shipped()

    @property
    def abstention_path(self) -> Path:
        return self.state_folder / "abstention.json"

    def calibrated_for(self) -> str:
        """Changes with all that a calibration of refusals depends on: model, embedder, reader and style."""
        from metier.generation.completion_cache import key_of

        chosen = style.choose(self.settings, self.generator.parameters)
        writes = self.generator.fingerprint if chosen is Style.WRITTEN else ""  # a quote is no model's
        return key_of(chosen, writes, self.embedder.fingerprint, self.reader.fingerprint if self.reader else "")

    # --- the language model ----------------------------------------------------------------------------------

    @cached_property
    def generator(self) -> Generator:
        return self._new_generator(self._served)

    def _new_generator(self, adapters: Mapping[str, Path]) -> Generator:
        from metier import generation

        return generation.create(
            self.settings.generation, folder=self.folder, parallel=self._parallel, adapters=adapters
        )

    @property
    def served_adapters(self) -> Mapping[str, Path]:
        """Adapters that the model has loaded, by reference, the latest last."""
        return self._served

    def serve_adapters(self, adapters: Mapping[str, Path], *, beside: bool) -> None:
        """Have the model load these, which it can only where it starts. `beside`: the new model is there before the old
        one goes, which takes memory for both; answers that run are finished by the old one, and it is freed with the
        last of them. Else the old one is closed first, and what it writes is interrupted."""
        if self.is_built("generator"):
            made = self._new_generator(adapters)
            if not beside:
                self.generator.close()  # a later call loads it again
            made.count_tokens([Message("user", "?")])
            self.generator = made
            if self.is_built("answerer"):
                self.answerer = self.answerer_from(self.passage_count)
        self._served = dict(adapters)  # last: who finds an adapter here finds the model that has it, too
