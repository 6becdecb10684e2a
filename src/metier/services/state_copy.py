"""Takes the state of an expert to another place: from its file into a PostgreSQL, or back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metier.core import settings_file
from metier.core.errors import InputError
from metier.core.settings import validate
from metier.runtime import WRITE_PATIENCE, Runtime
from metier.services.flow import LOCK
from metier.state.copying import Tell, copy, rows_by_table
from metier.state.learned_files import LearnedFiles
from metier.state.place import Place, place_of
from metier.state.postgres_state import PostgresState

IN_FILE = "file"  # what `to` is for the file in .metier


@dataclass(frozen=True, slots=True)
class StateCopied:
    """`source`, `target`: where it was, which is left as it is, and where it is now. `rows`: by table."""

    source: str
    target: str
    rows: dict[str, int]


def copy_state(runtime: Runtime, to: str, auth_env: str | None, namespace: str | None, tell: Tell) -> StateCopied:
    """Copy all of it to the address `to`, or to the file in .metier, and have metier.toml name that. Nothing is synced,
    promoted, said or decided meanwhile. `auth_env`, `namespace`: as in `[state]`. Raises `InputError` where there is a
    state already, `SettingsError`, `StoreError`; then all is as it was."""
    settings = runtime.settings
    url = None if to == IN_FILE else to
    chosen = {"url": url, "auth_env": auth_env if url else None, "namespace": namespace if url else None}
    plain = settings.model_dump(exclude_unset=True)
    moved = validate(plain | {"state": plain.get("state", {}) | chosen}, "metier state copy")
    if url:  # written down, so that an expert of another name finds it
        chosen["namespace"] = moved.own_state.namespace
    source, target = runtime.state, place_of(moved, runtime.folder)
    if _named(source) == _named(target):
        raise InputError("the state is there already", where=_named(target), hint="Name another place with --to.")
    learned = LearnedFiles(target, (runtime.fusion_path, runtime.passage_count_path, runtime.abstention_path))
    try:
        with (
            runtime.exclusive("sync.lock", WRITE_PATIENCE),
            runtime.exclusive(LOCK, 0.0, "a flow is running on this expert"),
        ):
            rows = copy(source, target, tell, lambda: settings_file.change_section(runtime.folder, "state", chosen))
        learned.publish()
    finally:
        if isinstance(target, PostgresState):
            target.close()
    return StateCopied(_named(source), _named(target), rows)


def state_of(runtime: Runtime) -> tuple[str, dict[str, int]]:
    """Where it is, and how many rows each table has. Raises `StoreError`."""
    return _named(runtime.state), rows_by_table(runtime.state)


def _named(place: Place) -> str:
    return str(place.resolve()) if isinstance(place, Path) else str(place)
