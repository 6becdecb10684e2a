"""What several tables say of one thing: what a coffee costs in the price list, and in the list of what it was bought
for. Where the question does not say which, all of them are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metier.tables.cell_values import ColumnType
from metier.tables.query import ColumnReference, TableQuery, label_of
from metier.tables.question import TableQuestion
from metier.tables.results import ResultLine, TableAnswer
from metier.tables.schema import Column
from metier.tables.superlatives import pointing_columns
from metier.tables.vocabulary import alike, telling
from metier.text.language import words_in_any_language, words_of
from metier.text.names import apart

_MOST_ROWS, _MOST_TABLES = 3, 3
_OFTEN = 2  # rows that have the same name, on average at most
_JOINED = 4  # letters of a word that others are one with


def is_beside(query: TableQuery, best: TableQuery, question: TableQuestion) -> bool:
    """Whether a query looks the same thing up in a document other than `best` does, and the question names the column
    of neither."""
    both = (query, best)
    return (
        query.table.document_id != best.table.document_id
        and all(_looks_up(each) for each in both)
        and _given(query) == _given(best)
        and not any(_is_named(place, question) for each in both for place in each.select)
    )


def with_others(best: TableAnswer, others: Sequence[TableAnswer]) -> TableAnswer:
    """With the lines of other tables that say something else in few rows. `others`: the likelier ones first."""
    answers = [best]
    for each in others:
        said = {value for answer in answers for line in answer.lines for value in _values(line)}
        new = {frozenset(values): line for line in each.lines if (values := _values(line)) and not values <= said}
        if new and len(each.lines) <= _MOST_ROWS:
            answers.append(replace(each, lines=tuple(new.values())))
    answers = answers[:_MOST_TABLES]
    lines = tuple(line for answer in answers for line in answer.lines)
    sql = "; ".join(dict.fromkeys(answer.sql for answer in answers))
    return replace(best, lines=lines, sql=sql, total=sum(answer.total for answer in answers))


def _values(line: ResultLine) -> set[str]:
    """What a line tells of its row, without units."""
    return {cell.text.removesuffix(cell.unit).strip() for cell in line.cells if cell.name}


def repeats(query: TableQuery) -> float:
    """How often a name stands in the table, on average: more in a list of what happened than in one of things."""
    columns = [query.table.column(c.place.column) for c in query.conditions]
    return query.table.rows / max(1, *(column.distinct for column in columns if column is not None), 1)


def _looks_up(query: TableQuery) -> bool:
    """Whether it shows what one thing, which is named, has in some column."""
    plain = not (query.aggregate or query.group or query.order or query.limit or query.compared or query.difference)
    own = (
        c.operator == "in" and c.place.table.sql == query.table.sql and _names_rows(c.place) for c in query.conditions
    )
    return plain and bool(query.conditions) and all(own) and len(query.select) > len(label_of(query.table))


def _names_rows(place: ColumnReference) -> bool:
    """Whether a column says which row is meant: what names the rows of its table, and where that is a number or a code
    (`ItemNo`), a text that few rows have together."""
    labels, column = label_of(place.table), place.table.column(place.column)
    if place in labels or column is None:
        return place in labels
    is_text = column.type is ColumnType.TEXT and place.column not in pointing_columns(place.table)
    return is_text and all(map(_is_code, place.table.labelling)) and _OFTEN * column.distinct >= place.table.rows


def _is_code(column: Column) -> bool:
    codes = words_in_any_language("tables", "number_name")
    joined = tuple(code for code in codes if len(code) >= _JOINED)  # "Artikelnummer"
    return any(word in codes or word.endswith(joined) for word in words_of(apart(column.name)))


def _given(query: TableQuery) -> frozenset[object]:
    return frozenset(value for condition in query.conditions for value in condition.values)


def _is_named(place: ColumnReference, question: TableQuestion) -> bool:
    """Whether a word of the question is one of a column that is shown; what names the row does not count."""
    column = place.table.column(place.column)
    if column is None or place in label_of(place.table):
        return False
    language = question.language.code
    words = telling(column.name.partition("(")[0], place.table.language or language)
    return any(alike(token.said, word, language) for token in question.tokens for word in words if not token.function)
