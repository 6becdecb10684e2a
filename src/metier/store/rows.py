"""What a document becomes in a store, a row of its own and one for each passage, and what is read from such rows.

The columns have the same names and meaning whatever holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from metier.core.documents import Block, Document, Passage
from metier.core.errors import StoreError
from metier.core.tables import Table
from metier.store.base import DocumentRecord, Entry

PUBLIC = "*"  # in the groups column: everyone may read it
PASSAGE_COLUMNS = [
    "id", "document_id", "text", "start", "end", "headings", "page", "row", "uri", "title", "language", "groups",
    "metadata",
]  # fmt: skip


def as_passage(row: Mapping[str, Any]) -> Passage:
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


def as_record(row: Mapping[str, Any]) -> DocumentRecord:
    return DocumentRecord(
        id=row["document_id"],
        uri=row["uri"],
        title=row["title"],
        media_type=row["media_type"],
        language=row["language"] or "",
        groups=_groups(row),
        metadata=_metadata(row),
    )


def as_document(row: Mapping[str, Any]) -> Document:
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


def _groups(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(group for group in row["groups"] if group != PUBLIC)


def _metadata(row: Mapping[str, Any]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in row["metadata"] or ())


def check_vectors(entry: Entry, dimension: int) -> None:
    """Raises `StoreError` where vectors are no finite (passages, dimension)."""
    vectors = entry.vectors
    if vectors.shape != (len(entry.passages), dimension) or not np.isfinite(vectors).all():
        raise StoreError(f"vectors are of shape {vectors.shape} or not finite", where=entry.document.uri)


def document_row(document: Document) -> dict[str, Any]:
    payload = {
        "blocks": [[b.kind, b.start, b.end, b.page, b.level, b.row] for b in document.blocks],
        "media_type": document.media_type,
        "pages": document.pages,
        "warnings": document.warnings,
        # A text inside the text: who reads something else of the payload need not take tables apart.
        "tables": json.dumps([table.to_json() for table in document.tables], ensure_ascii=False),
    }
    return _shared(document) | {
        "text": document.text,
        "language": document.language,
        "content_hash": document.content_hash,
        "media_type": document.media_type,
        "payload": json.dumps(payload, ensure_ascii=False),
    }


def passage_rows(entry: Entry) -> Iterator[dict[str, Any]]:
    """Of each passage, without its vector. `tokens`: with a space between them."""
    shared = _shared(entry.document)
    for position, (passage, words) in enumerate(zip(entry.passages, entry.tokens, strict=True)):
        place = {name: getattr(passage, name) for name in ("id", "text", "start", "end", "page", "row", "language")}
        if passage.described:  # else those of its document
            place["metadata"] = _pairs(passage.metadata)
        own = {"headings": list(passage.headings), "position": position, "tokens": " ".join(words)}
        yield shared | place | own


def entries_of(
    documents: Sequence[Mapping[str, Any]], passages: Sequence[Mapping[str, Any]], dimension: int
) -> list[Entry]:
    """What was put in. `documents`: their rows; `passages`: theirs, in reading order, each with its `vector` and its
    `tokens`."""
    held: dict[str, list[Mapping[str, Any]]] = {row["document_id"]: [] for row in documents}
    for row in passages:
        held[row["document_id"]].append(row)
    return [
        Entry(
            as_document(row),
            [as_passage(each) for each in held[row["document_id"]]],
            np.array([each["vector"] for each in held[row["document_id"]]], np.float32).reshape(-1, dimension),
            [each["tokens"].split() for each in held[row["document_id"]]],
        )
        for row in documents
    ]


def _shared(document: Document) -> dict[str, Any]:
    return {
        "document_id": document.id,
        "uri": document.uri,
        "title": document.title,
        "groups": list(document.groups) or [PUBLIC],
        "metadata": _pairs(document.metadata),
    }


def _pairs(metadata: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in metadata.items()]
