"""Opens the file that is to be parsed. The process that parses is given its bytes, and needs to open no document."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from metier.core.errors import ParseError
from metier.sources.real_files import check_size


def open_original(path: Path, limit: int) -> tuple[BinaryIO, int]:
    """The file, and its size in bytes, which is `limit` at most. Raises `ParseError` without a `where`."""
    try:
        # A pipe would wait for whoever writes to it.
        file = open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        raise ParseError("does not exist", hint="It may have been moved while the sync ran.") from None
    except IsADirectoryError:
        raise ParseError("is a folder, not a file", hint="Add it as a source: its files are read one by one.") from None
    except PermissionError:
        raise ParseError("may not be read", hint="Give the user that runs metier permission to read it.") from None
    except OSError as error:
        raise ParseError(f"cannot be read: {error.strerror or error}", hint="Check the disk or the mount.") from None
    try:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ParseError(
                "is not a regular file", hint="Pipes and devices are not read; leave it out with `exclude`."
            )
        check_size(state.st_size, limit)
    except BaseException:
        file.close()
        raise
    return file, state.st_size
