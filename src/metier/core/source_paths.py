"""One source, however it is written: relative to here or to the expert, absolute, with `~`, `.` or a slash last."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from metier.core.errors import InputError


def is_glob(path: str) -> bool:
    return bool(set(path) & set("*?["))


def is_address(source: str) -> bool:
    return "://" in source


def relative(source: str, folder: Path) -> str:
    """A path from the working directory as metier.toml in `folder` has it. Raises `InputError` where there is none."""
    if not source.strip():
        raise InputError("a source needs a path", hint="Give a file, a folder, a glob in quotes, or a URL.")
    path = Path(source).expanduser()
    if not is_glob(source) and not path.exists():
        raise InputError("does not exist", where=source, hint="Give a file, a folder, a glob in quotes, or a URL.")
    return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()


def relative_database(address: str, folder: Path) -> str:
    """An address, that of an SQLite file as metier.toml in `folder` has it. Raises `InputError` where there is no such
    file."""
    start = "sqlite:///"
    path = address.removeprefix(start)
    if not address.startswith(start) or path.startswith("/"):
        return address
    if not Path(path).expanduser().is_file():
        raise InputError("does not exist", where=path, hint="Give the path of an SQLite file, sqlite:///shop.db.")
    return start + relative(path, folder)


def named(source: str, folder: Path, names: Sequence[str]) -> str | None:
    """The one of `names` (sources as metier.toml in `folder` has them) that `source` means: as it is written there, or
    the same place from the working directory, else from the expert's folder."""
    if source in names or not source.strip():
        return source if source in names else None
    if is_address(source):
        return next((name for name in names if is_address(name) and name.rstrip("/") == source.rstrip("/")), None)
    known = {_place(name, folder): name for name in names if not is_address(name)}
    return known.get(_place(source, Path.cwd())) or known.get(_place(source, folder))


def holder(source: str, folder: Path, names: Sequence[str]) -> str | None:
    """The one of `names` that a file or folder comes from: `source` is a path within it, or the name of a document as
    `metier sources` shows it."""
    place = _place(source, Path.cwd())
    for name in names:
        if is_address(name):
            continue
        root = _place(name, folder)
        own = PurePath(root).name
        if PurePath(place).is_relative_to(root) or fnmatchcase(place, root):
            return name
        if own == source.strip("/") or source.startswith(f"{own}/"):
            return name
    return None


def _place(path: str, folder: Path) -> str:
    """The place itself: absolute, links followed."""
    return os.path.realpath(folder / os.path.expanduser(path))
