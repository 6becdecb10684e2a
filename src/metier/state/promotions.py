"""Which adapter answers: what was put into production and what was taken back, in order, nothing of it ever deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from metier.state.place import Place, open_database
from metier.state.tables import promotions

_PROMOTED, _ROLLED_BACK = "promoted", "rolled back"


def standing(place: Place) -> list[str]:
    """References of the adapters that were promoted and not taken back, in the state at `place`; the last one answers.
    Raises `StoreError`."""
    with closing(open_database(place)) as database:
        return _standing(database.read(sa.select(promotions).order_by(promotions.c.number)))


def standing_since(place: Place) -> str:
    """When the adapter that answers began to, or with none when the last one was taken back: ISO 8601, UTC; "" where
    none ever answered. Raises `StoreError`."""
    with closing(open_database(place)) as database:
        rows = database.read(sa.select(promotions).order_by(promotions.c.number))
    return str(rows[-1]["at"]) if rows else ""


def promote(place: Place, reference: str) -> None:
    """Put an adapter into production; nothing where it is there. Raises `StoreError`."""
    with closing(open_database(place)) as database, database.writing() as connection:
        if reference not in _now(connection)[-1:]:
            _append(connection, _PROMOTED, reference)


def roll_back(place: Place) -> str | None:
    """Take the adapter that answers out of production; returns which it was, None where there is none. Raises
    `StoreError`."""
    with closing(open_database(place)) as database, database.writing() as connection:
        last = next(iter(_now(connection)[-1:]), None)
        if last is not None:
            _append(connection, _ROLLED_BACK, last)
        return last


def _now(connection: sa.Connection) -> list[str]:
    return _standing(map(dict, connection.execute(sa.select(promotions).order_by(promotions.c.number)).mappings()))


def _standing(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for row in rows:
        if row["action"] == _PROMOTED:
            found.append(row["adapter"])
        else:
            found.pop()
    return found


def _append(connection: sa.Connection, action: str, reference: str) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute(sa.insert(promotions).values(action=action, adapter=reference, at=at))
