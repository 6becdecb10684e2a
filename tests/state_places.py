"""Where a state can be: a file, and a schema of a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from postgres_server import run_postgres

from metier.state.place import Place
from metier.state.postgres_state import PostgresState


@contextmanager
def schemas(port: int) -> Iterator[Callable[[], PostgresState]]:
    """Makes places, each a schema of its own in which nothing is yet."""
    made: list[PostgresState] = []

    def make() -> PostgresState:
        made.append(PostgresState(f"postgresql://postgres@127.0.0.1:{port}/postgres", None, f"t{time.monotonic_ns()}"))
        return made[-1]

    yield make
    run = run_postgres(port, "postgres")
    for place in made:
        place.close()
        run(f"DROP SCHEMA IF EXISTS {place.namespace} CASCADE")


def same(place: Place) -> Place:
    """The same place as another process has it, with connections of its own."""
    if isinstance(place, Path):
        return place
    return PostgresState(place.url, place.auth_env, place.namespace)


def arguments(place: Place) -> list[str]:
    """Of a program that begins with `OPENS`."""
    return [str(place)] if isinstance(place, Path) else [place.url, place.namespace]


OPENS = """
import sys
from pathlib import Path
from metier.state.postgres_state import PostgresState
place = Path(sys.argv[1]) if len(sys.argv) == 2 else PostgresState(sys.argv[1], None, sys.argv[2])
"""
