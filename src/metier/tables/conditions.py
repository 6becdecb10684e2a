"""What rows must hold: the values that a question names, and the numbers and days that bound them."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import replace

from metier.core.tables import Reference
from metier.tables.cell_values import ColumnType
from metier.tables.combinations import Mentions
from metier.tables.held_days import NO_YEAR
from metier.tables.measured_columns import called, columns_of
from metier.tables.mentions import ColumnMention, TableMention, ValueMention
from metier.tables.query import ColumnReference, Condition, label_of
from metier.tables.question import Bound, TableQuestion
from metier.tables.schema import Column, TableSchema
from metier.tables.vocabulary import names_of
from metier.text.phrase_cover import Span
from metier.text.quantities import Quantity
from metier.text.units import MONEY, unit_of

_ONE_DENIAL = 3  # words between two that deny together: "ne … pas"
_OWN = 2  # words between a value and the name of its column
_YEARS = range(1500, 2200)
_LEAP = 2024
NEAR = 4  # words between a bound or an extreme and its column


class ConditionReader:
    """Reads the conditions of one combination of mentions."""

    def __init__(self, question: TableQuestion, tables: Sequence[TableSchema], mentions: Mentions) -> None:
        self._question, self._tables, self._mentions = question, tables, mentions

    def given(self, left: list[ColumnMention], reference: Sequence[ValueMention] = ()) -> list[Condition]:
        """What the values say, those of one column as alternatives. `reference`: of a row that is compared with."""
        found: dict[ColumnReference, tuple[str, ...]] = {}
        for mention in (each for each in self._mentions.values if each not in reference):
            place = ColumnReference(mention.table, mention.column)
            found[place] = (*found.get(place, ()), *mention.values)
            beside = [m for m in left if (m.table.sql, m.column.sql) == (mention.table.sql, mention.column)]
            for named in [m for m in beside if gap(m.span, mention.span) <= _OWN]:  # "the sales department"
                left.remove(named)
        through: dict[str, Reference | None] = {}
        for place in found:
            if place.table.sql not in through:
                through[place.table.sql] = self._through(place.table, left)
        return [Condition(place, "in", values, through[place.table.sql]) for place, values in found.items()]

    def _through(self, table: TableSchema, left: list[ColumnMention]) -> Reference | None:
        """ "Who reports to Nancy?": a column of the table that points to another of its rows is named, and a person
        asked for."""
        pointing = {reference[0]: reference for reference in table.references if reference[1] == table.name}
        named = [m for m in left if m.table.sql == table.sql and m.column.sql in pointing]
        if not named or "people" not in self._mentions.operations:
            return None
        left.remove(named[0])
        return pointing[named[0].column.sql]

    def bounded(self, bound: Bound, table: TableSchema, left: list[ColumnMention]) -> Condition | None:
        if (key := self._numbered(bound)) is not None:
            return key
        column = self._bounded_column(bound, table, left)
        if column is None:
            return None
        first = _amounts(bound.quantity, column[1], column[0].scale)
        if first is None:
            return None
        place = ColumnReference(column[0], column[1].sql)
        if bound.operator == "between" and bound.other is not None:
            second = _amounts(bound.other, column[1], column[0].scale)
            return Condition(place, "between", (first[0], second[1])) if second else None
        if bound.operator == "=":
            return Condition(place, "=", (first[0],)) if first[0] == first[1] else Condition(place, "between", first)
        return Condition(place, bound.operator, (first[1] if bound.operator in (">", "<=") else first[0],))

    def _numbered(self, bound: Bound) -> Condition | None:
        """ "invoice 200": the number that names a row, right behind the name of its table."""
        if bound.operator != "=" or bound.quantity.unit or bound.quantity.word:
            return None
        before = [m for m in self._mentions.named if m.span[1] == bound.span[0] and m.table.key]
        if not before:
            return None
        table = before[0].table
        key = table.column(table.key)
        said = self._question.words(bound.span)
        if key is None or key.type is ColumnType.DATE or not said.isdigit():
            return None
        return Condition(ColumnReference(table, key.sql), "=", (said if key.type is ColumnType.TEXT else float(said),))

    @staticmethod
    def _is_year_of_a_day(bound: Bound, left: Sequence[ColumnMention]) -> bool:
        """Of "hired after 2020": a day is named that the year is of."""
        is_year = bound.quantity.text.isdigit() and len(bound.quantity.text) == len("2020")
        return is_year and any(m.column.type is ColumnType.DATE for m in left)

    def _bounded_column(
        self, bound: Bound, table: TableSchema, left: list[ColumnMention]
    ) -> tuple[TableSchema, Column] | None:
        """The column that a number or a day is of: named beside it, told by a comparative or by its unit, or the only
        one of its kind."""
        language = self._question.language.code
        kind = ColumnType.DATE if bound.quantity.dates else ColumnType.NUMBER
        fits = [m for m in left if _fits(m.column, bound.quantity)]
        near = [m for m in fits if gap(m.span, bound.span) <= NEAR]
        if not near and kind is ColumnType.NUMBER and self._is_year_of_a_day(bound, left):
            return None
        if near:
            best = min(
                near, key=lambda m: (gap(m.span, bound.span), m.column.type is not kind, m.table.sql != table.sql)
            )
            left.remove(best)
            return best.table, best.column
        if bound.measure:
            told = columns_of(table, bound.measure, language, bound.span)
            numbers = [m for m in told if m.column.type is not ColumnType.TEXT]
            return (table, numbers[0].column) if len(numbers) == 1 else None
        used = [t for t in self._tables if t.sql != table.sql and self._is_used(t, kind)]
        for each in (table, *used, *(self._pointed(table) if kind is ColumnType.DATE else ())):
            columns = [c for c in each.columns if _fits(c, bound.quantity) and _comparable(bound.quantity, c)]
            columns = [c for c in columns if c.type is kind]
            if kind is ColumnType.NUMBER and bound.quantity.unit is None:  # any of its numbers may be meant
                columns = columns if sum(c.type is kind for c in each.columns) == 1 else []
            if not columns and bound.quantity.dimension in MONEY:
                told = columns_of(each, "price", language, bound.span)
                columns = [m.column for m in told if not m.column.unit]
            if kind is ColumnType.DATE and not columns and bound.quantity.dates[0][1] is None:
                columns = [c for c in each.columns if c.years]
            if kind is ColumnType.DATE and len(columns) > 1:  # the day of a delivery rather than that of its return
                plain = {(name,) for name in names_of("time", language)}
                columns = [c for c in columns if called(c, each.language or language) in plain]
            if len(columns) == 1:
                return each, columns[0]
        return None

    def _pointed(self, table: TableSchema) -> list[TableSchema]:
        """What its rows belong to: the day of an order's line is that of the order."""
        names = {name for _, name, _ in table.references}
        return [each for each in self._tables if each.name in names and each.document_id == table.document_id]

    def _is_used(self, table: TableSchema, kind: ColumnType) -> bool:
        """Whether words mean the table; a day is not of one that is meant by what it measures alone."""
        told = self._mentions
        meant = [m for m in told.columns if not m.measured or kind is ColumnType.NUMBER]
        named: list[ColumnMention | TableMention | ValueMention] = [*told.tables, *meant, *told.values]
        return any(each.table.sql == table.sql for each in named)


