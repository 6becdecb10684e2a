"""Tables of databases in the file of the tables: each put together from the documents that hold a block of its rows.

A block takes the place of its own rows alone. A table is asked once a sync has ended that read all of its blocks, and
what is known of it as a whole (how many rows, which column names them, the words of its cells) is worked out then.
Where its columns change, blocks that are read again gather in a new table, and the old one goes with its last block.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace

from metier.core.database_rows import DatabaseTable
from metier.core.documents import Document
from metier.core.tables import Table
from metier.tables.cell_values import ColumnType
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
from metier.tables.typed_tables import declared_rows, declared_schema, labels_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS _blocks (document TEXT PRIMARY KEY, table_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _blocks_table ON _blocks (table_id);
"""
LONGEST_VALUE = 80  # characters of a cell that names something
MOST_VALUES = 200_000  # different texts of one column that are kept as names
_SAMPLED = 2000  # rows by which it is told what names them
_YEARS = (1500, 2200)

IndexWords = Callable[[sqlite3.Connection, int, TableSchema], None]
IndexValue = Callable[[sqlite3.Connection, int, int, str], None]


def add_block(connection: sqlite3.Connection, document: Document, table: Table, place: DatabaseTable) -> None:
    """Put the rows of a block where the others of its table are."""
    schema = declared_schema(place, table, document.language)
    plain = (table.names, [(each.kind, each.unit) for each in table.declared], table.references)
    shape = hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]
    of_shape = "SELECT id, sql FROM _tables WHERE address = ? AND shape = ?"
    found = connection.execute(of_shape, (place.table, shape)).fetchone()
    number, sql = found or _create(connection, schema, place, shape)
    places = ", ".join("?" * (len(HIDDEN) + len(schema.columns)))
    connection.executemany(f"INSERT INTO {quoted(sql)} VALUES ({places})", declared_rows(document, table))
    connection.execute("INSERT INTO _blocks VALUES (?, ?)", (document.id, number))
    connection.execute("UPDATE _tables SET stale = 1 WHERE id = ?", (number,))


def _create(connection: sqlite3.Connection, schema: TableSchema, place: DatabaseTable, shape: str) -> tuple[int, str]:
    sql = _free_name(connection, schema.name, 0)
    kinds = COLUMN_SQL | {ColumnType.NUMBER: "NUMERIC"}  # whole numbers stay whole, however large
    columns = ", ".join(f"{quoted(column.sql)} {kinds[column.type]}" for column in schema.columns)
    connection.execute(
        f"CREATE TABLE {quoted(sql)} ({ROW} INTEGER PRIMARY KEY, {DOCUMENT} TEXT, {START} INTEGER, {END} INTEGER, "
        f"{TOTAL} INTEGER, {GROUP} TEXT, {columns})"
    )
    number = connection.execute(
        "INSERT INTO _tables (document, sql, schema, address, shape, complete, stale) VALUES (?, ?, ?, ?, ?, 0, 1)",
        (place.database, sql, replace(schema, sql=sql).to_json(), place.table, shape),
    ).lastrowid
    connection.execute(f"CREATE INDEX {quoted(f'_documents of {number}')} ON {quoted(sql)} ({DOCUMENT})")
    return number or 0, sql


def forget_block(connection: sqlite3.Connection, document: str) -> None:
    """Take out the rows of a block, where the document is one."""
    of_document = "SELECT id, sql FROM _blocks JOIN _tables ON id = table_id WHERE _blocks.document = ?"
    for number, sql in connection.execute(of_document, (document,)).fetchall():
        connection.execute(f"DELETE FROM {quoted(sql)} WHERE {DOCUMENT} = ?", (document,))
        connection.execute("DELETE FROM _blocks WHERE document = ?", (document,))
        connection.execute("UPDATE _tables SET stale = 1 WHERE id = ?", (number,))


def settle(
    connection: sqlite3.Connection,
    unread: Collection[str],
    drop: Callable[[sqlite3.Connection, int, str], None],
    index_words: IndexWords,
    index_value: IndexValue,
) -> None:
    """After a sync: which tables are whole, and what is known of them. `unread`: addresses of those of which a block
    could not be read."""
    of_databases = "SELECT id, sql, address, complete, stale FROM _tables WHERE address <> ''"
    shapes: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
    for number, sql, address, complete, stale in connection.execute(of_databases).fetchall():
        if connection.execute("SELECT 1 FROM _blocks WHERE table_id = ? LIMIT 1", (number,)).fetchone() is None:
            drop(connection, number, sql)
        else:
            shapes[address].append((number, sql, bool(complete and not stale)))
    for address, found in shapes.items():
        whole = len(found) == 1 and address not in unread
        for number, sql, is_settled in found:
            if whole and not is_settled:
                _work_out(connection, number, sql, index_words, index_value)
            connection.execute("UPDATE _tables SET complete = ? WHERE id = ?", (int(whole), number))


