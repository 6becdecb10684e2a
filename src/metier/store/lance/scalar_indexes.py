"""Indexes over what passages are filtered and fetched by, once reading whole columns takes long: at 100,000 passages a
filter by groups costs a search 7 ms without them, and less than one with (docs/decisions/0004-store.md)."""

from __future__ import annotations

from typing import Any

INDEXED_FROM = 20_000  # rows


def index_columns(table: Any, rows: int) -> None:
    """What is not indexed yet of a LanceDB table; what is added later, `optimize` indexes."""
    if rows < INDEXED_FROM:
        return
    from lancedb.index import Bitmap, BTree, LabelList

    wanted = {
        "id": BTree(), "document_id": BTree(), "uri": BTree(), "position": BTree(), "language": Bitmap(),
        "groups": LabelList(), "metadata": LabelList(),
    }  # fmt: skip
    known = {column for index in table.list_indices() for column in index.columns}
    for column in wanted.keys() - known:
        table.create_index(column, config=wanted[column])
