"""Rows of the dataset that no longer say what the documents say."""

from __future__ import annotations

from collections.abc import Sequence

from metier.dataset.rows import Row
from metier.dataset.training_record import TrainingRecord, documents_now, standings
from metier.store.base import Store


def stale_rows(rows: Sequence[Row], record: TrainingRecord | None, store: Store) -> list[Row]:
    """Rows of which a document went, those that are shown beside the answer too, or whose source says something else by
    now. `record`: of the adapter in production; a row that it did not learn is judged by the passages that it names."""
    known = dict(zip((row.id for row in record.rows), standings(record, store), strict=True)) if record else {}
    now = documents_now(store)
    contents, before = set(now.values()), record.documents if record else {}
    wanted = list(dict.fromkeys(each for row in rows if row.id not in known for each in row.passages))
    here = {passage.id for passage in store.get(wanted)} if wanted else set[str]()

    def is_gone(uri: str) -> bool:
        """One that was moved is there under another uri."""
        return uri not in now and before.get(uri, uri) not in contents

    def is_stale(row: Row) -> bool:
        if any(map(is_gone, row.sources)):
            return True
        if row.id in known:
            return known[row.id] in ("changed", "gone")
        return bool(row.passages) and not here.issuperset(row.passages)

    return [row for row in rows if is_stale(row)]
