"""One question with the tables that a model is shown: what it wrote is checked, run and told, or answered by what is
wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from sqlglot import exp

from metier.tables.cell_values import ColumnType
from metier.tables.guard import GuardedQuery, guarded
from metier.tables.held_days import held_days, lie_outside
from metier.tables.query import Value
from metier.tables.question import TableQuestion
from metier.tables.readable import ReadableTable
from metier.tables.results import ResultLine, TableAnswer
from metier.tables.runner import QueryError, Result
from metier.tables.schema import TableSchema, literal, quoted
from metier.tables.sql_certainty import DAY, doubts, texts_looked_for
from metier.tables.sql_columns import SqlColumns, TableColumn
from metier.tables.sql_form import not_asked
from metier.tables.sql_grammar import grammar_of
from metier.tables.sql_lines import aggregate_of, filters_of_sql, line_of
from metier.tables.sql_prompt import LinkedTables, WrittenSql, written
from metier.tables.sql_rows import SqlRows

_MOST_LINES = 20
_LAST = "\uffff"  # behind a year, a month or a day: all that begins so
_AGAIN = (
    "Write all lines again, corrected, with one that explains each of these, or NO where the tables do not hold it."
)


class SqlAttempt:
    """`capable`: whether the model's own explanations of words count. One that was only taught the form of a query
    explains any word: then each must lead to the query by links, and each table be one that a word leads to."""

    def __init__(
        self,
        question: TableQuestion,
        groups: Sequence[LinkedTables],
        tables: Sequence[TableSchema],
        documents: Mapping[int, Collection[str]],
        words: Sequence[str],
        run: Callable[[str, Sequence[str]], Result],
        near: Callable[[TableSchema, str], Sequence[str]],
        *,
        capable: bool = True,
    ) -> None:
        self._question, self._groups, self._tables = question, groups, tables
        self._readable = [ReadableTable(table, frozenset(documents.get(table.id, ()))) for table in tables]
        self._words, self._run, self._near, self._capable = words, run, near, capable

    def grammar(self) -> str:
        return grammar_of(self._question, self._tables, self._groups, self._words)

    def sample(self, sql: str) -> Sequence[Sequence[Value | None]]:
        """Rows of a query of ours, none where it cannot be run."""
        try:
            query = guarded(sql, self._readable)
            return self._run(query.sql(), query.tables).rows
        except QueryError:
            return ()

    def answer(self, reply: WrittenSql | None) -> TableAnswer | str:
        """A text: what is wrong, as the model is told."""
        if reply is None:
            return f"That is neither a query nor NO. {_AGAIN}"
        try:
            query = guarded(reply.sql, self._readable)
            columns = SqlColumns(query)
            if missing := self._values_that_are_not(query, columns) or self._days_that_are_not(query, columns):
                return f"{missing} {_AGAIN}"
            meanings = reply.meanings if self._capable else {}
            wrong = doubts(self._question, query, columns, self._groups, meanings)
            if not self._capable:
                wrong += not_asked(self._question, query, columns, self._groups)
            if wrong:
                return f"{'; '.join(wrong[:4])}. {_AGAIN}"
            return self._told(query, columns) or f"The query gives nothing. {_AGAIN}"
        except QueryError as error:
            return f"The query was not run: {error.what}. {_AGAIN}"

    def _values_that_are_not(self, query: GuardedQuery, columns: SqlColumns) -> str:
        """Which texts no cell of their column has, with those that are near."""
        said = []
        for place, text in texts_looked_for(query, columns):
            table, column = quoted(place.table.sql), quoted(place.column.sql)
            if self.sample(f"SELECT 1 FROM {table} WHERE {column} = {literal(text)} LIMIT 1"):
                continue
            near = ", ".join(map(written, self._near(place.table, text)))
            there = f"; near it are {near}" if near else ""
            said.append(f"No {table}.{column} is {written(text)}{there}.")
        return " ".join(dict.fromkeys(said))

    def _days_that_are_not(self, query: GuardedQuery, columns: SqlColumns) -> str:
        """Which days lie wholly outside of those that a list holds (`held_days`)."""
        for place, (first, last) in _days_of(query, columns).items():
            if place.column.type is not ColumnType.DATE or place.table.database:
                continue
            held = held_days(place.table, place.column, self.sample)
            if held is not None and lie_outside(first, last, held):
                name = f"{quoted(place.table.sql)}.{quoted(place.column.sql)}"
                return f"{name} holds days from {held[0]} to {held[1]} only."
        return ""

    def _told(self, query: GuardedQuery, columns: SqlColumns) -> TableAnswer | None:
        rows = SqlRows(query, columns, self._run)
        result = rows.result()
        language = self._question.language.code
        outputs = columns.outputs()
        main = rows.main()
        if main is None or result.cut:
            return None
        lines: list[ResultLine] = []
        for row in result.rows[:_MOST_LINES]:
            line = line_of(outputs, row[: len(outputs)], rows.rows_of(row), language)
            if line.text:
                lines.append(line)
        if not lines:
            return None
        aggregate = aggregate_of(query)
        total = rows.count() if aggregate else len(result.rows)
        if aggregate and not total and aggregate != "count":
            return None
        filters = filters_of_sql(query, columns, language)
        return TableAnswer(tuple(lines), query.shown, filters, main, total, aggregate)


def _days_of(query: GuardedQuery, columns: SqlColumns) -> dict[TableColumn, tuple[str, str]]:
    """Of each column that is compared with days: from which on and up to which, "" where that side is open."""
    lower, upper = defaultdict[TableColumn, list[str]](list), defaultdict[TableColumn, list[str]](list)
    for each in query.tree.find_all(exp.Literal):
        compared = each.find_ancestor(exp.Predicate)
        if compared is None or not each.is_string or not DAY.fullmatch(each.name):
            continue
        column = compared.find(exp.Column)
        place = columns.of(column) if column else None
        if place is None:
            continue
        day, is_left = each.name.partition("%")[0], any(other is each for other in compared.this.find_all(exp.Literal))
        if not isinstance(compared, (exp.GT, exp.GTE) if is_left else (exp.LT, exp.LTE)):
            lower[place].append(day)
        if not isinstance(compared, (exp.LT, exp.LTE) if is_left else (exp.GT, exp.GTE)):
            upper[place].append(day + _LAST)
    return {
        place: (min(lower[place], default=""), max(upper[place], default="")) for place in lower.keys() | upper.keys()
    }
