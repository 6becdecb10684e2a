"""The embedded store: one LanceDB table that holds documents and their passages.

A document is a row too (`position` -1, no vector, no tokens), beside the rows of its passages, so that one commit
changes the text of a document and all its passages together. The table's name carries the identity of the
embedder and the analyser: an index made by others is seen and refused, and a new one can be built beside it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from metier.core.disk import unwritable
from metier.core.documents import Block, Document, Passage
from metier.core.errors import IndexMismatch, StoreError
from metier.core.permissions import make_folder
from metier.core.settings import StoreSettings
from metier.core.tables import Table
from metier.store import background
from metier.store.base import DocumentRecord, Entry, Filter, Identity, Scored
from metier.store.lance import frequencies, generations
from metier.store.lance.ann import REFINED, build_index
from metier.store.lance.import_lancedb import import_lancedb

log = logging.getLogger(__name__)

_RUST_PLACE = re.compile(r",? ?/\S+\.rs:\d+(:\d+)?$")  # where in its own source the engine gave up
PUBLIC = "*"  # in the groups column: everyone may read it
_DOCUMENT = -1  # position of the row that holds the document itself
_KEEP_VERSIONS = timedelta(hours=1)  # a reader that began before a sync can finish
_PASSAGE_COLUMNS = [
    "id", "document_id", "text", "start", "end", "headings", "page", "row", "uri", "title", "language", "groups",
    "metadata",
]  # fmt: skip


class LanceStore:
    """See `metier.store.base.Store`."""

    _folder: Path  # of the index that is read, in `_root`
    _database: Any
    _table: Any

    def __init__(self, folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> None:
        self.identity = identity
        self._settings = settings
        self._schema = _schema(identity.dimension)
        self._root = folder
        self._is_beside = replace  # built beside the index in use until `publish`
        with _storage_errors(folder):
            make_folder(folder)
            self._open(*(generations.begin(folder) if replace else generations.enter(folder)))
        self._known: dict[str, str] | None = None
        self._keeping = threading.RLock()  # what is known of the documents and what is written are never apart

    # --- writing ---------------------------------------------------------------------------------------------

    def replace(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        rows = pa.Table.from_pylist([row for entry in entries for row in self._rows(entry)], schema=self._schema)
        with self._keeping, _storage_errors(self._folder, entries[0].document.uri if len(entries) == 1 else ""):
            changed = [entry.document.id for entry in entries if entry.document.id in self.hashes()]
            if changed:
                (
                    self._table.merge_insert("id")
                    .when_matched_update_all()
                    .when_not_matched_insert_all()
                    .when_not_matched_by_source_delete(_of_documents(changed))
                    .execute(rows, on_bad_vectors="null")  # a document's own row has none
                )
            else:
                self._table.add(rows)
            self.hashes().update((entry.document.id, entry.document.content_hash) for entry in entries)

    def delete(self, document_ids: Sequence[str]) -> None:
        with self._keeping, _storage_errors(self._folder):
            gone = [name for name in document_ids if name in self.hashes()]
            if not gone:
                return
            self._table.delete(_of_documents(gone))
            for name in gone:
                del self.hashes()[name]

    def refresh(self) -> None:
        with self._keeping, _storage_errors(self._folder):
            if self._is_beside or generations.is_current(self._root, self._folder):
                self._open(self._folder, generations.hold(self._folder))
            else:  # a rebuild put another in its place
                self._open(*generations.enter(self._root))
                generations.clear(self._root)
            self._known = None

    def publish(self) -> None:
        with self._keeping, _storage_errors(self._root):
            if self._is_beside:
                generations.publish(self._root, self._folder)
                self._is_beside = False

    def optimize(self) -> dict[str, float | int | str]:
        with _storage_errors(self._folder):
            self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)  # a commit a document leaves many small files
            if not self._table.list_indices() and self.counts()[1]:
                self._index_tokens()
            words = self._table.search().where("tokens IS NOT NULL").select(["tokens"])
            frequencies.build(self._folder, words.to_batches(10_000))
            background.build(self._folder, self._table)
            generations.clear(self._root)  # what a killed rebuild left
            return build_index(self._table, self._folder, self.counts()[1], self._settings.exact_until)

    # --- reading ---------------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, str]:
        if (known := self._known) is not None:
            return known
        with self._keeping, _storage_errors(self._folder):
            rows = self._documents().select(["document_id", "content_hash"]).to_arrow()
            known = dict(zip(rows["document_id"].to_pylist(), rows["content_hash"].to_pylist(), strict=True))
            self._known = known
        return known

    def uris(self, where: Filter | None = None) -> dict[str, str]:
        with _storage_errors(self._folder):
            rows = self._documents(where).select(["document_id", "uri"]).to_arrow()
        return dict(zip(rows["uri"].to_pylist(), rows["document_id"].to_pylist(), strict=True))

    def records(self, where: Filter | None = None) -> list[DocumentRecord]:
        columns = ["document_id", "uri", "title", "language", "groups", "metadata", "payload"]
        with _storage_errors(self._folder):
            rows = self._documents(where).select(columns).to_list()
        return sorted(map(_record, rows), key=lambda record: record.uri)

    def document(self, document_id: str) -> Document | None:
        with _storage_errors(self._folder):
            return _document_in(self._table, document_id)

    def replaced(self, document_id: str) -> Document | None:
        if not self._is_beside:
            return None
        with _storage_errors(self._root):
            folder, held = generations.enter(self._root)
            try:
                database = import_lancedb().connect(folder)
                tables = map(database.open_table, _indexes(database))
                return next((found for each in tables if (found := _document_in(each, document_id))), None)
            finally:
                generations.leave(held)

    def passages(self, document_id: str, where: Filter | None = None) -> list[Passage]:
        with _storage_errors(self._folder):
            query = self._table.search().where(f"{_of_documents([document_id])} AND {_condition(where)}")
            rows = query.select([*_PASSAGE_COLUMNS, "position"]).to_list()
        return [_passage(row) for row in sorted(rows, key=lambda row: row["position"])]

    def openings(self, document_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not document_ids:
            return []
        with _storage_errors(self._folder):
            first = f"{_of_documents(document_ids)} AND position = 0 AND {_condition(where)}"
            query = self._table.search().where(first)
            return [_passage(row) for row in query.select(_PASSAGE_COLUMNS).to_list()]

    def around(self, passages: Sequence[Passage], characters: int, where: Filter | None = None) -> list[Passage]:
        if not passages:
            return []
        near = " OR ".join(
            f"(document_id = {_quoted(p.document_id)} AND start >= {p.start - characters} AND "
            f"start <= {p.end + characters})"
            for p in passages
        )
        with _storage_errors(self._folder):
            query = self._table.search().where(f"{_condition(where)} AND ({near})")
            rows = query.select([*_PASSAGE_COLUMNS, "position"]).to_list()
        return [_passage(row) for row in sorted(rows, key=lambda row: (row["document_id"], row["position"]))]

    def get(self, passage_ids: Sequence[str], where: Filter | None = None) -> list[Passage]:
        if not passage_ids:
            return []
        with _storage_errors(self._folder):
            query = self._table.search().where(f"id IN ({_list(passage_ids)}) AND {_condition(where)}")
            rows = query.select(_PASSAGE_COLUMNS).to_list()
        found = {row["id"]: _passage(row) for row in rows}
        return [found[name] for name in dict.fromkeys(passage_ids) if name in found]

    def dense(self, vector: np.ndarray, limit: int, where: Filter | None = None) -> list[Scored]:
        with _storage_errors(self._folder):
            query = self._table.search(np.asarray(vector, dtype=np.float32), vector_column_name="vector")
            query = query.distance_type("dot").refine_factor(REFINED).select([*_PASSAGE_COLUMNS, "_distance"])
            rows = query.where(_condition(where), prefilter=True).limit(limit).to_list()
        return [Scored(_passage(row), 1.0 - row["_distance"]) for row in rows]

    def lexical(self, tokens: Sequence[str], limit: int, where: Filter | None = None) -> list[Scored]:
        if not tokens:
            return []
        from lancedb.query import MatchQuery

        with _storage_errors(self._folder):
            if not self._table.list_indices():
                if not self.counts()[1]:
                    return []
                self._index_tokens()
            match = MatchQuery(" ".join(tokens), "tokens")  # type: ignore[call-arg]  # its Field(1.0) are defaults
            query = self._table.search(match, query_type="fts")
            query = query.select([*_PASSAGE_COLUMNS, "_score"])
            rows = query.where(_condition(where), prefilter=True).limit(limit).to_list()
        return [Scored(_passage(row), row["_score"]) for row in rows]

    def frequencies(self, tokens: Sequence[str]) -> np.ndarray:
        return frequencies.look_up(self._folder, tokens)

    def background(self, vector: np.ndarray) -> tuple[float, float]:
        return background.measure(self._folder, vector)

    def counts(self) -> tuple[int, int]:
        documents = len(self.hashes())
        with _storage_errors(self._folder):
            return documents, self._table.count_rows() - documents

    # --- inside ----------------------------------------------------------------------------------------------

    def _open(self, folder: Path, held: int | None) -> None:
        """Read the index in `folder` from here on, made if there is none; `held` is let go with its last reader."""
        try:
            database, name = import_lancedb().connect(folder), f"passages_{_short(self.identity)}"
            present = _indexes(database)
            if name not in present:
                if present:
                    raise _mismatch(folder, database.open_table(present[0]).schema, self.identity)
                schema = self._schema.with_metadata({"metier": json.dumps(asdict(self.identity))})
                database.create_table(name, schema=schema)
            table = database.open_table(name)
        except BaseException:
            generations.leave(held)
            raise
        weakref.finalize(table, generations.leave, held)
        self._database, self._table, self._folder = database, table, folder

    def _documents(self, where: Filter | None = None) -> Any:
        return self._table.search().where(_condition(where, f"position = {_DOCUMENT}"))

    def _index_tokens(self) -> None:
        from lancedb.index import FTS

        plain = FTS(
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            with_position=False,
            max_token_length=None,
        )
        self._table.create_index("tokens", config=plain)

    def _rows(self, entry: Entry) -> Iterator[dict[str, Any]]:
        document, passages, vectors = entry.document, entry.passages, entry.vectors
        if vectors.shape != (len(passages), self.identity.dimension) or not np.isfinite(vectors).all():
            raise StoreError(f"vectors are of shape {vectors.shape} or not finite", where=document.uri)
        groups = list(document.groups) or [PUBLIC]
        shared = {
            "document_id": document.id,
            "uri": document.uri,
            "title": document.title,
            "groups": groups,
            "metadata": [f"{key}={value}" for key, value in document.metadata.items()],
        }
        payload = {
            "blocks": [[b.kind, b.start, b.end, b.page, b.level, b.row] for b in document.blocks],
            "media_type": document.media_type,
            "pages": document.pages,
            "warnings": document.warnings,
            # A text inside the text: who reads something else of the payload need not take tables apart.
            "tables": json.dumps([table.to_json() for table in document.tables], ensure_ascii=False),
        }
        yield (
            shared
            | {"id": document.id, "position": _DOCUMENT, "text": document.text, "language": document.language}
            | {"content_hash": document.content_hash, "payload": json.dumps(payload, ensure_ascii=False)}
        )
        for position, (passage, vector, words) in enumerate(zip(passages, vectors, entry.tokens, strict=True)):
            place = {name: getattr(passage, name) for name in ("id", "text", "start", "end", "page", "row", "language")}
            if passage.described:  # else those of its document
                place["metadata"] = [f"{key}={value}" for key, value in passage.metadata.items()]
            yield (
                shared
                | place
                | {"headings": list(passage.headings), "position": position}
                # Not null: of a column of nulls and one large value LanceDB 0.40 asks for 8,192 times its size.
                | {"tokens": " ".join(words), "vector": vector, "payload": ""}
            )


def _schema(dimension: int) -> pa.Schema:
    strings = pa.list_(pa.string())
    columns: list[tuple[str, pa.DataType]] = [
        ("id", pa.string()), ("document_id", pa.string()), ("position", pa.int32()), ("text", pa.large_string()),
        ("tokens", pa.string()), ("vector", pa.list_(pa.float32(), dimension)), ("start", pa.int64()),
        ("end", pa.int64()), ("page", pa.int32()), ("row", pa.string()), ("headings", strings),
        ("language", pa.string()), ("groups", strings), ("uri", pa.string()), ("title", pa.string()),
        ("metadata", strings), ("content_hash", pa.string()), ("payload", pa.large_string()),
    ]  # fmt: skip
    return pa.schema(columns)


def _passage(row: dict[str, Any]) -> Passage:
    return Passage(
        id=row["id"],
        document_id=row["document_id"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
        headings=tuple(row["headings"] or ()),
        page=row["page"],
        row=row["row"],
        uri=row["uri"],
        title=row["title"],
        language=row["language"] or "",
        groups=_groups(row),
        metadata=_metadata(row),
    )


def _record(row: dict[str, Any]) -> DocumentRecord:
    return DocumentRecord(
        id=row["document_id"],
        uri=row["uri"],
        title=row["title"],
        media_type=json.loads(row["payload"])["media_type"],
        language=row["language"] or "",
        groups=_groups(row),
        metadata=_metadata(row),
    )


def _document(row: dict[str, Any]) -> Document:
    payload = json.loads(row["payload"])
    return Document(
        id=row["document_id"],
        uri=row["uri"],
        title=row["title"],
        text=row["text"],
        blocks=tuple(Block(*block) for block in payload["blocks"]),
        media_type=payload["media_type"],
        content_hash=row["content_hash"],
        language=row["language"] or "",
        pages=payload["pages"],
        groups=_groups(row),
        metadata=_metadata(row),
        warnings=tuple(payload["warnings"]),
        tables=tuple(map(Table.from_json, json.loads(payload.get("tables", "[]")))),  # earlier: none
    )


def _indexes(database: Any) -> list[str]:
    """Names of tables, one for each identity."""
    return [table for table in database.list_tables().tables if table.startswith("passages_")]


def _document_in(table: Any, document_id: str) -> Document | None:
    rows = table.search().where(f"id = {_quoted(document_id)} AND position = {_DOCUMENT}").limit(1).to_list()
    return _document(rows[0]) if rows else None


def _groups(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(group for group in row["groups"] if group != PUBLIC)


def _metadata(row: dict[str, Any]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in row["metadata"] or ())


def _condition(where: Filter | None, rows: str = f"position > {_DOCUMENT}") -> str:
    parts = [rows]
    if where is not None:
        if where.groups is not None:
            parts.append(f"array_has_any(groups, [{_list([PUBLIC, *where.groups])}])")
        if where.uri is not None:
            parts.append(f"uri LIKE {_quoted(_like(where.uri))} ESCAPE '\\'")
        if where.language is not None:
            parts.append(f"language = {_quoted(where.language)}")
        parts.extend(f"array_has(metadata, {_quoted(f'{key}={value}')})" for key, value in where.metadata.items())
        if where.closed:
            parts.append(f"uri NOT IN ({_list(where.closed)})")
        parts.extend(f"uri NOT LIKE {_quoted(_escaped(name) + '%')} ESCAPE '\\'" for name in where.closed_below)
        if where.hidden:
            parts.append(f"id NOT IN ({_list(where.hidden)})")
    return " AND ".join(parts)


def _like(glob: str) -> str:
    return _escaped(glob).replace("*", "%").replace("?", "_")


def _escaped(text: str) -> str:
    """As it stands in a LIKE, so that it means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _of_documents(ids: Sequence[str]) -> str:
    return f"document_id IN ({_list(ids)})"


