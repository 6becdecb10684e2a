"""Rows that a question sets against another row, or against the first of another table.

which cities are larger than Vienna            those with more than what Vienna has
is the Elbe longer than the Oder               both, and whether it is so
how much higher is Mont Blanc than Ben Nevis   the difference
rivers in the country with the largest area    those of the country that comes first
parts whose stock is below their minimum       those with less in one column than in another
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metier.tables.cell_values import ColumnType
from metier.tables.combinations import Mentions
from metier.tables.measured_columns import columns_of
from metier.tables.mentions import ColumnMention, TableMention, ValueMention
from metier.tables.query import ColumnReference, Condition, ExtremeValue, TableQuery, ValueOfRow, label_of
from metier.tables.question import Extreme, TableQuestion
from metier.tables.schema import Column, TableSchema
from metier.text.phrase_cover import Span
from metier.text.phrases import fold

_FARTHER = 8  # words between two columns where their comparison stands behind both
_NEAR = 4  # words between "than" and the row
_BESIDE = 2  # words between an extreme and the table that it is of


class ComparisonReader:
    """Reads the comparisons of one combination of mentions."""

    def __init__(self, question: TableQuestion, mentions: Mentions) -> None:
        self._question, self._mentions = question, mentions
        self._language = question.language.code

    @property
    def reference(self) -> tuple[ValueMention, ...]:
        """The row behind "than", where it is compared with others that are not named: of "larger than Vienna". A person
        has several names."""
        than = self._question.language.word_set("query", "than")
        values = [m for m in self._mentions.values if self._names_a_row(m)]
        for place in (n for n, token in enumerate(self._question.tokens) if token.said in than):
            behind = [m for m in values if 0 < m.span[0] - place <= _NEAR]
            chosen = behind or [m for m in values if m.span[1] == place]
            if chosen:
                names = tuple(m for m in chosen if m.table.sql == chosen[0].table.sql)
                others = [m for m in values if m not in names and m.table.sql == chosen[0].table.sql]
                return () if others or len({m.column for m in names}) != len(names) else names
        return ()

    @staticmethod
    def _names_a_row(mention: ValueMention) -> bool:
        return not mention.number and ColumnReference(mention.table, mention.column) in label_of(mention.table)

    def with_row(self, reference: Sequence[ValueMention], left: list[ColumnMention]) -> Condition | None:
        """Of those that are compared with a row, what they must have."""
        table = reference[0].table
        found = self._measured(table, left, reference[0].span)
        if found is None:
            return None
        place, direction = found
        called = tuple((ColumnReference(table, each.column), each.values) for each in reference)
        return Condition(place, ">" if direction > 0 else "<", (ValueOfRow(place, called),))

    def of_rows(
        self, table: TableSchema, conditions: Sequence[Condition], left: list[ColumnMention]
    ) -> TableQuery | None:
        """Two rows that are named, by one column."""
        pairs = [c for c in conditions if c.operator == "in" and len(c.values) == 2 and c.place in label_of(table)]
        if not pairs or len(pairs) != len(conditions) or not self._compares():
            return None
        found = self._measured(table, left, None)
        if found is None or left:
            return None
        place, direction = found
        names = tuple(" ".join(str(c.values[n]) for c in pairs) for n in range(2))
        difference = any(map(self._question.has, ("difference", "amount", "count")))
        which = self._asks_which()
        return TableQuery(
            table, tuple(pairs), select=(*label_of(table), place), order=place, descending=direction > 0,
            limit=1 if which and not difference else 0, difference=difference,
            compared=() if which or difference else names,
        )  # fmt: skip

    def of_columns(self, table: TableSchema, left: list[ColumnMention]) -> Condition | None:
        """That one column is more, or less, than another one of the row; both are taken out of `left`."""
        if len(self._mentions.relations) != 1:
            return None
        (relation,) = self._mentions.relations
        own = [m for m in left if m.table.sql == table.sql and m.column.type is not ColumnType.TEXT]
        own.sort(key=lambda m: m.span)
        before = [m for m in own if 0 <= relation.span[0] - m.span[1] <= _FARTHER]
        behind = [m for m in own if 0 <= m.span[0] - relation.span[1] <= _NEAR]
        pair = before[-2:] if relation.behind else [*before[-1:], *behind[:1]]
        columns = [m.column for m in pair]
        if len(pair) == 1 and pair == behind[:1] and (head := _head_of(columns[0], table)) is not None:
            columns = [head, *columns]
        if len(columns) != 2 or columns[0].type is not columns[1].type or columns[0] == columns[1]:
            return None
        left[:] = [m for m in left if m not in pair]
        one, other = (ColumnReference(table, column.sql) for column in columns)
        return Condition(one, relation.operator, (other,))

    def _compares(self) -> bool:
        than = self._question.language.word_set("query", "than")
        said = any(token.said in than for token in self._question.tokens)
        told = any(measured.direction for measured in self._question.measured)
        return bool(said or told or self._mentions.operations.keys() & {"comparative", "difference"})

    def _asks_which(self) -> bool:
        """Whether one of the two is asked for, rather than whether it is so."""
        language = self._question.language
        alternative = language.word_set("words", "alternative")
        return any(token.said in language.question_words | alternative for token in self._question.tokens)

    def _measured(
        self, table: TableSchema, left: list[ColumnMention], before: Span | None
    ) -> tuple[ColumnReference, int] | None:
        """The column by which rows are compared, taken out of `left`, and whether more (1) or less (-1) of it."""
        numbers = [m for m in left if m.column.type is not ColumnType.TEXT and m.table.sql == table.sql]
        direction = -1 if self._says_less() else 1
        for measured in self._question.measured:
            if before is not None and measured.span[0] > before[0]:
                continue
            told = [m for m in columns_of(table, measured.measure, self._language, measured.span) if not m.column.years]
            own = [m for m in numbers if m.span == measured.span]
            columns = {m.column.sql: m.column for m in told}
            if measured.direction and len(columns) == 1:
                left[:] = [m for m in left if m not in own]
                return ColumnReference(table, next(iter(columns))), measured.direction * direction
        if len(numbers) == 1:
            left.remove(numbers[0])
            return ColumnReference(table, numbers[0].column.sql), direction
        return None

    def _says_less(self) -> bool:
        lesser = self._question.language.word_set("query", "lesser")
        return any(token.said in lesser for token in self._question.tokens)

    # --- the first of another table ---------------------------------------------------------------------------

    def first_of_another(
        self, extreme: Extreme, table: TableSchema, conditions: Sequence[Condition], left: list[ColumnMention]
    ) -> Condition | None:
        """ "the country with the largest area" where something else is asked of it: that its area is the largest."""
        for mention in self._beside(extreme):
            if mention.table.sql == table.sql:
                return None
            order = self._order(extreme, mention.table, left)
            if order is None:
                continue
            inside = tuple(c for c in conditions if c.place.table.sql != table.sql)
            query = TableQuery(
                mention.table, inside, order=order, descending=extreme.descending, limit=extreme.limit,
                alone=extreme.alone,
            )  # fmt: skip
            operator = "=" if extreme.alone else ">=" if extreme.descending else "<="
            return Condition(order, operator, (ExtremeValue(query),))
        return None

    def _beside(self, extreme: Extreme) -> Iterator[TableMention]:
        """The table that an extreme is of, behind it ("the largest country") or before ("country with the largest")."""
        named = self._mentions.named
        yield from (m for m in named if 0 <= m.span[0] - extreme.span[1] <= _BESIDE)
        yield from sorted((m for m in named if m.span[1] <= extreme.span[0]), key=lambda m: -m.span[1])

    def _order(self, extreme: Extreme, table: TableSchema, left: list[ColumnMention]) -> ColumnReference | None:
        behind = [m for m in left if m.table.sql == table.sql and m.column.type is not ColumnType.TEXT]
        near = [m for m in behind if 0 <= m.span[0] - extreme.span[1] <= _NEAR]
        if near:
            left.remove(near[0])
            return ColumnReference(table, near[0].column.sql)
        told = columns_of(table, extreme.measure, self._language, extreme.span) if extreme.measure else []
        columns = {m.column.sql for m in told if m.column.type is not ColumnType.TEXT}
        return ColumnReference(table, columns.pop()) if len(columns) == 1 else None


def _head_of(column: Column, table: TableSchema) -> Column | None:
    """What is compared with a column that says more of the same: the stock with the minimum stock."""
    name = _plain_name(column)
    heads = [
        other for other in table.columns
        if other.type is column.type and other is not column and name.endswith(_plain_name(other))
    ]  # fmt: skip
    return heads[0] if len(heads) == 1 else None


def _plain_name(column: Column) -> str:
    """Without a unit in brackets, folded."""
    return fold(column.name.partition("(")[0].strip())
