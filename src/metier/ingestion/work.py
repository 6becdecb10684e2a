"""What a sync works on and tells: an item on its way through the stages, how far it is, and what it did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from metier.core.documents import Document, Passage
from metier.core.errors import ItemGone, MetierError, SourceError
from metier.ingestion.preparation import PreparedDocument
from metier.ingestion.stages import StageError
from metier.sources.base import Item, Source
from metier.state.catalog import ItemState

log = logging.getLogger(__name__)
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

    def take(self, prepared: PreparedDocument) -> None:
        """What was read of it."""
        self.document = replace(prepared.document, content_hash=self.content_hash)
        self.passages, self.tokens = prepared.passages or [], prepared.tokens or []

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


@contextmanager
def noting_failure(work: Work) -> Iterator[None]:
    """A failure of the item is noted on it. Raises `StageError`, which is none of its own."""
    item = work.item
    try:
        yield
    except StageError:
        raise
    except MetierError as error:
        work.keep = isinstance(error, SourceError) and not isinstance(error, ItemGone)
        work.failure = error.message.removeprefix(f"{item.uri}: ")
    except OSError as error:
        work.keep, work.failure = True, error.strerror or str(error)
    except Exception as error:  # one document must never stop the others
        log.exception("reading %s", item.uri)
        work.failure = f"could not be read: {type(error).__name__}: {error}"


def bytes_hash(content_hash: str) -> str:
    """The part of a content hash that is of the bytes alone."""
    return content_hash.partition("-")[0]
