"""A question to tables in a form that is no language's, and the SQL of it.

Conditions on other tables are written as `IN (SELECT …)`, along foreign keys in either direction, so that no row is
counted twice; what is shown or grouped of a table that rows point to is joined, which doubles none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from metier.core.tables import Reference
from metier.tables.cell_values import ColumnType, noes
from metier.tables.schema import DOCUMENT, END, ROW, START, TOTAL, TableSchema, literal, quoted
from metier.tables.vocabulary import is_called_as

_MOST_ROWS = 200  # that a query returns
_PARTS = {"year": 4, "month": 7}  # characters of a day as ISO 8601 writes it


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column of a table; `column` "" stands for its rows. `part`: of a day its "year" or "month", or ""."""

    table: TableSchema
    column: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class ValueOfRow:
    """What another row has in a column: the population of Vienna. `called`: the columns that name it, with its names
    there."""

    of: ColumnReference
    called: tuple[tuple[ColumnReference, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class ExtremeValue:
    """The value that the first rows of `query` in its order end with: the largest area of a country."""

    query: TableQuery


Value = float | str | ColumnReference | ValueOfRow | ExtremeValue


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator`: "in", "between", "exists" (there is a row), or one of SQL; `values`: two of "between", one of the
    others but "in". `through`: a column that points to the row of which it holds, in the same table ("reports to").
    `negated`: it must not hold."""

    place: ColumnReference
    operator: str
    values: tuple[Value, ...] = ()
    through: Reference | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TableQuery:
    """`table`: whose rows are counted, summed or shown. `aggregate`: "count", "sum", "avg", "min", "max", or "" for
    rows; `of`: what is aggregated. `select`: the columns shown. `group`: one value for each of these. `order`: by this
    column, or by the aggregate where there is one; `limit`: so many of the first, and those that are equal to the last
    of them; `alone`: these last alone. `having`: what bounds the aggregate of a group, operator and
    number. `difference`: that of the two groups, or rows, is asked for. `compared`: the names of two rows, of which it
    is asked whether the first comes before the other in the order. `times`: by what `of` is multiplied in each row
    before it is summed up: the price by the quantity."""

    table: TableSchema
    conditions: tuple[Condition, ...] = ()
    aggregate: str = ""
    of: ColumnReference | None = None
    distinct: bool = False
    select: tuple[ColumnReference, ...] = ()
    group: tuple[ColumnReference, ...] = ()
    order: ColumnReference | None = None
    descending: bool = False
    limit: int = 0
    having: tuple[str, float] | None = None
    difference: bool = False
    alone: bool = False
    compared: tuple[str, ...] = ()
    times: ColumnReference | None = None

    @property
    def places(self) -> tuple[ColumnReference, ...]:
        found = [*self.select, *self.group, *(condition.place for condition in self.conditions)]
        for value in (value for condition in self.conditions for value in condition.values):
            found += [value] if isinstance(value, ColumnReference) else []
            found += [value.of] if isinstance(value, ValueOfRow) else []
            found += value.query.places if isinstance(value, ExtremeValue) else []
        return tuple(found + [place for place in (self.of, self.order, self.times) if place is not None])


@dataclass(frozen=True, slots=True)
class Sql:
    """`text`: with the values in it; `shown`: the same without what a person has no use for. `rows`: whether each row
    of the result is a row of the table, whose place comes first (`_document`, `_row`, `_start`, `_end`). `tables`: all
    that it reads."""

    text: str
    rows: bool
    tables: tuple[str, ...] = ()
    shown: str = ""


class NoPath(Exception):
    """Nothing leads from one table to another."""


Step = tuple[str, TableSchema, str]  # own column, the other table, its column
Graph = Mapping[str, Sequence[Step]]


def graph(
    tables: Sequence[TableSchema], meant: Collection[str] = (), columns: Collection[tuple[str, str]] = ()
) -> dict[str, list[Step]]:
    """Which table leads to which, by foreign keys in both directions. Names are those of their database; a table is
    known by its name in SQL. Of two ways as long that is taken which a column opens that the question names
    (`columns`: table and column), then that over a table that it names (`meant`), then that by a column that is called
    as the table is."""
    known = {(table.document_id, table.name.casefold()): table for table in tables}
    elsewhere = {table.name.casefold(): table for table in tables}
    steps: dict[str, list[Step]] = {table.sql: [] for table in tables}
    ranks: dict[tuple[str, str, str], tuple[bool, bool]] = {}
    for table in tables:
        for own, name, other in table.references:
            pointed = known.get((table.document_id, name.casefold())) or elsewhere.get(name.casefold())
            if pointed is not None:
                steps[table.sql].append((own, pointed, other))
                steps[pointed.sql].append((other, table, own))
                told = (table.sql, own) not in columns, not is_called_as(own, pointed.name, pointed.language or "en")
                ranks[table.sql, own, pointed.sql] = ranks[pointed.sql, other, table.sql] = told

    def rank(start: str, step: Step) -> tuple[bool, ...]:
        named, called = ranks[start, step[0], step[1].sql]
        return named, step[1].sql not in meant, called

    return {name: sorted(ways, key=partial(rank, name)) for name, ways in steps.items()}


def path(steps: Graph, start: TableSchema, end: TableSchema) -> list[Step]:
    """The shortest way; raises `NoPath`."""
    before: dict[str, tuple[str, Step]] = {}
    waiting = deque([start.sql])
    while waiting:
        at = waiting.popleft()
        if at == end.sql:
            found: list[Step] = []
            while at != start.sql:
                at, step = before[at]
                found.insert(0, step)
            return found
        for step in steps.get(at, ()):
            if step[1].sql not in before and step[1].sql != start.sql:
                before[step[1].sql] = (at, step)
                waiting.append(step[1].sql)
    raise NoPath


def points_to(steps: Graph, child: TableSchema, parent: TableSchema) -> bool:
    """Whether each row of `child` leads to one of `parent`; raises `NoPath`."""
    at = child
    for own, other, _ in path(steps, child, parent):
        if not any(reference[0] == own for reference in at.references):
            return False
        at = other
    return True


def label_of(table: TableSchema) -> tuple[ColumnReference, ...]:
    """What names its rows."""
    return tuple(ColumnReference(table, column.sql) for column in table.labelling)


def to_sql(query: TableQuery, steps: Graph) -> Sql:
    """Raises `NoPath`."""
    steps = _beside(query, steps)
    writer = _Writer(query, steps)
    sql = writer.aggregated() if query.aggregate else writer.listed()
    between = {step[1].sql for place in query.places for step in path(steps, query.table, place.table)}
    return replace(sql, tables=tuple(sorted({query.table.sql, *between})), shown=sql.shown or sql.text)


def _beside(query: TableQuery, steps: Graph) -> Graph:
    """Without the ways that a column opens which is shown or bound itself, where there is another to the same table: of
    what borders Austria the one is asked, and the other is Austria."""
    tables = [step[1] for ways in steps.values() for step in ways]
    pointing = {(table.sql, own) for table in tables for own, _, _ in table.references}
    said = {(place.table.sql, place.column) for place in (*query.select, *(each.place for each in query.conditions))}
    said &= pointing

    def is_said(start: str, step: Step) -> bool:
        return (start, step[0]) in said or (step[1].sql, step[2]) in said

    return {
        start: [
            step for step in ways
            if not is_said(start, step)
            or not any(other[1].sql == step[1].sql and not is_said(start, other) for other in ways)
        ]
        for start, ways in steps.items()
    }  # fmt: skip


class _Writer:
    def __init__(self, query: TableQuery, steps: Graph) -> None:
        self._query, self._steps = query, steps
        self._joins: dict[str, str] = {}

    def aggregated(self) -> Sql:
        query = self._query
        value, direction = self._aggregate(), "DESC" if query.descending else "ASC"
        columns = ", ".join([*map(self._name, query.group), value])
        text = f"SELECT {columns} {self._rest()}"
        if query.group:
            key = [ColumnReference(each.table, each.table.key) for each in query.group if each in label_of(each.table)]
            parts = dict.fromkeys(map(self._name, [*(place for place in key if place.column), *query.group]))
            grouped = f"{text} GROUP BY {', '.join(parts)}"
            if query.having:
                grouped += f" HAVING {value} {query.having[0]} {_written(query.having[1])}"
            text = f"{grouped} ORDER BY {value} {direction} LIMIT {_MOST_ROWS}"
            if query.limit:  # those that are equal to the last of them as well
                distinct = "DISTINCT " if query.alone else ""
                edge = f"SELECT {distinct}{value} {self._rest()} GROUP BY {', '.join(parts)} ORDER BY 1 {direction}"
                edge += f" LIMIT 1 OFFSET {query.limit - 1}"
                compared = f"{value} {self._reaching()} ({edge})"
                joint = "AND" if query.having else "HAVING"
                text = f"{grouped} {joint} {compared} ORDER BY {value} {direction}"
        return Sql(text, rows=False)

    def _aggregate(self) -> str:
        query = self._query
        if query.of is None or not query.of.column:
            return "COUNT(*)"
        distinct = "DISTINCT " if query.distinct else ""
        times = f" * {self._name(query.times)}" if query.times else ""
        return f"{query.aggregate.upper()}({distinct}{self._name(query.of)}{times})"

    def listed(self) -> Sql:
        query = self._query
        own = [f"{quoted(query.table.sql)}.{name}" for name in (DOCUMENT, ROW, START, END)]
        columns = [self._name(place) for place in query.select]
        text = self._rest()
        if query.order:
            name = self._name(query.order)
            if query.limit:
                compared = f"{name} {self._reaching()} ({self._edge()})"
                text += f"{' AND ' if ' WHERE ' in self._rest() else ' WHERE '}{compared}"
            text += f" ORDER BY {name} {'DESC' if query.descending else 'ASC'}"
        read = f"SELECT {', '.join([*own, *columns])} {text} LIMIT {_MOST_ROWS}"
        return Sql(read, rows=True, shown=f"SELECT {', '.join(columns)} {text}")

    def _reaching(self) -> str:
        """How those that come first are to the last of them."""
        return "=" if self._query.alone else ">=" if self._query.descending else "<="

    def edge(self) -> str:
        """The value that the last of the first rows has."""
        if self._query.order is None:
            raise ValueError("a query without an order has no edge")
        self._rest()  # finds what is joined
        return self._edge()

    def _edge(self) -> str:
        query = self._query
        name = self._name(query.order) if query.order else ""
        distinct = "DISTINCT " if query.alone else ""
        edge = f"SELECT {distinct}{name} {self._rest(name)} ORDER BY {name} {'DESC' if query.descending else 'ASC'}"
        place = query.limit - 1
        return f"{edge} LIMIT 1{f' OFFSET {place}' if place else ''}"

    def _rest(self, there: str = "") -> str:
        """FROM, JOIN and WHERE. `there`: a column that must not be empty."""
        query = self._query
        for place in (*query.select, *query.group, query.of, query.order):
            if place is not None:
                self._join(place.table)
        conditions = [self._condition(each) for each in _together(query.conditions)]
        if (query.aggregate or query.order) and query.table.totals:
            conditions.append(f"{quoted(query.table.sql)}.{TOTAL} = 0")
        if there:
            conditions.append(f"{there} IS NOT NULL")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"FROM {quoted(query.table.sql)}{''.join(self._joins.values())}{where}"

    def _join(self, table: TableSchema) -> None:
        at = self._query.table
        for own, other, column in path(self._steps, at, table):
            if other.sql not in self._joins:
                on = f"{quoted(at.sql)}.{quoted(own)} = {quoted(other.sql)}.{quoted(column)}"
                self._joins[other.sql] = f" JOIN {quoted(other.sql)} ON {on}"
            at = other

    def _name(self, place: ColumnReference) -> str:
        name = place.column if place.column.startswith("_") else quoted(place.column)
        whole = f"{quoted(place.table.sql)}.{name}"
        return f"substr({whole}, 1, {_PARTS[place.part]})" if place.part else whole

    def _condition(self, conditions: Sequence[Condition]) -> str:
        """Those of one table, from where rows are looked for."""
        table, negated = conditions[0].place.table, conditions[0].negated
        said = " AND ".join(said for each in conditions if (said := self._pointing(each)))
        steps = path(self._steps, self._query.table, table)
        for n in range(len(steps), 0, -1):
            own, other, column = steps[n - 1]
            before = self._query.table if n == 1 else steps[n - 2][1]
            there = f"{quoted(other.sql)}.{quoted(column)}"
            filled = f"{there} IS NOT NULL" if negated else ""  # nothing is among rows of which one is unknown
            where = " AND ".join(part for part in (said, filled) if part)
            said = f"{quoted(before.sql)}.{quoted(own)} IN (SELECT {there} FROM {quoted(other.sql)}"
            said += f" WHERE {where})" if where else ")"
        return f"({said}) IS NOT TRUE" if negated else said

    def _pointing(self, condition: Condition) -> str:
        if condition.through is None:
            return self._compared(condition)
        own, _, other = condition.through
        table = quoted(condition.place.table.sql)
        inner = f"SELECT {table}.{quoted(other)} FROM {table} WHERE {self._compared(condition)}"
        return f"{table}.{quoted(own)} IN ({inner})"

    def _compared(self, condition: Condition) -> str:
        name = self._name(condition.place) if condition.place.column else ""
        if condition.operator == "exists":
            return _filled(condition.place, name) if name else ""
        values = list(map(self._value, condition.values))
        if condition.operator == "in" and len(values) > 1:
            return f"{name} IN ({', '.join(values)})"
        if condition.operator == "between":
            return f"{name} BETWEEN {values[0]} AND {values[1]}"
        operator = "=" if condition.operator == "in" else condition.operator
        return f"{name} {operator} {values[0]}"

    def _value(self, value: Value) -> str:
        if isinstance(value, ExtremeValue):
            return f"({_Writer(value.query, self._steps).edge()})"
        if isinstance(value, ColumnReference):
            return self._name(value)
        if isinstance(value, ValueOfRow):
            named = (f"{self._name(place)} IN ({', '.join(map(_written, names))})" for place, names in value.called)
            table = quoted(value.of.table.sql)
            return f"(SELECT MAX({self._name(value.of)}) FROM {table} WHERE {' AND '.join(named)})"
        return _written(value)


def _filled(place: ColumnReference, name: str) -> str:
    """Of a column that it holds something: no nought, and no "no"."""
    column = place.table.column(place.column)
    if column is not None and column.type is ColumnType.NUMBER:
        return f"{name} <> 0"
    known = None if column is None else column.noes
    said = sorted(noes()) if known is None else known
    return f"{name} NOT IN ({', '.join(map(literal, said))})" if said else f"{name} IS NOT NULL"


def _together(conditions: Iterable[Condition]) -> list[list[Condition]]:
    """Conditions on one table hold of one row of it; several values of one column are alternatives. What must not hold
    is said by itself."""
    found: dict[tuple[str, bool], list[Condition]] = {}
    for condition in conditions:
        found.setdefault((condition.place.table.sql, condition.negated), []).append(condition)
    return list(found.values())


def _written(value: float | str) -> str:
    if isinstance(value, str):
        return literal(value)
    return f"{value:.15g}"
