"""Where the state of an expert is: in a file, or in a schema of a PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metier.core.settings import STATE_FILE, STATE_FOLDER, Settings
from metier.state.postgres_state import PostgresState

if TYPE_CHECKING:  # it takes a quarter of a second to import
    from metier.state.base import Database

Place = Path | PostgresState


def place_of(settings: Settings, folder: Path) -> Place:
    """Where `[state]` says that the state of the expert in `folder` is. Close it, if it is a server."""
    chosen = settings.own_state
    if chosen.url is None or chosen.namespace is None:
        return folder / STATE_FOLDER / STATE_FILE
    return PostgresState(chosen.url, chosen.auth_env, chosen.namespace, chosen.expert or "")


def open_database(place: Place) -> Database:
    """The tables there, opened when they are first needed."""
    if isinstance(place, PostgresState):
        from metier.state.postgres_database import PostgresDatabase

        return PostgresDatabase(place)
    from metier.state.file_database import FileDatabase

    return FileDatabase(place)
