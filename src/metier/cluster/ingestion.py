"""Files parsed and texts embedded on a Ray cluster, for a sync that reads the sources and writes the store itself.

A file's bytes go from here to the worker that takes them; what is out at once is bounded in number and bytes. Passwords
and keys of sources, state and store stay here; texts for an endpoint's embedder are sent from here, too, with its key.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from metier import embedding
from metier.cluster.connection import ClusterError, Connection, check_nodes
from metier.cluster.connection import connected as connected_to
from metier.cluster.pool import GivenUp, WorkerPool
from metier.core.errors import ModelError, ParseError
from metier.core.settings import EmbeddingSettings, ParsingSettings, PassageSettings, Settings
from metier.embedding.base import Embedder
from metier.ingestion.preparation import Preparation, PreparedDocument
from metier.parsing import Parser
from metier.parsing.originals import open_original
from metier.sources.base import Item
from metier.text.analyzer import Analyser

_READ, _EMBED = "read", "embed"  # kinds of parcels
_ENDPOINTS = ("openai:", "jina:")
_PARCEL_FILES, _PARCEL_BYTES = 16, 2**20  # of small files in one parcel, at most
_BYTES_OUT = 64 * 2**20  # of files that are out; one that is larger is out alone
_FILES_OUT = 3 * _PARCEL_FILES  # for each worker
_BATCHES_OUT = 3  # for each worker
_MOST_THREADS = 8  # of one worker; a node with more CPUs has several
_TAKEN = 0.5  # share of the CPUs that Ray is asked for: when a node is lost its workers find room on the others


@contextmanager
def connected(
    on: str, settings: Settings, folder: Path, embedder: Embedder, parser_version: str
) -> Iterator[RayStages]:
    """`folder`: of the expert, which a model's path in metier.toml is relative to. Raises `InputError`,
    `ClusterError`."""
    is_remote = settings.embedding.model.startswith(_ENDPOINTS)
    with connected_to(on, _secrets(settings)) as connection:
        workers, threads = _shared_out(connection, settings.embedding.threads)
        threaded = settings.embedding.model_copy(update={"threads": threads})
        job = IngestionJob(
            threaded, settings.parsing, settings.passages, settings.language, str(folder.absolute()),
            describes=bool(settings.parsing.vision), embeds=not is_remote,
        )  # fmt: skip
        check_nodes(connection, _versions(parser_version, embedder, embeds=not is_remote), job.versions)
        pool = WorkerPool(connection, job, (_READ,) if is_remote else (_READ, _EMBED), workers, threads * _TAKEN)
        stages = RayStages(pool, embedder, settings.parsing.max_file_bytes, embeds=not is_remote)
        try:
            yield stages
        finally:
            stages.cancel()


def _secrets(settings: Settings) -> list[str]:
    """Names of variables with passwords and keys, none of which a worker needs."""
    of_sources = [source.auth_env for source in settings.sources]
    of_models = [settings.parsing.vision_key_env, settings.embedding.api_key_env, settings.generation.api_key_env]
    return [name for name in (*of_sources, settings.store.auth_env, settings.state.auth_env, *of_models) if name]


def _shared_out(connection: Connection, threads: int | None) -> tuple[int, int]:
    """How many workers, and the threads of each. Raises `ClusterError` where the cluster has no CPU to give."""
    cpus = [int(node.cpus) for node in connection.nodes if node.cpus >= 1]
    if not cpus:
        raise ClusterError(
            "has no CPU to give away",
            where=connection.where,
            hint="Start its nodes without --num-cpus=0, or add one that has some.",
        )
    if own := connection.address.workers:
        return own, threads or max(1, min(_MOST_THREADS, sum(cpus) // own))
    threads = threads or min([_MOST_THREADS, *cpus])
    return max(1, sum(count // threads for count in cpus)), threads


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What a worker needs of an item. `expected`: as of `Preparation.read`."""

    name: str
    content: bytes
    uri: str
    groups: tuple[str, ...]
    expected: str


@dataclass(frozen=True, slots=True)
class IngestionJob:
    """What a worker opens: the parser and the embedding model."""

    embedding: EmbeddingSettings
    parsing: ParsingSettings
    passages: PassageSettings
    language: str
    folder: str
    describes: bool
    embeds: bool

    def open(self) -> Callable[[str, Any], object]:
        embedder = self._embedder()
        if self.embeds:
            embedder.embed_passages(["loads the model"])
        preparation = Preparation(
            Parser(self.parsing, self.language), embedder, Analyser(self.language), self.language, self.passages,
            self.parsing.timeout_seconds, self.describes,
        )  # fmt: skip

        def work(kind: str, piece: Any) -> object:
            return embedder.embed_passages(piece) if kind == _EMBED else _read(preparation, piece)

        return work

    def versions(self) -> dict[str, str]:
        """What has to be the same on all nodes. Raises `MetierError` where the model is missing."""
        return {
            "parser": Parser(self.parsing, self.language).version,
            "embedding model": self._embedder().fingerprint,
        }

    def _embedder(self) -> Embedder:
        return embedding.create(self.embedding, folder=Path(self.folder))


