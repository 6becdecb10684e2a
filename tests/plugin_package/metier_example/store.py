"""`onefile`: everything in one SQLite file, searched exactly with numpy.

A document is one row with all its passages, so that a commit changes whole documents. Everything is held in memory, and
read again after a commit: enough for some thousand passages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from metier.core.documents import Document, Passage
from metier.core.errors import IndexMismatch, StoreError
from metier.core.settings import StoreSettings
from metier.store.base import DocumentRecord, Entry, Filter, Identity, Scored
from metier_example.filtering import lets_through
from metier_example.rows import IDENTITY, OPTIMISED, Held, Row, row_of

_SAMPLE = 1000  # vectors that `background` looks at
_K1, _B = 1.2, 0.75  # of BM25


class OneFileStore:
    """See `metier.store.base.Store`."""

    def __init__(self, folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> None:
        self.identity = identity
        self._path = folder / "onefile.sqlite"
        self._held: Held | None = None
        self._replaced: dict[str, Document] = {}
        with self._open() as file:
            made = file.execute("SELECT body FROM kept WHERE id = ?", [IDENTITY]).fetchone()
            if replace and made is not None:
                rows = file.execute("SELECT id, body, vectors FROM kept").fetchall()
                self._replaced = Held(0, rows, json.loads(made[0])["dimension"]).documents
        if replace or made is None:
            self._write([(IDENTITY, json.dumps(asdict(identity)), b"")], everything_else_goes=replace)
        elif json.loads(made[0]) != asdict(identity):
            hint = "Set `[embedding] model` back, or rebuild the index with `metier sync --rebuild`."
            raise IndexMismatch(f"was made with {made[0]}, not {asdict(identity)}", where=str(self._path), hint=hint)

    def replace(self, entries: Sequence[Entry]) -> None:
        self._write([self._row(entry) for entry in entries])

    def delete(self, document_ids: Sequence[str]) -> None:
        self._write([], gone=document_ids)

    def optimize(self) -> dict[str, float | int | str]:
        self._write([(OPTIMISED, "{}", b"")])
        return {}

    def publish(self) -> None:
        """It took the place of the old one when it was opened."""
        self._replaced = {}

    def replaced(self, document_id: str) -> Document | None:
        return self._replaced.get(document_id)

    def refresh(self) -> None:
        """Every call sees the last commit, whoever made it."""

    def hashes(self) -> dict[str, str]:
        return {name: document.content_hash for name, document in self._read().documents.items()}

    def vectors(self, document_ids: Sequence[str]) -> dict[str, np.ndarray]:
        held = self._read()
        wanted = set(document_ids)
        found = zip(held.passages, held.vectors, strict=True)
        return {passage.indexed_text: vector for passage, vector in found if passage.document_id in wanted}

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        return {record.uri: record.id for record in self.records(where)}

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        found = sorted((d for d in self._read().documents.values() if lets_through(d, where)), key=lambda d: d.uri)
        return [DocumentRecord(d.id, d.uri, d.title, d.media_type, d.language, d.groups, d.metadata) for d in found]

    def document(self, document_id: str) -> Document | None:
        return self._read().documents.get(document_id)

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        return [p for p in self._read().passages if p.document_id == document_id and lets_through(p, where)]

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        first = {p.document_id: p for p in reversed(self._read().passages)}
        return [
            first[name] for name in dict.fromkeys(document_ids) if name in first and lets_through(first[name], where)
        ]

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        def is_near(one: Passage) -> bool:
            same = (p for p in passages if p.document_id == one.document_id)
            return any(p.start - characters <= one.start <= p.end + characters for p in same)

        return [passage for passage in self._read().passages if is_near(passage) and lets_through(passage, where)]

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        found = {passage.id: passage for passage in self._read().passages if lets_through(passage, where)}
        return [found[name] for name in dict.fromkeys(passage_ids) if name in found]

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        held = self._read()
        return _best(held.passages, held.vectors @ vector, limit, where)

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        held = self._read().readable(where)
        lengths = np.array([counts.total() for counts in held.counts], dtype=np.float64)
        saturation = _K1 * (1 - _B + _B * lengths / max(1.0, lengths.sum() / max(1, len(lengths))))
        scores = np.zeros(len(lengths))
        for token in tokens:
            times = np.array([counts[token] for counts in held.counts], dtype=np.float64)
            within = np.count_nonzero(times)
            rarity = np.log1p((len(times) - within + 0.5) / (within + 0.5))
            scores += rarity * (_K1 + 1) * times / (times + saturation)
        return _best(held.passages, np.where(scores > 0, scores, -np.inf), limit, where)

    def frequencies(self, tokens: Sequence[str], where: Filter | None = None) -> np.ndarray:
        held = self._read()
        counts = held.readable(where).counts if held.is_optimised else []
        return np.array([sum(token in each for each in counts) for token in tokens], dtype=np.int64)

    def background(self, vector: np.ndarray, where: Filter | None = None) -> tuple[float, float]:
        held = self._read()
        cosines = held.readable(where).vectors[:_SAMPLE] @ vector
        return (float(cosines.mean()), float(cosines.std())) if held.is_optimised and len(cosines) else (0.0, 0.0)

    def counts(self, where: Filter | None = None) -> tuple[int, int]:
        held = self._read()
        documents = sum(lets_through(document, where) for document in held.documents.values())
        return documents, sum(lets_through(passage, where) for passage in held.passages)

    @contextmanager
    def _open(self, transaction: str = "BEGIN") -> Iterator[sqlite3.Connection]:
        """The file within one transaction, whose commit is on disk when the block ends."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=30)) as file, file:
                file.execute("CREATE TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY, body TEXT, vectors BLOB)")
                file.execute(transaction)
                yield file
        except (sqlite3.Error, OSError) as error:
            hint = "Is the folder writable, and the disk not full? A damaged file may be deleted: sync rebuilds it."
            raise StoreError(str(error), where=str(self._path), hint=hint) from error

    def _write(self, rows: Sequence[Row], gone: Sequence[str] = (), *, everything_else_goes: bool = False) -> None:
        with self._open("BEGIN IMMEDIATE") as file:
            if everything_else_goes:
                file.execute("DELETE FROM kept")
            file.executemany("DELETE FROM kept WHERE id = ?", [(name,) for name in gone])
            file.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)
            file.execute(f"PRAGMA user_version = {_commits(file) + 1}")

    def _read(self) -> Held:
        """What the file holds now: read again only where there was a commit."""
        held = self._held
        with self._open() as file:
            commits = _commits(file)
            if held is not None and held.commits == commits:
                return held
            rows = file.execute("SELECT id, body, vectors FROM kept ORDER BY id").fetchall()
        self._held = held = Held(commits, rows, self.identity.dimension)
        return held

    def _row(self, entry: Entry) -> Row:
        vectors = entry.vectors
        if vectors.shape != (len(entry.passages), self.identity.dimension) or not np.isfinite(vectors).all():
            raise StoreError(f"vectors are of shape {vectors.shape} or not finite", where=entry.document.uri)
        return row_of(entry)


def _best(passages: Sequence[Passage], scores: np.ndarray, limit: int, where: Filter | None) -> list[Scored]:
    """Filtered before the limit, so that what may not be seen takes nobody's place."""
    allowed = [at for at, passage in enumerate(passages) if scores[at] > -np.inf and lets_through(passage, where)]
    return [Scored(passages[at], float(scores[at])) for at in sorted(allowed, key=lambda at: -scores[at])[:limit]]


def _commits(file: sqlite3.Connection) -> int:
    return int(file.execute("PRAGMA user_version").fetchone()[0])
