"""What the answer is told by: "per category", "for each year", "部門ごと"."""

from __future__ import annotations

from metier.tables.cell_values import ColumnType
from metier.tables.combinations import Mentions
from metier.tables.mentions import ColumnMention
from metier.tables.query import ColumnReference, Graph, TableQuery, label_of
from metier.tables.question import QuestionOperation, TableQuestion
from metier.text.phrase_cover import Span

GROUPING = ("each", "each_behind", "by")  # operations that a group stands beside


class GroupReader:
    """Reads the groups of one combination of mentions."""

    def __init__(self, question: TableQuestion, mentions: Mentions, steps: Graph) -> None:
        self._question, self._mentions, self._steps = question, mentions, steps
        self._operations = mentions.operations

    def grouped(self, left: list[ColumnMention]) -> tuple[ColumnReference, ...]:
        """What stands behind "per" or "for each", or before "ごと"; taken out of `left`."""
        kinds = (kind for kind in GROUPING if kind in self._operations)
        operation = next((self._operations[kind] for kind in kinds), None)
        if operation is None:
            return ()
        if (part := self._part_of_each(operation)) is not None:
            return part
        beside = [m for m in left if self._is_of_each(m.span, operation)]
        if (
            beside
            and operation.kind == "by"
            and (self._mentions.extremes or beside[0].column.type is ColumnType.NUMBER)
        ):
            return ()  # "the best by total"
        if beside and beside[0].column.type is ColumnType.NUMBER and not beside[0].column.years:
            return ()  # "per hour" of what is charged
        if beside:
            left.remove(beside[0])
            return shown_by(self._steps, beside[0])
        named = [m for m in self._mentions.tables if self._is_of_each(m.span, operation)]
        return label_of(named[0].table) if named else ()

    def _is_of_each(self, span: Span, operation: QuestionOperation) -> bool:
        """Whether nothing stands between but what says nothing ("je nach der Abteilung")."""
        behind = operation.kind == "each_behind"
        first, last = (span[1], operation.span[0]) if behind else (operation.span[1], span[0])
        return first <= last and all(token.function for token in self._question.tokens[first:last])

    def _part_of_each(self, operation: QuestionOperation) -> tuple[ColumnReference, ...] | None:
        parts = [self._operations[part] for part in ("year", "month") if part in self._operations]
        beside = next((part for part in parts if self._is_of_each(part.span, operation)), None)
        return self.part_at(beside.span[0]) if beside else None

    def part_at(self, at: int) -> tuple[ColumnReference, ...] | None:
        """ "per year": the part of the only day of a table that is meant."""
        part = next(
            (p for p in ("year", "month") if p in self._operations and self._operations[p].span[0] == at),
            "",
        )
        tables = [*(m.table for m in self._mentions.tables), *(m.table for m in self._mentions.columns)]
        days = {t.sql: [c for c in t.columns if c.type is ColumnType.DATE] for t in tables}
        found = [ColumnReference(t, days[t.sql][0].sql, part) for t in tables if len(days[t.sql]) == 1]
        return (found[0],) if part and found else None


def shown_by(steps: Graph, mention: ColumnMention) -> tuple[ColumnReference, ...]:
    """A column; of one that points to another table, what names its rows, where it is not that itself."""
    column, share = mention.column.sql, mention.share
    for own, other, pointed in steps.get(mention.table.sql, ()) if share == 1 else ():
        if own == column and any(reference[0] == column for reference in mention.table.references):
            names = label_of(other)
            return names if ColumnReference(other, pointed) not in names else (ColumnReference(mention.table, column),)
    return (ColumnReference(mention.table, column),)


def groups_rows_alone(query: TableQuery) -> bool:
    """Whether each row is a group of its own."""
    columns = [place.table.column(place.column) for place in query.group if place.table.sql == query.table.sql]
    return any(
        column is not None and column.distinct == query.table.rows for column in columns if query.aggregate == "count"
    )
