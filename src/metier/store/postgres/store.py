"""A store in PostgreSQL with pgvector: a schema for each expert, and in it tables for each index.

Every commit is one transaction: a reader sees a document as it was or as it is. Nothing is kept outside of it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from metier.core.documents import Document
from metier.core.errors import StoreError
from metier.core.storage_settings import StoreSettings
from metier.store.base import Entry, Filter, Identity, Scored, StoreDescription
from metier.store.postgres import ann, archive, generations, layout, opening
from metier.store.postgres.conditions import Narrowing, condition
from metier.store.postgres.connections import Connection, Connections
from metier.store.postgres.copying import VectorBytes, copy_into, register_vector
from metier.store.postgres.past_store import PastPostgresStore
from metier.store.postgres.postings import IndexedPassage, label_of
from metier.store.postgres.reader import PASSAGE, PostgresReader, document_in
from metier.store.postgres.writer_lock import IS_HELD, WriterLock, WriterLost
from metier.store.rows import as_passage, check_vectors, document_row, passage_rows

_UNGUARDED = (
    "the account passes by row-level security, and may not make the role that reads for readers: filters alone keep "
    "them to their groups. Give it an account without SUPERUSER and BYPASSRLS, or one that may make roles"
)
_REMEMBERED = 256  # filters whose documents were counted


class PostgresStore(PostgresReader):
    """See `metier.store.base.Store`. `folder`: not used."""

    def __init__(self, folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> None:
        self.identity = identity
        self._settings = settings
        self._connections = Connections(settings)
        self._is_beside = replace  # built beside the index in use until `publish`
        with self._connections.alone() as connection:
            self._opened = opening.prepare(self._connections, connection, settings)
            connection.execute(self._opened.search_path)
            namespace, where = self._connections.namespace, self._connections.where
            if replace:
                self._use(generations.begin(connection, namespace, identity))
                generations.clear(self._connections, self._generation)  # what a killed rebuild left
            else:
                self._use(generations.enter(connection, namespace, identity, where))
        self._known: dict[str, str] | None = None
        self._counted: dict[str, tuple[int, int]] = {}
        self._index: tuple[int, dict[str, Any]] | None = None
        self._writer = WriterLock(self._connections)
        self._keeping = threading.RLock()  # what is known of the documents and what is written are never apart

    # --- writing ---------------------------------------------------------------------------------------------

    def replace(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        for entry in entries:
            check_vectors(entry, self.identity.dimension)
        with self._keeping:
            self._commit([entry.document.id for entry in entries], entries)
            self.hashes().update((entry.document.id, entry.document.content_hash) for entry in entries)

    def delete(self, document_ids: Sequence[str]) -> None:
        with self._keeping:
            gone = [name for name in document_ids if name in self.hashes()]
            if gone:
                self._commit(gone, ())
                for name in gone:
                    del self.hashes()[name]

    def refresh(self) -> None:
        with self._keeping:
            self._forget()
            if self._is_beside:
                return
            found = self._connections.owned(generations.current)
            if found is not None and found != self._generation:  # a rebuild put another in its place
                with self._connections.alone() as connection:
                    connection.execute(self._opened.search_path)
                    where = self._connections.where
                    self._use(generations.enter(connection, self._connections.namespace, self.identity, where))
                generations.clear(self._connections, self._generation)

    def writing(self) -> AbstractContextManager[None]:
        return self._writer.held()

    def publish(self) -> None:
        with self._keeping:
            if self._is_beside:
                where = self._connections.where
                self._connections.owned(lambda connection: generations.publish(connection, self._generation, where))
                self._is_beside = False
                generations.clear(self._connections, self._generation)

    def optimize(self) -> dict[str, float | int | str]:
        g, before = self._generation, _now() - timedelta(days=self._settings.keep_versions_days)

        def tidied(connection: Connection) -> None:
            archive.prune(connection, g, before)
            _, segment = self._begin_commit(connection, 0, _now())
            self._postings.renew(connection, segment)
            connection.execute(f"ANALYZE documents_{g}, passages_{g}, postings_{g}")

        with self._keeping:
            self._write(tidied)
            self._forget()
            generations.clear(self._connections, self._generation)
            rows = self.counts()[1]
            return self._connections.owned(
                lambda c: ann.build(c, g, self.identity.dimension, rows, self._settings.exact_until)
            )

    # --- reading ---------------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, str]:
        if (known := self._known) is not None:
            return known
        with self._keeping:
            known = self._known = super().hashes()
        return known

    def replaced(self, document_id: str) -> Document | None:
        if not self._is_beside:
            return None

        def found(connection: Connection) -> Document | None:
            number = generations.current(connection)
            return document_in(connection, f"documents_{number}", document_id) if number is not None else None

        return self._connections.owned(found)

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        counted = repr(condition(where))
        if (known := self._counted.get(counted)) is None:
            with self._keeping:
                if len(self._counted) >= _REMEMBERED:
                    self._counted.clear()
                known = self._counted[counted] = self._count(where)
        return known

    def _count(self, where: Filter | None) -> tuple[int, int]:
        groups = where.groups if where is not None else None
        if where is None or where == Filter(groups=groups):  # what the postings add up to
            totals = self._connections.read(lambda c: self._postings.totals(c, groups), groups)
            return totals.documents, totals.passages
        return super().counts(where)

    def _nearest(self, connection: Connection, vector: str, limit: int, wanted: Narrowing) -> list[Scored]:
        index = self._ann(connection)
        if index.get("state") == "built":
            ann.widen(connection, int(index["ef_search"]), limit)
            asked = ann.nearest(self._generation, self.identity.dimension, PASSAGE, vector, limit, wanted)
            rows = connection.execute(asked.sql, asked.values).fetchall()
            if len(rows) == limit:
                return [Scored(as_passage(row), -row["distance"]) for row in rows]
            ann.give_up(connection)
        return super()._nearest(connection, vector, limit, wanted)

    def describe(self) -> StoreDescription:
        tables = [f"{name}_{self._generation}" for name in layout.TABLES]
        query = "SELECT sum(pg_total_relation_size(name::regclass)) AS bytes FROM unnest(%s::text[]) AS name"
        row = self._connections.owned(lambda c: c.execute(query, [tables]).fetchone()) or {}
        index = self._connections.owned(self._ann)
        where = f"{self._connections.where}, schema {self._connections.namespace}"
        return StoreDescription(where, int(row.get("bytes") or 0), index, "" if self._opened.is_guarded else _UNGUARDED)

    # --- earlier versions ------------------------------------------------------------------------------------

    def begins(self) -> datetime | None:
        found = self._note("begins")
        return found.astimezone(UTC) if isinstance(found, datetime) else None

    def written(self) -> str:
        return str(self._note("written") or "")

    def as_of(self, moment: datetime) -> PastPostgresStore:
        return PastPostgresStore(self._connections, self.identity, self._generation, moment.astimezone(UTC))

    def prune(self, before: datetime) -> None:
        g = self._generation

        def forgotten(connection: Connection) -> None:
            _, segment = self._begin_commit(connection, 0, _now())
            archive.prune(connection, g, before)
            self._postings.renew(connection, segment, stale=1.0)
            connection.execute("UPDATE store_generations SET written = now() WHERE id = %s", [g])

        with self._keeping:
            self._write(forgotten)
            with self._connections.alone() as connection:
                connection.execute(self._opened.search_path)
                for name in layout.TABLES:
                    connection.execute(f"VACUUM FULL {name}_{g}")
            self._forget()

    # --- inside ----------------------------------------------------------------------------------------------

    @property
    def _generation(self) -> int:
        return self._number

    def _use(self, generation: int) -> None:
        """Read this index from here on, and hold it."""
        self._number = generation
        statements = [
            self._opened.search_path,
            "SET jit = off",
            generations.hold(self._connections.namespace, generation),
        ]
        self._connections.settle(statements, self._opened.role)
        self._connections.owned(lambda connection: connection.execute("SELECT 1"))

    def _forget(self) -> None:
        self._known = None
        self._index = None
        self._counted.clear()

    def _note(self, column: str) -> object:
        query = f"SELECT {column} AS value FROM store_generations WHERE id = %s"
        row = self._connections.owned(lambda c: c.execute(query, [self._generation]).fetchone())
        return row["value"] if row else None

    def _ann(self, connection: Connection) -> dict[str, Any]:
        """What is known of the approximate index."""
        if (known := self._index) is None or known[0] != self._generation:
            row = connection.execute("SELECT ann FROM store_generations WHERE id = %s", [self._generation]).fetchone()
            known = self._index = (self._generation, (row and row["ann"]) or {})
        return known[1]

    def _commit(self, ids: Sequence[str], entries: Sequence[Entry]) -> None:
        """Take out these documents and put in others, in one transaction."""
        now, uri = _now(), entries[0].document.uri if len(entries) == 1 else ""

        def work(connection: Connection) -> None:
            number, segment = self._begin_commit(connection, sum(len(entry.passages) for entry in entries), now)
            gone, changes = self._taken_out(connection, ids, now)
            added = self._put_in(connection, entries, number, now)
            for entry in entries:
                changes[tuple(document_row(entry.document)["groups"])] += 1
            self._postings.change(connection, segment, added, gone, changes)

        try:
            self._write(work)
        except StoreError as error:
            error.what = f"{uri}: {error.what}" if uri else error.what
            raise
        self._counted.clear()

    def _write(self, work: Callable[[Connection], None]) -> None:
        """In one transaction. Raises `StoreError` where the lock of the writer was lost, and another has written."""
        try:
            self._connections.owned(work)
        except WriterLost:
            self._writer.take_again()
            self._connections.owned(work)

    def _begin_commit(self, connection: Connection, passages: int, now: datetime) -> tuple[int, int]:
        """The first number of so many passages, and that of a segment; from here on other writers wait."""
        row = connection.execute(
            "UPDATE store_generations SET numbers = numbers + %s, segments = segments + 1, "
            "begins = coalesce(begins, %s) WHERE id = %s AND state = %s "
            f"RETURNING numbers, segments, {IS_HELD} AS held",
            [passages, now, self._generation, generations.BUILDING if self._is_beside else generations.CURRENT,
             *self._writer.holder],
        ).fetchone()  # fmt: skip
        if row is None:
            raise generations.rebuilt_meanwhile(self._connections.where)
        self._writer.check(row["segments"], is_held=row["held"])
        return row["numbers"] - passages, row["segments"]

    def _taken_out(
        self, connection: Connection, ids: Sequence[str], now: datetime
    ) -> tuple[list[IndexedPassage], Counter[tuple[str, ...]]]:
        """What goes of the words, and of each set of groups how many documents."""
        g, wanted = self._generation, [list(ids)]
        rows = connection.execute(f"SELECT groups FROM documents_{g} WHERE id = ANY(%s::text[])", wanted).fetchall()
        changes = Counter[tuple[str, ...]]()
        changes.subtract(tuple(row["groups"]) for row in rows)
        if not rows:
            return [], changes
        passages = connection.execute(
            f"SELECT number, groups, tokens FROM passages_{g} WHERE document_id = ANY(%s::text[])", wanted
        ).fetchall()
        keep = self._settings.keep_versions_days > 0 and not self._is_beside
        archive.take_out(connection, g, ids, now, keep=keep)
        return [IndexedPassage(row["number"], tuple(row["groups"]), row["tokens"]) for row in passages], changes

    def _put_in(
        self, connection: Connection, entries: Sequence[Entry], number: int, now: datetime
    ) -> list[IndexedPassage]:
        g, added = self._generation, list[IndexedPassage]()
        if not entries:
            return added
        register_vector(connection)
        documents = (_plain(document_row(entry.document)) for entry in entries)
        copy_into(
            connection, f"documents_{g}", layout.DOCUMENT,
            ([row["document_id"], *(row[name] for name in list(layout.DOCUMENT)[1:-1]), now] for row in documents),
        )  # fmt: skip

        def passages() -> Iterator[list[Any]]:
            at = number
            for entry in entries:
                for row, vector in zip(map(_plain, passage_rows(entry)), entry.vectors, strict=True):
                    own = {
                        "number": at,
                        "label": label_of(row["groups"]),
                        "rank": _rank(row["id"]),
                        "since": now,
                        "embedding": VectorBytes.of(vector),
                    }
                    added.append(IndexedPassage(at, tuple(row["groups"]), row["tokens"]))
                    at += 1
                    yield [(row | own)[name] for name in layout.PASSAGE]

        copy_into(connection, f"passages_{g}", layout.PASSAGE, passages())
        return added


def _rank(name: str) -> int:
    """Where a passage stands in a sample of what a reader may see, the same whatever else is stored."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Without NUL, which the database takes in no text; a file's own title may hold one."""
    made = dict(row)
    for name in ("title", "metadata", "headings"):
        if isinstance(value := row.get(name), str):
            made[name] = value.replace("\0", "")
        elif value:
            made[name] = [each.replace("\0", "") for each in value]
    return made


def _now() -> datetime:
    return datetime.now(UTC)
