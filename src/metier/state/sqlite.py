"""What is said to SQLite alone: how a file of state is opened, looked into without a library, and locked.

Readers never wait for a writer (write-ahead log). What does not need SQLAlchemy is asked of the standard library: a
search must not pay a third of a second of imports to learn that nobody has corrected anything.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

_LOOK_AGAIN = 0.01  # seconds
VERSIONS = "alembic_version"  # table with the revision of the schema

BEGIN = "BEGIN IMMEDIATE"  # a transaction that nobody else's comes between
CHANGES = "PRAGMA data_version"  # another number after another connection has written


def write_ahead(connection: sqlite3.Connection, patience: float = 30.0) -> None:
    """Set up a new connection; every commit is flushed. `patience`: seconds for other processes that open the same new
    file, for which SQLite itself does not wait. Raises `sqlite3.Error`."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(_LOOK_AGAIN)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def is_busy(error: BaseException) -> bool:
    """Whether it says that another connection has locked the file."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def patience(seconds: float) -> str:
    """How long what follows waits for other connections."""
    return f"PRAGMA busy_timeout = {round(seconds * 1000)}"


def flush(how: Literal["FULL", "NORMAL"]) -> str:
    """Whether the commits that follow are flushed each; of NORMAL the last may be lost with the power, the file stays
    whole."""
    return f"PRAGMA synchronous={how}"


def look(path: Path, table: str = "") -> tuple[str | None, bool]:
    """The revision of the schema in the file ("" where it was made before there were revisions, None where there is no
    table), and whether `table` has a row. `table`: never from outside."""
    if not path.exists():
        return None, False
    with _reading(path) as connection:
        tables = _tables(connection)
        row = ("",) if tables else (None,)
        if VERSIONS in tables:
            row = connection.execute(f"SELECT version_num FROM {VERSIONS}").fetchone() or row  # noqa: S608 (a constant)
        found = table in tables and connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608
        return row[0], bool(found)


def stamp(path: Path) -> tuple[tuple[int, int], ...]:
    """Another value after anything was written to the file; told by the system alone, without opening it."""
    found = []
    for file in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            known = file.stat()
            found.append((known.st_mtime_ns, known.st_size))
    return tuple(found)


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table in the order in which they were made; none where there is no such file or table."""
    if not path.exists():
        return []
    with _reading(path) as connection:
        if table not in _tables(connection):
            return []
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]  # noqa: S608


def newest(path: Path, table: str, column: str) -> tuple[int, str]:
    """How many rows a table has, and the largest text of a column; (0, "") where there is no such table. Both names:
    never from outside."""
    if not path.exists():
        return 0, ""
    with _reading(path) as connection:
        if table not in _tables(connection):
            return 0, ""
        count, largest = connection.execute(f"SELECT count(*), max({column}) FROM {table}").fetchone()  # noqa: S608
        return count, largest or ""


def _tables(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_read_only(path)) as connection:
        yield connection


def open_read_only(path: Path) -> sqlite3.Connection:
    """Also where the folder is, or the disk is full: then without the small files that readers and writers share."""
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        connection = sqlite3.connect(address, uri=True, timeout=30, check_same_thread=False)
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
        connection = sqlite3.connect(f"{address}&immutable=1", uri=True, check_same_thread=False)
    return connection
