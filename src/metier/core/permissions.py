"""Who of the machine's accounts may read what the tool keeps of an expert.

The state of an expert is its owner's: folders 0700, files 0600. What is made in it takes its mode from the folder it
is made in, and `settle` sees to what libraries made. `[state] shared = true` leaves it to the umask, as a team sets it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OWNER_TOKEN = "owner_token"  # noqa: S105 - name of a file of the state: its owner's alone, in a team as well
_OWNER = 0o700
_OTHERS = 0o077


def make_folder(path: Path, mode: int | None = None) -> None:
    """Make it where it is missing, and the folders above it. `mode`: None = that of the folder above. Raises
    `OSError`."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(_mode(path.parent) if mode is None else mode, exist_ok=True)


def make_state_folder(path: Path) -> None:
    """Make the folder of an expert or of its state, the owner's alone, where it is missing. Raises `OSError`."""
    make_folder(path, _OWNER)


def file_mode(path: Path) -> int:
    """What a file gets that is made at `path` now: what the one there has, else what its folder lets others do."""
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode) & 0o666
    return _mode(path.parent) & 0o666


def opener(name: str, flags: int) -> int:
    """For `open`: a new file is given the mode that it should have as it is made."""
    return os.open(name, flags, file_mode(Path(name)))


def settle(folder: Path, shared: bool) -> None:
    """Give everything in the state `folder` the mode that it should have, as far as this user may."""
    wanted = 0o777 & ~_umask() if shared else _OWNER
    for path, mode in _modes(folder):
        if shared and (mode & _OTHERS or path.name == OWNER_TOKEN):
            continue
        right = stat.S_IMODE(mode) & ~0o777 | (wanted if stat.S_ISDIR(mode) else wanted & 0o666)
        if right != stat.S_IMODE(mode):
            with suppress(OSError):  # a file of somebody else's, or one that has gone
                path.chmod(right)


def looser(folder: Path) -> list[Path]:
    """What in the state `folder` accounts other than the owner's may read or write."""
    return [path for path, mode in _modes(folder) if mode & _OTHERS]


def _modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """The folder and everything in it, with its mode; links are left out."""
    with suppress(OSError):
        yield folder, folder.stat().st_mode
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root, name)
            with suppress(OSError):
                mode = path.lstat().st_mode
                if not stat.S_ISLNK(mode):
                    yield path, mode


def _mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode) & 0o777


def _umask() -> int:
    """There is no way to read it but to set it; for that moment it is the strictest."""
    known = os.umask(_OTHERS)
    os.umask(known)
    return known
