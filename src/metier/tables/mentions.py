"""Words of a question that name something of a table."""

from __future__ import annotations

from dataclasses import dataclass, field

from metier.tables.schema import Column, TableSchema
from metier.text.phrase_cover import Span


@dataclass(frozen=True, slots=True)
class ColumnMention:
    """`share`: of the words of its name that the question has (a key's without "id": what it points to is meant).
    `measured`: it is meant by what it measures alone.
    `summed`: its name ("Total") says as well that it is summed up."""

    span: Span
    table: TableSchema
    column: Column
    share: float
    measured: bool = False
    summed: bool = False

    @property
    def of_own_table(self) -> bool:
        """Whether it points to another row of its table."""
        own, table = self.column.sql, self.table.name
        return any(column == own and other == table for column, other, _ in self.table.references)


@dataclass(frozen=True, slots=True)
class ValueMention:
    """`column`: its name in SQL. `values`: all that have these words. `share`: of the words of the shortest of them
    that the question has; `named`: they are written as a name is, with a capital or a digit, where the script has
    capitals; `number`: they are digits alone, which name a row where no other number is meant."""

    span: Span
    table: TableSchema
    column: str
    values: tuple[str, ...]
    share: float
    named: bool = True
    number: bool = False


@dataclass(frozen=True, slots=True)
class TableMention:
    """`context`: the words stand in title, caption or heading, and name no kind of thing. `synonym`: its name is
    another word; `by_label`: it is called by what names its rows, as a list of articles."""

    span: Span
    table: TableSchema
    context: bool = False
    synonym: bool = False
    by_label: bool = False


@dataclass(slots=True)
class Links:
    columns: list[ColumnMention] = field(default_factory=list)
    values: list[ValueMention] = field(default_factory=list)
    tables: list[TableMention] = field(default_factory=list)
