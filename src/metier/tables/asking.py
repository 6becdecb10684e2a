"""From a question to what the tables say exactly, or to nothing: then passages are asked.

question ─▶ tables that have its words ─▶ links ─▶ interpretations ─▶ SQL ─▶ run apart ─▶ lines, with their rows
                                            └──── or, where there is one: a capable model's SQL ────┘
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING

import regex

from metier.tables.cell_values import ColumnType
from metier.tables.held_days import NO_YEAR, held_days, lie_outside, with_year
from metier.tables.inferred_references import Reference, referring
from metier.tables.interpretation import Interpretation, interpretations
from metier.tables.links import Value, link
from metier.tables.many_rows import computed
from metier.tables.other_tables import is_beside, repeats, with_others
from metier.tables.periods import Row, period_query
from metier.tables.query import Condition, Graph, NoPath, Sql, TableQuery, graph, to_sql
from metier.tables.question import TableQuestion, joined_at
from metier.tables.question_reading import read
from metier.tables.results import (
    Ambiguity,
    ResultLine,
    RowPlace,
    TableAnswer,
    alike_once,
    filled,
    filters_of,
    lines_of,
    meaning,
    period_line,
)
from metier.tables.runner import QueryError, QueryRunner, Result
from metier.tables.schema import GROUP, Column, TableSchema, quoted
from metier.tables.sql_prompt import LinkedTables
from metier.tables.sql_writer import QueryOutcome, SqlWriter
from metier.tables.table_store import TableStore
from metier.tables.vocabulary import names_of, synonyms_of
from metier.text.analyzer import Analyser
from metier.text.morphology import bare_forms, unprefixed
from metier.text.phrases import UNSPACED

if TYPE_CHECKING:
    from metier.tables.sql_writing import PreparedQuestion, SqlAsker

_VALUES, _TABLES = 600, 40  # cells and tables that are looked at
_FEW = 24  # tables of which all are looked at
_CERTAIN = 0.45  # what an interpretation may cost
_BESIDE = 0.2  # by which a reading of another table may cost more that tells of the same thing, too
_EVEN = 0.02  # interpretations whose costs differ by less are equally good
_TRIED = 6  # interpretations that are run
_CITED = 10  # rows that an aggregate is computed from and that are cited
_MOST_LINES = 20
_UNSPACED = regex.compile(rf"[{UNSPACED}]+")
_MOST_NAMED = 500  # rows of a table of periods
_CLEARLY = 0.05  # by which a row must fit better than one of another table

Visible = Callable[[Collection[str]], Collection[str]]
"""Of documents' ids, those that the asker may read."""


