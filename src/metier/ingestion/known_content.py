"""What is in the store already of the bytes that a sync meets: a file that was moved, or a copy of one.

the bytes of a document that is gone     the file was moved there: it is the same document under another name
those of any other document              its passages have vectors already
the same name of file as well            and it need not be parsed again: nothing in it depends on the folder
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from metier.core.documents import Document, document_id
from metier.core.errors import StoreError
from metier.ingestion.work import Work, bytes_hash
from metier.sources.base import Item
from metier.state.catalog import ItemState
from metier.store.base import Store


class KnownContent:
    """`known`: what the last sync knew, by uri. `gone`: uris of it that no source has any more; `new`: items that it
    did not know. `sign`: as of `Syncer`. `waiting`: what of `gone` may be among `new`: of files, one has its size."""

    def __init__(
        self,
        store: Store,
        known: Mapping[str, ItemState],
        gone: Collection[str],
        new: Iterable[Item],
        sign: Callable[[Item], str],
    ) -> None:
        self._store, self._known, self._sign = store, known, sign
        self._by_bytes: dict[str, list[str]] = defaultdict(list)
        for uri, state in known.items():
            if state.state == "indexed":
                self._by_bytes[bytes_hash(state.content_hash)].append(uri)
        sizes = {_size(item.version) for item in new}
        self.waiting = frozenset(
            uri
            for uri in gone
            if known[uri].state == "indexed"
            and sizes
            and (not known[uri].version or _size(known[uri].version) in sizes)
        )
        self._unclaimed = set(self.waiting)

    def note(self, work: Work, bytes_read: str) -> None:
        """Say on `work`, whose bytes have this hash, where they are known from. What is gone was moved to one place."""
        alike = self._by_bytes.get(bytes_read, ())
        if work.before is None:
            name = PurePath(work.item.uri).name
            moved = sorted((uri for uri in alike if uri in self._unclaimed), key=lambda uri: PurePath(uri).name != name)
            if moved:
                work.moved_from = moved[0]
                self._unclaimed.remove(moved[0])
        work.alike = work.moved_from or next((uri for uri in alike if uri != work.item.uri), "")

    def document(self, work: Work) -> Document | None:
        """What was parsed of the same bytes, where that would be the same again."""
        state = self._known.get(work.alike)
        if state is None or PurePath(state.uri).name != PurePath(work.item.uri).name:
            return None
        signature = self._sign(Item(state.uri, groups=state.groups))
        whole = f"{bytes_hash(state.content_hash)}-{signature}"
        if state.signature != signature or state.content_hash != whole:
            return None
        with suppress(StoreError):  # then it is parsed
            found = self._store.document(document_id(state.uri))
            if found is not None and found.content_hash == whole:
                item = work.item
                return replace(found, uri=item.uri, groups=item.groups, content_hash=bytes_hash(whole))
        return None

    def vectors(self, batch: Iterable[Work]) -> dict[str, np.ndarray]:
        """Vectors that the store has for texts of these documents, by the text that was embedded."""
        there = self._store.hashes()
        wanted = {document_id(uri) for work in batch if work.passages for uri in (work.item.uri, work.alike) if uri}
        return self._store.vectors([name for name in wanted if name in there])


def _size(version: str) -> str:
    """The size in the version of a file; of what is no file, its version."""
    return version.partition("-")[0]
