"""Regular files, opened for what they are: a link that was put in the way while a sync runs leads nowhere."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from metier.core.errors import ParseError, SourceError
from metier.core.settings import MIB

_DESCRIPTORS = Path("/proc/self/fd")  # on Linux: where an open file really lies
_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")  # what lies there is no document, whatever it says of itself


def is_within(path: str, folder: str) -> bool:
    """Whether a real path is `folder`, a real path too, or lies in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def why_not(path: str, mode: int) -> str:
    """Why what lies at a real path is not to be opened, "" for a regular file. `mode`: as `os.stat` says."""
    if any(is_within(path, folder) for folder in _OF_THE_SYSTEM):
        return "is of the operating system, not a document"
    return "" if stat.S_ISREG(mode) else "is a pipe, a socket or a device, not a file"


@contextmanager
def opened(path: Path, identity: str = "") -> Iterator[BufferedReader]:
    """Open a regular file; never waits for a pipe. `identity`: the real path that it must have, "" = any. Raises
    `SourceError` where it is something else by now, and `OSError`."""
    descriptor = os.open(identity or path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        at = _place(descriptor, identity or os.fspath(path))
        if identity and at != identity:
            raise SourceError("was moved while it was read", hint="Run `metier sync` again.")
        if problem := why_not(at, os.fstat(descriptor).st_mode):
            raise ParseError(problem, hint="Leave it out with `exclude`.")
        yield file


def hash_file(path: Path, largest: int, identity: str = "") -> str:
    """SHA-256 of the bytes, as hex digits. Raises as `opened`, and `ParseError` for one with more than `largest` bytes,
    of which none is read."""
    with opened(path, identity) as file:
        check_size(os.fstat(file.fileno()).st_size, largest)
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_size(size: int, largest: int) -> None:
    """Raises `ParseError`, without a `where`, for a file of more than `largest` bytes."""
    if size > largest:
        raise ParseError(
            f"is {size / MIB:,.1f} MiB, more than {largest / MIB:g} MiB",
            hint="Split it, or raise parsing.max_file_mb in metier.toml.",
        )


def _place(descriptor: int, path: str) -> str:
    try:
        return os.readlink(_DESCRIPTORS / str(descriptor))
    except OSError:  # no Linux
        real = os.path.realpath(path)
        return real if os.path.samestat(os.stat(real), os.fstat(descriptor)) else ""
