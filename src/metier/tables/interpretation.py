"""From the words that are linked to what is asked of the tables: every way to read the question, the best first.

A reading explains every word that says something, or it is none: who asks for an attribute that no table has must not
get another one's value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from metier.tables.cell_values import ColumnType
from metier.tables.combinations import Mentions, combinations
from metier.tables.comparison import ComparisonReader
from metier.tables.conditions import ConditionReader, denied_in
from metier.tables.counting import CountReader, are_pieces, is_name_of_one
from metier.tables.grouping import GROUPING, GroupReader, groups_rows_alone, shown_by
from metier.tables.measured_columns import columns_of, places_of, price_and_quantity, stock_of
from metier.tables.mentions import ColumnMention, Links
from metier.tables.periods import period_of
from metier.tables.query import ColumnReference, Condition, Graph, NoPath, TableQuery, label_of, path, points_to
from metier.tables.question import Bound, TableQuestion
from metier.tables.reading_cost import ODD, distance
from metier.tables.schema import TableSchema
from metier.tables.superlatives import SuperlativeReader, each_once, names_of_rows, pointing_columns
from metier.tables.vocabulary import said_words
from metier.text.language import words_in_any_language
from metier.text.names import apart

_ALWAYS_USED = frozenset(
    {"count", "average", "total", "each", "each_behind", "year", "month", "difference", "comparative", "different"}
)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """`cost`: 0 where every word is explained by what it names in full; 1 and more where one is not explained."""

    query: TableQuery
    cost: float


def interpretations(
    question: TableQuestion, tables: Sequence[TableSchema], links: Links, steps: Graph
) -> list[Interpretation]:
    """Of all tables that belong together, the best first."""
    found: dict[TableQuery, float] = {}
    for mentions, cost in combinations(question, links):
        for query, more in _Assembler(question, tables, mentions, steps).queries():
            found[query] = min(cost + more, found.get(query, 99.0))
    return sorted((Interpretation(query, cost) for query, cost in found.items()), key=lambda each: each.cost)


# --- what they ask together ----------------------------------------------------------------------------------


class _Assembler:
    """One combination of mentions; `queries` gives what it may ask."""

    def __init__(
        self, question: TableQuestion, tables: Sequence[TableSchema], mentions: Mentions, steps: Graph
    ) -> None:
        self._question, self._tables, self._mentions, self._steps = question, tables, mentions, steps
        self._operations = mentions.operations
        self._conditions = ConditionReader(question, tables, mentions)
        self._groups = GroupReader(question, mentions, steps)
        self._comparisons = ComparisonReader(question, mentions)
        self._ways: list[ColumnMention] = []
        self._superlatives = SuperlativeReader(question, mentions, steps, self._groups)
        self._counts = CountReader(question, mentions)

    def queries(self) -> Iterator[tuple[TableQuery, float]]:
        if len(self._mentions.extremes) > 1:
            return
        for number, table in enumerate(self._mains()):
            try:
                query = self._of(table)
                if query is None or groups_rows_alone(query) or not self._sums_money(query):
                    continue
                query = self._by_quantity(query)
                if self._takes_ways(query):
                    counts = "count" in self._operations
                    yield query, distance(query, self._mentions, self._steps, counts=counts) + ODD * (number > 0)
            except NoPath:
                continue

    def _mains(self) -> list[TableSchema]:
        """The tables whose rows may be meant: the one that is named first, else those of the columns asked for, else
        those of the values."""
        named = [mention.table for mention in self._mentions.named]
        asked = [mention.table for mention in self._mentions.columns]
        given = [mention.table for mention in self._mentions.values]
        tables = named[:1] or asked or given or [mention.table for mention in self._mentions.tables]
        if named and asked:
            tables = [named[0], *asked]
        if not tables and self._question.things and self._mentions.extremes:  # "the heaviest item" of all with a weight
            measure, code = self._mentions.extremes[0].measure, self._question.language.code
            tables = [table for table in self._tables if measure and columns_of(table, measure, code, (0, 0))]
        if self._operations.keys() & set(GROUPING):
            tables = [*tables, *named[1:]]  # "for each department the number of courses"
        return list({table.sql: table for table in tables}.values())

    def _of(self, table: TableSchema) -> TableQuery | None:
        left = self._without_ways(self._mentions.columns)
        self._operations = dict(self._mentions.operations)
        reference = self._comparisons.reference
        conditions = self._conditions.given(left, reference)
        if reference:
            compared = self._comparisons.with_row(reference, left)
            if compared is None:
                return None
            conditions.append(compared)
            self._operations.pop("comparative", None)
        for bound in self._mentions.bounds:
            if (counted := self._counted_behind(bound, table, left)) is not None:
                return counted
            condition = self._conditions.bounded(bound, table, left)
            if condition is None:
                return None
            if self._sums_of(condition.place, table):
                return self._sum_of_each(condition, conditions, table, left)
            conditions.append(condition)
        if self._mentions.relations:
            related = self._comparisons.of_columns(table, left)
            if related is None:
                return None
            conditions.append(related)
        read = {place for each in self._mentions.relations for place in range(*each.span)}
        denials = [n for n in self._question.negations if n not in read and not self._mentions.name(n)]
        if denials:
            denied = denied_in(self._mentions, denials, table, conditions, left)
            if denied is None:
                return None
            conditions = denied
        elif (rows := self._comparisons.of_rows(table, conditions, left)) is not None:
            return rows
        else:
            conditions = [*conditions, *self._flags(conditions, left)]
        if "sold_out" in self._operations:
            held = stock_of(table, self._question.language)
            if len(held) != 1:
                return None
            conditions = [*conditions, Condition(ColumnReference(table, held[0].sql), "exists", negated=True)]
        group = self._groups.grouped(left)
        if (several := self._compared(table, conditions, left)) is not None:
            return several
        extreme = self._mentions.extremes[0] if self._mentions.extremes else None
        if extreme and (first := self._comparisons.first_of_another(extreme, table, conditions, left)) is not None:
            extreme, conditions = None, [*conditions, first]
        order = self._superlatives.ordered(extreme, table, left) if extreme else None
        query = TableQuery(table, tuple(conditions), group=group)
        if extreme is not None:
            return self._superlatives.query(query, extreme, order, left)
        if self._operations.keys() & {"each", "each_behind"} and not group:
            return None
        if self._operations.keys() & {"comparative", "difference"}:
            return None
        if "count" in self._operations and "average" not in self._operations:  # "berapa rata-rata" asks for the average
            return self._counts.counted(query, left)
        for kind, aggregate in (("average", "avg"), ("total", "sum")):
            total = kind == "total" and (any(m.summed for m in self._mentions.columns) or (group and left))
            if kind in self._operations or total:
                return self._aggregated(query, left, aggregate)
        return self._looked_up(query, left)

    def _flags(self, conditions: Sequence[Condition], left: list[ColumnMention]) -> list[Condition]:
        """Columns that tell whether something is so of a row, where rows are asked for: "which customers got a
        certificate". Taken out of `left`; of one row that is named its cell is asked for."""
        if any(is_name_of_one(each.place) for each in conditions) or self._operations.keys() & set(GROUPING):
            return []

        def is_flag(mention: ColumnMention) -> bool:
            if mention.column.yes_no:
                return mention.share == 1
            is_summed = "count" in self._operations or any(not each.measure for each in self._mentions.extremes)
            return not is_summed and are_pieces(self._question, mention)

        flags = [mention for mention in left if is_flag(mention)]
        left[:] = [mention for mention in left if mention not in flags]
        return [Condition(ColumnReference(each.table, each.column.sql), "exists") for each in flags]

    def _without_ways(self, columns: Sequence[ColumnMention]) -> list[ColumnMention]:
        """Without a column that leads to the row of which another one is asked: "the population of the capital"."""
        asked = {mention.table.sql for mention in columns}

        def leads(mention: ColumnMention) -> bool:
            others = asked - {mention.table.sql}
            ways = self._steps.get(mention.table.sql, ())
            pointing = mention.column.sql in pointing_columns(mention.table)
            return pointing and any(way[0] == mention.column.sql and way[1].sql in others for way in ways)

        self._ways = [mention for mention in columns if leads(mention)]
        return [mention for mention in columns if mention not in self._ways]

    def _by_quantity(self, query: TableQuery) -> TableQuery:
        """A sum of prices with each as often as it was bought."""
        if query.aggregate != "sum" or query.of is None:
            return query
        found = price_and_quantity(query.of.table, self._question.language.code)
        if found is None or found[0].sql != query.of.column:
            return query
        return replace(query, times=ColumnReference(query.of.table, found[1].sql))

    def _sums_money(self, query: TableQuery) -> bool:
        """Whether money that is asked for by a word of its own ("turnover") is what the query adds up."""
        total = self._operations.get("total")
        sums = query.aggregate in ("sum", "avg")
        if total is not None and total.of_money and not sums:
            return False
        asked = any(each.of_money and not self._mentions.names(each.span) for each in self._question.operations)
        if not asked or not sums:
            return True
        # Of what rock songs brought in, not the orders that have one of them.
        return all(points_to(self._steps, query.table, each.place.table) for each in query.conditions)

    def _takes_ways(self, query: TableQuery) -> bool:
        """Whether the way that each of the columns opens which were left out is taken."""
        taken: set[tuple[str, str]] = set()
        for place in query.places:
            at = query.table.sql
            for own, other, column in path(self._steps, query.table, place.table):
                taken |= {(at, own), (other.sql, column)}
                at = other.sql
        return all((mention.table.sql, mention.column.sql) in taken for mention in self._ways)

    # --- conditions ------------------------------------------------------------------------------------------

    def _counted_behind(self, bound: Bound, table: TableSchema, left: list[ColumnMention]) -> TableQuery | None:
        """ "more than ten albums": how many rows of another table lead to one, or have one value of a column."""
        if bound.operator == "=" or bound.quantity.unit or not bound.quantity.values or bound.other is not None:
            return None
        behind = [m for m in self._mentions.named if 0 <= m.span[0] - bound.span[1] <= 1]
        if len(behind) != 1 or len(self._mentions.bounds) > 1 or "count" in self._operations:
            return None
        counted = behind[0].table
        having = (bound.operator, bound.quantity.values[0])
        if not left and table.sql != counted.sql:
            group = label_of(table)
        elif len(left) == 1 and left[0].column.type is ColumnType.TEXT and left[0].table.sql == counted.sql:
            group = (ColumnReference(counted, left[0].column.sql),)
        else:
            return None
        given = tuple(self._conditions.given([]))
        return TableQuery(
            counted, given, "count", ColumnReference(counted), group=group, descending=True, having=having
        )

    def _sums_of(self, place: ColumnReference, table: TableSchema) -> bool:
        """Whether a bound is on what rows of another table add up to ("customers who spent more than 45 dollars")."""
        return place.table.sql != table.sql and self._named_first(table) and points_to(self._steps, place.table, table)

    def _named_first(self, table: TableSchema) -> bool:
        named = [m.table.sql for m in self._mentions.named]
        return bool(named) and named[0] == table.sql

    def _sum_of_each(
        self, bound: Condition, given: Sequence[Condition], table: TableSchema, left: Sequence[ColumnMention]
    ) -> TableQuery | None:
        value = bound.values[0]
        if (
            left
            or not isinstance(value, float)
            or bound.operator not in (">", ">=", "<", "<=")
            or self._operations.keys() & {"count", "average"}
        ):
            return None
        return TableQuery(
            bound.place.table, tuple(given), "sum", bound.place, group=label_of(table), descending=True,
            having=(bound.operator, value),
        )  # fmt: skip

    # --- what is asked ---------------------------------------------------------------------------------------

    def _compared(
        self, table: TableSchema, conditions: Sequence[Condition], left: Sequence[ColumnMention]
    ) -> TableQuery | None:
        """ "more in France or in Germany?": how many rows, or what amount, for each of the two."""
        several = [each for each in conditions if each.operator == "in" and len(each.values) == 2]
        if not self._operations.keys() & {"comparative", "difference"} or len(several) != 1 or self._mentions.extremes:
            return None
        group = (several[0].place,)
        numbers = [m for m in left if m.column.type is ColumnType.NUMBER]
        if len(left) == len(numbers) == 1:
            of = ColumnReference(numbers[0].table, numbers[0].column.sql)
            return TableQuery(
                of.table, tuple(conditions), "sum", of, group=group, descending=True,
                difference="difference" in self._operations,
            )  # fmt: skip
        counted = [m.table for m in self._mentions.named if m.table.sql != several[0].place.table.sql]
        if left or not counted:
            return None
        return TableQuery(
            counted[0], tuple(conditions), "count", ColumnReference(counted[0]), group=group, descending=True,
            difference="difference" in self._operations,
        )  # fmt: skip

    def _aggregated(self, query: TableQuery, left: list[ColumnMention], aggregate: str) -> TableQuery | None:
        numbers = [m for m in left if m.column.type is ColumnType.NUMBER]
        if (self._question.has("amount") or self._question.has("extent")) and query.conditions and len(numbers) == 1:
            left = [m for m in left if m in numbers or m.span < numbers[0].span]  # "the days that Ann rented a bicycle"
        if len(left) != 1 or len(numbers) != 1:
            return None
        if period_of(numbers[0].column.name) is not None:
            return None  # a column of a report adds up to nothing
        place = ColumnReference(numbers[0].table, numbers[0].column.sql)
        if place.table.sql != query.table.sql and points_to(self._steps, place.table, query.table):
            query = replace(query, table=place.table)
        return replace(query, aggregate=aggregate, of=place, descending=True)

    def _looked_up(self, query: TableQuery, left: list[ColumnMention]) -> TableQuery | None:
        if not query.conditions or query.group or any(kind in self._operations for kind in _ALWAYS_USED):
            return None
        if any(mention.of_own_table for mention in left):
            return None
        is_named = self._mentions.named or self._mentions.values or not left
        if not is_named and all(mention.measured for mention in left):
            return None  # "the price of the 10 kWh battery" is not that of all that has one
        shown = tuple(place for mention in left for place in shown_by(self._steps, mention))
        if not shown and "days" in self._operations:
            dates = [c for c in query.table.columns if c.type is ColumnType.DATE]
            shown = (ColumnReference(query.table, dates[0].sql),) if len(dates) == 1 else ()
            if not shown:
                return None
        if "days" in self._operations and shown and all(map(_is_amount, shown)):
            return None  # no amount says when
        if self._question.has("days") and shown and _has_days(query.table) and not any(map(_is_day, shown)):
            return None  # nor does a word where a day is held
        told = shown and not self._question.has("total") and not any(map(_is_day, shown))
        if self._question.has("extent") and not any(map(_is_amount, shown)) and not told:
            return None  # no day, and no word in total, says how many years
        if not shown and "places" in self._operations:
            shown = tuple(ColumnReference(query.table, column.sql) for column in places_of(query.table, self._question))
        if not shown and "amount" in self._operations and not self._counts.measures_more():
            costs = columns_of(query.table, "price", self._question.language.code, (0, 0))
            shown = tuple(ColumnReference(m.table, m.column.sql) for m in costs) if len(costs) == 1 else ()
            if not shown:
                return None
        pointing = any(condition.through for condition in query.conditions)
        of_people = "people" in self._operations and _names_people(query.table)  # "who is on the waiting list"
        if not shown and not self._mentions.named and not self._mentions.bounds and not pointing and not of_people:
            return None
        given = {c.place for c in query.conditions if c.operator in ("in", "=") and not c.negated}
        names = set(label_of(query.table))
        if not shown and not pointing and ({c.place for c in query.conditions} <= names or names <= given):
            return None  # it would show what it was asked
        if ("amount" in self._operations or self._question.has("extent")) and self._sums(query, left):
            return replace(query, table=left[0].table, aggregate="sum", of=shown[0], descending=True)
        related = (c for c in query.conditions if any(isinstance(value, ColumnReference) for value in c.values))
        beside = [place for c in related for place in (c.place, *c.values) if isinstance(place, ColumnReference)]
        return replace(query, select=each_once((*names_of_rows(query, self._steps), *beside, *shown)))

    def _sums(self, query: TableQuery, left: Sequence[ColumnMention]) -> bool:
        """Whether an amount is told of one thing in many rows: what a customer spent is in many invoices."""
        if len(left) != 1 or left[0].column.type is not ColumnType.NUMBER:
            return False
        table = left[0].table
        if table.sql != query.table.sql:
            return points_to(self._steps, table, query.table)
        return all(condition.place.table.sql != table.sql for condition in query.conditions)


def _names_people(table: TableSchema) -> bool:
    """Whether its rows are of people, of whom a first or a last name is told."""
    known = words_in_any_language("tables", "person_name")
    return any(known.intersection(said_words(apart(column.name))) for column in table.columns)


def _has_days(table: TableSchema) -> bool:
    return any(column.type is ColumnType.DATE for column in table.columns)


def _is_day(place: ColumnReference) -> bool:
    column = place.table.column(place.column)
    return column is not None and (column.type is ColumnType.DATE or column.years)


def _is_amount(place: ColumnReference) -> bool:
    column = place.table.column(place.column)
    return column is not None and column.type is ColumnType.NUMBER and not column.years
