"""Versions of documents that were replaced or deleted, kept for some days: what a question as of a day is answered by.

What goes is moved in the commit in which it goes, to tables that no search of what is there now looks at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from metier.core.documents import CORRECTION
from metier.store.postgres import layout
from metier.store.postgres.connections import Connection

_OF_NOW = f"NOT starts_with(uri, '{CORRECTION}')"  # corrections hold as they are now


def take_out(
    connection: Connection, generation: int, document_ids: Sequence[str], now: datetime, *, keep: bool
) -> None:
    """These documents, which are about to be replaced or deleted. `keep`: as they were until `now`."""
    for name, columns, key in (
        ("documents", layout.names(layout.DOCUMENT), "id"),
        ("passages", layout.names(layout.PASSAGE), "document_id"),
    ):
        gone = f"DELETE FROM {name}_{generation} WHERE {key} = ANY(%s::text[])"
        if not keep:
            connection.execute(gone, [list(document_ids)])
            continue
        connection.execute(
            f"WITH gone AS ({gone} RETURNING {columns}) INSERT INTO past_{name}_{generation} ({columns}, until) "
            # What came in this same moment was committed by a try whose answer was lost.
            f"SELECT {columns}, %s FROM gone WHERE since < %s AND {_OF_NOW}",
            [list(document_ids), now, now],
        )


def there_at(generation: int, name: str, moment: datetime) -> str:
    """The rows of documents or passages as they were at that moment, as a query in brackets."""
    columns = layout.names(layout.DOCUMENT if name == "documents" else layout.PASSAGE)
    at = f"'{moment.isoformat()}'::timestamptz"
    return (
        f"(SELECT {columns} FROM {name}_{generation} WHERE since <= {at} OR NOT ({_OF_NOW}) "
        f"UNION ALL SELECT {columns} FROM past_{name}_{generation} WHERE since <= {at} AND until > {at})"
    )


def prune(connection: Connection, generation: int, before: datetime) -> None:
    """Forget what was gone by then."""
    connection.execute(
        "UPDATE store_generations SET begins = greatest(begins, %s) WHERE id = %s AND begins < %s",
        [before, generation, before],
    )
    for name in ("documents", "passages"):
        connection.execute(f"DELETE FROM past_{name}_{generation} WHERE until <= %s", [before])
