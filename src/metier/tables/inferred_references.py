"""Which columns of tables point to rows of other tables, though nobody has declared it: of sheets and CSV files, and of
databases without foreign keys.

    cities.country ─▶ countries.name           its values are among those, and it is called as the table is
    orders.customer_id ─▶ customers.customer_id   the same, of numbers
    borders.border ─▶ countries.name           its values are among those that name rows there, whatever it is called

A column is pointed to where it has another value in each row. What is inferred here is known by the tables' numbers and
made anew when there are others.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from metier.tables.cell_values import ColumnType
from metier.tables.schema import Column, TableSchema, quoted
from metier.tables.vocabulary import alike, is_called_as, same_words, telling, without_id
from metier.text.language import words_in_any_language

SCHEMA = """
CREATE TABLE IF NOT EXISTS _references (table_id INTEGER NOT NULL, own TEXT NOT NULL, other_id INTEGER NOT NULL,
                                        other TEXT NOT NULL, PRIMARY KEY (table_id, own)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _inferred (signature TEXT NOT NULL);
"""
_OF_TABLES = frozenset({".csv", ".tsv", ".tab", ".xlsx", ".xls", ".xlsm", ".ods", ".sqlite", ".sqlite3", ".db"})
_LANGUAGE = "en"  # of names of columns, as they are mostly written
_MOST_TABLES = 300  # of which columns are compared by name
_MOST_UNNAMED = 60  # of which columns are compared by their values alone
_AMONG, _AMONG_UNNAMED = 0.8, 0.95  # share of a column's values that the other has
_HARDLY_REPEATS = 0.9  # share of its rows that have another name
_FEWEST, _FEWEST_UNNAMED = 2, 4  # different values

Reference = tuple[int, str, int, str]  # number of a table, its column, number of the other table, its column


@dataclass(frozen=True, slots=True)
class _Pair:
    """`named`: how well the column's name tells of the other table: 3 as the table, 2 as its column, 1 in part, 0."""

    table: TableSchema
    column: Column
    other: TableSchema
    pointed: Column
    named: int


def infer(connection: sqlite3.Connection) -> None:
    """Bring the references in line with the tables that are there."""
    rows = connection.execute("SELECT id, schema FROM _tables WHERE complete ORDER BY id").fetchall()
    signature = hashlib.sha256(repr([number for number, _ in rows]).encode()).hexdigest()
    if connection.execute("SELECT 1 FROM _inferred WHERE signature = ?", (signature,)).fetchone():
        return
    tables = [schema for number, text in rows if _is_asked(schema := TableSchema.from_json(number, text))]
    connection.execute("DELETE FROM _references")
    connection.execute("DELETE FROM _inferred")
    connection.executemany("INSERT INTO _references VALUES (?, ?, ?, ?)", _references(connection, tables))
    connection.execute("INSERT INTO _inferred VALUES (?)", (signature,))


def related(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[Reference]:
    """All references among the tables that lead to one another from `numbers` on."""
    found: dict[tuple[int, str], Reference] = {}
    waiting, seen = set(numbers), set[int]()
    while waiting:
        asked = ", ".join(map(str, map(int, waiting)))
        seen |= waiting
        query = f"SELECT * FROM _references WHERE table_id IN ({asked}) OR other_id IN ({asked})"
        for reference in connection.execute(query).fetchall():
            found[reference[0], reference[1]] = reference
        waiting = {number for each in found.values() for number in (each[0], each[2])} - seen
    return list(found.values())


def _is_asked(table: TableSchema) -> bool:
    """Whether it is a table of its own, not one of a text, and of no database that declares its keys."""
    is_of_tables = PurePosixPath(table.uri.partition("#")[0]).suffix.lower() in _OF_TABLES or "://" in table.uri
    return is_of_tables and not table.references and not table.totals


def _references(connection: sqlite3.Connection, tables: Sequence[TableSchema]) -> Iterator[Reference]:
    if len(tables) > _MOST_TABLES:
        return
    found: dict[tuple[int, str], tuple[_Pair, float]] = {}
    pairs = [pair for pair in _pairs(tables) if pair.named]
    unnamed = [pair for pair in _pairs(tables) if not pair.named] if len(tables) <= _MOST_UNNAMED else []
    for stage in (pairs, unnamed):
        pointed = Counter(pair.other.id for pair, _ in found.values())
        best: dict[tuple[int, str], tuple[tuple[float, ...], _Pair, float]] = {}
        for pair in stage:
            key = (pair.table.id, pair.column.sql)
            if key in found or not (share := _share(connection, pair)):
                continue
            rank = (float(pair.named), share, float(pointed[pair.other.id]), float(pair.other.rows))
            if key not in best or rank > best[key][0]:
                best[key] = (rank, pair, share)
        found |= {key: (pair, share) for key, (_, pair, share) in best.items()}
    for pair, _ in found.values():
        yield pair.table.id, pair.column.sql, pair.other.id, pair.pointed.sql


def _pairs(tables: Sequence[TableSchema]) -> Iterator[_Pair]:
    for table in tables:
        for column in table.columns:
            if column.type is ColumnType.DATE:
                continue
            for other in tables:
                if other is table:
                    continue
                for pointed in other.columns:
                    if pointed.type is column.type and other.rows > 1 and _names_rows(pointed, other):
                        named = _named(table, column, other, pointed)
                        if _may_point(table, column, other, pointed, named):
                            yield _Pair(table, column, other, pointed, named)


def _names_rows(column: Column, table: TableSchema) -> bool:
    """Whether it has another value in each row; names of towns hardly repeat."""
    least = _HARDLY_REPEATS if column.type is ColumnType.TEXT and column in table.labelling else 1.0
    return column.distinct >= least * table.rows


def _may_point(table: TableSchema, column: Column, other: TableSchema, pointed: Column, named: int) -> bool:
    if column.sql == table.key and named < 3:
        return False
    is_number = _is_number_name(column) or _is_number_name(pointed)
    if column.type is ColumnType.NUMBER or is_number:  # numbers are among each other's by chance
        return is_number and named > 0
    names_own_rows = column in table.labelling and column.distinct == table.rows
    if named:
        return column.distinct >= _FEWEST and not (names_own_rows and named < 3)
    return pointed in other.labelling and column.distinct >= _FEWEST_UNNAMED and not names_own_rows


def _named(table: TableSchema, column: Column, other: TableSchema, pointed: Column) -> int:
    if is_called_as(column.name, other.name, _LANGUAGE):
        return 3
    own, called, its = (telling(name, _LANGUAGE) for name in (column.name, other.name, pointed.name))
    of_rows = column in table.labelling and pointed in other.labelling and len(own) == 1
    is_any_name = of_rows and own[0] in words_in_any_language("tables", "label")
    if same_words(own, its, _LANGUAGE) and not is_any_name:
        return 2
    part = bool(called) and any(alike(word, called[-1], other.language or "en") for word in without_id(own))
    within = len(its) > 1 and same_words(own[-len(its) :], its, _LANGUAGE)
    return 1 if part or within else 0


def _is_number_name(column: Column) -> bool:
    words = telling(column.name, _LANGUAGE)
    return bool(words) and words[-1] in words_in_any_language("tables", "number_name")


def _share(connection: sqlite3.Connection, pair: _Pair) -> float:
    """Share of the column's different values that are among the other's; 0 where that is too few."""
    own, other = quoted(pair.column.sql), quoted(pair.pointed.sql)
    query = (
        f"SELECT COUNT(*), SUM(v IN (SELECT {other} FROM {quoted(pair.other.sql)})) FROM "
        f"(SELECT DISTINCT {own} AS v FROM {quoted(pair.table.sql)} WHERE {own} IS NOT NULL)"
    )
    count, among = connection.execute(query).fetchone()
    if not count:
        return 0.0
    share = float(among or 0) / float(count)
    wanted = 1.0 if pair.column.type is ColumnType.NUMBER else _AMONG if pair.named else _AMONG_UNNAMED
    return share if share >= wanted else 0.0


def referring(tables: Sequence[TableSchema], references: Sequence[Reference]) -> list[TableSchema]:
    """The tables with their references to one another, as a database's foreign keys are told: by names."""
    known = {table.id: table for table in tables}
    found = []
    for table in tables:
        own = tuple(
            (column, known[other].name, pointed)
            for number, column, other, pointed in references
            if number == table.id and other in known
        )
        found.append(replace(table, references=(*table.references, *own)))
    return found
