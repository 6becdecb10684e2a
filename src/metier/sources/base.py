"""The contract of a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from metier.core.source_settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a source holds. `uri` names it for people and in citations; `version` is a cheap sign of change
    (size and time of modification, an ETag), "" where the source has none and the content must be read to know.
    `groups`: who may read what comes from it. `identity`: what it really is, whatever way leads there: the real path
    of a file, an address; two items that have the same are one. "" where nothing else can lead to it. `folder`: what
    stands before its uri, with which it can be told from another one of the same uri."""

    uri: str
    version: str = ""
    groups: tuple[str, ...] = ()
    identity: str = ""
    folder: str = ""

    @property
    def known_as(self) -> str:
        """Its identity as the catalog keeps it: names need not be UTF-8."""
        return in_utf8(self.identity)


def in_utf8(path: str) -> str:
    """A path that can be kept as text: of bytes that are no UTF-8 the values stand there."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def is_wanted(settings: SourceSettings, *names: str) -> bool:
    """Whether `include` and `exclude` of a source let an item of these names be read."""
    if any(fnmatchcase(name, pattern) for pattern in settings.exclude for name in names):
        return False
    return not settings.include or any(fnmatchcase(name, pattern) for pattern in settings.include for name in names)


def as_file_name(name: str) -> str:
    """What a temporary file can be called for an item of this name: its end is kept, which says the format."""
    kept = "".join(each for each in name.rpartition("/")[2] if each.isprintable())
    return kept.encode("utf-8", "replace")[-200:].decode("utf-8", "ignore").lstrip(".") or "item"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Something the source names but could not list or open, with the reason. What was indexed of it stays."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something the source names that must not be read, with the reason. What was indexed of it goes."""

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

    def discover(self) -> Iterator[Item | Unreachable | Rejected]: ...

    def find(self, uri: str) -> Item | None: ...

    def fetch(self, item: Item) -> AbstractContextManager[Path]: ...


def longer(item: Item) -> Iterator[str]:
    """The item's uri behind more and more of the folder that it lies in, up to the whole path."""
    parts = item.folder.strip("/").split("/") if item.folder.strip("/") else []
    for count in range(1, len(parts) + 1):
        yield "/".join([*parts[-count:], item.uri])


def find_indexed(source: Source, uri: str) -> Item | None:
    """The item of a source that was indexed as `uri`, which may be a longer one than the source's own."""
    parts = uri.split("/")
    for start in range(len(parts)):
        item = source.find("/".join(parts[start:]))
        if item is not None and (not start or uri in longer(item)):
            return replace(item, uri=uri)
        if "://" in uri:
            break
    return None
