"""A database as a source: its tables, or a query, in blocks of a few hundred rows.

    discover: rows in the order of their keys, by a cursor of the server ─▶ blocks, each with a digest of its rows
    fetch:    the rows of one block ─▶ a file that the parser reads

Where a column says when a row was changed last, `discover` reads keys and that column alone. No more rows are held at
once than a block has.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from metier.core.database_rows import DatabaseRow, RowBlock, block_uri, start_of, table_of, table_uri
from metier.core.errors import ItemGone, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Rejected, Unreachable
from metier.sources.sql.blocks import LARGEST, BlockSpan, Key, key_text, spans
from metier.sources.sql.cells import LONGEST, as_text, row_cells
from metier.sources.sql.connection import ReadOnlyDatabase

if TYPE_CHECKING:  # SQLAlchemy takes a third of a second to import, and who asks a question needs none of it
    from metier.sources.sql.tables import DatabaseTableReader

_AT_ONCE = 2000  # rows that a cursor gives at a time
_NAMES = ", "


class SqlSource:
    """See `metier.sources.base.Source`."""

    def __init__(self, settings: SourceSettings, root: Path) -> None:
        self.name = settings.name
        self._settings = settings
        self._database = ReadOnlyDatabase(str(settings.url), settings.auth_env, root)
        self._readers: dict[str, DatabaseTableReader] = {}  # by address of the table
        self._spans: dict[str, BlockSpan] = {}  # by uri of the block

    def holds(self, identity: str) -> bool:
        """Whether a block that is known by this is of this source, without looking into the database."""
        place, own = table_of(identity), self._database.identity
        if place is None or place.database != own:
            return False
        if self._settings.query is not None:
            return place.table == table_uri(own, self._settings.label or "query", is_query=True)
        if self._settings.tables:
            return place.table in {table_uri(own, name) for name in self._settings.tables}
        return not place.table.removeprefix(own).startswith("#?")

    def discover(self) -> Iterator[Item | Unreachable | Rejected]:
        from metier.sources.sql.tables import Tables, is_missing

        self._readers.clear()
        self._spans.clear()
        for reader in Tables(self._database, self._settings).all():
            if isinstance(reader, SourceError):
                uri = str(reader.where)
                told = f"{reader.what}. {reader.hint}" if reader.hint else reader.what
                if table_of(uri) is None:
                    raise reader
                yield Rejected(uri, told) if is_missing(reader) else Unreachable(uri, told)
                continue
            try:
                found = list(self._blocks(reader))  # a table as a whole or not at all
            except SourceError as error:
                yield Unreachable(reader.uri, error.what)
                continue
            self._readers[reader.uri] = reader
            for span in found:
                item = self._item(reader, span)
                self._spans[item.uri] = span
                yield item

    def find(self, uri: str) -> Item | None:
        place = table_of(uri)
        if place is None or not self.holds(uri):
            return None
        if uri in self._spans:
            return self._item(self._readers[place.table], self._spans[uri])
        from metier.sources.sql.tables import Tables

        reader = Tables(self._database, self._settings).one(place.table)
        if reader is None:
            return None
        start = self._key_of(reader, start_of(uri, place.table))
        span = next(self._blocks(reader, start), None)
        if span is None or (start is not None and self._first_key(reader, start) != start):
            return None
        self._readers[reader.uri], self._spans[uri] = reader, span
        return self._item(reader, span)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        place = table_of(item.uri)
        if place is None or (item.uri not in self._spans and self.find(item.uri) is None):
            raise SourceError("is not part of this source", where=item.uri)
        reader, span = self._readers[place.table], self._spans[item.uri]
        block = self._read(reader, span)
        if not block.rows:
            raise ItemGone("has no rows any more", where=item.uri)
        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            path = Path(folder) / "rows"
            path.write_bytes(block.to_bytes())
            yield path

    # --- inside ----------------------------------------------------------------------------------------------

    def _item(self, reader: DatabaseTableReader, span: BlockSpan) -> Item:
        uri = block_uri(reader.uri, None if span.start is None else key_text(span.start))
        return Item(uri, span.digest, self._settings.groups, uri)

    def _blocks(self, reader: DatabaseTableReader, start: Key | None = None) -> Iterator[BlockSpan]:
        """From `start` on; its first alone costs no more than its rows."""
        most = None if start is None else LARGEST + 1
        return spans(self._keyed(reader, start, most), reader.shape, start)

    def _keyed(self, reader: DatabaseTableReader, start: Key | None, most: int | None) -> Iterator[tuple[Key, object]]:
        """The key of each row, and the rest of it. Raises `SourceError` where keys do not tell rows apart."""
        before: Key | None = None
        size, names = len(reader.key), _NAMES.join(reader.key)
        with closing(self._stream(reader, start, most)) as rows:
            for row in rows:
                key = tuple(row[:size])
                if None in key:
                    raise SourceError(f"has rows without a value in {names}, by which they are told apart")
                if key == before:
                    raise SourceError(f"has several rows whose {names} is {_NAMES.join(key_text(key))}")
                before = key
                yield key, tuple(row[size:])

    def _stream(
        self, reader: DatabaseTableReader, start: Key | None, most: int | None
    ) -> Generator[Sequence[Any], None, None]:
        """Rows by a cursor of the server; after a lost connection it goes on behind the last one that came."""
        database, size = self._database, len(reader.key)
        at = [(">=", start)] if start is not None else []

        def read() -> Iterator[Sequence[Any]]:
            select = reader.select(whole=False)
            for operator, key in at:
                select = reader.bounded(select, operator, key)
            if most is not None:
                select = select.limit(most)
            with database.engine.connect() as connection:
                options = connection.execution_options(stream_results=True, yield_per=_AT_ONCE)
                with closing(options.execute(select)) as found:
                    for row in found:
                        key = tuple(row[:size])
                        at[:] = [(">", key)] if None not in key else at
                        yield row

        return database.retrying(read)

    def _read(self, reader: DatabaseTableReader, span: BlockSpan) -> RowBlock:
        """The rows of a block as they are now: all that stand between where it began and where the next one did."""
        select = reader.select(whole=True)
        if span.start is not None:
            select = reader.bounded(select, ">=", span.start)
        if span.stop is not None:
            select = reader.bounded(select, "<", span.stop)

        def read() -> Iterator[list[Sequence[Any]]]:
            with self._database.engine.connect() as connection:
                yield list(connection.execute(select))

        found = next(self._database.retrying(read))
        made = [self._row(reader, row) for row in found]
        notes = list(reader.notes)
        if any(cut for _, cut in made):
            notes.append(f"texts of more than {LONGEST:,} characters were cut")
        about = reader.about if span.start is None else ()
        return RowBlock(
            reader.name, reader.shown, reader.columns, tuple(row for row, _ in made), reader.references, about,
            tuple(notes),
        )  # fmt: skip

    def _row(self, reader: DatabaseTableReader, row: Sequence[Any]) -> tuple[DatabaseRow, bool]:
        size, width = len(reader.key), len(reader.names)
        cells, is_cut = row_cells(row[size : size + width])
        beside = [self._unit_beside(reader, n) if cells[n] else "" for n in range(width)]
        at = size + width
        for lookup in reader.lookups:
            names = [as_text(value) for value in row[at : at + len(lookup.names)] if value is not None]
            at += len(lookup.names)
            if names:
                beside[reader.names.index(lookup.own)] = f"({' '.join(names)})"
        key = _NAMES.join(key_text(tuple(row[:size])))
        return DatabaseRow(key, cells, tuple(beside)), is_cut

    @staticmethod
    def _unit_beside(reader: DatabaseTableReader, place: int) -> str:
        """The unit, where the name of the column does not say it."""
        unit = reader.columns[place].unit
        return "" if unit.casefold() in reader.shown[place].casefold() else unit

    def _first_key(self, reader: DatabaseTableReader, start: Key) -> Key | None:
        return next((key for key, _ in self._keyed(reader, start, 1)), None)

    def _key_of(self, reader: DatabaseTableReader, parts: Sequence[str] | None) -> Key | None:
        """The key that is written so, of the types that the table's keys have."""
        if parts is None:
            return None
        first = next((key for key, _ in self._keyed(reader, None, 1)), None)
        if first is None or len(first) != len(parts):
            return None
        return tuple(_of_type(value, part) for value, part in zip(first, parts, strict=True))


def _of_type(like: object, text: str) -> object:
    """What is written so, of the type of a value beside which it stands; the text where it is none."""
    try:
        if isinstance(like, bool):
            return text == "yes"
        if isinstance(like, datetime):
            return datetime.fromisoformat(text)
        if isinstance(like, date):
            return date.fromisoformat(text)
        return type(like)(text) if isinstance(like, int | float | Decimal | UUID) else text
    except (ValueError, ArithmeticError):
        return text
