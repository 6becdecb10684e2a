"""What a sync works on and tells: an item on its way through the stages, how far it is, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from metier.core.documents import Document, Passage
from metier.sources.base import Item, Source
from metier.state.catalog import ItemState

INCOMPLETE = ""  # signature of what is read again by the next sync
OnChange = Callable[[str, str], None]  # what happened (added, changed, moved, deleted, failed), and to which uri


@dataclass(frozen=True, slots=True)
class Failure:
    item: str
    reason: str


@dataclass(slots=True)
class SyncReport:
    """What a sync did. `unread_languages`: which documents are in a language that the embedder does not read, and
    what to do. `overlaps`: what is in several sources, and who may read it. `unreachable`: names of the sources, and
    of folders in them, that were out of reach, or empty where they were not before: `kept` documents of them stay as
    they were indexed. `moved`: documents with the bytes of one that is gone, neither added nor deleted. `passages`
    counts what was indexed in this run, `embedded` for how many of their texts the embedder was needed; `seconds` is
    wall time. `next_try`: when the first of what failed is tried again, ISO 8601, "" where nothing is; `gave_up`: how
    many were tried often enough."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    deleted: int = 0
    unchanged: int = 0
    failed: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    unread_languages: list[Failure] = field(default_factory=list)
    overlaps: list[Failure] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    kept: int = 0
    next_try: str = ""
    gave_up: int = 0
    passages: int = 0
    embedded: int = 0
    seconds: float = 0.0
    index: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """`done` of `total` items; `item` is the one just finished, "" before the first."""

    done: int
    total: int
    passages: int
    item: str


@dataclass(slots=True)
class Work:
    """One item on its way through the stages. `alike`: uri of what was indexed with the same bytes, `moved_from`: of
    what had them and is gone; "" for none."""

    item: Item
    source: Source
    before: ItemState | None = None
    content_hash: str = ""
    alike: str = ""
    moved_from: str = ""
    document: Document | None = None
    passages: list[Passage] = field(default_factory=list)
    tokens: list[list[str]] = field(default_factory=list)
    failure: str | None = None
    keep: bool = False  # the source was out of reach: what was indexed before stays
    is_hidden: bool = False  # so much so that nothing new is known of it
    is_complete: bool = True  # False: the vision model did not answer, and is asked again by the next sync
    is_indexed: bool = False  # it was read, and is in the store

    def release(self) -> None:
        """Let go of all that was read, once it is in the store: a sync holds no more than is on its way."""
        self.is_indexed = self.document is not None
        self.document, self.passages, self.tokens = None, [], []

    @property
    def count(self) -> int:
        """Of its passages, those that stay included."""
        if self.document is None and self.failure is None and self.before is not None:
            return self.before.passages
        return len(self.passages)


def bytes_hash(content_hash: str) -> str:
    """The part of a content hash that is of the bytes alone."""
    return content_hash.partition("-")[0]
