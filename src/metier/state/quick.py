"""What a search asks of the state. Of a file it is asked without SQLAlchemy: mostly nobody has said anything, and a
search must not pay a third of a second of imports to learn that."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from metier.state import schema, sqlite
from metier.state.place import Place, open_database

Items = Literal["items", "former_items"]


def stamp(place: Place) -> object:
    """Another value after anything was written. Raises `StoreError`."""
    if isinstance(place, Path):
        return sqlite.stamp(place)
    with closing(open_database(place)) as database:
        return database.changes()


def has_rows(place: Place, table: str) -> bool:
    """Whether `table` has a row. `table`: never from outside. Raises `StoreError`."""
    if isinstance(place, Path):
        return schema.has_rows(place, table)
    import sqlalchemy as sa

    from metier.state.tables import metadata

    with closing(open_database(place)) as database:
        return bool(database.read(sa.select(sa.literal(1)).select_from(metadata.tables[table]).limit(1)))


def items(place: Place, table: Items = "items") -> list[dict[str, Any]]:
    """Every row, column to value. Raises `StoreError`."""
    if isinstance(place, Path):
        with _told(place):
            # Of an earlier Métier: who may read them was not noted.
            return [row | {"groups": json.loads(row.get("groups", "[]"))} for row in sqlite.rows(place, table)]
    import sqlalchemy as sa

    from metier.state.tables import metadata

    with closing(open_database(place)) as database:
        return database.read(sa.select(metadata.tables[table]))


def newest_item(place: Place) -> tuple[int, str]:
    """How many items there are, and when the last of them was synced, "" = never. Raises `StoreError`."""
    if isinstance(place, Path):
        with _told(place):
            return sqlite.newest(place, "items", "synced_at")
    import sqlalchemy as sa

    from metier.state.tables import items as table

    asked = sa.select(sa.func.count().label("many"), sa.func.max(table.c.synced_at).label("at")).select_from(table)
    with closing(open_database(place)) as database:
        found = database.read(asked)
    return (found[0]["many"], found[0]["at"] or "") if found else (0, "")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise schema.unusable(path, "be read", error) from None
