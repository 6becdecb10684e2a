"""How the tool's SQLite files are opened: with a write-ahead log, so that readers never wait for a writer."""

from __future__ import annotations

import sqlite3
import time
from typing import Literal

_LOOK_AGAIN = 0.01  # seconds


def write_ahead(
    connection: sqlite3.Connection, synchronous: Literal["FULL", "NORMAL"] = "FULL", patience: float = 30.0
) -> None:
    """Set up a new connection. `synchronous`: FULL flushes every commit; NORMAL may lose the last ones with the power,
    but keeps the file whole. `patience`: seconds for other processes that open the same new file, for which SQLite
    itself does not wait. Raises `sqlite3.Error`."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        time.sleep(_LOOK_AGAIN)
    connection.execute(f"PRAGMA synchronous={synchronous}")
