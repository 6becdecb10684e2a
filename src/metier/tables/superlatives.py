"""The most and the least: rows that come first by a column, and things of which there are most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metier.tables.cell_values import ColumnType
from metier.tables.combinations import Mentions
from metier.tables.conditions import NEAR, gap
from metier.tables.grouping import GroupReader, shown_by
from metier.tables.measured_columns import DIMENSIONS, columns_of, dimension_of
from metier.tables.mentions import ColumnMention
from metier.tables.query import ColumnReference, Graph, TableQuery, label_of, path, points_to
from metier.tables.question import Extreme, TableQuestion
from metier.tables.schema import TableSchema
from metier.text.phrase_cover import Span
from metier.text.units import MONEY

_OF_ONE_KIND = ("price", "weight", "speed", "temperature")  # "the heaviest" has no most of anything else


class SuperlativeReader:
    """Reads the extreme of one combination of mentions."""

    def __init__(self, question: TableQuestion, mentions: Mentions, steps: Graph, groups: GroupReader) -> None:
        self._question, self._mentions, self._steps, self._groups = question, mentions, steps, groups
        self._operations = mentions.operations
        self._summed = self._takings = False  # what is ordered by
        self._ordered: Span | None = None  # where it is named

    def ordered(self, extreme: Extreme, table: TableSchema, left: list[ColumnMention]) -> ColumnReference | None:
        """The column of which the most or the least is asked."""
        numbers = [m for m in left if m.column.type is ColumnType.NUMBER or _is_of_time(m, extreme)]
        near = [m for m in numbers if gap(m.span, extreme.span) <= NEAR and not _is_price_of(m, extreme)]
        behind = [m for m in near if m.span[0] >= extreme.span[1]]
        if (
            not behind or not self._question.language.spaced
        ):  # "在庫が最も多い商品の価格": that of which it is said stands first
            behind = near
        told = columns_of(table, extreme.measure, self._question.language.code, extreme.span) if extreme.measure else []
        measured = [m.column for m in told if m.column.type is ColumnType.NUMBER or _is_of_time(m, extreme)]
        fits = DIMENSIONS.get(extreme.measure, ())
        behind = [m for m in behind if not (m.measured and extreme.measure in _OF_ONE_KIND)]
        if len(measured) == 1 and not any(m.column in measured or dimension_of(m.column) in fits for m in near):
            return ColumnReference(table, measured[0].sql)  # "the heaviest in the showroom", of which there are so many
        if behind:
            best = min(behind, key=lambda m: (gap(m.span, extreme.span), m.table.sql != table.sql))
            left.remove(best)
            self._summed, self._ordered = best.summed, best.span
            self._takings = any(each.of_money and each.span == best.span for each in self._question.operations)
            return ColumnReference(best.table, best.column.sql)
        return None

    def query(
        self, query: TableQuery, extreme: Extreme, order: ColumnReference | None, left: list[ColumnMention]
    ) -> TableQuery | None:
        if order is None:  # of "the most populous" nothing is counted
            return None if extreme.measure else self._most_of_a_kind(query, extreme, left)
        column = order.table.column(order.column)
        adds_up = column is not None and column.type is ColumnType.NUMBER
        years = [part for part in ("year", "month") if part in self._operations]
        if years and adds_up and not left and "count" not in self._operations:  # "in which year did we earn the most?"
            part = self._groups.part_at(self._operations[years[0]].span[0])
            if part is None:
                return None
            return TableQuery(
                order.table, query.conditions, "sum", order, group=part, descending=extreme.descending,
                limit=extreme.limit,
            )  # fmt: skip
        shown = tuple(ColumnReference(m.table, m.column.sql) for m in left) or names_of_rows(query, self._steps)
        if order.table.sql != query.table.sql and not left:  # the customer with the highest total of invoices
            steps = path(self._steps, query.table, order.table)
            if adds_up and steps and points_to(self._steps, order.table, query.table):
                return TableQuery(
                    order.table, query.conditions, "avg" if "average" in self._operations else "sum", order, False, (),
                    label_of(query.table), None, extreme.descending, extreme.limit, alone=extreme.alone,
                )  # fmt: skip
        if "count" in self._operations or bool(query.group):
            return None
        if (
            aggregate := "avg"
            if "average" in self._operations
            else "sum"
            if "total" in self._operations or self._summed
            else ""
        ):
            if not adds_up or len(left) != 1 or left[0].column.type is not ColumnType.TEXT:
                return None
            return TableQuery(  # "which category has the highest average price"
                query.table, query.conditions, aggregate, order, group=shown_by(self._steps, left[0]),
                descending=extreme.descending, limit=extreme.limit, alone=extreme.alone,
            )  # fmt: skip
        if left and self._takings:
            return None  # "which country has the highest turnover": not that of one row
        if not left and self._asks_amount(extreme):
            shown = (order,)
        return replace(
            query,
            select=each_once((*shown, order)),
            order=order,
            descending=extreme.descending,
            limit=extreme.limit,
            alone=extreme.alone,
        )

    def _most_of_a_kind(self, query: TableQuery, extreme: Extreme, left: list[ColumnMention]) -> TableQuery | None:
        """The artist with the most albums: of what is counted, another table is named, or a value repeats."""
        total = self._operations.get("total")
        if query.group or (total is not None and total.of_money):  # but for "the most customers in total"
            return None
        others = [m for m in self._mentions.named if m.table.sql != query.table.sql]
        others = [m for m in others if points_to(self._steps, m.table, query.table)]
        counted = [m for m in others if gap(m.span, extreme.span) <= NEAR and m.span[0] >= extreme.span[1]]
        counted = counted or [m for m in others if m.span[1] <= extreme.span[0]]  # "which country borders the most"
        if not counted and not left and (joined := self._most_joined(query, extreme)) is not None:
            return joined
        if counted:
            if left:
                return None
            return TableQuery(
                counted[0].table, query.conditions, "count", ColumnReference(counted[0].table), False, (),
                label_of(query.table), None, extreme.descending, extreme.limit, alone=extreme.alone,
            )  # fmt: skip
        texts = [m for m in left if m.column.type is ColumnType.TEXT]
        if len(left) == 1 and texts:  # the country with the most customers
            return replace(
                query, aggregate="count", of=ColumnReference(query.table), group=shown_by(self._steps, texts[0]),
                descending=extreme.descending, limit=extreme.limit, alone=extreme.alone,
            )  # fmt: skip
        if left or not self._question.has("stock") or not self._mentions.named or total is not None:
            return None
        told = columns_of(query.table, "quantity", self._question.language.code, extreme.span)
        if len(told) != 1 or query.table.database:
            return None
        order = ColumnReference(query.table, told[0].column.sql)  # "which plant do we have most of"
        return replace(
            query, select=each_once((*names_of_rows(query, self._steps), order)), order=order,
            descending=extreme.descending, limit=extreme.limit, alone=extreme.alone,
        )  # fmt: skip

    def _most_joined(self, query: TableQuery, extreme: Extreme) -> TableQuery | None:
        """ "which road crosses the most countries", of roads with a row for each country; "which course has the most
        students", of rows that join both."""
        behind = [m.table for m in self._mentions.named if m.span[0] >= extreme.span[1]]
        if len(behind) != 1 or behind[0].sql == query.table.sql:
            return None
        label = label_of(query.table)
        for own, other, _ in self._steps.get(query.table.sql, ()):
            if other.sql == behind[0].sql and own in pointing_columns(query.table) and not query.table.key:
                return TableQuery(
                    query.table, query.conditions, "count", ColumnReference(query.table, own), True, group=label,
                    descending=extreme.descending, limit=extreme.limit, alone=extreme.alone,
                )  # fmt: skip
            joins = {
                step[1].sql: step[0] for step in self._steps.get(other.sql, ()) if step[0] in pointing_columns(other)
            }
            if {query.table.sql, behind[0].sql} <= joins.keys():
                of = ColumnReference(other, joins[behind[0].sql])
                return TableQuery(
                    other, query.conditions, "count", of, True, group=label, descending=extreme.descending,
                    limit=extreme.limit, alone=extreme.alone,
                )  # fmt: skip
        return None

    def _asks_amount(self, extreme: Extreme) -> bool:
        """Whether "what is the highest price" asks for the number itself; "who has the highest salary" does not, and
        neither does "which machine has most hours", whatever a machine is."""
        if self._question.has("people") or self._question.things or self._mentions.named:
            return False
        if not self._question.language.spaced:
            return True
        if self._ordered is None:  # "which is the heaviest"
            return self._question.has("amount") or self._question.has("extent")
        told = [extreme.span, self._ordered, *(operation.span for operation in self._question.operations)]
        told += [value.span for value in self._mentions.values] + [bound.span for bound in self._mentions.bounds]
        known = {place for span in told for place in range(*span)}
        opening = range(min(extreme.span[0], self._ordered[0]))
        return all(place in known or self._question.tokens[place].function for place in opening)


