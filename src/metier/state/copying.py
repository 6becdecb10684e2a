"""All that a state holds, taken to another place in one transaction: whoever is killed has copied nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import sqlalchemy as sa

from metier.core.errors import InputError, StoreError
from metier.state.place import Place, open_database
from metier.state.tables import metadata

_TOGETHER = 1000  # rows
_IN_FILE = "Move that file away first."
Tell = Callable[[int, int, str], None]  # rows that are done, of how many, table


def copy(source: Place, target: Place, tell: Tell, then: Callable[[], object]) -> dict[str, int]:
    """How many rows each table has, by its name. Nobody writes to `source` meanwhile; `then` is called when all is
    there and was compared, before anybody may write again. Raises `InputError` where `target` holds another state,
    `StoreError`."""
    with ExitStack() as stack:
        given, taken = (stack.enter_context(closing(open_database(place))) for place in (source, target))
        reading = stack.enter_context(given.writing())
        with taken.writing() as writing:
            wanted, found = _contents(reading), _contents(writing)
            if found != wanted:  # else it was copied before, by one that was killed then
                if held := [name for name, (many, _) in found.items() if many]:
                    raise InputError(
                        f"there is another state already, with {', '.join(held)}",
                        where=str(target),
                        hint=_IN_FILE if isinstance(target, Path) else "Take another schema with --namespace.",
                    )
                _copy(reading, writing, sum(many for many, _ in wanted.values()), tell)
                if _contents(writing) != wanted:
                    raise StoreError("what was copied is not the same", where=str(target), hint="Copy it again.")
        then()
    return {name: many for name, (many, _) in wanted.items()}


def rows_by_table(place: Place) -> dict[str, int]:
    """How many there are. Raises `StoreError`."""
    with closing(open_database(place)) as database:
        counted = sa.func.count().label("many")
        found = {table.name: database.read(sa.select(counted).select_from(table)) for table in metadata.sorted_tables}
    return {name: int(rows[0]["many"]) if rows else 0 for name, rows in found.items()}


def _copy(reading: sa.Connection, writing: sa.Connection, total: int, tell: Tell) -> None:
    done = 0
    for table in metadata.sorted_tables:
        for rows in _rows(reading, table):
            writing.execute(sa.insert(table), rows)
            done += len(rows)
            tell(done, total, table.name)
        _go_on_counting(writing, table)


def _contents(connection: sa.Connection) -> dict[str, tuple[int, str]]:
    """Of each table how many rows it has, and a hash of them."""
    found = {}
    for table in metadata.sorted_tables:
        many, hashed = 0, hashlib.sha256()
        for rows in _rows(connection, table):
            many += len(rows)
            for row in rows:
                hashed.update(json.dumps(row, sort_keys=True).replace("\\u0000", "\\ufffd").encode())
        found[table.name] = many, hashed.hexdigest()
    return found


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, object]]]:
    ordered = sa.select(table).order_by(*table.primary_key).execution_options(yield_per=_TOGETHER)
    for rows in connection.execute(ordered).mappings().partitions():
        yield [dict(row) for row in rows]


def _go_on_counting(connection: sa.Connection, table: sa.Table) -> None:
    """A PostgreSQL numbers by a counter, which does not see the rows that came with their numbers."""
    numbered = table.autoincrement_column
    if connection.dialect.name != "postgresql" or numbered is None:
        return
    last = connection.scalar(sa.select(sa.func.max(numbered)))
    if last is not None:
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, numbered.name), last)))
