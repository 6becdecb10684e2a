"""A lock that one process of all machines holds: an advisory lock of the PostgreSQL that the state is in.

It ends with the connection that holds it, so also with a process that is killed and, after a minute, with a machine
that has gone. Beside it stands who holds it (`lock_holders`), so that whoever waits in vain is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from metier.core import locks
from metier.core.errors import InputError, StoreError
from metier.state import postgres_schema
from metier.state.postgres_state import PostgresState
from metier.state.tables import lock_holders

_LOOK_AGAIN = 0.1  # seconds between two looks at a lock that another holds


@contextmanager
def exclusive(place: PostgresState, name: str, patience: float, busy: str) -> Iterator[locks.Check]:
    """As `core.locks.exclusive`, of all processes that use this state. Raises `StoreError`, too."""
    postgres_schema.ready(place, make=True)
    with place.connection() as connection:
        connection.detach()  # closed in the end, and the lock with it, also where it cannot be let go
        with place.told("be locked"):
            _acquire(connection, place, name, patience, busy)
        try:
            yield lambda: _check(connection, place)
        finally:
            with suppress(sa.exc.SQLAlchemyError):
                connection.execute(sa.delete(lock_holders).where(lock_holders.c.name == name))
                connection.execute(sa.select(sa.func.pg_advisory_unlock(place.lock_key(name))))


def _acquire(connection: sa.Connection, place: PostgresState, name: str, patience: float, busy: str) -> None:
    until = time.monotonic() + patience
    while not connection.execute(sa.select(sa.func.pg_try_advisory_lock(place.lock_key(name)))).scalar_one():
        if patience >= 0 and time.monotonic() >= until:
            held = connection.execute(sa.select(lock_holders).where(lock_holders.c.name == name)).mappings().first()
            told = locks.named(dict(held)) if held else ""
            raise InputError(f"{busy}{told}", where=str(place), hint="Wait until it is done.")
        time.sleep(_LOOK_AGAIN)
    mine = locks.this_process()
    note = insert(lock_holders).values(name=name, **mine)
    connection.execute(note.on_conflict_do_update(index_elements=["name"], set_=mine))


def _check(connection: sa.Connection, place: PostgresState) -> None:
    try:
        connection.execute(sa.select(1))
    except sa.exc.SQLAlchemyError:
        raise StoreError(
            "the connection to the expert's state was lost, and the lock with it: another may have begun",
            where=str(place),
            hint="Do it again; what was saved is kept.",
        ) from None
