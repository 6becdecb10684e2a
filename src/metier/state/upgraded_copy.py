"""A state of an earlier Métier in a folder that nothing can be written to: a copy of it is upgraded, and read.

The copy lies in the system's folder for temporary files, for this user alone, and goes with the process.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from metier.core.errors import StoreError
from metier.state import earlier_files

log = logging.getLogger(__name__)


def upgraded_copy(path: Path, revision: str) -> Path:
    """The file to read in place of `path`. Raises `StoreError` where no copy can be made either."""
    try:
        return Path(_copied(path, revision).name, path.name)
    except OSError as error:
        raise StoreError(
            f"is of an earlier Métier, and can be brought up to date neither there nor in a copy: {error}",
            where=str(path),
            hint="Make the folder writable once, and run `metier sources` there.",
        ) from None


@cache
def _copied(path: Path, revision: str) -> tempfile.TemporaryDirectory[str]:
    from metier.state.upgrade import bring_up

    folder = tempfile.TemporaryDirectory(prefix="metier-state-", ignore_cleanup_errors=True)
    for name in (path.name, f"{path.name}-wal", *earlier_files.names()):
        to = Path(folder.name, name)
        to.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(path.parent / name, to)
    to = Path(folder.name, path.name)
    bring_up(to, revision, fresh=not to.exists() and not earlier_files.are_in(to.parent))
    log.warning(
        "%s is of an earlier Métier, and nothing can be written there: an upgraded copy is read, and nothing is kept",
        path,
    )
    return folder
