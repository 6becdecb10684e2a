"""What is counted: rows, different values of a column, or the numbers of a column that counts itself.

How many jobs did we do?                     rows
How many makers do we sell?                  different values of `Maker`
How many stoves are in the showroom?         the sum of `In the showroom`
"""

from __future__ import annotations

from dataclasses import replace

from metier.tables.cell_values import ColumnType
from metier.tables.combinations import Mentions
from metier.tables.conditions import gap
from metier.tables.measured_columns import columns_of, dimension_of, price_and_quantity, said_whole
from metier.tables.mentions import ColumnMention
from metier.tables.periods import period_of
from metier.tables.query import ColumnReference, TableQuery, label_of
from metier.tables.question import TableQuestion
from metier.tables.schema import TableSchema
from metier.tables.superlatives import each_once
from metier.text.units import MONEY

_HARDLY_REPEATS = 0.9  # share of its rows that have another name


class CountReader:
    """Reads what one combination of mentions counts."""

    def __init__(self, question: TableQuestion, mentions: Mentions) -> None:
        self._question, self._mentions, self._operations = question, mentions, mentions.operations

    def counted(self, query: TableQuery, left: list[ColumnMention]) -> TableQuery | None:
        """Rows; different values of a column of words; numbers of one that counts itself ("how many keys has …")."""
        if self._operations["count"].of_times:  # rows, whatever each tells: "how often did Ann rent a bicycle"
            left = [m for m in left if m.column.type is not ColumnType.TEXT]
        if not left:
            if not (query.conditions or self._mentions.named) or self.measures_more():
                return None
            places = self._places(query)
            own = {place for place in places if place.table.sql == query.table.sql}
            if any(map(is_name_of_one, own)):
                return self._counts_itself(query) if own == places and not query.table.database else None
            if any(place in label_of(query.table) for place in own) and len(query.table.labelling) == 1:
                return None  # of "the rivers in Colorado" it is not the name
            if (pieces := self._pieces_of(query)) is not None:
                return pieces
            return replace(query, aggregate="count", of=ColumnReference(query.table), descending=True)
        if len(left) > 1:
            return None
        mention = left[0]
        place = ColumnReference(mention.table, mention.column.sql)
        if mention.column.type is ColumnType.NUMBER:
            counted = self._operations["count"].span[1]
            if dimension_of(mention.column) in MONEY and mention.span[0] == counted:
                return None  # of "how many firkins" the price of one says nothing
            sold = price_and_quantity(place.table, self._question.language.code)
            is_bought = sold is not None and sold[1] == mention.column  # "how many packs were ordered": of all lines
            of_one = any(map(is_name_of_one, self._places(query)))
            added = replace(query, table=place.table, aggregate="sum", of=place, descending=True)
            if are_pieces(self._question, mention) and not of_one:
                return added
            if any(m.span[0] == counted and m.span != mention.span for m in self._mentions.tables):
                return None  # "how many tracks in total" adds up no column that is called a total
            if not query.conditions or "total" in self._operations or is_bought or (mention.measured and not of_one):
                return None if period_of(mention.column.name) is not None else added  # a report's adds up to nothing
            return replace(query, select=each_once((*label_of(query.table), place)))
        between = list(range(self._operations["count"].span[1], mention.span[0]))
        if not self._question.language.spaced:  # each character is one
            between = [n for n in between if n in self._question.free]
        if len(between) > 1 + ("different" in self._operations):
            return None  # another thing is counted
        if "different" not in self._operations and place.table.sql == query.table.sql and self._calls_rows(mention):
            return replace(query, aggregate="count", of=ColumnReference(query.table), descending=True)
        return replace(query, aggregate="count", of=place, distinct=True, descending=True)

    def _calls_rows(self, mention: ColumnMention) -> bool:
        """Whether a table is called as the question says, and a column of it, too: "jobs" of `jobs october`, whose
        column `job` tells of what kind each is."""
        said, name = (text.casefold() for text in (self._question.words(mention.span), mention.table.name))
        behind = name.removeprefix(said)
        return behind != name and not (self._question.language.spaced and behind[:1].isalpha())

    def _pieces_of(self, query: TableQuery) -> TableQuery | None:
        """ "How many firkins have we got", where that is a value and the rows tell how many there are of it."""
        behind, told = self._operations["count"].span[1], self._quantity(query.table)
        is_value = any(
            value.span[0] == behind and value.table.sql == query.table.sql for value in self._mentions.values
        )
        if told is None or not is_value or query.table.database:
            return None
        return replace(query, aggregate="sum", of=told, descending=True)

    def _counts_itself(self, query: TableQuery) -> TableQuery | None:
        """ "How many kettles are there", where one row tells of all kettles: the quantity that it holds."""
        told = self._quantity(query.table)
        return replace(query, select=each_once((*label_of(query.table), told))) if told else None

    def _quantity(self, table: TableSchema) -> ColumnReference | None:
        """The one column that tells how many pieces there are."""
        told = columns_of(table, "quantity", self._question.language.code, (0, 0))
        return ColumnReference(table, told[0].column.sql) if len(told) == 1 else None

    @staticmethod
    def _places(query: TableQuery) -> set[ColumnReference]:
        return {condition.place for condition in query.conditions}

    def measures_more(self) -> bool:
        """Whether a measure is asked for that the table has not: of "how heavy" no number of rows and no price."""
        measured = [m.span for m in self._question.measured if not self._mentions.name(m.span[0])]
        count = self._operations.get("count")
        return bool(measured) if count is None else any(gap(count.span, span) == 0 for span in measured)


def is_name_of_one(place: ColumnReference) -> bool:
    """Whether a value of it is the name of one row of its table."""
    column = place.table.column(place.column)
    if column is None or column not in place.table.labelling or len(place.table.labelling) > 1:
        return False
    return column.distinct > _HARDLY_REPEATS * place.table.rows


def are_pieces(question: TableQuestion, mention: ColumnMention) -> bool:
    """Whether a column tells how many pieces are there where its name, said whole, says: `In the showroom`."""
    column = mention.column
    return column.type is ColumnType.NUMBER and not column.unit and said_whole(question, column) is not None
