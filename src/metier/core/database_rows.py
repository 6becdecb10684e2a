"""Rows of a database's table on their way from their source to the parser, and the addresses of what they become.

A table is read in blocks of a few hundred rows; each is a document. All blocks of a table are one table again where it
is asked exactly, which is told by their addresses:

    postgresql://db.local/shop#orders               the table, and its first block
    postgresql://db.local/shop#orders/1042          the block that begins with the row whose key is 1042
    postgresql://db.local/shop#?open%20orders/17    of a query that is called "open orders"
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote

from metier.core.tables import DeclaredColumn, Reference

MAGIC = b"Metier rows 1\n"  # what a file of rows begins with
DATABASES = ("postgresql", "postgresql+psycopg", "mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql", "sqlite")
_SCHEME = rf"(?:{'|'.join(map(re.escape, DATABASES))})"
_BLOCK = re.compile(rf"(?P<table>(?P<database>{_SCHEME}://[^#]*)#[^/#]+)(?:/[^/#]*)?")
_MARKS = re.compile(r"[%/#?,\s\x00-\x1f\x7f\\]")


class DatabaseTable(NamedTuple):
    """`database`: its address; `table`: that of the table or query in it."""

    database: str
    table: str


def is_database(address: str) -> bool:
    """Whether it is the address of a database that rows are read from."""
    return address.partition("://")[0].lower() in DATABASES and "://" in address


def table_of(uri: str) -> DatabaseTable | None:
    """What the document with this uri is a block of; None for any other document. No path of a file looks like one, so
    a file cannot pass for a part of a table."""
    found = _BLOCK.fullmatch(uri)
    return DatabaseTable(found["database"], found["table"]) if found else None


def table_uri(database: str, name: str, *, is_query: bool = False) -> str:
    return f"{database}#{'?' if is_query else ''}{_marked(name)}"


def block_uri(table: str, start: Sequence[str] | None) -> str:
    """`table`: as `table_uri` has it; `start`: the key that the block begins with, None for the first."""
    return table if start is None else f"{table}/{','.join(map(_marked, start))}"


def start_of(uri: str, table: str) -> list[str] | None:
    """What `block_uri` was given; None for the first block."""
    rest = uri.removeprefix(table).removeprefix("/")
    return [unquote(part) for part in rest.split(",")] if rest else None


def _marked(text: str) -> str:
    """As a part of an address, readable in every script."""
    return _MARKS.sub(lambda found: quote(found[0], safe=""), text)


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """`key`: what names it; `cells`: as text, "" where one is empty; `beside`: what is told of each behind it."""

    key: str
    cells: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowBlock:
    """`table`: its name; `about`: what the database says of it and of its columns, in sentences; `notes`: what was left
    out of it, in words. `names`, `columns`: one each a column."""

    table: str
    names: tuple[str, ...]
    columns: tuple[DeclaredColumn, ...]
    rows: tuple[DatabaseRow, ...]
    references: tuple[Reference, ...] = ()
    about: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The same bytes for the same rows."""
        return MAGIC + json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "backslashreplace")

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Raises `ValueError` where it is none."""
        plain: dict[str, Any] = json.loads(content.removeprefix(MAGIC))
        try:
            return cls(
                plain["table"],
                tuple(plain["names"]),
                tuple(DeclaredColumn(**each) for each in plain["columns"]),
                tuple(DatabaseRow(r["key"], tuple(r["cells"]), tuple(r["beside"])) for r in plain["rows"]),
                tuple((own, table, other) for own, table, other in plain["references"]),
                tuple(plain["about"]),
                tuple(plain["notes"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None