def _list(texts: Sequence[str]) -> str:
    return ", ".join(map(_quoted, texts))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _short(identity: Identity) -> str:
    return hashlib.sha256(json.dumps(asdict(identity), sort_keys=True).encode()).hexdigest()[:12]


def _mismatch(folder: Path, schema: pa.Schema, wanted: Identity) -> IndexMismatch:
    made = json.loads((schema.metadata or {}).get(b"metier", b"{}"))
    differs = [
        f"{name} {made.get(name)!r} instead of {value!r}"
        for name, value in asdict(wanted).items()
        if made.get(name) != value
    ]
    return IndexMismatch(
        f"this index was made with {', '.join(differs)}",
        where=str(folder),
        hint="Set `[embedding] model` back in metier.toml, or rebuild the index with `metier sync --rebuild`.",
    )


@contextmanager
def _storage_errors(folder: Path, document: str = "") -> Iterator[None]:
    """Turn what the storage engine raises into a `StoreError` that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        log.debug("storage error", exc_info=True)
        if (told := unwritable(folder, error)) is not None:
            raise told from error
        text = str(error)
        said = _RUST_PLACE.sub("", text.splitlines()[0])[:300] if text else repr(error)
        raise StoreError(
            f"{document}: {said}" if document else said,
            where=str(folder),
            hint="If this goes on, `metier sync --rebuild` rebuilds the index from the sources.",
        ) from error
