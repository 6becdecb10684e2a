"""The state in a schema of a PostgreSQL.

Whoever writes adds one to the number in `state_changes` first: that row makes them wait for each other, and tells
everybody that something was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from metier.core.errors import DatabaseUnavailable
from metier.state import postgres_schema
from metier.state.postgres_state import PostgresState
from metier.state.tables import state_changes

_NUMBER = sa.select(state_changes.c.number)


class PostgresDatabase:
    """`Database` at `place`, whose connections it shares with all others of this process."""

    def __init__(self, place: PostgresState) -> None:
        self._place = place

    def read(self, query: sa.Executable) -> list[dict[str, Any]]:
        try:
            return self._read(query)
        except DatabaseUnavailable:  # lost in the middle; of a server that is away it is raised again at once
            return self._read(query)

    def _read(self, query: sa.Executable) -> list[dict[str, Any]]:
        if not postgres_schema.ready(self._place, make=False):
            return []
        with self._place.told("be read"), self._place.connection() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def writing(self, *, flushed: bool = True, noted: bool = True) -> Iterator[sa.Connection]:
        postgres_schema.ready(self._place, make=True)
        with self._place.told("be written"), self._place.connection(whole=True) as connection, connection.begin():
            if not flushed:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            if noted:
                connection.execute(sa.update(state_changes).values(number=state_changes.c.number + 1))
            yield connection

    def changes(self) -> int:
        if not postgres_schema.ready(self._place, make=False):
            return 0
        with self._place.told("be read"), self._place.connection() as connection:
            return int(connection.execute(_NUMBER).scalar_one())

    def close(self) -> None:
        """The connections are the place's."""
