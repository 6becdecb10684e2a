"""A store in which nobody reads what metier.toml does not let them read now, whatever it was indexed for.

Every reading method is here, so that no way of asking goes past it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import numpy as np

from metier.core.documents import Document, Passage
from metier.core.errors import StoreError
from metier.core.reading import readers_groups
from metier.store.base import (
    CopyableStore,
    DocumentRecord,
    EarlierStore,
    Entry,
    Filter,
    Identity,
    LeasedStore,
    MultilingualStore,
    Scored,
    Store,
    StoreDescription,
    VersionedStore,
)
from metier.store.current_groups import CurrentGroups

_Grouped = TypeVar("_Grouped", Document, DocumentRecord, Passage)


class AccessControlledStore:
    """See `metier.store.base.Store`: the one given, with the groups in force in place of those stored."""

    def __init__(self, store: Store, current: CurrentGroups) -> None:
        self._store, self._current = store, current
        self.identity: Identity = store.identity

    # --- reading ---------------------------------------------------------------------------------------------

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        return self._store.uris(self._open(where))

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        return self._regrouped(self._store.records(self._open(where)))

    def document(self, document_id: str) -> Document | None:
        found = self._store.document(document_id)
        return None if found is None else self._regrouped([found])[0]

    def replaced(self, document_id: str) -> Document | None:
        found = self._store.replaced(document_id)
        return None if found is None else self._regrouped([found])[0]

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        return self._regrouped(self._store.passages(document_id, self._open(where)))

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        return self._regrouped(self._store.openings(document_ids, self._open(where)))

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        return self._regrouped(self._store.around(passages, characters, self._open(where)))

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        return self._regrouped(self._store.get(passage_ids, self._open(where)))

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        return self._scored(self._store.dense(vector, limit, self._open(where)))

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        return self._scored(self._store.lexical(tokens, limit, self._open(where)))

    # --- what is worked out over many documents: without a filter, over those that its reader may see -----------

    def frequencies(self, tokens: Sequence[str], where: Filter | None = None) -> np.ndarray:
        return self._store.frequencies(tokens, where or _of_reader())

    def background(self, vector: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
        return self._store.background(vector, where or _of_reader())

    def languages(self, vector: np.ndarray, where: Filter | None = None) -> dict[str, tuple[int, float, float]]:
        """As of `MultilingualStore`; empty where the backend does not know."""
        if not isinstance(self._store, MultilingualStore):
            return {}
        return self._store.languages(vector, where or _of_reader())

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        return self._store.counts(self._open(where or _of_reader()))

    # --- the same for every reader ---------------------------------------------------------------------------

    def writing(self) -> AbstractContextManager[None]:
        """Be the one machine that writes while it is open. Raises `InputError` where another is, `StoreError`."""
        return self._store.writing() if isinstance(self._store, LeasedStore) else nullcontext()

    def entries(self, document_ids: Sequence[str]) -> list[Entry]:
        """As they were put in, for another store to keep. Raises `StoreError` where the backend gives nothing back."""
        return self._copyable.entries(document_ids)

    def describe(self) -> StoreDescription:
        """Raises `StoreError` as `entries`."""
        return self._copyable.describe()

    def replace(self, entries: Sequence[Entry]) -> None:
        self._store.replace(entries)

    def delete(self, document_ids: Sequence[str]) -> None:
        self._store.delete(document_ids)

    def hashes(self) -> dict[str, str]:
        return self._store.hashes()

    def vectors(self, document_ids: Sequence[str]) -> dict[str, np.ndarray]:
        return self._store.vectors(document_ids)

    def refresh(self) -> None:
        self._store.refresh()

    def publish(self) -> None:
        self._store.publish()

    def optimize(self) -> dict[str, float | int | str]:
        return self._store.optimize()

    # --- earlier versions ------------------------------------------------------------------------------------

    def begins(self) -> datetime | None:
        return self._store.begins() if isinstance(self._store, VersionedStore) else None

    def written(self) -> str:
        return self._store.written() if isinstance(self._store, VersionedStore) else ""

    def as_of(
        self, moment: datetime, groups: Callable[[Mapping[str, str]], CurrentGroups]
    ) -> tuple[AccessControlledStore, EarlierStore]:
        """What was there at `moment`: as readers see it by `groups`, which is given the uris of that day, and all of
        it. Raises `StoreError` where no versions are kept."""
        if not isinstance(self._store, VersionedStore):
            raise StoreError("this store keeps no earlier versions")
        earlier = self._store.as_of(moment)
        return AccessControlledStore(earlier, groups(earlier.uris())), earlier

    def prune(self, before: datetime) -> None:
        if isinstance(self._store, VersionedStore):
            self._store.prune(before)

    # --- inside ----------------------------------------------------------------------------------------------

    @property
    def _copyable(self) -> CopyableStore:
        if isinstance(self._store, CopyableStore):
            return self._store
        raise StoreError(
            f"{type(self._store).__name__} does not give back what was put into it",
            hint="Change `[store]` in metier.toml and run `metier sync --rebuild`.",
        )

    def _open(self, where: Filter | None) -> Filter | None:
        """The filter, with what is closed to its reader; the owner reads everything."""
        if where is None or where.groups is None:
            return where
        closed = self._current.closed_to(where.groups)
        return replace(where, closed=closed.uris, closed_below=closed.below) if closed.uris or closed.below else where

    def _regrouped(self, found: Iterable[_Grouped]) -> list[_Grouped]:
        groups: Mapping[str, tuple[str, ...]] = self._current.groups()
        if not groups:
            return list(found)
        return [replace(each, groups=groups[each.uri]) if each.uri in groups else each for each in found]

    def _scored(self, found: Sequence[Scored]) -> list[Scored]:
        passages = self._regrouped([each.passage for each in found])
        return [replace(each, passage=passage) for each, passage in zip(found, passages, strict=True)]


def _of_reader() -> Filter | None:
    groups = readers_groups()
    return None if groups is None else Filter(groups=groups)