def _versions(parser: str, embedder: Embedder, *, embeds: bool) -> dict[str, str]:
    """An endpoint is asked for nothing: it is the same from everywhere, and workers have no key."""
    return {"parser": parser} | ({"embedding model": embedder.fingerprint} if embeds else {})


def _read(preparation: Preparation, file: SourceFile) -> PreparedDocument:
    """The parser takes a path: of a file in memory, so that nothing is left on the disk of a worker that is lost."""
    with tempfile.TemporaryDirectory(prefix="metier-") as place:
        path = Path(place) / file.name
        if not hasattr(os, "memfd_create"):
            path.write_bytes(file.content)
            return preparation.read(path, file.uri, file.groups, file.expected)
        with open(os.memfd_create("metier"), "wb") as memory:
            memory.write(file.content)
            memory.flush()
            path.symlink_to(f"/proc/self/fd/{memory.fileno()}")
            return preparation.read(path, file.uri, file.groups, file.expected)


class RayStages:
    """See `IngestionStages`. `embeds`: whether the workers embed, too; else `embedder` does, here."""

    def __init__(self, pool: WorkerPool, embedder: Embedder, max_file_bytes: int, *, embeds: bool) -> None:
        self.documents_ahead = _FILES_OUT * pool.workers
        self.batches_ahead = max(4, _BATCHES_OUT * pool.workers)
        self._pool, self._embedder, self._max_file_bytes, self._embeds = pool, embedder, max_file_bytes, embeds
        self._parcel: list[tuple[SourceFile, Future[PreparedDocument]]] = []  # not yet handed in
        self._bytes_out = 0
        self._room = threading.Condition()

    def read(self, path: Path, item: Item, expected: str) -> Callable[[], PreparedDocument]:
        try:
            file, _size = open_original(path, self._max_file_bytes)
        except ParseError as error:
            raise ParseError(error.what, where=item.uri, hint=error.hint) from None
        with file:
            content = file.read()  # counted as it was read: while a file grows, its size is not what is sent
        self._wait_for_room(len(content))
        piece = SourceFile(path.name, content, item.uri, tuple(item.groups), expected)
        found: Future[PreparedDocument] = Future()
        self._parcel.append((piece, found))
        if len(self._parcel) >= _PARCEL_FILES or sum(len(each.content) for each, _ in self._parcel) >= _PARCEL_BYTES:
            self._hand_in()

        def wait() -> PreparedDocument:
            if any(waiting is found for _piece, waiting in self._parcel):
                self._hand_in()
            try:
                return found.result()
            except GivenUp:
                raise ParseError(
                    "workers of the cluster were lost with it again and again",
                    where=item.uri,
                    hint="It may need more memory than they have: leave it out, or sync once without --on.",
                ) from None

        return wait

    def embed(self, texts: Sequence[str]) -> Callable[[], np.ndarray]:
        if not texts or not self._embeds:
            vectors = self._embedder.embed_passages(texts)
            return lambda: vectors
        found: Future[np.ndarray]
        (found,) = self._pool.submit(_EMBED, [list(texts)])

        def wait() -> np.ndarray:
            try:
                return found.result()
            except GivenUp:
                raise ModelError(
                    "workers of the cluster were lost with the same texts again and again",
                    where=self._embedder.name,
                    hint="It may need more memory than they have.",
                ) from None

        return wait

    def cancel(self) -> None:
        self._pool.close()

    def _hand_in(self) -> None:
        parcel, self._parcel = self._parcel, []
        futures = self._pool.submit(_READ, [piece for piece, _found in parcel])
        for (piece, found), future in zip(parcel, futures, strict=True):
            future.add_done_callback(partial(self._came, found, len(piece.content)))

    def _came(self, found: Future[PreparedDocument], size: int, future: Future[PreparedDocument]) -> None:
        with self._room:
            self._bytes_out -= size
            self._room.notify_all()
        error = future.exception()
        found.set_exception(error) if error is not None else found.set_result(future.result())

    def _wait_for_room(self, size: int) -> None:
        with self._room:
            if self._bytes_out and self._bytes_out + size > _BYTES_OUT and self._parcel:
                self._hand_in()
            self._room.wait_for(lambda: not self._bytes_out or self._bytes_out + size <= _BYTES_OUT)
            self._bytes_out += size
