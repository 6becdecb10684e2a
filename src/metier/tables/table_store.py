"""The tables of all documents as tables of one SQLite file, typed, and the words that lead to them.

    "Prices 2026"   one SQL table a table of a document: its columns, and the place of each row in the document
    _documents      which version of a document its tables are of
    _tables         their schemas
    _values         the different texts of their cells
    _value_words, _table_words   full text of both, on the expert's own tokens

It is written after the store, document by document in one transaction, and can be made from the store at any time:
what a sync that was killed has left behind is made good by the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from metier.core.documents import Document
from metier.core.errors import StoreError
from metier.core.tables import PATH, Table
from metier.state.sqlite import open_read_only
from metier.tables.cell_values import ColumnType, TypedColumn, apart, typed, unit_in_name
from metier.tables.schema import DOCUMENT, END, GROUP, HIDDEN, ROW, START, TOTAL, Column, TableSchema, unique
from metier.text.analyzer import Analyser
from metier.text.language import words_in_any_language, words_of

VERSION = 1  # raised when the same document would be typed otherwise than before
_YEARS = range(1500, 2200)
_LONGEST_VALUE = 80  # characters of a cell that names something
_MOST_VALUES = 200_000  # different texts of one column that are kept as names
_SCHEMA = """
CREATE TABLE IF NOT EXISTS _documents (id TEXT PRIMARY KEY, content_hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tables (id INTEGER PRIMARY KEY, document TEXT NOT NULL, sql TEXT UNIQUE NOT NULL,
                                    schema TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS _tables_document ON _tables (document);
CREATE TABLE IF NOT EXISTS _values (id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, column_number INTEGER NOT NULL,
                                    text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS _values_table ON _values (table_id);
CREATE VIRTUAL TABLE IF NOT EXISTS _value_words USING fts5(words, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* Co'");
CREATE VIRTUAL TABLE IF NOT EXISTS _table_words USING fts5(words, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* Co'");
"""
_OF_TYPE = {ColumnType.NUMBER: "REAL", ColumnType.DATE: "TEXT", ColumnType.TEXT: "TEXT"}


class TableStore:
    """The file at `path`, made when the first table is written. One writer at a time, any number of readers in any
    process. Raises `StoreError`."""

    def __init__(self, path: Path, analyser: Analyser) -> None:
        self.path = path
        self._analyser = analyser

    # --- writing ---------------------------------------------------------------------------------------------

    def put(self, documents: Sequence[Document]) -> None:
        """Put the tables of documents in place of those that were there of them."""
        if not self.path.exists() and not any(document.tables for document in documents):
            return
        with self._writing() as connection:
            for document in documents:
                _forget(connection, document.id)
                for table in document.tables:
                    self._add(connection, document, table)
                told = (document.id, self._signed(document.content_hash))
                connection.execute("INSERT INTO _documents VALUES (?, ?)", told)

    def follow(self, hashes: dict[str, str], document: Callable[[str], Document | None]) -> None:
        """Bring it in line with the store. `hashes`: content hash of every document there, by id; `document`: one of
        them."""
        known = self.hashes()
        missing = [name for name, hashed in hashes.items() if known.get(name) != self._signed(hashed)]
        for name in missing:
            found = document(name)
            if found is not None:
                self.put([replace(found, content_hash=hashes[name])])
        gone = [name for name in known if name not in hashes]
        if gone:
            with self._writing() as connection:
                for name in gone:
                    _forget(connection, name)

    def _signed(self, content_hash: str) -> str:
        return f"{VERSION}-{self._analyser.version}-{content_hash}"

    def _add(self, connection: sqlite3.Connection, document: Document, table: Table) -> None:
        made = _typed(document, table)
        if made is None:
            return
        schema, rows = made
        taken = [name for (name,) in connection.execute("SELECT sql FROM _tables")]
        sql = next(unique([schema.name], taken, "table"))
        columns = ", ".join(f"{quoted(column.sql)} {_OF_TYPE[column.type]}" for column in schema.columns)
        connection.execute(
            f"CREATE TABLE {quoted(sql)} ({ROW} INTEGER PRIMARY KEY, {DOCUMENT} TEXT, {START} INTEGER, {END} INTEGER, "
            f"{TOTAL} INTEGER, {GROUP} TEXT, {columns})"
        )
        places = ", ".join("?" * (len(HIDDEN) + len(schema.columns)))
        connection.executemany(f"INSERT INTO {quoted(sql)} VALUES ({places})", rows)
        schema = replace(schema, sql=sql)
        number = connection.execute(
            "INSERT INTO _tables (document, sql, schema) VALUES (?, ?, ?)", (document.id, sql, schema.to_json())
        ).lastrowid
        words = [schema.name, schema.title, schema.caption, *(apart(column.name) for column in schema.columns)]
        self._index(connection, "_table_words", number or 0, " ".join(words))
        self._index_values(connection, number or 0, schema, rows)

    def _index_values(
        self, connection: sqlite3.Connection, number: int, schema: TableSchema, rows: Sequence[tuple[object, ...]]
    ) -> None:
        first = len(HIDDEN)
        texts = [n for n, column in enumerate(schema.columns) if column.type is ColumnType.TEXT]
        places = [(n, first + n) for n in texts] + ([(-1, first - 1)] if schema.grouped else [])
        for column, place in places:
            names = {row[place]: None for row in rows if row[place] and len(str(row[place])) <= _LONGEST_VALUE}
            for name in list(names)[:_MOST_VALUES]:
                added = connection.execute(
                    "INSERT INTO _values (table_id, column_number, text) VALUES (?, ?, ?)", (number, column, name)
                )
                self._index(connection, "_value_words", added.lastrowid or 0, str(name))

    def _index(self, connection: sqlite3.Connection, index: str, number: int, text: str) -> None:
        words = " ".join(self._analyser.tokens(text))
        connection.execute(f"INSERT INTO {index} (rowid, words) VALUES (?, ?)", (number, words))  # noqa: S608 - a constant

    # --- reading ---------------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, str]:
        """Signed content hash of each document whose tables are here, by id."""
        with self._reading() as connection:
            return dict(connection.execute("SELECT * FROM _documents")) if connection else {}

    def schemas(self, numbers: Collection[int] | None = None) -> list[TableSchema]:
        """Of the tables with these numbers, None: of all, in no order."""
        with self._reading() as connection:
            if connection is None:
                return []
            if numbers is None:
                found = connection.execute("SELECT id, schema FROM _tables").fetchall()
            else:
                asked = ", ".join(map(str, map(int, numbers)))
                found = connection.execute(f"SELECT id, schema FROM _tables WHERE id IN ({asked})").fetchall()  # noqa: S608
        return [_schema(number, text) for number, text in found]

    def of_document(self, document: str) -> list[TableSchema]:
        """The tables of one document, in its order."""
        with self._reading() as connection:
            query = "SELECT id, schema FROM _tables WHERE document = ? ORDER BY id"
            found = connection.execute(query, (document,)).fetchall() if connection else []
        return [_schema(number, text) for number, text in found]

    def tables_with(self, tokens: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """Tables whose name or columns have any of `tokens`, and how well (BM25), best first."""
        return self._matching(
            "SELECT rowid, -rank FROM _table_words WHERE _table_words MATCH ? ORDER BY rank LIMIT ?", tokens, limit
        )

    def values_with(self, tokens: Sequence[str], limit: int) -> list[tuple[int, int, str]]:
        """Table, column and text of cells that have any of `tokens`, the best first; column -1: the name of a group."""
        return self._matching(
            "SELECT table_id, column_number, text FROM _value_words JOIN _values ON _values.id = _value_words.rowid "
            "WHERE _value_words MATCH ? ORDER BY rank LIMIT ?", tokens, limit,
        )  # fmt: skip

    def _matching(self, query: str, tokens: Sequence[str], limit: int) -> list[tuple[Any, ...]]:
        words = " OR ".join(f'"{token}"' for token in dict.fromkeys(tokens) if '"' not in token)
        with self._reading() as connection:
            return connection.execute(query, (words, limit)).fetchall() if connection and words else []

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.exists():
            yield None
            return
        with _told("be read"), closing(open_read_only(self.path)) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _told("be written"), closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # a process that may not write can read it
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN IMMEDIATE")
            yield connection


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"the tables of the documents cannot {what} ({error})",
            hint="Delete .metier/tables.sqlite and run `metier sync`: it is made again from the documents.",
        ) from None


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=1024)
def _schema(number: int, text: str) -> TableSchema:
    return TableSchema.from_json(number, text)


def _forget(connection: sqlite3.Connection, document: str) -> None:
    for number, sql in connection.execute("SELECT id, sql FROM _tables WHERE document = ?", (document,)).fetchall():
        connection.execute(f"DROP TABLE {quoted(sql)}")
        connection.execute(
            "DELETE FROM _value_words WHERE rowid IN (SELECT id FROM _values WHERE table_id = ?)", (number,)
        )
        connection.execute("DELETE FROM _values WHERE table_id = ?", (number,))
        connection.execute("DELETE FROM _table_words WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM _tables WHERE id = ?", (number,))
    connection.execute("DELETE FROM _documents WHERE id = ?", (document,))


# --- typing a table ------------------------------------------------------------------------------------------


def _typed(document: Document, table: Table) -> tuple[TableSchema, list[tuple[object, ...]]] | None:
    """A table with its columns typed, and its rows as they are inserted; None where it has no two columns or no row."""
    width = max((len(row.cells) for row in table.rows), default=0)
    if width < 2:
        return None
    names = [*table.names, *[""] * width][:width]
    cells = [
        [document.text[slice(*row.cells[n])] if n < len(row.cells) and row.cells[n] else "" for row in table.rows]
        for n in range(width)
    ]
    kept = [n for n in range(width) if any(cells[n])]
    if len(kept) < 2:
        return None
    columns, values = [], []
    for n, sql in zip(kept, unique([names[n] for n in kept]), strict=True):
        found = typed(names[n], cells[n], document.language)
        different = len({value for value in found.values if value is not None})
        unit = found.unit or (unit_in_name(names[n]) if found.type is ColumnType.NUMBER else "")
        columns.append(Column(names[n] or sql, sql, found.type, unit, different, _are_years(found), n))
        values.append(found.values)
    labels = _labels(columns, [cells[n] for n in kept])
    totals = words_in_any_language("tables", "total")
    rows: list[tuple[object, ...]] = []
    for place, row in enumerate(table.rows):
        said = words_of(cells[kept[labels[0]]][place])
        is_total = bool(said) and totals.issuperset(said)
        own = [column[place] for column in values]
        rows.append((place, document.id, row.start, row.end, int(is_total), PATH.join(row.groups) or None, *own))
    grouped = any(row.groups for row in table.rows)
    schema = TableSchema(
        0, "", _name(document, table), document.id, document.uri, document.title, tuple(columns), len(rows), table.page,
        table.caption, table.unit, labels, _key(columns, len(rows)), grouped, any(row[HIDDEN.index(TOTAL)] for row in rows), document.language,
        any(each.references for each in document.tables), table.references,
    )  # fmt: skip
    return schema, rows


def _are_years(column: TypedColumn) -> bool:
    numbers = [value for value in column.values if isinstance(value, float)]
    return column.type is ColumnType.NUMBER and not column.unit and all(n in _YEARS for n in numbers)


def _labels(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Which columns name the rows: those that are called a name or title, of several the first unless all are names
    of a person; else the first one of words that hardly repeats; else the first."""
    names, of_person = (words_in_any_language("tables", field) for field in ("label", "person_name"))
    said = [words_of(apart(column.name)) for column in columns]
    words = [n for n, column in enumerate(columns) if column.type is ColumnType.TEXT]
    called = [n for n in words if names.intersection(said[n]) and columns[n].distinct > 1]
    person = [n for n in called if of_person.intersection(said[n])]
    if len(person) > 1:
        return tuple(sorted(person, key=lambda n: "last" in said[n]))
    spelled = [n for n in words if sum(any(map(str.isalpha, cell)) for cell in cells[n]) * 2 > len(cells[n])]
    telling = [n for n in spelled if columns[n].distinct * 2 > len(cells[n])]
    return ((called or telling or [0])[0],)


def _key(columns: Sequence[Column], rows: int) -> str:
    return next((column.sql for column in columns if column.distinct == rows), "")


def _name(document: Document, table: Table) -> str:
    if table.name:
        return table.name
    if table.caption:
        return table.caption
    headings = [block for block in document.blocks if block.kind == "heading" and block.end <= table.start]
    if headings:
        return document.text[headings[-1].start : headings[-1].end]
    return document.title
