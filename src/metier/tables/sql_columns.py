"""What a checked query gives and reads: of each of its outputs the column it comes from, its name and its unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from metier.tables.cell_values import ColumnType
from metier.tables.guard import GuardedQuery, is_aggregated
from metier.tables.readable import unit_of_numbers
from metier.tables.schema import Column, TableSchema

_HUNDRED = 100.0


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table."""

    table: TableSchema
    column: Column


@dataclass(frozen=True, slots=True)
class Output:
    """`name`: of the column that it is of; `column`: where it is that column as it stands; `text`: whether it is words;
    `unit`: of its numbers; `computed`: it is no column as it stands."""

    name: str
    unit: str
    text: bool
    column: TableColumn | None
    computed: bool


def branches(tree: exp.Query) -> list[exp.Select]:
    """The SELECTs of a set operation, the first one first; of one SELECT it alone."""
    if isinstance(tree, exp.SetOperation):
        return [select for side in (tree.left, tree.right) for select in branches(side)]
    if isinstance(tree, exp.Subquery):
        return branches(tree.this)
    return [tree] if isinstance(tree, exp.Select) else []


def sources(select: exp.Select) -> dict[str, exp.Expr]:
    """What it reads, by the name under which it does: tables, parts of the query, subqueries."""
    first = select.args.get("from_")
    found = [first.this] if first else []
    found += [join.this for join in select.args.get("joins") or ()]
    return {each.alias_or_name: each for each in found}


class SqlColumns:
    """Looks names of a query up."""

    def __init__(self, query: GuardedQuery) -> None:
        self._query = query
        self._parts = {each.alias: each.this for each in query.tree.find_all(exp.CTE)}

    def table_of(self, source: exp.Expr) -> TableSchema | None:
        """None where it is no table but a part of the query."""
        is_table = isinstance(source, exp.Table) and source.name not in self._parts
        return self._query.table(source) if is_table and isinstance(source, exp.Table) else None

    def part_of(self, source: exp.Expr) -> exp.Query | None:
        if isinstance(source, exp.Table):
            return self._parts.get(source.name)
        return source.this if isinstance(source, exp.Subquery) else None

    def of(self, column: exp.Column) -> TableColumn | None:
        """The column of a table that a name leads to as it stands; None where it is computed on the way."""
        select: exp.Expr | None = column.parent_select
        while isinstance(select, exp.Select):
            source = sources(select).get(column.table)
            if source is not None:
                return self._in(source, column.name)
            select = select.parent_select
        return None

    def _in(self, source: exp.Expr, name: str) -> TableColumn | None:
        if (table := self.table_of(source)) is not None:
            found = table.column(name)
            return TableColumn(table, found) if found else None
        part = self.part_of(source)
        selects = branches(part) if part is not None else []
        for projection in selects[0].expressions if selects else ():
            if projection.alias_or_name == name:
                inner = projection.unalias()
                return self.of(inner) if isinstance(inner, exp.Column) else None
        return None

    def used(self) -> Iterator[TableColumn]:
        """All columns of tables that the query names."""
        for column in self._query.tree.find_all(exp.Column):
            if (found := self.of(column)) is not None:
                yield found

    def outputs(self) -> list[Output]:
        first, *others = branches(self._query.tree)
        found = [self._output(projection.unalias(), first) for projection in first.expressions]
        if others:  # what stands below each other is of several columns
            found = [replace(each, name="", column=None, computed=not each.text) for each in found]
        return found

    def _output(self, told: exp.Expr, select: exp.Select) -> Output:
        plain = self.of(told) if isinstance(told, exp.Column) else None
        if plain is not None:
            number = plain.column.type is ColumnType.NUMBER
            unit = unit_of_numbers(plain.table, plain.column) if number else ""
            return Output(plain.column.name, unit, not number, plain, computed=False)
        if isinstance(told, exp.Literal):
            return Output("", "", told.is_string, None, computed=False)
        computed = is_aggregated(select) or not isinstance(told, exp.Column)
        return Output(self._name(told), self._unit(told), self._is_text(told), None, computed)

    def _name(self, told: exp.Expr) -> str:
        column = next((place for each in told.find_all(exp.Column) if (place := self.of(each))), None)
        if column is not None:
            return column.column.name
        table = next((found for each in told.find_all(exp.Table) if (found := self.table_of(each))), None)
        if table is None and isinstance(select := told.parent_select, exp.Select):
            tables = map(self.table_of, sources(select).values())
            table = next((each for each in tables if each is not None), None)
        return table.name if table else ""

    def _is_text(self, told: exp.Expr) -> bool:
        match told:
            case exp.Column():
                found = self.of(told)
                return found is not None and found.column.type is not ColumnType.NUMBER
            case exp.DPipe() | exp.Lower() | exp.Upper() | exp.Substring() | exp.Trim() | exp.TimeToStr() | exp.Date():
                return True
            case exp.Min() | exp.Max() | exp.Paren() | exp.Coalesce() | exp.Distinct():
                inner = told.this if not isinstance(told, exp.Distinct) else told.expressions[0]
                return self._is_text(inner)
            case exp.Subquery():
                selects = branches(told)
                return bool(selects) and self._is_text(selects[0].expressions[0].unalias())
        return False

    def _unit(self, told: exp.Expr) -> str:
        match told:
            case exp.Column():
                found = self.of(told)
                is_number = found is not None and found.column.type is ColumnType.NUMBER
                return unit_of_numbers(found.table, found.column) if found and is_number else ""
            case exp.Sum() | exp.Avg() | exp.Min() | exp.Max() | exp.Round() | exp.Abs() | exp.Paren() | exp.Neg():
                return self._unit(told.this)
            case exp.Coalesce() | exp.Cast():
                return self._unit(told.this)
            case exp.Distinct():
                return self._unit(told.expressions[0])
            case exp.Subquery():
                selects = branches(told)
                return self._unit(selects[0].expressions[0].unalias()) if selects else ""
            case exp.Add() | exp.Sub():
                units = {self._unit(side) for side in (told.left, told.right) if not isinstance(side, exp.Literal)}
                return units.pop() if len(units) == 1 else ""
            case exp.Mul():
                return self._unit_of_product(told)
            case exp.Div():
                above, below = self._unit(told.left), self._unit(told.right)
                if above == "%" and _is_share(told.left):
                    return "%"
                return above if not below and not isinstance(told.right, exp.Literal) else ""
        return ""

    def _unit_of_product(self, told: exp.Mul) -> str:
        """A hundred times a quotient is a share in percent; of a hundred times what is divided then, too."""
        numbers = [float(side.name) for side in (told.left, told.right) if _is_number(side)]
        if _HUNDRED in numbers and (told.find(exp.Div) or _divided(told)):
            return "%"
        return self._unit(told.right if _is_number(told.left) else told.left) if numbers == [1.0] else ""


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


def _is_share(node: exp.Expr) -> bool:
    found = node.find(exp.Mul)
    return found is not None and any(_is_number(s) and float(s.name) == _HUNDRED for s in (found.left, found.right))


def _divided(node: exp.Expr) -> bool:
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    return isinstance(above, exp.Div)
