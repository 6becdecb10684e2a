"""The table of passages: the row of a document, beside those of its passages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from metier.store.base import Entry
from metier.store.rows import check_vectors, document_row, passage_rows

DOCUMENT = -1  # position of the row that holds the document itself
# Taken out of the payload where it is stored: all that blocks and tables say stands there, too, and may be long.
MEDIA_TYPE = """split_part(split_part(payload, '"media_type": "', 2), '"', 1)"""
# LanceDB's own choice, 2.2, takes 4 ms for one row of a column that says the same in a million of them: a language, the
# groups. 2.1 takes a tenth of a millisecond.
_FORMAT = {"new_table_data_storage_version": "2.1"}


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


def create_table(database: Any, name: str, schema: pa.Schema) -> Any:
    """A LanceDB table without rows; the one that is there, if another process was quicker."""
    return database.create_table(name, schema=schema, exist_ok=True, storage_options=_FORMAT)


def rows_of(entry: Entry, dimension: int) -> Iterator[dict[str, Any]]:
    """The rows of a document, its own first. Raises `StoreError` where vectors are no finite (passages, dimension)."""
    check_vectors(entry, dimension)
    own = document_row(entry.document)
    del own["media_type"]  # it stands in the payload
    yield own | {"id": entry.document.id, "position": DOCUMENT}
    for row, vector in zip(passage_rows(entry), entry.vectors, strict=True):
        # Not null: of a column of nulls and one large value LanceDB 0.40 asks for 8,192 times its size.
        yield row | {"vector": vector, "payload": ""}
