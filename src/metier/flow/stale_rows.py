"""Rows of the dataset that no longer say what the documents say."""

from __future__ import annotations

from collections.abc import Sequence

from metier.dataset.rows import Row
from metier.dataset.training_record import TrainingRecord, documents_now, standings
from metier.evaluation.metrics.text import contains
from metier.store.base import Store


def stale_rows(rows: Sequence[Row], record: TrainingRecord | None, store: Store) -> list[Row]:
    """Rows of which a document went, those that are shown beside the answer too, or whose source says something else by
    now. `record`: of the adapter in production; a row that it did not learn is judged by the passages that it names. A
    row that names none holds while its document has what it says."""
    known = dict(zip((row.id for row in record.rows), standings(record, store), strict=True)) if record else {}
    now, ids = documents_now(store), store.uris()
    contents, before = set(now.values()), record.documents if record else {}
    wanted = list(dict.fromkeys(each for row in rows if row.id not in known for each in row.passages))
    here = {passage.id for passage in store.get(wanted)} if wanted else set[str]()

    def is_gone(uri: str) -> bool:
        """One that was moved is there under another uri."""
        return uri not in now and before.get(uri, uri) not in contents

    def holds(row: Row) -> bool:
        found = [] if row.passages else [store.document(ids[uri]) for uri in row.documents if uri in ids]
        return any(each and contains(each.text, [row.completion], row.language) for each in found)

    def is_stale(row: Row) -> bool:
        if any(map(is_gone, row.sources)):
            return True
        if row.id in known:
            return known[row.id] == "gone" or (known[row.id] == "changed" and not holds(row))
        return bool(row.passages) and not here.issuperset(row.passages)

    return [row for row in rows if is_stale(row)]