def _work_out(
    connection: sqlite3.Connection, number: int, sql: str, index_words: IndexWords, index_value: IndexValue
) -> None:
    (plain,) = connection.execute("SELECT schema FROM _tables WHERE id = ?", (number,)).fetchone()
    schema = TableSchema.from_json(number, plain)
    if (free := _free_name(connection, schema.name, number)) != sql:  # that of the table before is
        connection.execute(f"ALTER TABLE {quoted(sql)} RENAME TO {quoted(free)}")
        sql = free
    schema = replace(_measured(connection, schema, sql), sql=sql)
    connection.execute(
        "UPDATE _tables SET schema = ?, sql = ?, stale = 0 WHERE id = ?", (schema.to_json(), sql, number)
    )
    keys = {own for own, _, _ in schema.references} | ({schema.key} if schema.key else set())
    for column in keys.intersection(column.sql for column in schema.columns):
        name = quoted(f"_{column} of {number}")
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(sql)} ({quoted(column)})")
    index_words(connection, number, schema)
    for place, each in enumerate(schema.columns):
        if each.type is ColumnType.TEXT:
            _index_values(connection, number, sql, place, each.sql, index_value)


def _measured(connection: sqlite3.Connection, schema: TableSchema, sql: str) -> TableSchema:
    """With all that only the whole table tells."""
    names = [quoted(column.sql) for column in schema.columns]
    counts = ", ".join(["COUNT(*)", *(f"COUNT(DISTINCT {name})" for name in names)])
    rows, *distinct = connection.execute(f"SELECT {counts} FROM {quoted(sql)}").fetchone()
    columns = []
    for column, name, different in zip(schema.columns, names, distinct, strict=True):
        low, high = connection.execute(f"SELECT MIN({name}), MAX({name}) FROM {quoted(sql)}").fetchone()
        is_number = column.type is ColumnType.NUMBER and not column.unit and low is not None
        years = is_number and _YEARS[0] <= low and high < _YEARS[1]
        columns.append(replace(column, distinct=different, years=years))
    sample = connection.execute(f"SELECT {', '.join(names)} FROM {quoted(sql)} LIMIT {_SAMPLED}").fetchall()
    cells = [["" if value is None else str(value) for value in values] for values in zip(*sample, strict=True)]
    seen = [replace(column, distinct=len(set(of))) for column, of in zip(columns, cells, strict=True)]
    key = next((column.sql for column in columns if column.distinct == rows), "")
    return replace(schema, rows=rows, columns=tuple(columns), labels=labels_of(seen, cells, schema.name), key=key)


def _index_values(
    connection: sqlite3.Connection, number: int, sql: str, place: int, column: str, index_value: IndexValue
) -> None:
    """Bring the names of a column in line with its cells: most are those that were there before."""
    connection.execute("DROP TABLE IF EXISTS temp.now")
    connection.execute("CREATE TEMP TABLE now (text TEXT PRIMARY KEY) WITHOUT ROWID")
    name = quoted(column)
    connection.execute(
        f"INSERT INTO temp.now SELECT DISTINCT {name} FROM {quoted(sql)} "
        f"WHERE {name} <> '' AND length({name}) <= {LONGEST_VALUE} LIMIT {MOST_VALUES}"
    )
    own = "FROM _values WHERE table_id = ? AND column_number = ?"
    gone = f"{own} AND text NOT IN (SELECT text FROM temp.now)"
    connection.execute(f"DELETE FROM _value_words WHERE rowid IN (SELECT id {gone})", (number, place))
    connection.execute(f"DELETE {gone}", (number, place))
    new = f"SELECT text FROM temp.now EXCEPT SELECT text {own}"
    for (text,) in connection.execute(new, (number, place)).fetchall():
        index_value(connection, number, place, text)
    connection.execute("DROP TABLE temp.now")


def _free_name(connection: sqlite3.Connection, name: str, number: int) -> str:
    """A name in SQL for the table with this number."""
    taken = [sql for (sql,) in connection.execute("SELECT sql FROM _tables WHERE id <> ?", (number,))]
    return next(unique([name], taken, "table"))
