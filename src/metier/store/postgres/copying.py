"""Many rows into a table at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format
from psycopg.types import TypeInfo

from metier.store.postgres.connections import Connection


class VectorBytes(bytes):
    """A vector as the database takes it: dimension, zero, and its numbers, all big-endian."""

    @classmethod
    def of(cls, vector: np.ndarray) -> VectorBytes:
        return cls(len(vector).to_bytes(2, "big") + b"\0\0" + vector.astype(">f4").tobytes())


class _VectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: VectorBytes) -> Buffer:
        return bytes(obj)


def vector_of(sent: bytes) -> np.ndarray:
    """What `vector_send` gives, (dimension,) float32."""
    return np.frombuffer(sent, ">f4", offset=4).astype(np.float32)


def as_text(vector: np.ndarray) -> str:
    """As it is written into a query; nine digits tell any float32."""
    return f"[{','.join(f'{value:.9g}' for value in vector.tolist())}]"


def copy_into(connection: Connection, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """`columns`: of the rows, each with its type. By a table of this session's: no COPY goes into one with policies."""
    names = ", ".join(f'"{name}"' for name in columns)
    connection.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS new_{table} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} WHERE false"
    )
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY pg_temp.new_{table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(list(columns.values()))
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM pg_temp.new_{table}")
        cursor.execute(f"TRUNCATE pg_temp.new_{table}")


def register_vector(connection: Connection) -> None:
    """Have the connection know vectors, once."""
    if connection.adapters.types.get("vector") is None:
        info = TypeInfo.fetch(connection, "vector")
        assert info is not None  # noqa: S101 - the store was opened
        info.register(connection)
        oid = info.oid
        connection.adapters.register_dumper(VectorBytes, type("_Dumper", (_VectorDumper,), {"oid": oid}))
