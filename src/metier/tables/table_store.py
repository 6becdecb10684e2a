"""The tables of all documents as tables of one SQLite file, typed, and the words that lead to them.

    "Prices 2026"   one SQL table a table of a document: its columns, and the place of each row in the document
    _documents      which version of a document its tables are of
    _tables         their schemas
    _blocks         which documents are blocks of a database's table (`database_tables`)
    _references     which columns point to rows of other tables, undeclared (`inferred_references`)
    _values         the different texts of their cells
    _value_words, _table_words   full text of both, on the expert's own tokens

It is written after the store, document by document in one transaction, and can be made from the store at any time:
what a sync that was killed has left behind is made good by the next.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from metier.core.database_rows import table_of
from metier.core.disk import unwritable, writing_to
from metier.core.documents import Document
from metier.core.errors import StoreError
from metier.core.permissions import file_mode, make_state_folder
from metier.core.tables import Table
from metier.state.sqlite import open_read_only
from metier.tables import database_tables, inferred_references
from metier.tables.cell_values import ColumnType
from metier.tables.database_tables import LONGEST_VALUE, MOST_VALUES
from metier.tables.schema import (
    COLUMN_SQL,
    DOCUMENT,
    END,
    GROUP,
    HIDDEN,
    ROW,
    START,
    TOTAL,
    TableSchema,
    quoted,
    unique,
)
from metier.tables.typed_tables import typed_table
from metier.text.analyzer import Analyser
from metier.text.names import apart

VERSION = 4  # raised when the same document would be typed otherwise than before
_TOGETHER = 64  # documents of one transaction
_SCHEMA = """
CREATE TABLE IF NOT EXISTS _documents (id TEXT PRIMARY KEY, content_hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tables (id INTEGER PRIMARY KEY, document TEXT NOT NULL, sql TEXT UNIQUE NOT NULL,
                                    schema TEXT NOT NULL, address TEXT NOT NULL DEFAULT '', shape TEXT,
                                    complete INTEGER NOT NULL DEFAULT 1, stale INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS _tables_document ON _tables (document);
CREATE INDEX IF NOT EXISTS _tables_address ON _tables (address);
CREATE TABLE IF NOT EXISTS _values (id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, column_number INTEGER NOT NULL,
                                    text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS _values_table ON _values (table_id);
CREATE VIRTUAL TABLE IF NOT EXISTS _value_words USING fts5(words, tokenize="{tokens}");
CREATE VIRTUAL TABLE IF NOT EXISTS _table_words USING fts5(words, tokenize="{tokens}");
""".replace("{tokens}", "unicode61 remove_diacritics 0 categories 'L* M* N* Co'")
# All tables but the shadows of full text, which go with it.
_MADE = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_*_words_*' AND name NOT GLOB 'sqlite_*'"
)


class TableStore:
    """The file at `path`, made when the first table is written. One writer at a time, any number of readers in any
    process. Raises `StoreError`."""

    def __init__(self, path: Path, analyser: Analyser) -> None:
        self.path = path
        self._analyser = analyser

    # --- writing ---------------------------------------------------------------------------------------------

    def put(self, documents: Sequence[Document]) -> None:
        """Put the tables of documents in place of those that were there of them."""
        if not documents:
            return
        with self._writing() as connection:
            for document in documents:
                _forget(connection, document.id)
                place = table_of(document.uri)
                for table in document.tables:
                    if place is not None and table.declared:
                        database_tables.add_block(connection, document, table, place)
                    else:
                        self._add(connection, document, table)
                told = (document.id, self._signed(document.content_hash))
                connection.execute("INSERT INTO _documents VALUES (?, ?)", told)

    def follow(
        self, hashes: dict[str, str], document: Callable[[str], Document | None], unread: Collection[str] = ()
    ) -> None:
        """Bring it in line with the store. `hashes`: content hash of every document there, by id; `document`: one of
        them. `unread`: uris of what the last sync could not read; a database's table that has a block among them is not
        asked."""
        known = self.hashes()
        missing = [name for name, hashed in hashes.items() if known.get(name) != self._signed(hashed)]
        for start in range(0, len(missing), _TOGETHER):
            found = ((name, document(name)) for name in missing[start : start + _TOGETHER])
            self.put([replace(each, content_hash=hashes[name]) for name, each in found if each is not None])
        gone = [name for name in known if name not in hashes]
        if gone:
            with self._writing() as connection:
                for name in gone:
                    _forget(connection, name)
                _name_plainly(connection)
        if self.path.exists():
            with self._writing() as connection:
                lacking = {place.table for place in map(table_of, unread) if place is not None}
                database_tables.settle(connection, lacking, _drop, self._index_words, self._index_value)
                inferred_references.infer(connection)

    def compact(self) -> None:
        """Leave nothing in the file of what is in no table any more."""
        if self.path.exists():
            with _told("be written", self.path), closing(sqlite3.connect(self.path, timeout=30)) as connection:
                connection.execute("VACUUM")

    def _signed(self, content_hash: str) -> str:
        return f"{VERSION}-{self._analyser.version}-{content_hash}"

    def _add(self, connection: sqlite3.Connection, document: Document, table: Table) -> None:
        made = typed_table(document, table)
        if made is None:
            return
        schema, rows = made.schema, made.rows
        taken = [name for (name,) in connection.execute("SELECT sql FROM _tables")]
        sql = next(unique([schema.name], taken, "table"))
        columns = ", ".join(f"{quoted(column.sql)} {COLUMN_SQL[column.type]}" for column in schema.columns)
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
        self._index_words(connection, number or 0, schema)
        self._index_values(connection, number or 0, schema, rows)

    def _index_values(
        self, connection: sqlite3.Connection, number: int, schema: TableSchema, rows: Sequence[tuple[object, ...]]
    ) -> None:
        first = len(HIDDEN)
        texts = [n for n, column in enumerate(schema.columns) if column.type is ColumnType.TEXT]
        places = [(n, first + n) for n in texts] + ([(-1, first - 1)] if schema.grouped else [])
        for column, place in places:
            names = {row[place]: None for row in rows if row[place] and len(str(row[place])) <= LONGEST_VALUE}
            for name in list(names)[:MOST_VALUES]:
                self._index_value(connection, number, column, str(name))

    def _index_value(self, connection: sqlite3.Connection, number: int, column: int, name: str) -> None:
        added = connection.execute(
            "INSERT INTO _values (table_id, column_number, text) VALUES (?, ?, ?)", (number, column, name)
        )
        self._index(connection, "_value_words", added.lastrowid or 0, name)

    def _index_words(self, connection: sqlite3.Connection, number: int, schema: TableSchema) -> None:
        words = [schema.name, schema.title, schema.caption, *(apart(column.name) for column in schema.columns)]
        connection.execute("DELETE FROM _table_words WHERE rowid = ?", (number,))
        self._index(connection, "_table_words", number, " ".join(words))

    def _index(self, connection: sqlite3.Connection, index: str, number: int, text: str) -> None:
        words = " ".join(self._analyser.tokens(text))
        connection.execute(f"INSERT INTO {index} (rowid, words) VALUES (?, ?)", (number, words))

    # --- reading ---------------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, str]:
        """Signed content hash of each document whose tables are here, by id."""
        with self._reading() as connection:
            return dict(connection.execute("SELECT * FROM _documents")) if connection else {}

    def schemas(self, numbers: Collection[int] | None = None) -> list[TableSchema]:
        """Of the tables with these numbers (None = of all) that can be asked, in no order."""
        among = "" if numbers is None else f" AND id IN ({', '.join(map(str, map(int, numbers)))})"
        with self._reading() as connection:
            query = f"SELECT id, schema FROM _tables WHERE complete{among}"
            found = connection.execute(query).fetchall() if connection else []
        return [_schema(number, text) for number, text in found]

    def count(self) -> int:
        with self._reading() as connection:
            query = "SELECT count(*) FROM _tables WHERE complete"
            return int(connection.execute(query).fetchone()[0]) if connection else 0

    def of_document(self, document: str) -> list[TableSchema]:
        """The tables of one document, or of a database by its address, in its order."""
        with self._reading() as connection:
            query = "SELECT id, schema FROM _tables WHERE complete AND document = ? ORDER BY id"
            found = connection.execute(query, (document,)).fetchall() if connection else []
        return [_schema(number, text) for number, text in found]

    def documents_of(self, tables: Sequence[TableSchema]) -> dict[int, frozenset[str]]:
        """Ids of all documents that have rows in each of `tables`, by its number: of a table in a document that one, of
        a database's all its blocks."""
        found: dict[int, frozenset[str]] = {}
        with self._reading() as connection:
            for table in tables:
                query = "SELECT document FROM _blocks WHERE table_id = ?"
                blocks = connection.execute(query, (table.id,)).fetchall() if connection else []
                found[table.id] = frozenset(name for (name,) in blocks) or frozenset([table.document_id])
        return found

    def references(self, numbers: Sequence[int]) -> list[inferred_references.Reference]:
        """Undeclared references among the tables that lead to one another from those with these numbers on."""
        with self._reading() as connection:
            return inferred_references.related(connection, numbers) if connection and numbers else []

    def tables_with(self, tokens: Sequence[str], limit: int) -> list[int]:
        """Tables whose name or columns have any of `tokens`, best first (BM25)."""
        query = "SELECT rowid FROM _table_words WHERE _table_words MATCH ? ORDER BY rank LIMIT ?"
        return [number for (number,) in self._matching(query, tokens, limit)]

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
        with _told("be read", self.path), closing(open_read_only(self.path)) as connection:
            yield connection if _version(connection) == VERSION else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            with writing_to(self.path.parent.parent):
                make_state_folder(self.path.parent)
            mode = file_mode(self.path)
            with suppress(OSError):
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, mode))
                self.path.chmod(mode)  # whatever the umask
        with _told("be written", self.path), closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # a process that may not write can read it
            if _version(connection) != VERSION:
                for (name,) in connection.execute(_MADE).fetchall():
                    connection.execute(f"DROP TABLE {quoted(name)}")
            made = f"{_SCHEMA} {database_tables.SCHEMA} {inferred_references.SCHEMA}"
            connection.executescript(f"{made} PRAGMA user_version = {VERSION};")
            connection.execute("BEGIN IMMEDIATE")
            yield connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _told(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise unwritable(path.parent, error) or StoreError(
            f"the tables of the documents cannot {what} ({error})",
            where=str(path),
            hint="Delete it and run `metier sync`: it is made again from the documents.",
        ) from None


@lru_cache(maxsize=1024)
def _schema(number: int, text: str) -> TableSchema:
    return TableSchema.from_json(number, text)


def _name_plainly(connection: sqlite3.Connection) -> None:
    """Tables that had to be called otherwise beside one of their name that has gone since: of a file that was moved."""
    numbered = "SELECT id, sql, schema FROM _tables WHERE address = '' AND sql GLOB '* ([0-9]*)'"
    for number, sql, text in connection.execute(numbered).fetchall():
        schema = TableSchema.from_json(number, text)
        taken = [name for (name,) in connection.execute("SELECT sql FROM _tables WHERE id <> ?", (number,))]
        free = next(unique([schema.name], taken, "table"))
        if free != sql:
            connection.execute(f"ALTER TABLE {quoted(sql)} RENAME TO {quoted(free)}")
            named = (free, replace(schema, sql=free).to_json(), number)
            connection.execute("UPDATE _tables SET sql = ?, schema = ? WHERE id = ?", named)


def _forget(connection: sqlite3.Connection, document: str) -> None:
    for number, sql in connection.execute("SELECT id, sql FROM _tables WHERE document = ?", (document,)).fetchall():
        _drop(connection, number, sql)
    database_tables.forget_block(connection, document)
    connection.execute("DELETE FROM _documents WHERE id = ?", (document,))


def _drop(connection: sqlite3.Connection, number: int, sql: str) -> None:
    connection.execute(f"DROP TABLE {quoted(sql)}")
    connection.execute("DELETE FROM _value_words WHERE rowid IN (SELECT id FROM _values WHERE table_id = ?)", (number,))
    connection.execute("DELETE FROM _values WHERE table_id = ?", (number,))
    connection.execute("DELETE FROM _table_words WHERE rowid = ?", (number,))
    connection.execute("DELETE FROM _tables WHERE id = ?", (number,))
