"""Why something could not be written, as far as it is the disk's doing: it is full, or nobody may write there."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from metier.core.errors import Unwritable

_ROOM = 1 << 16  # bytes; with less a database cannot make its smallest file
_NUMBER = re.compile(r"\(os error (\d+)\)")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Raises `Unwritable` for an `OSError` of the block that the disk of `folder` accounts for."""
    try:
        yield
    except OSError as error:
        if (told := unwritable(folder, error)) is not None:
            raise told from error
        raise


def unwritable(folder: Path, error: BaseException) -> Unwritable | None:
    """Whether `error` came of a disk that is full or that this process may not write to; None where it did not.
    Libraries hide the number of the system's error, so that the disk is looked at as well."""
    number = _number(error)
    if number in _FULL or _free(folder) < _ROOM:
        return Unwritable(
            "the disk is full, so nothing can be written",
            where=str(folder),
            hint="Free some space on it and do it again; nothing that was saved is lost, and questions are answered.",
        )
    if number in _CLOSED or (folder.exists() and not os.access(folder, os.W_OK)):
        return Unwritable(
            "is read-only for this user, so nothing can be written",
            where=str(folder),
            hint="Make it writable and do it again; questions are answered meanwhile.",
        )
    return None


def room(folder: Path) -> tuple[int, float]:
    """Bytes that `folder` takes, and that are free beside it."""
    taken = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # a file that has gone
            taken += path.lstat().st_size
    return taken, _free(folder)


def _number(error: BaseException) -> int | None:
    """The system's number of an error; LanceDB's stand in their text."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    said = _NUMBER.search(str(error))
    return int(said[1]) if said else None


def _free(folder: Path) -> float:
    """Bytes; without end where nobody says."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return float("inf")
