"""The rows of the table of passages: what a document becomes, and what is read from one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from metier.core.documents import Block, Document, Passage
from metier.core.errors import StoreError
from metier.core.tables import Table
from metier.store.base import DocumentRecord, Entry

PUBLIC = "*"  # in the groups column: everyone may read it
DOCUMENT = -1  # position of the row that holds the document itself
# Taken out of the payload where it is stored: all that blocks and tables say stands there, too, and may be long.
MEDIA_TYPE = """split_part(split_part(payload, '"media_type": "', 2), '"', 1)"""
PASSAGE_COLUMNS = [
    "id", "document_id", "text", "start", "end", "headings", "page", "row", "uri", "title", "language", "groups",
    "metadata",
]  # fmt: skip


def table_schema(dimension: int) -> pa.Schema:
    strings = pa.list_(pa.string())
    columns: list[tuple[str, pa.DataType]] = [
        ("id", pa.string()), ("document_id", pa.string()), ("position", pa.int32()), ("text", pa.large_string()),
        ("tokens", pa.string()), ("vector", pa.list_(pa.float32(), dimension)), ("start", pa.int64()),
        ("end", pa.int64()), ("page", pa.int32()), ("row", pa.string()), ("headings", strings),
        ("language", pa.string()), ("groups", strings), ("uri", pa.string()), ("title", pa.string()),
        ("metadata", strings), ("content_hash", pa.string()), ("payload", pa.large_string()), ("since", pa.string()),
    ]  # fmt: skip
    return pa.schema(columns)


def as_passage(row: dict[str, Any]) -> Passage:
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


def as_record(row: dict[str, Any]) -> DocumentRecord:
    return DocumentRecord(
        id=row["document_id"],
        uri=row["uri"],
        title=row["title"],
        media_type=row["media_type"],
        language=row["language"] or "",
        groups=_groups(row),
        metadata=_metadata(row),
    )


def as_document(row: dict[str, Any]) -> Document:
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


def _groups(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(group for group in row["groups"] if group != PUBLIC)


def _metadata(row: dict[str, Any]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in row["metadata"] or ())


def rows_of(entry: Entry, dimension: int) -> Iterator[dict[str, Any]]:
    """The rows of a document, its own first. Raises `StoreError` where vectors are no finite (passages, dimension)."""
    document, passages, vectors = entry.document, entry.passages, entry.vectors
    if vectors.shape != (len(passages), dimension) or not np.isfinite(vectors).all():
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
        | {"id": document.id, "position": DOCUMENT, "text": document.text, "language": document.language}
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
