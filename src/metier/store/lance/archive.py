"""Versions of documents that were replaced or deleted, kept for some days: what a question as of a day is answered by.

    passages_…   what is there now; `since` says from when on it was
    past_…       what was there before: the same columns, and `until`, from when on it was not

So search in what is there now costs what it did, and the disk what has changed, however often it is synced
(docs/decisions/0017-versions.md). Old rows are written before new ones take their place: whoever is killed in between
has them twice, and the next commit writes the same row again with a later `until`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from metier.core.documents import CORRECTION
from metier.store.lance import lexical
from metier.store.lance.conditions import of_documents, quoted
from metier.store.lance.files import StoreFiles
from metier.store.lance.reader import TablePart
from metier.store.lance.table_rows import create_table

SINCE, UNTIL = "since", "until"
_NOTE, _WRITTEN = "versions.json", "written"
_AT_ONCE = 10_000  # rows
_NOTHING_OLD = timedelta(milliseconds=1)  # 0 would warn


def stamp(moment: datetime) -> str:
    """As it stands in `since` and `until`: ISO 8601 in UTC, all of one length, so that texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Archive:
    """That of the table `name` of a LanceDB database, with a note in `files`; made when something is first kept."""

    def __init__(self, database: Any, name: str, files: StoreFiles) -> None:
        self._database, self._files = database, files
        self._has_begun = False
        self._name = name.replace("passages_", "past_")

    @property
    def begins(self) -> datetime | None:
        """From when on it is known what was there; None where nothing is kept yet."""
        try:
            return datetime.fromisoformat(self._note()[SINCE])
        except (ValueError, KeyError, TypeError):
            return None

    @property
    def written(self) -> str:
        """Another text after what was there was written anew, and files went that others may still read."""
        return self._note().get(_WRITTEN, "")

    def _note(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._files.read(_NOTE) or "{}"))
        except (OSError, ValueError, TypeError):
            return {}

    def _tell(self, **told: datetime) -> None:
        note = self._note() | {name: stamp(at) for name, at in told.items()}
        with self._files.replacing(_NOTE) as file:
            file.write(json.dumps(note).encode())

    def begin(self, table: Any, now: datetime) -> None:
        """Have the rows of `table` say from when on they are there, from here on."""
        if SINCE not in table.schema.names:  # an index of an earlier version
            table.add_columns({SINCE: "cast('' as string)"})
        if not self._has_begun and self.begins is None:
            self._tell(since=now)
        self._has_begun = True

    def keep(self, table: Any, document_ids: Sequence[str], now: datetime) -> None:
        """What `table` has of these documents, which is about to go. Of corrections nothing is kept: they hold as they
        are now."""
        wanted = f"{of_documents(document_ids)} AND uri NOT LIKE '{CORRECTION}%'"
        past = self.table
        for batch in table.search().where(wanted).select(table.schema.names).to_batches(_AT_ONCE):
            rows = pa.Table.from_batches([batch])
            rows = rows.append_column(UNTIL, pa.array([stamp(now)] * len(rows), pa.string()))
            if past is None:
                schema = pa.schema([*table.schema, pa.field(UNTIL, pa.string())])
                past = create_table(self._database, self._name, schema)
            merged = past.merge_insert(["id", SINCE]).when_matched_update_all().when_not_matched_insert_all()
            merged.execute(rows, on_bad_vectors="null")  # a document's own row has none

    @property
    def table(self) -> Any | None:
        if self._name not in self._database.list_tables().tables:
            return None
        return self._database.open_table(self._name)

    def parts(self, table: Any, moment: datetime) -> list[TablePart]:
        """What was there at that moment. `table`: opened before this is asked, so that nothing falls between."""
        at = quoted(stamp(moment))
        now = TablePart(table, f"{SINCE} <= {at} OR uri LIKE '{CORRECTION}%'")
        past = self.table
        return [now] if past is None else [now, TablePart(past, f"{SINCE} <= {at} AND {UNTIL} > {at}")]

    def prune(self, before: datetime) -> None:
        """Forget what was gone by then."""
        begins = self.begins
        if begins is not None and begins < before:
            self._tell(since=before)
        if (past := self.table) is not None:
            past.delete(f"{UNTIL} <= {quoted(stamp(before))}")

    def optimize(self, keep_versions: timedelta) -> None:
        if (past := self.table) is None:
            return
        past.optimize(cleanup_older_than=keep_versions)
        if past.count_rows():
            lexical.is_indexed(past)

    def erase(self, table: Any, now: datetime) -> None:
        """Leave nothing on the disk that is in no row any more, of `table` and of what is kept."""
        for each in (table, self.table):
            if each is not None:
                each.update(where="true", values_sql={SINCE: SINCE})  # every row is written anew
                each.optimize(cleanup_older_than=_NOTHING_OLD)
                if each.count_rows():
                    lexical.index_tokens(each)
                each.optimize(cleanup_older_than=_NOTHING_OLD)
        self._tell(written=now)
