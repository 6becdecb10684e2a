"""An index that is rebuilt is built beside the one in use and takes its place when it is whole.

Each has tables of its own, `passages_2`, and a row in `store_generations` that says which one counts. Every connection
holds an advisory lock on the index that it reads, so that nobody drops it from under a search; what nobody holds any
more is dropped. What a killed rebuild left is never read.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Any

from psycopg import errors

from metier.core.errors import StoreError
from metier.store.base import Identity
from metier.store.postgres import layout
from metier.store.postgres.connections import Connection, Connections
from metier.store.postgres.opening import reader_role

BUILDING, CURRENT, OLD = "building", "current", "old"


def hold(namespace: str, generation: int) -> str:
    """The statement by which a connection holds the index that it reads."""
    return f"SELECT pg_advisory_lock_shared({_key(namespace, generation)})"


def _key(namespace: str, generation: int) -> str:
    return f"hashtextextended('metier:{namespace}:{generation}', 0)"


def enter(connection: Connection, namespace: str, identity: Identity, where: str) -> int:
    """The index in use, made if there is none, and held by `connection`. Raises `IndexMismatch` where another embedder
    or analyser made it."""
    found = _current(connection)
    if found is None:
        with connection.transaction():
            connection.execute("LOCK TABLE store_generations IN SHARE ROW EXCLUSIVE MODE")
            found = _current(connection) or _made(connection, namespace, identity, CURRENT)
    connection.execute(hold(namespace, found["id"]))
    if current(connection) != found["id"]:  # a rebuild took its place before it was held, and may have dropped it
        return enter(connection, namespace, identity, where)
    if found["identity"] != asdict(identity):
        raise identity.mismatch(found["identity"], where)
    return int(found["id"])


def begin(connection: Connection, namespace: str, identity: Identity) -> int:
    """A new index that is not in use yet."""
    with connection.transaction():
        return int(_made(connection, namespace, identity, BUILDING)["id"])


def _current(connection: Connection) -> dict[str, Any] | None:
    return connection.execute("SELECT id, identity FROM store_generations WHERE state = 'current'").fetchone()


def current(connection: Connection) -> int | None:
    """The index in use, whatever made it."""
    found = _current(connection)
    return int(found["id"]) if found else None


def publish(connection: Connection, generation: int, where: str) -> None:
    """From here on it is the index in use. Raises `StoreError` where another process has dropped it."""
    connection.execute("UPDATE store_generations SET state = %s WHERE state = %s", [OLD, CURRENT])
    made = connection.execute("UPDATE store_generations SET state = %s WHERE id = %s", [CURRENT, generation])
    if not made.rowcount:
        raise rebuilt_meanwhile(where)


def rebuilt_meanwhile(where: str) -> StoreError:
    hint = "Run `metier sync` again."
    return StoreError("another process has rebuilt this index meanwhile", where=where, hint=hint)


def clear(connections: Connections, own: int) -> None:
    """Drop what is not the index in use and read by nobody; `own`: that is read here."""

    def unused(connection: Connection) -> list[int]:
        rows = connection.execute(
            "SELECT id FROM store_generations WHERE state <> 'current' AND id <> %s", [own]
        ).fetchall()
        return [int(row["id"]) for row in rows]

    for generation in connections.owned(unused):
        connections.owned(partial(_drop, namespace=connections.namespace, generation=generation))


def _drop(connection: Connection, namespace: str, generation: int) -> None:
    tried = f"SELECT pg_try_advisory_xact_lock({_key(namespace, generation)}) AS free"
    free = connection.execute(tried).fetchone()
    if not free or not free["free"]:
        return
    still = connection.execute(
        "DELETE FROM store_generations WHERE id = %s AND state <> 'current' RETURNING id", [generation]
    ).fetchone()
    if still:
        connection.execute("".join(f"DROP TABLE IF EXISTS {name}_{generation};" for name in layout.TABLES))


def _made(connection: Connection, namespace: str, identity: Identity, state: str) -> dict[str, Any]:
    row = connection.execute(
        "INSERT INTO store_generations (identity, state) VALUES (%s::jsonb, %s) RETURNING id, identity",
        [json.dumps(asdict(identity)), state],
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING
    generation = row["id"]
    layout.make(connection, generation, identity.dimension)
    connection.execute(hold(namespace, generation))  # from here on, so that nobody clears it before it is read
    _grant(connection, namespace, generation)
    return row


def _grant(connection: Connection, namespace: str, generation: int) -> None:
    role = reader_role(namespace)
    tables = ", ".join(f"{name}_{generation}" for name in layout.TABLES)
    try:
        with connection.transaction():
            connection.execute(f'GRANT SELECT ON {tables} TO "{role}"')
    except errors.UndefinedObject:  # the account may make no roles
        pass