def _is_price_of(mention: ColumnMention, extreme: Extreme) -> bool:
    """Whether "the most cases" is said where a column tells what a case costs."""
    return not extreme.measure and mention.share < 1 and dimension_of(mention.column) in MONEY


def _is_of_time(mention: ColumnMention, extreme: Extreme) -> bool:
    """Whether a day can be the most of what is said: the latest, and no highest."""
    return mention.column.type is ColumnType.DATE and extreme.measure in ("", "time")


def names_of_rows(query: TableQuery, steps: Graph) -> tuple[ColumnReference, ...]:
    """What names its rows; of rows that only join others, what names those that no condition is on."""
    own = label_of(query.table)
    pointing = [
        (column, other) for column, other, pointed in steps.get(query.table.sql, ())
        if column in pointing_columns(query.table) and ColumnReference(other, pointed) not in label_of(other)
    ]  # fmt: skip
    if not any(place.column == column for place in own for column, _ in pointing):
        return own
    given = {condition.place.table.sql for condition in query.conditions}
    others = [place for _, other in pointing if other.sql not in given for place in label_of(other)]
    return tuple(others) or own


def pointing_columns(table: TableSchema) -> set[str]:
    """Columns that point to other tables."""
    return {own for own, _, _ in table.references}


def each_once(places: Sequence[ColumnReference]) -> tuple[ColumnReference, ...]:
    return tuple(dict.fromkeys(places))
