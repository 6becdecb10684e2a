"""Of several versions of one document, or of a part of it (price lists or sheets of 2025 and 2026), the newest is in
force, unless the question names another year; of documents of which one says that it replaces the other, that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import PurePosixPath
from typing import TypeVar

import regex

from metier.answering.answer import Answer, Citation
from metier.answering.document_dates import days_of
from metier.answering.replaced_documents import replaced
from metier.core.documents import Passage
from metier.text.analyzer import ascii_digits
from metier.text.language import all_languages

_NO_LETTERS = regex.compile(r"[^\p{L}\p{M}]+")
YEAR = regex.compile(r"(?<!\p{N})(?:19|20)\p{Nd}\p{Nd}(?!\p{N})")
Key = TypeVar("Key", int, str)
_SHORTEST = 4  # letters of a name that tells what a document is


def outdated(question: str, passages: Sequence[Passage]) -> list[bool]:
    """Of each passage whether a newer version of its document or section, or what replaces it, is among them too. None
    is where the question names a year."""
    if YEAR.search(ascii_digits(question)):
        return [False] * len(passages)
    versions = {p.document_id: version_of(p) for p in passages}
    documents = _older([versions[p.document_id] for p in passages])
    sections = _older([_section(p) for p in passages])
    gone = replaced(passages)
    return [old or older or p.document_id in gone for old, older, p in zip(documents, sections, passages, strict=True)]


def with_newer(answer: Answer) -> Answer:
    """The answer, each of its citations with the newest version of its document that search found beside it, or with
    what replaces it or is replaced by it, and with the documents that hold a copy of the passage."""
    copies = {hit.passage.id: hit.copies for hit in answer.hits if hit.copies}
    passages = {hit.passage.uri: hit.passage for hit in answer.hits}
    versions = {uri: version_of(passage) for uri, passage in passages.items()}
    newest = _newest(versions)
    uris = {passage.document_id: uri for uri, passage in passages.items()}
    gone = {uris[old]: uris[new] for old, new in replaced(list(passages.values())).items()}

    def told(citation: Citation) -> Citation:
        name, day = versions.get(citation.document, ("", None))
        last = newest.get(name)
        newer = last[1] if last and day is not None and last[0] > day else gone.get(citation.document, "")
        replaces = tuple(old for old, new in gone.items() if new == citation.document)
        return replace(citation, newer=newer, replaces=replaces, copies=copies.get(citation.passage_id, ()))

    sentences = (replace(each, citations=tuple(map(told, each.citations))) for each in answer.sentences)
    return replace(answer, sentences=tuple(sentences))


def version_of(passage: Passage) -> tuple[str, date | None]:
    """The name that all versions of a passage's document share, "" where it tells nothing, and the day it is of."""
    name = _name(passage)
    return (name if len(name) >= _SHORTEST else ""), _dated(passage)


def _older(named: Sequence[tuple[str, date | None]]) -> list[bool]:
    """Of each whether one of the same name has a later date."""
    newest = _newest(dict(enumerate(named)))
    return [day is not None and name in newest and day < newest[name][0] for name, day in named]


def _newest(versions: Mapping[Key, tuple[str, date | None]]) -> dict[str, tuple[date, Key]]:
    """Of each name the latest day, and the version that is of it."""
    found: dict[str, tuple[date, Key]] = {}
    for key, (name, day) in versions.items():
        if name and day is not None:
            found[name] = max((day, key), found.get(name, (day, key)))
    return found


def _section(passage: Passage) -> tuple[str, date | None]:
    """Its headings without numbers, and the year that they name last."""
    headings = " › ".join(passage.headings)
    years = YEAR.findall(ascii_digits(passage.headings[-1])) if passage.headings else []
    name = f"{passage.document_id} {_NO_LETTERS.sub(' ', headings).strip().casefold()}"
    return name, date(int(years[-1]), 1, 1) if len(years) == 1 else None


def _name(passage: Passage) -> str:
    """The file's name without its ending, numbers, dates and marks of a version: the same for all versions."""
    words = _NO_LETTERS.sub(" ", PurePosixPath(passage.uri).stem).casefold().split()
    return " ".join(word for word in words if word not in _version_marks())


@cache
def _version_marks() -> frozenset[str]:
    """What people write behind a file's name to tell versions apart ("old", "v", "neu")."""
    return frozenset(word for language in all_languages() for word in language.listed("words", "version"))


def _dated(passage: Passage) -> date | None:
    days = days_of(PurePosixPath(passage.uri).name, passage.title, passage.metadata)
    return days[1] if days is not None else None
