"""The contract of a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a source holds. `uri` names it for people and in citations; `version` is a cheap sign of change
    (size and time of modification, an ETag), "" where the source has none and the content must be read to know.
    `groups`: who may read what comes from it."""

    uri: str
    version: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Something the source names but could not list or open, with the reason."""

    uri: str
    reason: str


class Source(Protocol):
    """Where knowledge comes from.

    `discover` lists what is there now, without reading contents, and yields `Unreachable` for what it cannot see,
    so that one locked folder does not hide the rest. It raises `SourceError` only where the whole source is gone.
    `find` is the item that `discover` would list under this uri, without listing the others where that can be helped.
    `fetch` gives a local file with the item's bytes for as long as the context is open; raises `SourceError`.
    """

    name: str

    def discover(self) -> Iterator[Item | Unreachable]: ...

    def find(self, uri: str) -> Item | None: ...

    def fetch(self, item: Item) -> AbstractContextManager[Path]: ...