def denied_in(
    mentions: Mentions,
    places: Sequence[int],
    table: TableSchema,
    conditions: Sequence[Condition],
    left: list[ColumnMention],
) -> list[Condition] | None:
    """The conditions with that turned round which the question denies: a value ("that are not diesel"), that there are
    rows of another table ("customers without an order"), or that a column is filled ("who gave no phone number"). None
    where it denies something else. `places`: the tokens that deny."""
    others = [m for m in mentions.named if m.table.sql != table.sql]
    near: list[ColumnMention | TableMention | ValueMention] = [*mentions.values, *others, *left]
    if not near or places[-1] - places[0] > _ONE_DENIAL:
        return None
    place = places[-1]
    chosen = min(near, key=lambda m: (m.span[0] < place, gap(m.span, (place, place + 1))))
    if isinstance(chosen, ColumnMention):
        left.remove(chosen)
        return [*conditions, Condition(ColumnReference(chosen.table, chosen.column.sql), "exists", negated=True)]
    if isinstance(chosen, TableMention):
        return [*conditions, Condition(ColumnReference(chosen.table), "exists", negated=True)]
    own = {ColumnReference(chosen.table, chosen.column)}
    if own <= (names := set(label_of(chosen.table))):
        own = names  # of a person, who has several
    return [replace(each, negated=True) if each.place in own else each for each in conditions]


def gap(one: Span, other: Span) -> int:
    """Words between two mentions."""
    return max(other[0] - one[1], one[0] - other[1], 0)


def _fits(column: Column, quantity: Quantity) -> bool:
    """Whether a number or a day may be one of the column's: none of a column of years but a year."""
    if quantity.dates:
        return column.type is ColumnType.DATE or column.years
    is_year = not column.years or (not quantity.unit and all(value in _YEARS for value in quantity.values))
    return column.type is ColumnType.NUMBER and is_year


def _comparable(quantity: Quantity, column: Column) -> bool:
    """Whether a number may be one of the column's: of the same dimension where both have a unit."""
    if quantity.dates:
        return True
    if quantity.unit is None:
        return not column.unit
    unit = unit_of(column.unit) if column.unit else None
    return unit is not None and unit.dimension == quantity.unit.dimension


def _amounts(quantity: Quantity, column: Column, scale: float) -> tuple[float | str, float | str] | None:
    """The first and the last value that are meant, in the unit of the column: of a year or a month its days, of
    `NO_YEAR` where no year is named. `scale`: in which a table tells its numbers, as "in millions"; a bare number is
    one of its own."""
    if quantity.dates:
        year, month, day = quantity.dates[0]
        if column.type is ColumnType.NUMBER:
            return (float(year), float(year)) if year and not month else None
        first, last = month or 1, month or 12
        end = day or calendar.monthrange(year or _LEAP, last)[1]
        return f"{year or NO_YEAR}-{first:02}-{day or 1:02}", f"{year or NO_YEAR}-{last:02}-{end:02} 23:59:59"
    if column.type is not ColumnType.NUMBER:
        return None
    value = quantity.values[0]
    if len(quantity.values) > 1 and quantity.values[0] > quantity.values[-1]:  # "5 million"
        value /= scale
    unit = unit_of(column.unit) if column.unit else None
    if quantity.unit is not None and unit is not None:
        if unit.dimension != quantity.unit.dimension:
            return None
        if unit != quantity.unit and unit.dimension != "temperature":
            value = quantity.unit.in_base(value) / unit.factor
    return value, value
