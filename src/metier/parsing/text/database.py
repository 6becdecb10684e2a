"""SQLite databases: each table under a heading of its name, each row a line that carries its column names.

Only a copy in memory is read, and only tables: views, triggers and virtual tables, which could run code of the
file's author, are left alone.
"""

from __future__ import annotations

import sqlite3

from metier.core.errors import ParseError
from metier.parsing.core.readers import Builder, Context

_TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
)


def read(content: bytes, builder: Builder, context: Context) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        # Bytes 18 and 19 say that a write-ahead log belongs to the file; a copy in memory has none.
        connection.deserialize(content[:18] + b"\x01\x01" + content[20:])
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        tables = [name for (name,) in connection.execute(_TABLES)]
        for name in tables:
            _table(connection, name, builder)
    except sqlite3.Error as error:
        raise ParseError(
            f"is a damaged SQLite database ({error})", hint="Make a fresh copy with `sqlite3 OLD .recover`."
        ) from None
    finally:
        connection.close()
    context.describe(tables=", ".join(tables))


def _table(connection: sqlite3.Connection, name: str, builder: Builder) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    columns = connection.execute(f"PRAGMA table_info({quoted})").fetchall()
    names = [column[1] for column in columns]
    key = [column[1] for column in sorted(columns, key=lambda c: c[5]) if column[5]]
    rows, keys = [names], []
    every_row = f"SELECT * FROM {quoted}"  # noqa: S608 - a name cannot be bound; this one is quoted
    for number, row in enumerate(connection.execute(every_row), start=1):
        cells = dict(zip(names, map(_cell, row), strict=True))
        rows.append(list(cells.values()))
        keys.append(", ".join(cells[part] for part in key) or str(number))
    if len(rows) > 1:
        builder.add("heading", name, level=2)
        builder.add_table(rows, keys=keys, name=name, references=_references(connection, quoted))


def _references(connection: sqlite3.Connection, quoted: str) -> list[tuple[str, str, str]]:
    """Its foreign keys; those of several columns are left out. Where no column is named, the key of the other is
    meant."""
    keys = connection.execute(f"PRAGMA foreign_key_list({quoted})").fetchall()
    several = {number for number, part, *_ in keys if part}
    return [(own, table, other or own) for number, _, table, own, other, *_ in keys if number not in several]


def _cell(value: object) -> str:
    if value is None or isinstance(value, bytes):
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)
