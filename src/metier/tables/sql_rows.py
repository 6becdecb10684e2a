"""Which rows a checked query tells of: of each line of its result those that it is made from.

The rows of a SELECT without groups come with it. Of one that adds up, the same FROM and WHERE are asked for the places
of the rows, for each line with what it is grouped by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from metier.tables.guard import PLACE, GuardedQuery, is_aggregated, is_computed
from metier.tables.results import RowPlace
from metier.tables.runner import Result
from metier.tables.schema import TableSchema
from metier.tables.sql_columns import SqlColumns, branches, sources

CITED = 10
_MORE = 50  # rows behind the last that is asked for, among which those equal to it may be

Run = Callable[[str, Sequence[str]], Result]
Cell = float | int | str | None


class SqlRows:
    """Runs a query, and asks for the rows behind its lines. `run` raises `QueryError`."""

    def __init__(self, query: GuardedQuery, columns: SqlColumns, run: Run) -> None:
        self._query, self._columns, self._run = query, columns, run
        self._keys: list[exp.Expr] = []  # of the groups, whose values come behind the outputs
        self._width = len(branches(query.tree)[0].expressions)

    def result(self) -> Result:
        """The rows, with those that are equal to the last of a LIMIT; behind the outputs what `rows_of` needs."""
        tree = self._query.tree.copy()
        ranks: list[int] = []
        if isinstance(tree, exp.Select) and not tree.args.get("distinct"):
            aggregated = is_aggregated(tree)
            self._keys = [key.copy() for key in tree.args["group"].expressions] if tree.args.get("group") else []
            ranks = self._add_ranks(tree) if tree.args.get("limit") and tree.args.get("order") else []
            for key in self._keys:
                tree.append("expressions", key.copy())
            if not aggregated:
                for alias in self._read_tables(tree):
                    for name in PLACE:
                        tree.append("expressions", _name(name, alias))
        limit = tree.args.get("limit")
        most = int(limit.expression.name) if ranks and limit else 0
        if most and limit:
            limit.set("expression", exp.Literal.number(most + _MORE))
        result = self._run(self._query.sql(tree), self._query.tables)
        rows = result.rows
        if most and len(rows) > most:
            edge = [rows[most - 1][place] for place in ranks]
            equal = [row for row in rows[most:] if [row[place] for place in ranks] == edge]
            rows = (*rows[:most], *equal)
        start = self._width + sum(place >= self._width for place in ranks)
        return Result(result.names, tuple((*row[: self._width], *row[start:]) for row in rows), result.cut)

    def _add_ranks(self, tree: exp.Select) -> list[int]:
        """What the rows are ordered by, as outputs; the places of these."""
        names = [each.alias_or_name for each in tree.expressions]
        ranks = []
        for ordered in tree.args["order"].expressions:
            by = ordered.this
            if isinstance(by, exp.Column) and not by.table and by.name in names:
                ranks.append(names.index(by.name))
            else:
                ranks.append(len(tree.expressions))
                tree.append("expressions", by.copy())
        return ranks

    def _read_tables(self, select: exp.Select) -> list[str]:
        """The names under which a SELECT reads tables themselves."""
        return [alias for alias, source in sources(select).items() if self._columns.table_of(source) is not None]

    # --- rows ------------------------------------------------------------------------------------------------

    def rows_of(self, row: Sequence[Cell]) -> tuple[RowPlace, ...]:
        """The first rows that one line, as `result` has it, is made from."""
        tree = self._query.tree
        behind = row[self._width :]
        if isinstance(tree, exp.Select) and not tree.args.get("distinct"):
            if not is_aggregated(tree):
                cells = [behind[n : n + len(PLACE)] for n in range(0, len(behind), len(PLACE))]
                places = (_place(each) for each in cells)
                found = tuple(dict.fromkeys(place for place in places if place is not None))
                return found or self._made_from(tree, [])[:CITED]
            conditions = [_is(key, value) for key, value in zip(self._keys, behind, strict=True)]
            return self._made_from(tree, [*conditions, *self._extreme(tree, row)])[:CITED]
        found_in: list[RowPlace] = []
        for select in branches(tree):
            if (conditions_ := self._equal(select, row[: self._width])) is not None:
                found_in += self._made_from(select, conditions_)
        return tuple(dict.fromkeys(found_in))[:CITED]

    def count(self) -> int:
        """How many rows of the table that is added up there are behind all lines together."""
        return sum(self._counted(select) for select in branches(self._query.tree))

    def main(self) -> TableSchema | None:
        """The table whose rows are told of."""
        for select in branches(self._query.tree):
            for inner in (select, *select.find_all(exp.Select)):
                alias = self._main(inner)
                table = self._columns.table_of(sources(inner)[alias]) if alias else None
                if table is not None:
                    return table
        return None

    def _equal(self, select: exp.Select, row: Sequence[Cell]) -> list[exp.Expr] | None:
        """What rows of one side must hold to give a line; None where that side cannot."""
        conditions: list[exp.Expr] = []
        for projection, value in zip(select.expressions, row, strict=False):
            told = projection.unalias()
            if isinstance(told, exp.Literal):
                if told.name != str(value):
                    return None
            elif not told.find(exp.AggFunc) and not told.find(exp.Select):
                conditions.append(_is(told, value))
        return conditions

    def _extreme(self, select: exp.Select, row: Sequence[Cell]) -> list[exp.Expr]:
        """Of a largest or smallest value the rows that have it."""
        found = []
        for projection, value in zip(select.expressions, row, strict=False):
            told = projection.unalias()
            if isinstance(told, exp.Min | exp.Max) and isinstance(told.this, exp.Column):
                found.append(_is(told.this, value))
            elif told.find(exp.AggFunc):
                return []
        return found

    def _made_from(self, select: exp.Select, conditions: Sequence[exp.Expr]) -> tuple[RowPlace, ...]:
        alias = self._main(select)
        if not alias:
            inner = (part for part in self._inner(select))
            return tuple(place for each in inner for place in self._made_from(each, []))
        places = self._asked(select, [_name(name, alias) for name in PLACE], conditions).distinct().limit(CITED)
        result = self._run(self._query.sql(places, totals=not is_computed(select)), self._query.tables)
        found = (_place(row) for row in result.rows)
        return tuple(place for place in found if place is not None)

    def _counted(self, select: exp.Select) -> int:
        alias = self._main(select)
        if not alias:
            return sum(self._counted(each) for each in self._inner(select))
        rows = self._asked(select, [_name(name, alias) for name in PLACE[:2]], []).distinct()
        with_parts = rows.args.pop("with_", None)
        counting = exp.select(exp.Count(this=exp.Star())).from_(rows.subquery("counted"))
        if with_parts is not None:
            counting.set("with_", with_parts)
        result = self._run(self._query.sql(counting, totals=not is_computed(select)), self._query.tables)
        return int(result.rows[0][0] or 0)

    def _asked(self, select: exp.Select, names: Sequence[exp.Expr], conditions: Sequence[exp.Expr]) -> exp.Select:
        """A SELECT of other columns over the same rows."""
        asked = exp.Select(expressions=list(names))
        for name in ("from_", "joins", "where"):
            if (part := select.args.get(name)) is not None:
                asked.set(name, [each.copy() for each in part] if isinstance(part, list) else part.copy())
        if (parts := self._query.tree.args.get("with_")) is not None:
            asked.set("with_", parts.copy())
        return asked.where(*conditions, copy=False) if conditions else asked

    def _inner(self, select: exp.Select) -> list[exp.Select]:
        """The SELECTs that one without a table of its own is made from."""
        parts = [part for source in sources(select).values() if (part := self._columns.part_of(source)) is not None]
        if not parts:
            parts = [each.this for each in select.find_all(exp.Subquery) if each.parent_select is select]
        return [each for part in parts for each in branches(part)]

    def _main(self, select: exp.Select) -> str:
        """The table whose rows a SELECT adds up or gives: that of what is added up, else the one that leads to the
        others; "" where it reads none itself."""
        read = self._read_tables(select)
        if len(read) < 2:
            return read[0] if read else ""
        for aggregate in select.find_all(exp.AggFunc):
            column = aggregate.find(exp.Column)
            if aggregate.parent_select is select and column is not None and column.table in read:
                return column.table
        if not is_aggregated(select):
            first = next((each.table for each in select.find_all(exp.Column) if each.table in read), read[0])
            return first
        tables = {alias: self._columns.table_of(sources(select)[alias]) for alias in read}
        pointed = {reference[1] for table in tables.values() if table for reference in table.references}
        leading = [alias for alias, table in tables.items() if table and table.name not in pointed]
        return leading[0] if leading else read[0]


def _name(name: str, alias: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def _is(told: exp.Expr, value: Cell) -> exp.Expr:
    literal: exp.Expr = exp.Null()
    if isinstance(value, str):
        literal = exp.Literal.string(value)
    elif value is not None:
        literal = exp.Literal.number(repr(value))
    if value is not None:
        return exp.EQ(this=exp.paren(told.copy()), expression=literal)
    return exp.Is(this=exp.paren(told.copy()), expression=literal)


def _place(cells: Sequence[Cell]) -> RowPlace | None:
    document, _, start, end = cells
    return None if document is None else RowPlace(str(document), int(start or 0), int(end or 0))
