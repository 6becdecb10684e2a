"""The file of state at the schema that this release knows: made, or brought up to it by Alembic."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from metier.core.disk import unwritable
from metier.core.errors import StoreError, Unwritable
from metier.core.locks import exclusive
from metier.core.permissions import make_state_folder
from metier.state import earlier_files, sqlite
from metier.state.lock_holder import holder
from metier.state.upgraded_copy import upgraded_copy

REVISION = "0008"  # the last of `migrations/versions`
_PATIENCE = 60.0  # seconds for another process that does it


def ready(path: Path, *, make: bool) -> Path | None:
    """The file of state to read, of this schema: that at `path`, from here on; where it is of an earlier one and
    nothing can be written there, a copy. None where there is none. `make`: make one, to be written to. Raises
    `StoreError` where it cannot be read or written, or a newer release has written it."""
    return _ready(path, "", make)[0]


def has_rows(path: Path, table: str) -> bool:
    """Whether the state at `path` has a row in `table`; asked without importing SQLAlchemy. Raises `StoreError`."""
    return _ready(path, table, make=False)[1]


def _ready(path: Path, table: str, make: bool) -> tuple[Path | None, bool]:
    """The file, and whether its `table` has a row."""
    found: str | None = None
    try:
        found, has = sqlite.look(path, table)
        if found == REVISION:
            return path, has
        if found is None and not make and not earlier_files.are_in(path.parent):
            return None, False
        if found and found > REVISION:
            raise StoreError(
                f"a newer Métier has written this expert's state (revision {found}, this one knows {REVISION})",
                where=str(path),
                hint="Install that release: `pip install --upgrade metier`.",
            )
        make_state_folder(path.parent)
        with exclusive(path.with_name(path.name + ".lock"), _PATIENCE, "another process is opening this expert"):
            if sqlite.look(path)[0] != REVISION:
                from metier.state.upgrade import bring_up

                bring_up(path, REVISION, fresh=found is None and not earlier_files.are_in(path.parent))
                earlier_files.set_aside(path.parent)
        return path, sqlite.look(path, table)[1]
    except (sqlite3.Error, OSError, Unwritable) as error:
        told = error if isinstance(error, Unwritable) else unusable(path, "be opened", error)
        if make or not isinstance(told, Unwritable):
            raise told from None
        copy = upgraded_copy(path, REVISION)
        return copy, sqlite.look(copy, table)[1]


def unusable(path: Path, what: str, error: BaseException) -> StoreError:
    """That the state cannot `what`, and why: another process has locked it, the disk is full, or it is damaged."""
    cause = getattr(error, "orig", None) or error
    if sqlite.is_busy(cause):
        who = holder(path)
        return StoreError(
            f"the expert's state cannot {what}: another process has locked it{f': {who}' if who else ''}",
            where=str(path),
            hint="Wait until it is done, or end it; nothing was changed.",
        )
    return unwritable(path.parent, cause) or StoreError(
        f"the expert's state cannot {what}: {cause}",
        where=str(path),
        hint="Check the disk, and who may write there; nothing that was saved is lost. A damaged file: restore it from "
        "a backup. Without one move it away: `metier sync` finds the documents again, while keys, thumbs and "
        "corrections stood in it alone.",
    )
