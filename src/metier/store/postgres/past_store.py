"""What a store held at an earlier moment, to be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from metier.core.documents import Document
from metier.core.errors import StoreError
from metier.store.base import Entry, Identity, Scored
from metier.store.postgres.archive import there_at
from metier.store.postgres.conditions import Narrowing
from metier.store.postgres.connections import Connection, Connections
from metier.store.postgres.lexical import AskedWords
from metier.store.postgres.reader import PASSAGE, PostgresReader
from metier.store.rows import as_passage


class PastPostgresStore(PostgresReader):
    """See `metier.store.base.Store`; nothing can be written. How rare words are is told by what is there now."""

    def __init__(self, connections: Connections, identity: Identity, generation: int, moment: datetime) -> None:
        self.identity = identity
        self._connections, self._number, self._moment = connections, generation, moment

    @property
    def _generation(self) -> int:
        return self._number

    @property
    def _documents(self) -> str:
        return there_at(self._number, "documents", self._moment)

    @property
    def _passages(self) -> str:
        return there_at(self._number, "passages", self._moment)

    def _ranked(
        self,
        connection: Connection,
        words: AskedWords,
        limit: int,
        wanted: Narrowing,
        groups: Sequence[str] | None,
    ) -> list[Scored]:
        """Of versions that are gone there are no postings, and few of them: all that hold a word are scored."""
        rows = connection.execute(
            f"SELECT {PASSAGE}, tokens FROM {self._passages} AS p "
            f"WHERE string_to_array(tokens, ' ') && %s::text[] AND {wanted.sql}",
            [words.words, *wanted.values],
        ).fetchall()
        found = [Scored(as_passage(row), words.score(row["tokens"])) for row in rows]
        return sorted(found, key=lambda each: (-each.score, each.passage.id))[:limit]

    def with_texts(self, texts: Sequence[str]) -> dict[str, str]:
        """Passages that say just one of `texts`: their ids, with those of their documents."""
        wanted = Narrowing("text = ANY(%s::text[])", (list(texts),))
        rows = self._all(f"SELECT id, document_id FROM {self._passages} AS p", wanted) if texts else []
        return {row["id"]: row["document_id"] for row in rows}

    def refresh(self) -> None:
        """What was does not change."""

    def publish(self) -> None:
        """It takes no other's place."""

    def replaced(self, document_id: str) -> Document | None:
        return None

    def replace(self, entries: Sequence[Entry]) -> None:
        raise StoreError("what was known on an earlier day cannot be changed", where=self._connections.where)

    def delete(self, document_ids: Sequence[str]) -> None:
        self.replace(())

    def optimize(self) -> dict[str, float | int | str]:
        return {}
