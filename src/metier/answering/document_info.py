"""What the catalog knows of a document: its title, file, people, and the days it is of and came on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metier.answering.document_dates import days_of
from metier.core.database_rows import table_of
from metier.core.documents import CORRECTION
from metier.store.base import DocumentRecord
from metier.text.dates import Period

if TYPE_CHECKING:  # SQLAlchemy takes a third of a second to import, which a search need not wait for
    from metier.state.catalog import ItemHistory

_AUTHORS = ("author", "from", "creator", "authors")
# What programs write where nobody gave a name.
_NOBODY = frozenset({"anonymous", "unknown", "user", "author", "admin", "administrator", "python-docx", "openpyxl"})
_RECIPIENTS = ("to", "cc")


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document as the catalog knows it. `added`, `changed`: days of the syncs at which it came and last changed.
    `from_start`: whether it came with the first sync, and is no news."""

    record: DocumentRecord
    added: date | None = None
    changed: date | None = None
    from_start: bool = False

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def uri(self) -> str:
        return self.record.uri

    @property
    def title(self) -> str:
        return self.record.title or self.name

    @property
    def name(self) -> str:
        return PurePosixPath(self.record.uri).name or self.record.uri

    @property
    def authors(self) -> str:
        named = (self.record.metadata.get(key, "") for key in _AUTHORS)
        return "; ".join(name for name in named if name and name.strip("() ").casefold() not in _NOBODY)

    @property
    def recipients(self) -> str:
        return "; ".join(self.record.metadata[key] for key in _RECIPIENTS if self.record.metadata.get(key))

    @property
    def dated(self) -> tuple[date, date] | None:
        """First and last day that the document may be of."""
        return days_of(self.name, self.title, self.record.metadata)

    @property
    def latest_day(self) -> date:
        """For "the latest": the day it is of, else the day it came or changed."""
        return self.dated[1] if self.dated is not None else self.latest_sync

    @property
    def latest_sync(self) -> date:
        return max(filter(None, (self.added, self.changed)), default=date.min)

    def is_of(self, period: Period) -> bool:
        """Whether it may be of a day in a period."""
        if self.dated is None:
            return False
        first, last = self.dated
        return (period.start is None or last >= period.start) and (period.end is None or first <= period.end)


@dataclass(frozen=True, slots=True)
class DeletedDocument:
    """What was there until a day."""

    uri: str
    day: date


def document_infos(
    records: Sequence[DocumentRecord], history: Mapping[str, ItemHistory], first_sync: str = ""
) -> list[DocumentInfo]:
    """`history`: of the catalog, by uri; `first_sync`: when the first one ended. Corrections are no documents of the
    collection, nor are rows of a database: "How many orders are there?" is asked of its table."""
    return [
        DocumentInfo(
            record, _day(known.added_at), _day(known.changed_at), bool(first_sync) and known.added_at <= first_sync
        )
        if (known := history.get(record.uri)) is not None
        else DocumentInfo(record)
        for record in records
        if _is_document(record.uri)
    ]


def deleted_documents(deleted: Mapping[str, str]) -> list[DeletedDocument]:
    """`deleted`: of the catalog, when each went, by uri."""
    days = {uri: _day(at) for uri, at in sorted(deleted.items()) if _is_document(uri)}
    return [DeletedDocument(uri, day) for uri, day in days.items() if day is not None]


def _is_document(uri: str) -> bool:
    return not uri.startswith(CORRECTION) and table_of(uri) is None


def _day(stamp: str) -> date | None:
    try:
        return datetime.fromisoformat(stamp).date()
    except ValueError:
        return None
