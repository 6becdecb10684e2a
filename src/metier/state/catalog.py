"""What the tool remembers beside the store: the state of every item of every source, and what each sync did.

The store is the truth about what can be found; the catalog only saves work (an unchanged file is not read again)
and remembers why an item failed. It is written after the store, so a lost catalog costs time, never content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import sqlalchemy as sa
import sqlalchemy.dialects.sqlite

from metier.core.errors import StoreError
from metier.state.sqlite import write_ahead

_metadata = sa.MetaData()
_items = sa.Table(
    "items",
    _metadata,
    sa.Column("uri", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("signature", sa.String, nullable=False),
    sa.Column("content_hash", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("synced_at", sa.String, nullable=False),
)
_history = sa.Table(
    "history",
    _metadata,
    sa.Column("uri", sa.String, primary_key=True),
    sa.Column("bytes_hash", sa.String, nullable=False),
    sa.Column("added_at", sa.String, nullable=False),
    sa.Column("changed_at", sa.String, nullable=False),
)
_syncs = sa.Table(
    "syncs",
    _metadata,
    sa.Column("ended_at", sa.String, primary_key=True),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("deleted", sa.Integer, nullable=False),
    sa.Column("unchanged", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ItemState:
    """`state`: "indexed" or "failed". `signature`: of everything but the content that shaped the passages.
    `reason`: why it failed, or what could not be read of an indexed document. `synced_at`: ISO 8601, UTC."""

    uri: str
    source: str
    version: str
    signature: str
    content_hash: str
    state: str
    reason: str
    passages: int
    synced_at: str


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
    """The catalog of one expert, in SQLite. Safe for one writer and many readers."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{path}")
        sa.event.listen(self._engine, "connect", lambda connection, _record: write_ahead(connection, "NORMAL"))
        try:
            _metadata.create_all(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(
                f"cannot be opened: {getattr(error, 'orig', error)}",
                where=str(path),
                hint="Delete this file and run `metier sync`: it is rebuilt from the store and the sources.",
            ) from None

    def items(self) -> dict[str, ItemState]:
        """Every known item by uri."""
        with self._engine.connect() as connection:
            return {row.uri: ItemState(**row._mapping) for row in connection.execute(sa.select(_items))}

    def item(self, uri: str) -> ItemState | None:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_items).where(_items.c.uri == uri)).first()
        return ItemState(**row._mapping) if row else None

    def put(self, states: Iterable[ItemState]) -> None:
        """Insert or replace, in one transaction."""
        rows = [asdict(state) for state in states]
        if not rows:
            return
        insert = sa.dialects.sqlite.insert(_items)
        names = [field.name for field in fields(ItemState) if field.name != "uri"]
        upsert = insert.on_conflict_do_update(index_elements=["uri"], set_={n: insert.excluded[n] for n in names})
        self._write(upsert, rows)
        seen = [
            {"uri": row["uri"], "bytes_hash": row["content_hash"].partition("-")[0], "added_at": row["synced_at"]}
            for row in rows
            if row["state"] == "indexed"
        ]
        if seen:
            self._write(_remember(), [row | {"changed_at": ""} for row in seen])

    def history(self) -> dict[str, ItemHistory]:
        """When each indexed item came and last changed, by uri. An item indexed again with the same bytes, after a
        rebuild or another setting, has not changed."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_history))
            return {row.uri: ItemHistory(row.added_at, row.changed_at) for row in rows}

    def forget(self, uris: Iterable[str]) -> None:
        rows = [{"gone": uri} for uri in uris]
        if rows:
            self._write(sa.delete(_items).where(_items.c.uri == sa.bindparam("gone")), rows)
            self._write(sa.delete(_history).where(_history.c.uri == sa.bindparam("gone")), rows)

    def put_sync(self, run: SyncRun) -> None:
        self._write(sa.dialects.sqlite.insert(_syncs).on_conflict_do_nothing(), [asdict(run)])

    def syncs(self) -> list[SyncRun]:
        """Every sync that ended, the first one first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_syncs).order_by(_syncs.c.ended_at))
            return [SyncRun(**row._mapping) for row in rows]

    def _write(self, statement: sa.Executable, rows: Sequence[Mapping[str, object]]) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(statement, rows)
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(
                f"the catalog cannot be written: {getattr(error, 'orig', error)}",
                hint="Make room and run `metier sync` again; nothing that was saved is lost.",
            ) from None

    def close(self) -> None:
        self._engine.dispose()


def _remember() -> sa.Executable:
    """An item that is new, or whose bytes are others than before."""
    insert = sa.dialects.sqlite.insert(_history)
    return insert.on_conflict_do_update(
        index_elements=["uri"],
        set_={"bytes_hash": insert.excluded.bytes_hash, "changed_at": insert.excluded.added_at},
        where=_history.c.bytes_hash != insert.excluded.bytes_hash,
    )
