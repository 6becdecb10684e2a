"""What a question asks of a row whose cell for it is empty.

    Order | Received   | Collected        "When was order R-7 collected?"     Collected: empty
    R-7   | 2025-03-18 |

A row does not write its empty cells, so that it looks like one that may answer with what else it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metier.core.documents import Document, Passage
from metier.core.tables import Table, TableRow
from metier.tables.cell_values import ColumnType, typed, unit_in_name
from metier.tables.links import link
from metier.tables.mentions import ColumnMention
from metier.tables.question import TableQuestion
from metier.tables.question_reading import read
from metier.tables.schema import Column, TableSchema
from metier.tables.vocabulary import alike, said_words

_NAMED = 0.5  # share of the words of a column's name from which the question means it
_TOLD = 3  # columns that a person is told
_LOOKED_AT = 100  # rows around the one that is meant, by which the type of a column is told


@dataclass(frozen=True, slots=True)
class EmptyCells:
    """`columns`: those asked for; `entity`: what names the row; `named`: whether the question names it. `alone`:
    whether nothing else of the row is asked."""

    columns: tuple[str, ...]
    entity: str
    named: bool
    alone: bool

    @property
    def note(self) -> str:
        named = " and ".join(f"“{column}”" for column in self.columns[:_TOLD])
        more = f" and {len(self.columns) - _TOLD} more" if len(self.columns) > _TOLD else ""
        return f"{named}{more} {'is' if len(self.columns) == 1 else 'are'} empty for {self.entity}."


def empty_cells(asked: str, row: Passage, document: Document, language: str) -> EmptyCells | None:
    """`row`: a row of a table of `document`. None where it has what is asked, or what is asked is not told by the name
    of a column, or is that there is none."""
    table = document.table_at(row.start, row.end)
    found = table.row_at(row.start, row.end) if table else None
    if table is None or found is None or not any(table.names):
        return None
    question = read(asked, language)
    if question.negated:
        return None
    row_of = _Row(question, document, table, found)
    mentions = row_of.mentions()
    told = [each for each in mentions if not row_of.is_empty(each) and row_of.may_tell(each)]
    empty = [each for each in mentions if row_of.is_empty(each) and each.share >= _NAMED]
    empty = [each for each in empty if not any(_means_rather(other, each) for other in told)]
    empty = [each for each in empty if not any(_means_rather(other, each, clearly=True) for other in empty)]
    columns = dict.fromkeys(each.column.name for each in empty) or row_of.without_day()
    alone = not any(each.share >= _NAMED for each in told)
    return EmptyCells(tuple(columns), row_of.entity(), row_of.is_named(), alone) if columns else None


def _means_rather(one: ColumnMention, other: ColumnMention, *, clearly: bool = False) -> bool:
    """Whether words mean a column as well as another, or better; `clearly`: better."""
    overlap = one.span[0] < other.span[1] and other.span[0] < one.span[1]
    return overlap and (one.share > other.share or (one.share == other.share and not clearly))


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table beside a question."""

    question: TableQuestion
    document: Document
    table: Table
    row: TableRow

    def mentions(self) -> list[ColumnMention]:
        """The columns that the question names, but for what names the row and for what it gives a value of."""
        schema = self._schema()
        given = self._given()
        said = {token for tokens in given.values() for token in tokens}
        return [
            each
            for each in link(self.question, [schema], {}).columns
            if each.column.place not in given and not said.issuperset(range(*each.span))
        ]

    def may_tell(self, mention: ColumnMention) -> bool:
        """Whether a cell is of the kind that is asked for: no name of a person tells when."""
        only_when = self.question.has("days") and not self.question.has("people")
        return not only_when or mention.column.type is ColumnType.DATE

    def is_empty(self, mention: ColumnMention) -> bool:
        return not self._cell(mention.column.place)

    def entity(self) -> str:
        """The first cell that the question names, else the name of the row."""
        return next((self._cell(place) for place in self._given()), self.row.name(self.document.text))

    def is_named(self) -> bool:
        return bool(self._given())

    def without_day(self) -> dict[str, None]:
        """The columns of days, where it is asked when and the row has no day at all."""
        if not self.question.has("days"):
            return {}
        days = [column for column in self._schema().columns if column.type is ColumnType.DATE]
        return {} if any(self._cell(each.place) for each in days) else dict.fromkeys(each.name for each in days)

    def _cell(self, place: int) -> str:
        return _cell(self.document, self.row, place)

    def _given(self) -> dict[int, set[int]]:
        """Cells whose words the question has, with its tokens that they are."""
        code, tokens = self.question.language.code, self.question.tokens
        found: dict[int, set[int]] = {}
        for place in range(len(self.row.cells)):
            words = [
                word for word in said_words(self._cell(place)) if word not in self.question.language.function_words
            ]
            same = [{n for n, token in enumerate(tokens) if alike(token.said, word, code)} for word in words]
            if words and all(same):
                found[place] = set().union(*same)
        return found

    def _schema(self) -> TableSchema:
        columns = tuple(_columns(self.document, self.table, self.table.rows.index(self.row)))
        return TableSchema(
            id=0, sql="table", name=self.table.name, document_id=self.document.id, uri="", title="", columns=columns,
            rows=len(self.table.rows), language=self.document.language,
        )  # fmt: skip


def _columns(document: Document, table: Table, place: int) -> Iterator[Column]:
    near: Sequence[TableRow] = table.rows[max(0, place - _LOOKED_AT) : place + _LOOKED_AT]
    for number, name in enumerate(table.names):
        if name:
            found = typed(name, [_cell(document, row, number) for row in near], document.language)
            unit = found.unit or unit_in_name(name)
            yield Column(name, f"column {number}", found.type, unit, place=number)


def _cell(document: Document, row: TableRow, place: int) -> str:
    span = row.cells[place] if place < len(row.cells) else None
    return document.text[slice(*span)] if span else ""
