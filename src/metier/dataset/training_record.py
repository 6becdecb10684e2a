"""What an adapter was trained on, as far as it takes to tell later how much of that still holds.

Kept beside the adapter, as hashes: of every document that the expert had then, of the passages and sentences that each
row was written from, and of all words in the rows. No text is kept, so a document that is deleted is not kept here.

    the passage stands in the store       what the row says still holds
    all its sentences stand in the document, in other passages        it holds
    else                                  the row's source has changed, or is gone with its document
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from metier.core.atomic import write_text
from metier.core.documents import Passage
from metier.core.errors import StoreError
from metier.dataset.rows import Row
from metier.ingestion.work import bytes_hash
from metier.store.base import Store
from metier.text.analyzer import Analyser
from metier.text.sentences import sentence_spans

FILE_NAME = "learned.json"
_DIGITS = 12  # of a hash, in hex: two of a million texts have the same with a chance of 0.2%
_AT_ONCE = 1000  # passages of one query

Standing = Literal["holds", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class LearnedRow:
    """`id`: of the row. `documents`: uris, empty where it is of none. `passages`: ids of those that it was written
    from. `sentences`: hashes of theirs, empty where they were gone when the adapter was trained."""

    id: str
    documents: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingRecord:
    """`documents`: uri to the hash of its bytes, of all that were in the store. `words`: hashes."""

    documents: Mapping[str, str]
    rows: tuple[LearnedRow, ...]
    words: frozenset[str]

    @cached_property
    def row_ids(self) -> frozenset[str]:
        return frozenset(row.id for row in self.rows)

    def knows(self, tokens: Iterable[str]) -> bool:
        """Whether all of these words stood in the rows."""
        return all(_hash(token) in self.words for token in tokens)

    def save(self, folder: Path) -> None:
        plain = {
            "documents": dict(self.documents),
            "rows": [[row.id, row.documents, row.passages, row.sentences] for row in self.rows],
            "words": sorted(self.words),
        }
        write_text(folder / FILE_NAME, json.dumps(plain, ensure_ascii=False))


def of(rows: Sequence[Row], store: Store | None, analyser: Analyser) -> TrainingRecord:
    """Of `rows` as they are trained on, and the documents as they are now; `store`: None before there is one."""
    stored = _passages(store, list(dict.fromkeys(each for row in rows for each in row.passages)))

    def learned(row: Row) -> LearnedRow:
        texts = stored | {passage.id: passage for passage in row.context}  # which may be cut to what carries the answer
        sources = [texts[each] for each in row.passages if each in texts]
        sentences = dict.fromkeys(each for passage in sources for each in _sentences(passage.text, row.language))
        whole = len(sources) == len(row.passages)
        return LearnedRow(row.id, _told(row), row.passages, tuple(sentences) if whole else ())

    words = {
        _hash(token) for row in rows for text in (row.question, row.completion, *(p.text for p in row.context))
        for token in analyser.tokens(text)
    }  # fmt: skip
    return TrainingRecord(documents_now(store), tuple(map(learned, rows)), frozenset(words))


def load(folder: Path) -> TrainingRecord | None:
    """The record beside the adapter in `folder`; None where none was kept. Raises `StoreError` for a damaged one."""
    path = folder / FILE_NAME
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(LearnedRow(row[0], *map(tuple, row[1:])) for row in plain["rows"])
        return TrainingRecord(plain["documents"], rows, frozenset(plain["words"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise StoreError(f"cannot be read ({error})", where=str(path), hint="Delete it, or train again.") from None


def standings(record: TrainingRecord, store: Store | None) -> list[Standing | None]:
    """How each row stands now, in order; None for one that is of no document. `store`: None where there is none."""
    wanted = list(dict.fromkeys(each for row in record.rows for each in row.passages))
    there = _passages(store, wanted).keys()
    look = _Now(record, store)
    return [look.standing(row, there) for row in record.rows]


def documents_now(store: Store | None) -> dict[str, str]:
    """Uri to the hash of its bytes, of every document in the store."""
    if store is None:
        return {}
    hashes = store.hashes()
    return {uri: bytes_hash(hashes[identity]) for uri, identity in store.uris().items() if identity in hashes}


class _Now:
    """The documents of a record as they are now, each cut into sentences once."""

    def __init__(self, record: TrainingRecord, store: Store | None) -> None:
        self._before, self._store = record.documents, store
        self._now, self._ids = documents_now(store), store.uris() if store else {}
        self._by_content = {content: uri for uri, content in self._now.items()}
        self._cut: dict[str, frozenset[str]] = {}

    def standing(self, row: LearnedRow, there: Iterable[str]) -> Standing | None:
        if not row.documents:
            return None
        if row.passages and set(row.passages) <= set(there):
            return "holds"
        homes = [self._home(uri) for uri in row.documents]
        found = [uri for uri in homes if uri is not None]
        if not found or (not row.passages and len(found) < len(homes)):
            return "gone"
        if not row.passages:
            now = dict(zip(row.documents, found, strict=True))
            same = all(self._now[there] == self._before.get(uri) for uri, there in now.items())
            return "holds" if same else "changed"
        stand = frozenset().union(*map(self._sentences, found))
        return "holds" if row.sentences and stand.issuperset(row.sentences) else "changed"

    def _home(self, uri: str) -> str | None:
        """Where a document is now; one that was moved is known by its bytes."""
        return uri if uri in self._now else self._by_content.get(self._before.get(uri, ""))

    def _sentences(self, uri: str) -> frozenset[str]:
        if uri not in self._cut:
            passages = self._store.passages(self._ids[uri]) if self._store else []
            self._cut[uri] = frozenset(each for p in passages for each in _sentences(p.text, p.language))
        return self._cut[uri]


def _told(row: Row) -> tuple[str, ...]:
    """The documents that a row was written from: those of its passages where they are shown, else those it names."""
    own = [passage.uri for passage in row.context if passage.id in row.passages and passage.uri]
    return tuple(dict.fromkeys(own or row.documents))


def _passages(store: Store | None, ids: Sequence[str]) -> dict[str, Passage]:
    found: dict[str, Passage] = {}
    for first in range(0, len(ids) if store is not None else 0, _AT_ONCE):
        found |= {passage.id: passage for passage in store.get(ids[first : first + _AT_ONCE])}  # type: ignore[union-attr]
    return found


def _sentences(text: str, language: str) -> list[str]:
    spans = sentence_spans(text, language or "en")
    return [_hash(" ".join(text[start:end].casefold().split())) for start, end in spans]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
