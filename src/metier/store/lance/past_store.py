"""What a store held at an earlier moment, to be read."""

from __future__ import annotations

from collections.abc import Sequence

from metier.core.documents import Document
from metier.core.errors import StoreError
from metier.store.base import Entry, Identity
from metier.store.lance.conditions import condition, in_list
from metier.store.lance.files import StoreFiles
from metier.store.lance.reader import LanceReader, TablePart, pairs
from metier.store.lance.statistics import Statistics
from metier.store.lance.storage_errors import storage_errors
from metier.store.lance.table_rows import DOCUMENT


class PastStore(LanceReader):
    """See `metier.store.base.Store`; nothing can be written. How rare words are is told by what is there now."""

    def __init__(
        self, files: StoreFiles, identity: Identity, parts: Sequence[TablePart], statistics: Statistics
    ) -> None:
        self.identity = identity
        self._files, self._read, self._statistics = files, parts, statistics

    @property
    def _parts(self) -> Sequence[TablePart]:
        return self._read

    def with_texts(self, texts: Sequence[str]) -> dict[str, str]:
        """Passages that say just one of `texts`: their ids, with those of their documents."""
        if not texts:
            return {}
        with storage_errors(self._files):
            rows = self._rows(
                condition(None, f"position > {DOCUMENT} AND text IN ({in_list(texts)})"), ["id", "document_id"]
            )
        return pairs(rows, "id", "document_id")

    def refresh(self) -> None:
        """What was does not change."""

    def publish(self) -> None:
        """It takes no other's place."""

    def replaced(self, document_id: str) -> Document | None:
        return None

    def replace(self, entries: Sequence[Entry]) -> None:
        raise StoreError("what was known on an earlier day cannot be changed", where=self._files.address)

    def delete(self, document_ids: Sequence[str]) -> None:
        self.replace(())

    def optimize(self) -> dict[str, float | int | str]:
        return {}
