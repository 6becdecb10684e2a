"""What every place of the state can do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import sqlalchemy as sa


class Database(Protocol):
    """The tables of the state, opened when they are first needed and made when something is first written. Any number
    of threads and processes may read and write. Everything raises `StoreError`."""

    def read(self, query: sa.Executable) -> list[dict[str, Any]]:
        """The rows of a query, column to value; none while there are no tables."""

    def writing(self, *, flushed: bool = True, noted: bool = True) -> AbstractContextManager[sa.Connection]:
        """A transaction that nobody else's comes between. `flushed`: False for what is cheap to find again, of which
        the last may be lost with the power. `noted`: False for what nobody waits to hear of, in one statement that
        minds no other; it may leave `changes` as it is."""

    def changes(self) -> int:
        """Another number after anything was written, by this process or another; quick enough to ask at every search.
        0 before the first writing."""

    def close(self) -> None: ...