class TableAsker:
    """Asks the tables of the file that `store` reads."""

    def __init__(self, store: TableStore, runner: QueryRunner, analyser: Analyser) -> None:
        self._store, self._runner, self._analyser = store, runner, analyser

    def close(self) -> None:
        """End the process that runs queries; a later question starts a new one."""
        self._runner.close()

    def ask(
        self, text: str, language: str, visible: Visible, writer: SqlWriter | None = None
    ) -> TableAnswer | Ambiguity | None:
        """None where the question is none for tables. `writer`: a model that is asked for a query, a capable one before
        the rules."""
        question = read(text, language)
        groups = self._linked(question, visible)
        if groups and writer is not None and writer.capable:
            written = self._by_model(question, groups, writer)
            if written.answer is not None or written.not_held:
                return written.answer
        answer = self._by_rule(question, groups)
        if answer is None and question.computes and self._store.count() <= _FEW:  # a column may have a short name
            of_all = self._linked(question, visible, every=True)
            answer = self._by_rule(question, of_all)
            if answer is None and question.things:  # "the heaviest item", where nothing is called an item
                answer = self._by_rule(replace(question, weak=question.weak | question.things), of_all)
        if answer is None and groups and writer is not None and not writer.capable:
            return self._by_model(question, groups, writer).answer
        return answer

    def by_model(self, text: str, language: str, visible: Visible, writer: SqlWriter) -> QueryOutcome:
        """What a model makes of a question, whatever the rules read."""
        question = read(text, language)
        return self._by_model(question, self._linked(question, visible), writer)

    def prepared(self, text: str, language: str, visible: Visible, today: date) -> PreparedQuestion | None:
        """As a model that is tuned on queries is asked; None where the question is none to ask it."""
        question = read(text, language)
        groups = self._linked(question, visible)
        return self._by_sql.prepared(question, groups, self._documents(groups), today, brief=True, capable=False)

    def readable(self, visible: Visible) -> list[list[TableSchema]]:
        """All tables that the asker may read, those together that can be asked together."""
        return list(self._together({schema.id: schema for schema in self._store.schemas()}, visible))

    def documents(self, tables: Sequence[TableSchema]) -> frozenset[str]:
        """Ids of the documents that the rows of `tables` are of."""
        return frozenset().union(*self._store.documents_of(tables).values())

    def rows(
        self, table: TableSchema, columns: Sequence[Column], limit: int
    ) -> list[tuple[float | int | str | None, ...]]:
        """The values of some rows in some columns; none where they cannot be read."""
        names = ", ".join(quoted(column.sql) for column in columns)
        return self._read(table, f"SELECT {names} FROM {quoted(table.sql)} LIMIT {limit}")

    def _read(self, table: TableSchema, sql: str) -> list[tuple[float | int | str | None, ...]]:
        """The rows of a query of one table; none where it cannot be run."""
        result = self._run(sql, [table.sql])
        return list(result.rows) if result else []

    def _linked(self, question: TableQuestion, visible: Visible, *, every: bool = False) -> list[LinkedTables]:
        """The tables with what a question names of them; it is told which of its words call one. `every`: all tables,
        and not alone those that have a word of it."""
        if not self._store.path.exists() or all(token.function for token in question.tokens):
            return []
        groups = self._groups(question, visible, every=every)
        linked = [LinkedTables(tables, link(question, tables, values)) for tables, values in groups]
        called = {m.span[0] for each in linked for m in each.links.tables if not m.context and not m.by_label}
        question.calling = question.weak & called
        return linked

    def _by_rule(self, question: TableQuestion, groups: Sequence[LinkedTables]) -> TableAnswer | Ambiguity | None:
        found: list[tuple[Interpretation, Graph]] = []
        for group in groups:
            meant = {mention.table.sql for mention in group.links.tables if not mention.context}
            columns = {(m.table.sql, m.column.sql) for m in group.links.columns if m.share == 1 and not m.measured}
            steps = graph(group.tables, meant, columns)
            read = interpretations(question, group.tables, group.links, steps)
            found += [(each, steps) for each in read[:_TRIED]]
        found = sorted((each for each in found if each[0].cost < _CERTAIN), key=lambda each: each[0].cost)
        periods = [table for group in groups for table in group.tables]
        if computed(question.text, question.language.code) and (over := self._over_periods(question, periods)):
            return over
        first = self._first(question, found[: 2 * _TRIED])
        return first if isinstance(first, TableAnswer) else self._over_periods(question, periods) or first

    def _by_model(self, question: TableQuestion, groups: Sequence[LinkedTables], writer: SqlWriter) -> QueryOutcome:
        return self._by_sql.ask(question, groups, self._documents(groups), writer)

    @cached_property
    def _by_sql(self) -> SqlAsker:
        from metier.tables.sql_writing import SqlAsker  # with its parser of SQL

        return SqlAsker(self._store, self._runner, self._analyser)

    def _documents(self, groups: Sequence[LinkedTables]) -> dict[int, frozenset[str]]:
        return self._store.documents_of([table for group in groups for table in group.tables])

    def _over_periods(self, question: TableQuestion, tables: Sequence[TableSchema]) -> TableAnswer | None:
        """A row over several columns; None where rows of two tables fit as well."""
        queries = [query for table in tables if (query := period_query(question, table, self._rows)) is not None]
        queries.sort(key=lambda query: -query.fit)
        if not queries or (len(queries) > 1 and queries[0].fit - queries[1].fit < _CLEARLY):
            return None
        query = queries[0]
        result = self._run(query.sql, [query.table.sql])
        if result is None or len(result.rows) != 1:
            return None
        document, _, start, end, *cells = result.rows[0]
        line = period_line(query, [cell if isinstance(cell, float) else None for cell in cells], question.language.code)
        if line is None:
            return None
        place = RowPlace(str(document), int(start or 0), int(end or 0))
        return TableAnswer((ResultLine(line, (place,)),), query.shown, (query.label,), query.table, 1, query.kind)

    def _rows(self, table: TableSchema) -> list[Row]:
        """Names of all rows with their groups; none of a table with very many."""
        if table.rows > _MOST_NAMED:
            return []
        label = quoted(table.labelling[0].sql)
        sql = f"SELECT {label}, {GROUP} FROM {quoted(table.sql)}"
        result = self._run(sql, [table.sql])
        return [(str(name), str(group or "")) for name, group in result.rows if name is not None] if result else []

    def _groups(
        self, question: TableQuestion, visible: Visible, *, every: bool
    ) -> Iterator[tuple[list[TableSchema], Mapping[int, list[Value]]]]:
        """Tables that may be asked together, those alone that the asker may read: the tables of a database, or one."""
        tokens = self._indexed(question)
        values: dict[int, list[Value]] = defaultdict(list)
        for table, column, text in self._store.values_with(tokens, _VALUES):
            values[table].append((column, text))
        if every:
            tables = {schema.id: schema for schema in self._store.schemas()}
        else:
            named = self._store.tables_with([*tokens, *self._other_names(question)], _TABLES)
            tables = {schema.id: schema for schema in self._store.schemas({*values, *named})}
        for database in {schema.document_id for schema in tables.values() if schema.database}:
            tables.update((schema.id, schema) for schema in self._store.of_document(database))
        for group in self._together(tables, visible):
            yield group, values

    @staticmethod
    def _other_names(question: TableQuestion) -> list[str]:
        """What tables and columns may be called instead of what is said."""
        code = question.language.code
        said = (word for place in range(len(question.tokens)) for word, _ in joined_at(question, place))
        others = [other for word in said for other in synonyms_of(word, code)]
        if any(each.of_money for each in question.operations):  # what was sold has a price
            others += [name for measure in ("price", "quantity") for name in names_of(measure, code)]
        return others

    def _together(self, tables: dict[int, TableSchema], visible: Visible) -> Iterator[list[TableSchema]]:
        """Those that the asker may read, by their numbers, and what they lead to, parted into what can be asked
        together."""
        references = self._store.references(list(tables))
        reached = {number for each in references for number in (each[0], each[2])} - tables.keys()
        tables |= {schema.id: schema for schema in self._store.schemas(reached)}
        documents = self._store.documents_of(list(tables.values()))
        seen = set(visible(frozenset().union(*documents.values())))
        readable = [schema for number, schema in sorted(tables.items()) if documents[number] <= seen]
        for group in _together(readable, references):
            yield referring(group, references)

    def _indexed(self, question: TableQuestion) -> list[str]:
        """The words of a question as the index may have them: also without their endings, which no stemmer takes off,
        and in a script without spaces as single characters, which a name of one is."""
        language = question.language
        if not language.spaced:
            parted = _UNSPACED.sub(r" \g<0> ", question.text)
            return [*self._analyser.tokens(parted), *(token.said for token in question.tokens)]
        words = [token.said for token in question.tokens if not token.function]
        bare = [form for word in words for form in (*bare_forms(word, language), *unprefixed(word, language))]
        said = " ".join(question.text[token.start : token.end] for token in question.tokens if not token.function)
        return self._analyser.tokens(" ".join([said, *bare]))

    def _first(
        self, question: TableQuestion, found: Sequence[tuple[Interpretation, Graph]]
    ) -> TableAnswer | Ambiguity | None:
        """The answer of the best interpretation that gives one, unless another, as good, gives a different one."""
        best: TableAnswer | None = None
        cost, query = 0.0, None
        for interpretation, steps in found:
            if best is not None and interpretation.cost > cost + _EVEN:
                break
            answer = self._answer(interpretation.query, steps, question.language.code)
            if answer is None:
                continue
            if best is None or query is None:
                best, cost, query = answer, interpretation.cost, interpretation.query
            elif _narrows(query, interpretation.query):
                continue  # what is asked, without one of its conditions
            elif _narrows(interpretation.query, query):
                best, query = answer, interpretation.query
            elif not _same(best, answer) and not is_beside(interpretation.query, query, question):
                if best.aggregate != answer.aggregate:  # "the total": the sum rather than a list to be summed
                    best = best if best.aggregate else answer
                else:
                    meanings = (meaning(query), meaning(interpretation.query))
                    return Ambiguity(meanings) if len(set(meanings)) == 2 else None
        if best is None or query is None:
            return None
        beside = [
            each for each in found if each[0].cost <= cost + _BESIDE and is_beside(each[0].query, query, question)
        ]
        beside.sort(key=lambda each: repeats(each[0].query))
        others = [self._answer(each.query, steps, question.language.code) for each, steps in beside]
        return with_others(best, [each for each in others if each is not None])

    def _answer(self, query: TableQuery, steps: Graph, language: str) -> TableAnswer | None:
        try:
            query = self._with_years(query)
            sql = to_sql(query, steps)
        except NoPath:
            return None
        result = self._run(sql.text, sql.tables)
        if result is None:
            return None
        if sql.rows and not result.rows:
            return self._none(query, sql)
        lines = alike_once(lines_of(query, sql, filled(query, sql, result), language))
        if not lines:
            return None
        rows: tuple[RowPlace, ...] = ()
        total = len(lines)
        if not sql.rows:
            of, total = self._rows_of(query, steps)
            if not total and (query.aggregate != "count" or not self._covers(query)):
                return None
            rows = of
        lines = [
            replace(line, rows=line.rows or self._of_group(query, steps, line) or rows) for line in lines[:_MOST_LINES]
        ]
        return TableAnswer(tuple(lines), sql.shown, tuple(filters_of(query)), query.table, total, query.aggregate)

    def _with_years(self, query: TableQuery) -> TableQuery:
        """With the year of a month that is named without one."""

        def dated(condition: Condition) -> Condition:
            table, column = condition.place.table, condition.place.table.column(condition.place.column)
            days = [value for value in condition.values if isinstance(value, str)]
            if column is None or column.type is not ColumnType.DATE or not days:
                return condition
            if not any(day.startswith(NO_YEAR) for day in days):
                return condition
            held = held_days(table, column, partial(self._read, table))
            return replace(condition, values=with_year(days, held[1])) if held else condition

        return replace(query, conditions=tuple(map(dated, query.conditions)))

    def _covers(self, query: TableQuery) -> bool:
        """Whether the days that are asked for lie within those that a list holds (`held_days`)."""
        if query.table.database:
            return True
        for condition in query.conditions:
            table, column = condition.place.table, condition.place.table.column(condition.place.column)
            days = [value for value in condition.values if isinstance(value, str)]
            if column is None or column.type is not ColumnType.DATE or not days or condition.negated:
                continue
            held = held_days(table, column, partial(self._read, table))
            first = days[0] if condition.operator not in ("<", "<=") else ""
            last = days[-1] if condition.operator not in (">", ">=") else ""
            if held is None or lie_outside(first, last, held):
                return False
        return True

    @staticmethod
    def _none(query: TableQuery, sql: Sql) -> TableAnswer | None:
        """That no row is left of what is denied ("which customers have no order"), told as their number."""
        if not any(condition.negated for condition in query.conditions):
            return None
        line = ResultLine(f"{query.table.name}: 0", ())
        return TableAnswer((line,), sql.shown, tuple(filters_of(query)), query.table, 0, "count")

    def _run(self, sql: str, tables: Sequence[str]) -> Result | None:
        """None where it cannot be run."""
        try:
            return self._runner.run(sql, tables)
        except QueryError:
            return None

    def _of_group(self, query: TableQuery, steps: Graph, line: ResultLine) -> tuple[RowPlace, ...]:
        """The rows of one group; none where the line is of all, or of those without a value there."""
        values = [value for value in line.group if value is not None]
        if not values or len(values) < len(line.group):
            return ()
        own = (Condition(place, "in", (value,)) for place, value in zip(query.group, values, strict=True))
        return self._rows_of(replace(query, conditions=(*query.conditions, *own)), steps)[0]

    def _rows_of(self, query: TableQuery, steps: Graph) -> tuple[tuple[RowPlace, ...], int]:
        """The first rows that an aggregate is computed from, and how many there are."""
        counting = replace(query, aggregate="count", of=None, group=(), having=None, limit=0, order=None)
        plain = replace(counting, aggregate="", select=())
        result, counted = (self._run(sql.text, sql.tables) for sql in (to_sql(plain, steps), to_sql(counting, steps)))
        if result is None or counted is None:
            return (), 0
        places = tuple(RowPlace(str(row[0]), int(row[2] or 0), int(row[3] or 0)) for row in result.rows[:_CITED])
        return places, int(counted.rows[0][0] or 0)


def _narrows(query: TableQuery, other: TableQuery) -> bool:
    """Whether a query is another with conditions more."""
    return set(query.conditions) > set(other.conditions) and replace(query, conditions=other.conditions) == other


def _same(one: TableAnswer, other: TableAnswer) -> bool:
    return [line.text for line in one.lines] == [line.text for line in other.lines]


def _together(tables: Sequence[TableSchema], references: Sequence[Reference]) -> Iterator[list[TableSchema]]:
    """The tables of a database, and those that refer to one another, undeclared."""
    places = {table.id: {table.id} for table in tables}
    by_database = defaultdict[str, list[int]](list)
    for table in tables:
        if table.database:
            by_database[table.document_id].append(table.id)
    joined = [(ids[0], other) for ids in by_database.values() for other in ids[1:]]
    joined += [(one, other) for one, _, other, _ in references]
    for one, other in joined:
        if one in places and other in places and places[one] is not places[other]:
            places[one] |= places[other]
            for number in places[other]:
                places[number] = places[one]
    for first in dict.fromkeys(min(place) for place in places.values()):
        yield [table for table in tables if table.id in places[first]]
