"""From the words that are linked to what is asked of the tables: every way to read the question, the best first.

A reading explains every word that says something, or it is none: who asks for an attribute that no table has must not
get another one's value.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from metier.tables.cell_values import ColumnType
from metier.tables.links import ColumnMention, Links, TableMention, ValueMention, columns_of
from metier.tables.query import Condition, Graph, NoPath, Place, TableQuery, path
from metier.tables.question import Bound, Extreme, Operation, Question
from metier.tables.schema import Column, TableSchema
from metier.text.phrase_cover import Span
from metier.text.quantities import Quantity
from metier.text.units import unit_of

_WAYS = 48  # combinations of mentions that are looked at
_BEAM = 160
_NEAR = 4  # words between a bound or an extreme and its column
_UNEXPLAINED = 1.0  # what a word costs that nothing explains
_PART, _MEASURED, _CONTEXT, _JOIN, _UNASKED, _OTHER, _WEAK, _ATTRIBUTE = 0.3, 0.15, 0.12, 0.08, 0.25, 0.2, 0.1, 0.03

Mention = ColumnMention | ValueMention | TableMention | Operation | Extreme | Bound


@dataclass(frozen=True, slots=True)
class Interpretation:
    """`cost`: 0 where every word is explained by what it names in full; 1 and more where one is not explained."""

    query: TableQuery
    cost: float


def interpretations(question: Question, tables: Sequence[TableSchema], links: Links, steps: Graph) -> list[Interpretation]:
    """Of all tables that belong together, the best first."""
    if question.negated:
        return []
    found: dict[TableQuery, float] = {}
    for mentions, cost in _combinations(question, links):
        for query, more in _Assembler(question, tables, mentions, steps).queries():
            found[query] = min(cost + more, found.get(query, 99.0))
    return sorted((Interpretation(query, cost) for query, cost in found.items()), key=lambda each: each.cost)


# --- which mentions stand beside each other ------------------------------------------------------------------


def _combinations(question: Question, links: Links) -> list[tuple[list[Mention], float]]:
    """Mentions that do not overlap, with what they leave unexplained, the best first."""
    read: list[Mention] = [*question.operations, *question.extremes, *question.bounds]
    starting: dict[int, list[Mention]] = {}
    for mention in [*read, *links.columns, *links.values, *links.tables]:
        starting.setdefault(mention.span[0], []).append(mention)
    beams: list[list[tuple[float, list[Mention]]]] = [[] for _ in range(len(question.tokens) + 1)]
    beams[0] = [(0.0, [])]
    own = {n for mention in read for n in range(*mention.span)}
    for place in range(len(question.tokens)):
        beam = sorted(beams[place], key=lambda each: each[0])[:_BEAM]
        for cost, mentions in beam:
            skipped = _WEAK if place in question.weak else _UNEXPLAINED if place in question.free else _UNASKED if place in own else 0.0
            beams[place + 1].append((cost + skipped, mentions))
            for mention in starting.get(place, ()):
                beams[mention.span[1]].append((cost + _price(mention), [*mentions, mention]))
    return [(mentions, cost) for cost, mentions in sorted(beams[-1], key=lambda each: each[0])[:_WAYS]]


def _price(mention: Mention) -> float:
    match mention:
        case ColumnMention(measured=True):
            return _MEASURED
        case ColumnMention(share=share):
            return _PART * (1 - min(share, 1.0))
        case ValueMention(share=share):
            return 0.0 if share == 1 else _PART * (2 - share)
        case TableMention(context=context):
            return _CONTEXT if context else 0.0
    return 0.0


# --- what they ask together ----------------------------------------------------------------------------------


class _Assembler:
    """One combination of mentions; `queries` gives what it may ask."""

    def __init__(self, question: Question, tables: Sequence[TableSchema], mentions: Sequence[Mention], steps: Graph) -> None:
        self._question, self._tables, self._steps = question, tables, steps
        self._columns = [each for each in mentions if isinstance(each, ColumnMention)]
        self._values = [each for each in mentions if isinstance(each, ValueMention)]
        self._named = [each for each in mentions if isinstance(each, TableMention)]
        self._bounds = [each for each in mentions if isinstance(each, Bound)]
        self._extremes = [each for each in mentions if isinstance(each, Extreme)]
        self._operations = {each.kind: each for each in mentions if isinstance(each, Operation)}

    def queries(self) -> Iterator[tuple[TableQuery, float]]:
        if len(self._extremes) > 1:
            return
        for table in self._mains():
            try:
                query = self._of(table)
                if query is not None:
                    yield query, self._distance(query)
            except NoPath:
                continue

    def _mains(self) -> list[TableSchema]:
        """The tables whose rows may be meant: the one that is named first, else those of the columns asked for, else
        those of the values."""
        named = [mention.table for mention in self._named if not mention.context]
        asked = [mention.table for mention in self._columns]
        given = [mention.table for mention in self._values]
        tables = named[:1] or asked or given or [mention.table for mention in self._named]
        if named and asked:
            tables = [named[0], *asked]
        return list({table.sql: table for table in tables}.values())

    def _distance(self, query: TableQuery) -> float:
        steps = sum(len(path(self._steps, query.table, place.table)) for place in query.places)
        named = {mention.table.sql for mention in self._named if not mention.context}
        used = {query.table.sql, *(place.table.sql for place in query.places)}
        attributes = sum(not self._is_label(condition.place) for condition in query.conditions)
        return _JOIN * steps + _OTHER * (bool(named) and not named & used) + _ATTRIBUTE * attributes

    def _is_label(self, place: Place) -> bool:
        return place in self._label(place.table)

    def _of(self, table: TableSchema) -> TableQuery | None:
        left = list(self._columns)
        conditions = self._given(table)
        for bound in self._bounds:
            condition = self._bounded(bound, table, left)
            if condition is None:
                return None
            conditions.append(condition)
        group = self._grouped(left)
        extreme = self._extremes[0] if self._extremes else None
        order = self._ordered(extreme, table, left) if extreme else None
        query = TableQuery(table, tuple(conditions), group=group)
        if extreme is not None:
            return self._most(query, extreme, order, left)
        if "each" in self._operations and not group:
            return None
        if "count" in self._operations:
            return self._counted(query, left)
        for kind, aggregate in (("average", "avg"), ("total", "sum")):
            if kind in self._operations or (kind == "total" and any(m.summed for m in self._columns)):
                return self._aggregated(query, left, aggregate)
        return self._looked_up(query, left)

    # --- conditions ------------------------------------------------------------------------------------------

    def _given(self, table: TableSchema) -> list[Condition]:
        """What the values say; those of one column are alternatives."""
        found: dict[Place, tuple[str, ...]] = {}
        for mention in self._values:
            place = Place(mention.table, mention.column)
            found[place] = (*found.get(place, ()), *mention.values)
        return [Condition(place, "in", values) for place, values in found.items()]

    def _bounded(self, bound: Bound, table: TableSchema, left: list[ColumnMention]) -> Condition | None:
        column = self._bounded_column(bound, table, left)
        if column is None:
            return None
        first = _amounts(bound.quantity, column[1])
        if first is None:
            return None
        place = Place(column[0], column[1].sql)
        if bound.operator == "between" and bound.other is not None:
            second = _amounts(bound.other, column[1])
            return Condition(place, "between", (first[0], second[1])) if second else None
        if bound.operator == "=":
            return Condition(place, "=", (first[0],)) if first[0] == first[1] else Condition(place, "between", first)
        return Condition(place, bound.operator, (first[1] if bound.operator in (">", "<=") else first[0],))

    def _bounded_column(
        self, bound: Bound, table: TableSchema, left: list[ColumnMention]
    ) -> tuple[TableSchema, Column] | None:
        """The column that a number or a day is of: named beside it, told by a comparative or by its unit, or the only
        one of its kind."""
        language = self._question.language.code
        kind = ColumnType.DATE if bound.quantity.dates else ColumnType.NUMBER
        fits = [m for m in left if m.column.type is kind or (m.column.years and bound.quantity.dates)]
        near = [m for m in fits if _gap(m.span, bound.span) <= _NEAR]
        if near:
            best = min(near, key=lambda m: (_gap(m.span, bound.span), m.column.type is not kind, m.table.sql != table.sql))
            left.remove(best)
            return best.table, best.column
        if bound.measure:
            told = columns_of(table, bound.measure, language, bound.span)
            numbers = [m for m in told if m.column.type is not ColumnType.TEXT]
            return (table, numbers[0].column) if len(numbers) == 1 else None
        for each in (table, *(t for t in self._tables if t.sql != table.sql and self._is_used(t))):
            columns = [c for c in each.columns if c.type is kind and _comparable(bound.quantity, c)]
            if kind is ColumnType.DATE and not columns and bound.quantity.dates[0][1] is None:
                columns = [c for c in each.columns if c.years]
            if len(columns) == 1:
                return each, columns[0]
        return None

    def _is_used(self, table: TableSchema) -> bool:
        return any(m.table.sql == table.sql for m in (*self._named, *self._columns, *self._values))

    # --- what is asked ---------------------------------------------------------------------------------------

    def _grouped(self, left: list[ColumnMention]) -> tuple[Place, ...]:
        """What stands behind "per" or "for each"."""
        operation = self._operations.get("each")
        if operation is None:
            return ()
        behind = [m for m in left if m.span[0] == operation.span[1]]
        if behind:
            left.remove(behind[0])
            return (Place(behind[0].table, behind[0].column.sql),)
        named = [m for m in self._named if m.span[0] == operation.span[1]]
        return self._label(named[0].table) if named else ()

    def _ordered(self, extreme: Extreme, table: TableSchema, left: list[ColumnMention]) -> Place | None:
        """The column of which the most or the least is asked."""
        numbers = [m for m in left if m.column.type is not ColumnType.TEXT]
        near = [m for m in numbers if _gap(m.span, extreme.span) <= _NEAR]
        behind = [m for m in near if m.span[0] >= extreme.span[1]] or near
        if behind:
            best = min(behind, key=lambda m: (_gap(m.span, extreme.span), m.table.sql != table.sql))
            left.remove(best)
            return Place(best.table, best.column.sql)
        language = self._question.language.code
        if extreme.measure:
            told = columns_of(table, extreme.measure, language, extreme.span)
            numbers = [m for m in told if m.column.type is not ColumnType.TEXT]
            if len(numbers) == 1:
                return Place(table, numbers[0].column.sql)
        return None

    def _most(
        self, query: TableQuery, extreme: Extreme, order: Place | None, left: list[ColumnMention]
    ) -> TableQuery | None:
        if order is None:
            return self._most_of_a_kind(query, extreme, left)
        shown = tuple(Place(m.table, m.column.sql) for m in left) or self._label(query.table)
        if order.table.sql != query.table.sql:  # the customer with the highest total of invoices
            steps = path(self._steps, query.table, order.table)
            if steps and self._points_to(order.table, query.table):
                return TableQuery(
                    order.table, query.conditions, "sum", order, False, (), self._label(query.table), None,
                    extreme.descending, extreme.limit,
                )  # fmt: skip
        if "count" in self._operations or bool(query.group):
            return None
        if not left and self._asks_amount():
            shown = (order,)
        return replace(query, select=_distinct((*shown, order)), order=order, descending=extreme.descending, limit=extreme.limit)

    def _most_of_a_kind(self, query: TableQuery, extreme: Extreme, left: list[ColumnMention]) -> TableQuery | None:
        """The artist with the most albums: of what is counted, another table is named, or a value repeats."""
        others = [m for m in self._named if not m.context and m.table.sql != query.table.sql]
        counted = [m for m in others if _gap(m.span, extreme.span) <= _NEAR and m.span[0] >= extreme.span[1]]
        if counted:
            if left:
                return None
            return TableQuery(
                counted[0].table, query.conditions, "count", Place(counted[0].table), False, (),
                self._label(query.table), None, extreme.descending, extreme.limit,
            )  # fmt: skip
        texts = [m for m in left if m.column.type is ColumnType.TEXT]
        if len(left) == 1 and texts:  # the country with the most customers
            return replace(
                query, aggregate="count", of=Place(query.table), group=(Place(texts[0].table, texts[0].column.sql),),
                descending=extreme.descending, limit=extreme.limit,
            )  # fmt: skip
        return None

    def _points_to(self, child: TableSchema, parent: TableSchema) -> bool:
        """Whether each row of `child` leads to one of `parent`."""
        at = child
        for own, other, _ in path(self._steps, child, parent):
            if not any(reference[0] == own for reference in at.references):
                return False
            at = other
        return True

    def _counted(self, query: TableQuery, left: list[ColumnMention]) -> TableQuery | None:
        """Rows; different values of a column of words; the numbers of one that counts itself ("how many keys has …")."""
        if not left:
            if not (query.conditions or any(not m.context for m in self._named)):
                return None
            return replace(query, aggregate="count", of=Place(query.table), descending=True)
        if len(left) > 1:
            return None
        mention = left[0]
        place = Place(mention.table, mention.column.sql)
        if mention.column.type is ColumnType.NUMBER:
            if not query.conditions:
                return replace(query, aggregate="sum", of=place, descending=True)
            return replace(query, select=_distinct((*self._label(query.table), place)))
        return replace(query, aggregate="count", of=place, distinct=True, descending=True)

    def _aggregated(self, query: TableQuery, left: list[ColumnMention], aggregate: str) -> TableQuery | None:
        numbers = [m for m in left if m.column.type is ColumnType.NUMBER]
        if len(left) != 1 or len(numbers) != 1:
            return None
        place = Place(numbers[0].table, numbers[0].column.sql)
        if place.table.sql != query.table.sql and self._points_to(place.table, query.table):
            query = replace(query, table=place.table)
        return replace(query, aggregate=aggregate, of=place, descending=True)

    def _looked_up(self, query: TableQuery, left: list[ColumnMention]) -> TableQuery | None:
        if not query.conditions or bool(query.group):
            return None
        shown = tuple(place for mention in left for place in self._shown(mention))
        if not shown and "days" in self._operations:
            dates = [c for c in query.table.columns if c.type is ColumnType.DATE]
            shown = (Place(query.table, dates[0].sql),) if len(dates) == 1 else ()
            if not shown:
                return None
        if not shown and not any(not m.context for m in self._named) and not self._bounds:
            return None
        if not shown and all(c.place in self._label(query.table) for c in query.conditions):
            return None  # it would show what it was asked
        if "amount" in self._operations and self._sums(query, left):
            return replace(query, aggregate="sum", of=shown[0], descending=True)
        return replace(query, select=_distinct((*self._label(query.table), *shown)))

    def _shown(self, mention: ColumnMention) -> tuple[Place, ...]:
        """A column; of one that points to another table, what names its rows."""
        column, share = mention.column.sql, mention.share
        for own, other, _ in self._steps.get(mention.table.sql, ()) if share == 1 else ():
            if own == column and any(reference[0] == column for reference in mention.table.references):
                return self._label(other)
        return (Place(mention.table, column),)

    def _sums(self, query: TableQuery, left: Sequence[ColumnMention]) -> bool:
        """Whether an amount is told of one thing in many rows: what a customer spent is in many invoices."""
        if len(left) != 1 or left[0].column.type is not ColumnType.NUMBER or left[0].table.sql != query.table.sql:
            return False
        return all(condition.place.table.sql != query.table.sql for condition in query.conditions)

    def _asks_amount(self) -> bool:
        """Whether "what is the highest price" asks for the number itself."""
        return not any(not m.context for m in self._named)

    @staticmethod
    def _label(table: TableSchema) -> tuple[Place, ...]:
        return tuple(Place(table, column.sql) for column in table.labelling)


def _distinct(places: Sequence[Place]) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(places))


def _gap(one: Span, other: Span) -> int:
    """Words between two mentions."""
    return max(other[0] - one[1], one[0] - other[1], 0)


def _comparable(quantity: Quantity, column: Column) -> bool:
    """Whether a number may be one of the column's: of the same dimension where both have a unit."""
    if quantity.dates:
        return True
    if quantity.unit is None:
        return not column.unit
    unit = unit_of(column.unit) if column.unit else None
    return unit is not None and unit.dimension == quantity.unit.dimension


def _amounts(quantity: Quantity, column: Column) -> tuple[float | str, float | str] | None:
    """The first and the last value that are meant, in the unit of the column: of a year or a month its days."""
    if quantity.dates:
        year, month, day = quantity.dates[0]
        if column.type is ColumnType.NUMBER:
            return (float(year), float(year)) if year and not month else None
        if not year:
            return None
        first, last = month or 1, month or 12
        end = day or calendar.monthrange(year, last)[1]
        return f"{year}-{first:02}-{day or 1:02}", f"{year}-{last:02}-{end:02} 23:59:59"
    if column.type is not ColumnType.NUMBER:
        return None
    value = quantity.values[0]
    unit = unit_of(column.unit) if column.unit else None
    if quantity.unit is not None and unit is not None:
        if unit.dimension != quantity.unit.dimension:
            return None
        if unit != quantity.unit and unit.dimension != "temperature":
            value = quantity.unit.in_base(value) / unit.factor
    return value, value
