"""What sources keep in the expert's state from one sync to the next, each in a folder of its own: pages that did not
change, a clone. Nothing of it is needed: what is missing is fetched again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from metier.core.permissions import make_folder
from metier.core.settings import STATE_FOLDER

_FOLDER = "sources"


def folder_of(name: str, root: Path) -> Path:
    """Where the source of this name keeps what it keeps; not made. `root`: the expert's folder."""
    return root / STATE_FOLDER / _FOLDER / _key(name)


def make(folder: Path) -> Path:
    make_folder(folder)
    return folder


def forget_others(names: Iterable[str], root: Path) -> None:
    """Remove what sources kept that are none any more."""
    known = {_key(name) for name in names}
    try:
        folders = list((root / STATE_FOLDER / _FOLDER).iterdir())
    except OSError:
        return
    for folder in folders:
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
