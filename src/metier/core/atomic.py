"""Files that are whole or not there: written beside, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without an error."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        yield file
    beside.replace(path)


def write_text(path: Path, text: str) -> None:
    """Put `text`, as UTF-8, in place of what `path` held."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))
