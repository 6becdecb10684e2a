"""What of the expert's documents a caller may see: the one way in for search, document views, tools and pictures.

Two things are never shown to anybody: a document that the caller's groups do not open, which is answered exactly as one
that is not there; and a passage that somebody hid, whose characters are blanked so that all offsets stay right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from metier.core.documents import CORRECTION, Document, Passage
from metier.core.errors import InputError
from metier.core.tables import Table
from metier.expert import Expert
from metier.retrieval.retriever import Hit
from metier.serving.auth.access import Caller
from metier.serving.http.errors import NotFound
from metier.serving.http.request_context import note_search
from metier.store.base import Filter

MOST_HITS = 100
LONGEST_GLOB = 200  # characters
_CHARACTER = re.compile(r"[^\n]")
_BLANK = " "


@dataclass(frozen=True, slots=True)
class VisibleDocument:
    """A document as a caller may see it. `passages`: those that may be found, in reading order; `blanked`: (start, end)
    of what somebody hid, which is spaces in `document.text`."""

    document: Document
    passages: tuple[Passage, ...]
    blanked: tuple[tuple[int, int], ...]


class DocumentAccess:
    """The documents of an expert, for callers. All of it reads from disk, so it is called in a thread."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def search(
        self, caller: Caller, question: str, limit: int = 10, uri: str | None = None, as_of: str | None = None
    ) -> list[Hit]:
        """Passages that may answer the question, best first. `uri`: a glob over documents; `as_of`: as in `Expert.ask`.
        Raises `InputError`."""
        if not 1 <= limit <= MOST_HITS:
            raise InputError(f"{limit} passages cannot be shown", hint=f"Ask for 1 to {MOST_HITS}.")
        where = caller.document_filter()
        if uri is not None:
            where = replace(where or Filter(), uri=uri)
        hits = self._expert.search(question, limit, where, as_of)
        note_search(hits)
        return hits

    def documents(self, caller: Caller) -> dict[str, str]:
        """Document id of every uri that the caller may see, by uri."""
        return dict(sorted(self._expert.runtime.store.uris(caller.document_filter()).items()))

    def from_sources(self, caller: Caller) -> dict[str, str]:
        """As `documents`, without those that are corrections: what a list of names is for."""
        known = self.documents(caller)
        return {uri: identity for uri, identity in known.items() if not uri.startswith(CORRECTION)}

    def document(self, caller: Caller, document_id: str) -> VisibleDocument:
        """Raises `NotFound` where there is none with this id, or the caller may not see it."""
        hidden = set(self._expert.runtime.curation.hidden())  # first: looks at what other processes wrote to the store
        found = self._expert.runtime.store.document(document_id)
        if found is None or not caller.may_read(found.groups):
            raise NotFound(f"there is no document {document_id!r}", hint="It may be gone since the last sync.")
        passages = self._expert.runtime.store.passages(document_id)
        seen = tuple(passage for passage in passages if passage.id not in hidden)
        kept = [(passage.start, passage.end) for passage in seen]
        spans = _without([(p.start, p.end) for p in passages if p.id in hidden], kept)
        if spans:
            tables = tuple(_without_hidden(table, spans) for table in found.tables)
            found = replace(found, text=_blanked(found.text, spans), tables=tables)
        return VisibleDocument(found, seen, spans)

    @contextmanager
    def original(self, caller: Caller, document_id: str) -> Iterator[Path]:
        """The file a document was read from, while the context is open. Raises as `document` and `Expert.original`, and
        `NotFound` where a part of it is hidden: a file cannot be blanked."""
        shown = self.document(caller, document_id)
        if shown.blanked:
            raise NotFound("a part of this document was hidden, so its file is not shown")
        with self._expert.original(shown.document) as path:
            yield path


def _without(spans: list[tuple[int, int]], kept: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """What of `spans` lies in none of `kept`: passages may overlap. Both in order."""
    left = []
    for start, end in spans:
        for first, last in kept:
            if first < end and start < last:
                if start < first:
                    left.append((start, first))
                start = max(start, last)
        if start < end:
            left.append((start, end))
    return tuple(left)


def _without_hidden(table: Table, spans: tuple[tuple[int, int], ...]) -> Table:
    """A table without what it repeats of hidden text: of a row its groups, of the first line the names of the columns.
    Captions and notes stand outside the table, so they are left to the text."""

    def is_hidden(start: int, end: int) -> bool:
        return any(first < end and start < last for first, last in spans)

    rows = tuple(replace(row, groups=()) if is_hidden(row.start, row.end) else row for row in table.rows)
    names_end = table.rows[0].start if table.rows else table.end
    header = () if is_hidden(table.start, names_end) else table.header
    unit = "" if is_hidden(table.start, table.end) else table.unit
    return replace(table, rows=rows, header=header, unit=unit, caption="", notes=())


def _blanked(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    for start, end in spans:
        text = text[:start] + _CHARACTER.sub(_BLANK, text[start:end]) + text[end:]
    return text
