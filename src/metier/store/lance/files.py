"""Where an index is: its tables, which are LanceDB's, and the small files beside them."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from metier.core.atomic import replacing
from metier.core.disk import room, unwritable
from metier.core.errors import StoreError
from metier.store.lance.import_lancedb import import_lancedb


class StoreFiles(Protocol):
    """Files are whole or not there. Raises `OSError`, and what the storage raises; `problem` tells it."""

    @property
    def address(self) -> str:
        """As people are told of it."""
        ...

    def connect(self) -> Any:
        """The LanceDB database."""
        ...

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""
        ...

    def replacing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file to write to, which takes the place of that one when the block ends without an error."""
        ...

    def remove(self, name: str) -> None:
        """Where it is there."""
        ...

    def version(self, name: str) -> Hashable:
        """Another after the file was written anew, None where there is none. On object storage as it was when this was
        first asked, or written here."""
        ...

    def path(self, name: str) -> Path | None:
        """The file on this machine, None where there is none."""
        ...

    def copied(self, table: str, most_bytes: float) -> Any | None:
        """A table of another machine from a copy of it on this one, as it is there now; None where it is read where it
        is: it is here, or larger."""
        ...

    def size(self) -> int:
        """Bytes that all of it takes."""
        ...

    def problem(self, error: Exception) -> StoreError | None:
        """What came of the storage, as an error that says what to do."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Those of a folder. See `StoreFiles`."""

    folder: Path

    @property
    def address(self) -> str:
        return str(self.folder)

    def connect(self) -> Any:
        return import_lancedb().connect(self.folder)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def replacing(self, name: str) -> AbstractContextManager[BinaryIO]:
        return replacing(self.folder / name)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def version(self, name: str) -> Hashable:
        try:
            status = (self.folder / name).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def path(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.exists() else None

    def copied(self, table: str, most_bytes: float) -> Any | None:
        return None

    def size(self) -> int:
        return room(self.folder)[0]

    def problem(self, error: Exception) -> StoreError | None:
        return unwritable(self.folder, error)
