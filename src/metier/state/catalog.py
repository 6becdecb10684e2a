"""What the tool remembers beside the store: the state of every item of every source, and what each sync did.

The store is the truth about what can be found; the catalog only saves work (an unchanged file is not read again)
and remembers why an item failed. It is written after the store, so a lost catalog costs time, never content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from metier.state.place import Place, open_database
from metier.state.tables import former_items, history, items, syncs

_AT_ONCE = 500  # items of one query


@dataclass(frozen=True, slots=True)
class ItemState:
    """`state`: "indexed" or "failed". `signature`: of everything but the content that shaped the passages.
    `reason`: why it failed, or what could not be read of an indexed document. `synced_at`: ISO 8601, UTC. `identity`:
    of the item, as its source said it; `groups`: who may read what was indexed of it. `tries`: syncs in which it failed
    for a reason that may pass, 0 where the reason will not; `next_try`: when it is tried again, "" = not by itself."""

    uri: str
    source: str
    version: str
    signature: str
    content_hash: str
    state: str
    reason: str
    passages: int
    synced_at: str
    identity: str = ""
    groups: tuple[str, ...] = ()
    tries: int = 0
    next_try: str = ""

    @property
    def gave_up(self) -> bool:
        return self.tries > 0 and not self.next_try


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """When an item was first indexed, and when its bytes last changed ("" = never since). ISO 8601, UTC."""

    added_at: str
    changed_at: str


@dataclass(frozen=True, slots=True)
class SyncRun:
    """What a sync that ended did, in documents. One that was indexed again with the same content, after a rebuild or
    another setting, is unchanged. `ended_at`: ISO 8601, UTC. `passages`: embedded in it."""

    ended_at: str
    added: int
    changed: int
    deleted: int
    unchanged: int
    failed: int
    passages: int
    seconds: float


class Catalog:
    """The catalog in the state at `place`. Safe for one writer and many readers. Raises `StoreError`."""

    def __init__(self, place: Place) -> None:
        self._database = open_database(place)

    def items(self) -> dict[str, ItemState]:
        """Every known item by uri."""
        return {row["uri"]: _item(row) for row in self._database.read(sa.select(items))}

    def item(self, uri: str) -> ItemState | None:
        found = self._database.read(sa.select(items).where(items.c.uri == uri))
        return _item(found[0]) if found else None

    def put(self, states: Iterable[ItemState]) -> None:
        """Insert or replace, in one transaction."""
        rows = [asdict(state) for state in {state.uri: state for state in states}.values()]
        if not rows:
            return
        with self._database.writing(flushed=False) as connection:
            connection.execute(sa.delete(items).where(items.c.uri == sa.bindparam("gone")), _named("gone", rows))
            connection.execute(sa.insert(items), rows)
            _remember(connection, [row for row in rows if row["state"] == "indexed"])

    def history(self) -> dict[str, ItemHistory]:
        """When each indexed item came and last changed, by uri. An item indexed again with the same bytes, after a
        rebuild or another setting, has not changed."""
        rows = self._database.read(sa.select(history))
        return {row["uri"]: ItemHistory(row["added_at"], row["changed_at"]) for row in rows}

    def deleted(self) -> dict[str, str]:
        """When each item was deleted that is not there again, by uri. ISO 8601, UTC."""
        there = sa.select(items.c.uri)
        rows = self._database.read(
            sa.select(former_items).where(former_items.c.deleted_at != "", former_items.c.uri.not_in(there))
        )
        return {row["uri"]: row["deleted_at"] for row in rows}

    def first_sync(self) -> str:
        """When the first sync ended that found something; "" where none has."""
        return next((run.ended_at for run in self.syncs() if run.added), "")

    def bury(self, uris: Iterable[str]) -> None:
        """Keep who may read what is about to be forgotten, and when that was: old versions of it may still be asked
        for, and what was deleted."""
        gone, now = list(uris), datetime.now(UTC).isoformat(timespec="microseconds")
        wanted = sa.select(items.c.uri, items.c.source, items.c.identity, items.c.groups)
        rows = [
            row
            for first in range(0, len(gone), _AT_ONCE)
            for row in self._database.read(
                wanted.where(items.c.state == "indexed", items.c.uri.in_(gone[first : first + _AT_ONCE]))
            )
        ]
        if rows:
            with self._database.writing(flushed=False) as connection:
                connection.execute(
                    sa.delete(former_items).where(former_items.c.uri == sa.bindparam("gone")), _named("gone", rows)
                )
                connection.execute(sa.insert(former_items), [{**row, "deleted_at": now} for row in rows])

    def forget(self, uris: Iterable[str]) -> None:
        rows = [{"gone": uri} for uri in uris]
        if rows:
            with self._database.writing(flushed=False) as connection:
                for table in (items, history):
                    connection.execute(sa.delete(table).where(table.c.uri == sa.bindparam("gone")), rows)

    def move(self, uris: Mapping[str, str]) -> None:
        """Items whose documents have other uris now, old to new: what is known of when they came goes along."""
        rows = [{"old": old, "new": new} for old, new in uris.items()]
        if rows:
            old: sa.BindParameter[str] = sa.bindparam("old")
            new: sa.BindParameter[str] = sa.bindparam("new")
            with self._database.writing(flushed=False) as connection:
                connection.execute(sa.delete(history).where(history.c.uri == new), rows)
                connection.execute(sa.update(history).where(history.c.uri == old).values(uri=new), rows)
                connection.execute(sa.delete(items).where(items.c.uri == old), rows)

    def put_sync(self, run: SyncRun) -> None:
        with self._database.writing(flushed=False) as connection:
            known = connection.execute(sa.select(syncs.c.ended_at).where(syncs.c.ended_at == run.ended_at)).first()
            if known is None:
                connection.execute(sa.insert(syncs).values(**asdict(run)))

    def syncs(self) -> list[SyncRun]:
        """Every sync that ended, the first one first."""
        return [SyncRun(**row) for row in self._database.read(sa.select(syncs).order_by(syncs.c.ended_at))]

    def ended(self) -> int:
        """How many syncs have ended."""
        found = self._database.read(sa.select(sa.func.count().label("ended")).select_from(syncs))
        return int(found[0]["ended"]) if found else 0

    def close(self) -> None:
        self._database.close()


def _item(row: Mapping[str, Any]) -> ItemState:
    return ItemState(**{**row, "groups": tuple(row["groups"])})


def _remember(connection: sa.Connection, rows: Sequence[Mapping[str, str]]) -> None:
    """When an item came, and when its bytes became others than before."""
    hashes = {row["uri"]: row["content_hash"].partition("-")[0] for row in rows}
    known: dict[str, str] = {}
    uris = list(hashes)
    for first in range(0, len(uris), _AT_ONCE):
        some = history.c.uri.in_(uris[first : first + _AT_ONCE])
        rows_known = connection.execute(sa.select(history.c.uri, history.c.bytes_hash).where(some))
        known.update((row.uri, row.bytes_hash) for row in rows_known)
    new = [row for row in rows if row["uri"] not in known]
    changed = [row for row in rows if known.get(row["uri"], hashes[row["uri"]]) != hashes[row["uri"]]]
    if new:
        connection.execute(sa.insert(history), [
            {"uri": r["uri"], "bytes_hash": hashes[r["uri"]], "added_at": r["synced_at"], "changed_at": ""} for r in new
        ])  # fmt: skip
    if changed:
        update = sa.update(history).where(history.c.uri == sa.bindparam("at"))
        connection.execute(update.values(bytes_hash=sa.bindparam("now"), changed_at=sa.bindparam("when")), [
            {"at": row["uri"], "now": hashes[row["uri"]], "when": row["synced_at"]} for row in changed
        ])  # fmt: skip


def _named(name: str, rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{name: row["uri"]} for row in rows]
