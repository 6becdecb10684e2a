"""Files that are whole or not there: written beside, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from metier.core.permissions import file_mode, opener


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without an error. It may be read by whom
    the one before could be read by, a new one by whom its folder can be."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb", opener=opener) as file:
            if path.exists():  # also what the umask would take from it
                beside.chmod(file_mode(path))
            yield file
        beside.replace(path)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)  # a full disk names none
        raise


def write_text(path: Path, text: str) -> None:
    """Put `text`, as UTF-8, in place of what `path` held."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))
