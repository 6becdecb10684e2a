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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from metier.core.atomic import write_text
from metier.core.permissions import make_folder
from metier.store.lance.files import LocalFiles, StoreFiles

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where an old index goes with the next rebuild
    fcntl = None  # type: ignore[assignment]

_CURRENT = "current"
_STARTING = "starting"


class Generations(Protocol):
    """The indexes of one store, of which one is in use. Where an index is given, what lets go of it comes with it."""

    is_shared: bool  # readers are on other machines, and may have no right to write

    @property
    def address(self) -> str: ...

    def enter(self) -> tuple[StoreFiles, Callable[[], None]]:
        """The index in use."""
        ...

    def begin(self) -> tuple[StoreFiles, Callable[[], None]]:
        """A new one that is not in use yet. One process at a time."""
        ...

    def again(self, files: StoreFiles) -> tuple[StoreFiles, Callable[[], None]]:
        """One that is open already."""
        ...

    def publish(self, files: StoreFiles) -> None:
        """From here on it is the index in use."""
        ...

    def clear(self, *, at_once: bool = False) -> None:
        """Remove what is not in use and read by nobody. `at_once`: also what others may read who cannot be asked."""
        ...

    def written(self) -> str:
        """Another text when another process began or ended to write, where this is what tells of it."""
        ...

    def writing(self) -> AbstractContextManager[bool]:
        """Be the one process that writes while it is open, as often as it is opened in it; gives whether another has
        written since this store was read. Raises `InputError`, `StoreError`."""
        ...


class LocalGenerations:
    """Those of a folder; its writers exclude each other by the lock of their expert. See `Generations`."""

    is_shared = False

    def __init__(self, root: Path) -> None:
        self._root = root
        make_folder(root)

    @property
    def address(self) -> str:
        return str(self._root)

    def enter(self) -> tuple[StoreFiles, Callable[[], None]]:
        while True:
            folder = _current(self._root)
            held = _hold(folder)
            if _current(self._root) == folder:
                return LocalFiles(folder), partial(_leave, held)
            _leave(held)

    def begin(self) -> tuple[StoreFiles, Callable[[], None]]:
        self.clear()
        starting = self._root / _STARTING
        shutil.rmtree(starting, ignore_errors=True)
        make_folder(starting)
        held = _hold(starting)
        folder = self._root / str(1 + max((int(known.name) for known in _rebuilt(self._root)), default=1))
        starting.rename(folder)
        return LocalFiles(folder), partial(_leave, held)

    def again(self, files: StoreFiles) -> tuple[StoreFiles, Callable[[], None]]:
        return files, partial(_leave, _hold(Path(files.address)))

    def publish(self, files: StoreFiles) -> None:
        write_text(self._root / _CURRENT, Path(files.address).name)
        self.clear()

    def clear(self, *, at_once: bool = False) -> None:
        current = _current(self._root)
        for folder in _rebuilt(self._root):
            if folder != current and _is_free(folder):
                shutil.rmtree(folder, ignore_errors=True)
        if current != self._root and _is_free(self._root):
            for path in self._root.iterdir():
                if path.name not in (_CURRENT, _STARTING) and not path.name.isdigit():
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def written(self) -> str:
        return ""

    def writing(self) -> AbstractContextManager[bool]:
        return nullcontext(False)


def _current(root: Path) -> Path:
    try:
        return root / (root / _CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return root


def _rebuilt(root: Path) -> Iterator[Path]:
    return (path for path in root.iterdir() if path.name.isdigit())


def _hold(folder: Path) -> int | None:
    if fcntl is None:
        return None
    opened = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks: then it is read as it is
        fcntl.flock(opened, fcntl.LOCK_SH)
    return opened


def _leave(held: int | None) -> None:
    if held is not None:
        os.close(held)


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
