"""What shows that a query of a model that was only taught the form of queries is one that was asked for: its tables and
what it tells are led to by words, and it counts, adds up and groups where the question does.

Such a model writes some query to every question. What a capable one is believed (`sql_certainty`) it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from metier.tables.guard import GuardedQuery
from metier.tables.mentions import ColumnMention, TableMention, ValueMention
from metier.tables.question import TableQuestion
from metier.tables.sql_columns import SqlColumns, TableColumn
from metier.tables.sql_prompt import LinkedTables

_COUNTING, _GROUPING = ("count", "different"), ("each", "each_behind")


def not_asked(
    question: TableQuestion, query: GuardedQuery, columns: SqlColumns, groups: Sequence[LinkedTables]
) -> list[str]:
    """Why it may be another query; none where nothing speaks against it."""
    told = [] if question.has("amount") else _told(query, columns, groups)  # "how much was invoice 200"
    return [*_tables(query, columns, groups), *told, *_operations(question, query)]


def _tables(query: GuardedQuery, columns: SqlColumns, groups: Sequence[LinkedTables]) -> Iterator[str]:
    """Those that no word leads to; one that only joins others needs none."""
    led: set[str] = set()
    for group in groups:
        mentions: list[TableMention | ColumnMention | ValueMention] = [*group.links.tables, *group.links.columns]
        led.update(each.table.sql.lower() for each in [*mentions, *group.links.values])
    joining = {column.column.sql.lower() for column in _in_joins(query, columns)}
    read = {(each.table.sql.lower(), each.column.sql.lower()) for each in columns.used()}
    used = {table for table, column in read if column not in joining} or {name.lower() for name in query.tables}
    yield from (f"no word of the question leads to {name!r}" for name in sorted(used - led))


def _in_joins(query: GuardedQuery, columns: SqlColumns) -> Iterator[TableColumn]:
    for join in query.tree.find_all(exp.Join):
        for node in join.find_all(exp.Column):
            if (found := columns.of(node)) is not None:
                yield found


def _told(query: GuardedQuery, columns: SqlColumns, groups: Sequence[LinkedTables]) -> Iterator[str]:
    """Columns that are told, or ordered by, though no word names them and they name no row."""
    named = {(m.table.sql, m.column.sql) for group in groups for m in group.links.columns}
    places: list[exp.Expr] = [each for select in query.tree.find_all(exp.Select) for each in select.expressions]
    places += query.tree.find_all(exp.Ordered)
    for place in places:
        for node in place.find_all(exp.Column):
            found = columns.of(node)
            if found is None or found.column in found.table.labelling:
                continue
            if (found.table.sql, found.column.sql) not in named:
                yield f'no word of the question leads to "{found.column.sql}"'


def _operations(question: TableQuestion, query: GuardedQuery) -> Iterator[str]:
    tree = query.tree
    counts = any(map(question.has, _COUNTING))
    grouped = any(map(question.has, _GROUPING))
    if tree.find(exp.Count) and not counts and not grouped and not question.extremes:
        yield "nothing is to be counted"
    if counts and not tree.find(exp.Count, exp.Sum):
        yield "something is to be counted"
    if question.has("total") and not tree.find(exp.Sum):
        yield "something is to be added up"
    if grouped and not tree.find(exp.Group):
        yield "something is asked for each of several"
    if tree.find(exp.Group) and not grouped and not question.extremes and not question.has("by"):
        yield "nothing is asked for each of several"
    if tree.find(exp.Limit) and not question.extremes and not tree.find(exp.AggFunc):
        yield "no first rows are asked for"
