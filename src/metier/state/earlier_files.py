"""Files that held parts of the state before it was one: read once, by migration 0002, then set aside.

feedback.sqlite              thumbs, corrections and what was done to them
keys.sqlite                  API keys
adapters/production.json     which adapters were promoted, the last one answers
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metier.core.errors import StoreError
from metier.state.sqlite import rows

_FEEDBACK, _KEYS, _PRODUCTION = "feedback.sqlite", "keys.sqlite", "adapters/production.json"
_JSON = ("citations", "passage", "source", "groups", "detail", "scopes")
ASIDE = ".before-0002"


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Table to the rows that belong in it, JSON as values. `folder`: the expert's state. Raises `StoreError`."""
    found = {}
    for name, table in ((_FEEDBACK, "feedback"), (_FEEDBACK, "corrections"), (_FEEDBACK, "actions"), (_KEYS, "keys")):
        with _told(folder / name):
            found[table] = _plain(rows(folder / name, table))
    with _told(folder / _PRODUCTION):
        found["promotions"] = _promotions(folder / _PRODUCTION)
    return found


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise StoreError(
            f"what an earlier Métier kept there cannot be read ({error})",
            where=str(path),
            hint="Restore it from a backup, or move it away.",
        ) from None


def names() -> tuple[str, ...]:
    """Of these files, and of what SQLite keeps beside them; relative to the folder of the state."""
    return (*(f"{name}{suffix}" for name in (_FEEDBACK, _KEYS) for suffix in ("", "-wal")), _PRODUCTION)


def are_in(folder: Path) -> bool:
    return any((folder / name).exists() for name in (_FEEDBACK, _KEYS, _PRODUCTION))


def set_aside(folder: Path) -> None:
    """Rename what was read, so that nobody takes it for what counts. Where that fails it does no harm."""
    for name in (_FEEDBACK, _KEYS, _PRODUCTION):
        for suffix in ("", "-wal", "-shm"):
            path = folder / f"{name}{suffix}"
            with suppress(OSError):
                if path.exists():
                    path.rename(folder / f"{name}{ASIDE}{suffix}")


def _plain(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: json.loads(value) if name in _JSON and value is not None else value for name, value in row.items()}
        for row in found
    ]


def _promotions(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    names = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("it is not a list of adapters")
    return [{"action": "promoted", "adapter": name, "at": at} for name in names]
