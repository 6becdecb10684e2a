"""An index that is rebuilt is built beside the one in use and takes its place when it is whole.

    store/             the first index of an expert lies here itself,
    store/2/           one that was rebuilt in a folder of its own,
    store/current      which holds the name of the folder that counts

Readers go on with the old one until they look again. Each holds a lock on the folder it reads, so that nobody takes
it away from under a search; what nobody reads any more is removed. What a killed rebuild left is never read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from metier.core.atomic import write_text
from metier.core.permissions import make_folder

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where an old index goes with the next rebuild
    fcntl = None  # type: ignore[assignment]

_CURRENT = "current"
_STARTING = "starting"


def enter(root: Path) -> tuple[Path, int | None]:
    """The folder of the index in use, and what holds it until it is closed."""
    while True:
        folder = _current(root)
        held = hold(folder)
        if _current(root) == folder:
            return folder, held
        leave(held)


def begin(root: Path) -> tuple[Path, int | None]:
    """A new folder for an index that is not in use yet, held as by `enter`. One process at a time."""
    clear(root)
    starting = root / _STARTING
    shutil.rmtree(starting, ignore_errors=True)
    make_folder(starting)
    held = hold(starting)
    folder = root / str(1 + max((int(known.name) for known in _rebuilt(root)), default=1))
    starting.rename(folder)
    return folder, held


def publish(root: Path, folder: Path) -> None:
    """From here on `folder` is the index in use."""
    write_text(root / _CURRENT, folder.name)
    clear(root)


def leave(held: int | None) -> None:
    if held is not None:
        os.close(held)


def is_current(root: Path, folder: Path) -> bool:
    return _current(root) == folder


def clear(root: Path) -> None:
    """Remove what is not the index in use and read by nobody."""
    current = _current(root)
    for folder in _rebuilt(root):
        if folder != current and _is_free(folder):
            shutil.rmtree(folder, ignore_errors=True)
    if current != root and _is_free(root):
        for path in root.iterdir():
            if path.name not in (_CURRENT, _STARTING) and not path.name.isdigit():
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _current(root: Path) -> Path:
    try:
        return root / (root / _CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return root


def _rebuilt(root: Path) -> Iterator[Path]:
    return (path for path in root.iterdir() if path.name.isdigit())


def hold(folder: Path) -> int | None:
    if fcntl is None:
        return None
    opened = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks: then it is read as it is
        fcntl.flock(opened, fcntl.LOCK_SH)
    return opened


def _is_free(folder: Path) -> bool:
    if fcntl is None:
        return True
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(opened)
