"""The process that runs queries: reads them from stdin, writes results to stdout, dies with its parent.

Whatever is asked of it, it can read this one file and nothing else: the connection is read-only, SQLite asks a
function of ours before every table, column and function that a query uses, the system keeps files, programs and the
network from the process (Landlock, seccomp), and time, rows, bytes and memory are limited.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import quote

from metier.parsing.core.protocol import Message, receive, send

# Functions that compute and do nothing else. `printf`, `zeroblob`, `randomblob`, `load_extension` are not among them.
FUNCTIONS = frozenset({
    "abs", "avg", "coalesce", "count", "date", "datetime", "ifnull", "iif", "instr", "julianday", "length", "like",
    "lower", "ltrim", "max", "min", "nullif", "round", "rtrim", "sign", "strftime", "substr", "substring", "sum",
    "time", "total", "trim", "upper",
})  # fmt: skip
_REQUEST = 1 << 24  # bytes
_READS = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_STEPS = 20_000  # of SQLite's machine between two looks at the clock


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limits = receive(requests, most=_REQUEST) or {}
    path = Path(limits["path"])
    connection = _opened(path)
    if os.name == "posix":
        _limit_memory(limits["memory"])
        _enter_sandbox(path)
    while (request := receive(requests, most=_REQUEST)) is not None:
        send(answers, _answer(connection, request, limits))


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200)
    return connection


def _enter_sandbox(path: Path) -> None:
    from metier.parsing import sandbox

    sandbox.enter(Path.cwd(), programs=False, file_bytes=0, read=[path.parent])


def _limit_memory(limit: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(connection: sqlite3.Connection, request: Message, limits: Message) -> Message:
    """`request`: `sql` and the `tables` that it may read."""
    if not _READS.match(request["sql"]):
        return {"what": "only one SELECT is run"}
    until = time.monotonic() + limits["seconds"]
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    connection.set_authorizer(_authorizer(request["tables"]))
    try:
        cursor = connection.execute(request["sql"])
        names = [column[0] for column in cursor.description or ()]
        rows: list[tuple[object, ...]] = []
        size = 0
        for row in cursor:
            size += sum(len(value) if isinstance(value, str) else 8 for value in row)
            if len(rows) >= limits["rows"] or size > limits["bytes"]:
                return {"names": names, "rows": rows, "cut": True}
            rows.append(row)
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        if time.monotonic() > until:
            return {"what": f"the query took longer than {limits['seconds']:g} s"}
        return {"what": str(error)}
    except MemoryError:
        return {"what": "the query needs too much memory"}
    return {"names": names, "rows": rows, "cut": False}


def _authorizer(tables: Collection[str]) -> Callable[..., int]:
    """What SQLite asks while it prepares a statement: only to read these tables, by these functions."""
    known = set(tables)

    def allowed(action: int, first: str | None, second: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_SELECT:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and first in known:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and (second or "").casefold() in FUNCTIONS:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return allowed


if __name__ == "__main__":
    main()
