"""The contract of a store: passages kept with their vectors and tokens, and searched.

Every backend passes the same conformance tests (`tests/store/conformance.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

import numpy as np

from metier.core.documents import Document, Passage
from metier.core.errors import IndexMismatch


@dataclass(frozen=True, slots=True)
class Identity:
    """What an index was made with. A store opened with another identity raises `IndexMismatch`."""

    embedder: str
    fingerprint: str
    dimension: int
    analyser: str

    def mismatch(self, made: Mapping[str, object], where: str) -> IndexMismatch:
        """That the index at `where` was made with something else than this. `made`: its identity, by field."""
        differs = [
            f"{name} {made.get(name)!r} instead of {value!r}"
            for name, value in asdict(self).items()
            if made.get(name) != value
        ]
        return IndexMismatch(
            f"this index was made with {', '.join(differs)}",
            where=where,
            hint="Set `[embedding] model` back in metier.toml, or rebuild the index with `metier sync --rebuild`.",
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search may return; part of the store's query, before ranking.

    `groups`: the groups of the asker; None = no restriction (the owner), empty = public passages only.
    `uri`: glob over document uris (`*` and `?`). `metadata`: all of these keys must have these values. `hidden`: ids of
    passages that are left out; `closed`: uris of documents that are, `closed_below`: beginnings of uris of such.
    """

    groups: tuple[str, ...] | None = None
    uri: str | None = None
    language: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    closed_below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage with the score of one kind of search: cosine similarity, or BM25."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What is known of a stored document without its text."""

    id: str
    uri: str
    title: str
    media_type: str
    language: str = ""
    groups: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as it is stored. `vectors`: (passages, dimension) float32; `tokens`: of each passage."""

    document: Document
    passages: Sequence[Passage]
    vectors: np.ndarray
    tokens: Sequence[Sequence[str]]


class Store(Protocol):
    """Documents and their passages.

    A commit holds whole documents: of each, a reader sees the old version or the new, never both or neither. What a
    commit returned from is on disk. One writer at a time; any number of readers in any process.
    Raises `StoreError`.
    """

    identity: Identity

    def replace(self, entries: Sequence[Entry]) -> None:
        """Put documents in place of what was there under their ids, all in one commit."""
        ...

    def delete(self, document_ids: Sequence[str]) -> None:
        """Remove documents; unknown ids are ignored."""
        ...

    def hashes(self) -> dict[str, str]:
        """Content hash of every document in the store, by document id."""
        ...

    def vectors(self, document_ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Of each passage of these documents its vector, (dimension,) float32, by the text that was embedded; unknown
        ids are left out."""
        ...

    def refresh(self) -> None:
        """See what other processes wrote since; to be called before writing where there may be others."""
        ...

    def publish(self) -> None:
        """Let a store that was opened with `replace` take the place of the one that was there, which others read until
        then, where the backend can build beside it; they find the new one at their next `refresh`."""
        ...

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        """Document id of every uri in the store that the filter lets through; `hidden` says nothing of documents."""
        ...

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        """Every document that the filter lets through, by uri; `hidden` says nothing of documents."""
        ...

    def document(self, document_id: str) -> Document | None: ...

    def replaced(self, document_id: str) -> Document | None:
        """Of a store that was opened with `replace`, until it is published: the document as it stands in the index that
        it takes the place of, whatever made that. None where there is no such, and of any other store."""
        ...

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        """The passages of one document that the filter lets through, in reading order; none for an unknown id."""
        ...

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        """The first passage of each document that the filter lets through, in no order; unknown ids are left out."""
        ...

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        """The passages of the same documents that begin within `characters` of one of `passages` and that the filter
        lets through, these among them, by document and in reading order."""
        ...

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        """The passages with these ids that the filter lets through, in the order asked for; unknown ids are left
        out."""
        ...

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        """Nearest passages by cosine similarity, best first. `vector`: (dimension,), L2-normalised."""
        ...

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        """Best passages by BM25 over their tokens, best first; passages without any of the tokens are left out. Words
        are as rare as they are in what the filter's groups open."""
        ...

    def frequencies(self, tokens: Sequence[str], where: Filter | None = None) -> np.ndarray:
        """In how many passages each token occurs, as of the last `optimize`; shape (n,), int64. Of a filter the groups
        alone count, here and in `background`: nothing that they do not open shows in a number."""
        ...

    def background(self, vector: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
        """Mean and standard deviation of the cosine between `vector` and the passages at large, estimated on a
        sample drawn at the last `optimize`; (0, 0) before the first."""
        ...

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        """(documents, passages) that the filter lets through; `hidden` says nothing of documents."""
        ...

    def optimize(self) -> dict[str, float | int | str]:
        """Compact and index what was added since; called after a sync. Returns what an ANN index measured, if any."""
        ...


class EarlierStore(Store, Protocol):
    """What a store held at an earlier moment: nothing can be written to it."""

    def with_texts(self, texts: Sequence[str]) -> dict[str, str]:
        """Passages that say just one of `texts`: their ids, with those of their documents."""
        ...


@runtime_checkable
class LeasedStore(Protocol):
    """Of a store that several machines may write to, one at a time; not every backend knows of others."""

    def writing(self) -> AbstractContextManager[None]:
        """Be the one that writes while it is open. Raises `InputError` where another is, `StoreError`."""
        ...


@dataclass(frozen=True, slots=True)
class StoreDescription:
    """`where`: without a password; `bytes`: that it takes, None where nobody says; `index`: what an ANN index measured
    when it was built, empty where search is exact; `note`: what whoever runs it should know, "" for nothing."""

    where: str
    bytes: int | None
    index: Mapping[str, float | int | str] = field(default_factory=dict)
    note: str = ""


@runtime_checkable
class MultilingualStore(Protocol):
    """A store that knows how near to a question passages of each language lie."""

    def languages(self, vector: np.ndarray, where: Filter | None = None) -> dict[str, tuple[int, float, float]]:
        """Of each language in the sample of `Store.background`: passages there, and mean and standard deviation of
        their cosines with `vector`."""
        ...


@runtime_checkable
class CopyableStore(Store, Protocol):
    """Of a store that gives back what was put into it, so that it can be moved to another; not every backend does."""

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        """Documents as they were put in, in the order asked for; unknown ids are left out."""
        ...

    def describe(self) -> StoreDescription: ...


@runtime_checkable
class VersionedStore(Protocol):
    """Of a store that keeps what was replaced and deleted for `[store] keep_versions_days`; not every backend does."""

    def begins(self) -> datetime | None:
        """From when on it is known what was there; None where nothing is kept."""
        ...

    def written(self) -> str:
        """Another text after a `prune`: who reads must `refresh`."""
        ...

    def as_of(self, moment: datetime) -> EarlierStore:
        """What was there at `moment`, which is not before `begins`. Corrections are those of now."""
        ...

    def prune(self, before: datetime) -> None:
        """Forget what was gone before that moment, and leave no byte of it, or of anything else that is gone for good,
        on the disk. Searches that run meanwhile may fail."""
        ...
