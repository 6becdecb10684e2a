"""A copy, on this machine, of a table on object storage: a search then asks nothing of the network.

LanceDB never changes a file of a table, it adds and removes some. So a copy is brought into line by fetching those with
new names, what says which belong together (`_versions`) last: another process that reads the copy meanwhile sees the
old version or the new. What is gone from the table stays for an hour, as it does there, for whoever reads it.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from metier.core.object_storage import ObjectStorage
from metier.core.permissions import file_mode, make_folder

log = logging.getLogger(__name__)
_KEPT = 3600.0  # seconds for which files are kept that the table has no more
_TRIES = 3  # a file may go while it is fetched
_FOR_WRITERS = "/_transactions/"


def update(storage: ObjectStorage, path: str, folder: Path, most_bytes: float) -> bool:
    """Bring the copy in `folder` of the table at `path` into line. False where it is larger than `most_bytes`, or
    cannot be kept here; then it is to be read where it is."""
    for _ in range(_TRIES):
        found = {
            name.removeprefix(f"{path}/"): facts
            for name, facts in storage.filesystem.find(path, detail=True).items()
            if _FOR_WRITERS not in name
        }
        if not found or sum(int(facts["size"] or 0) for facts in found.values()) > most_bytes:
            return False
        try:
            make_folder(folder)
            _fetch(storage.filesystem, path, folder, found)
            _clear(folder, set(found))
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("an index is read over the network, since %s cannot be written: %s", folder, error)
            return False
        return True
    return False


def _fetch(files: Any, path: str, folder: Path, found: dict[str, dict[str, Any]]) -> None:
    missing = [name for name, facts in found.items() if _size(folder / name) != facts["size"]]
    for is_last in (False, True):
        names = [name for name in missing if name.startswith("_versions/") is is_last]
        beside = [folder / f"{name}.{os.getpid()}-{threading.get_ident()}" for name in names]
        for each in beside:
            make_folder(each.parent)
        if names:
            files.get([f"{path}/{name}" for name in names], list(map(str, beside)))
        for name, each in zip(names, beside, strict=True):
            each.chmod(file_mode(folder / name))
            each.replace(folder / name)


def _clear(folder: Path, found: set[str]) -> None:
    """Remove what the table has no more, and other tables beside it."""
    for root, _, names in os.walk(folder):
        for each in (Path(root, name) for name in names):
            if each.relative_to(folder).as_posix() not in found and _is_old(each):
                with suppress(OSError):
                    each.unlink()
    for index in folder.parent.parent.iterdir():
        if index.is_dir() and index != folder.parent and _is_old(index):
            shutil.rmtree(index, ignore_errors=True)
    with suppress(OSError):
        os.utime(folder.parent)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _KEPT
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
