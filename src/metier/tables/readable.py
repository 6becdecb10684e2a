"""What a query that a model wrote may name and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metier.tables.periods import period_of
from metier.tables.schema import Column, TableSchema


@dataclass(frozen=True, slots=True)
class ReadableTable:
    """A table with the documents of its rows that may be read."""

    schema: TableSchema
    documents: frozenset[str]


def group_name(schema: TableSchema) -> str:
    """Under which a query reads the names that rows stand under: a column that no table of a document has."""
    taken = {column.sql.lower() for column in schema.columns}
    return next(name for name in ("Section", "Section of rows", "Section of the rows") if name.lower() not in taken)


def unit_of_numbers(table: TableSchema, column: Column) -> str:
    """That of all numbers of a column; "" of a report, whose rows have units of their own."""
    return "" if period_of(column.name) is not None else column.unit or table.unit


def referred(tables: Sequence[TableSchema]) -> Iterator[tuple[TableSchema, str, TableSchema, str]]:
    """What leads from table to table: a table, its column, the other, and the column there. A name is first looked for
    in the same database."""
    near = {(table.document_id, table.name.casefold()): table for table in tables}
    elsewhere = {table.name.casefold(): table for table in tables}
    for table in tables:
        for own, name, column in table.references:
            other = near.get((table.document_id, name.casefold())) or elsewhere.get(name.casefold())
            if other is not None:
                yield table, own, other, column
