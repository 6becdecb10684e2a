"""Of several versions of one document (price lists of 2025 and 2026) the newest is in force, unless the question names
another year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import PurePosixPath

import regex

from metier.answering.document_info import DocumentInfo
from metier.documents import Passage
from metier.store.base import DocumentRecord

_NO_LETTERS = regex.compile(r"[^\p{L}\p{M}]+")
_YEAR = regex.compile(r"(?<!\p{N})(?:19|20)\p{Nd}\p{Nd}(?!\p{N})")
_SHORTEST = 4  # letters of a name that tells what a document is


def outdated(question: str, passages: Sequence[Passage]) -> list[bool]:
    """Of each passage whether a newer version of its document is among them too. None is where the question names a
    year."""
    if _YEAR.search(question):
        return [False] * len(passages)
    dates = {p.document_id: _dated(p) for p in passages}
    newest: dict[str, date] = {}
    for passage in passages:
        day, name = dates[passage.document_id], _name(passage)
        if day is not None and len(name) >= _SHORTEST:
            newest[name] = max(day, newest.get(name, day))
    found = []
    for passage in passages:
        day, latest = dates[passage.document_id], newest.get(_name(passage))
        found.append(day is not None and latest is not None and day < latest)
    return found


def _name(passage: Passage) -> str:
    """The file's name without its ending, numbers and dates: the same for all versions."""
    return _NO_LETTERS.sub(" ", PurePosixPath(passage.uri).stem).strip().casefold()


def _dated(passage: Passage) -> date | None:
    record = DocumentRecord(passage.document_id, passage.uri, passage.title, "", metadata=passage.metadata)
    days = DocumentInfo(record).dated
    return days[1] if days is not None else None
