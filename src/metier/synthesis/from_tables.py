"""Questions from the rows of a table, without a model.

    Turbine: WT-07 | Rated power: 4.2 MW      →  What is the rated power of WT-07?   4.2 MW

What is needed for that is a column that names the row. It is one of the first three, holds a name (not a number, a
date or a letter) and no name twice, unless in different groups, which the question names then. A table without one, a
row with a cell that holds what parts cells, a column that says the same or nearly the same in all rows or only counts
them, an empty cell: none of these gives a question. A number is asked for in the unit of its table.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from metier.core.documents import CELL, Document, Passage
from metier.core.tables import PATH
from metier.parsing.core.table_cells import is_period
from metier.synthesis import question_templates
from metier.synthesis.pairs import QAPair
from metier.text.detection import detect, in_script_of
from metier.text.language import words_in_any_language
from metier.text.phrases import compose, fold

_KEY_AMONG = 3  # columns that may name the row
_LONGEST_KEY, _LONGEST_COLUMN, _LONGEST_VALUE = 80, 50, 200  # characters
_NAMED = 0.8  # share of the rows in which the key column must hold a name
_TELLS_FROM = 5  # rows from which a column must hold more than two values to say something
_NAME = regex.compile(r"(?!\p{N})(?=.*\p{L}).*")
_DATE = regex.compile(
    r"\p{N}{4}[-/.年]\p{N}{1,2}.*|\p{N}{1,2}[-/.]\p{N}{1,2}[-/.]\p{N}{2,4}.*"
    r"|\p{N}{1,2}\.? [\p{L}\p{M}]+\.?,?(?: \p{N}{4})?|[\p{L}\p{M}]+ \p{N}{1,2},? \p{N}{4}"
)
_BLANK = regex.compile(r"[\p{P}\p{S}\s]*")
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")


@dataclass(frozen=True, slots=True)
class _Row:
    """`start`, `end`: offsets into the document's text. `cells`: one of each column. `groups`: it stands under them."""

    start: int
    end: int
    cells: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    names: tuple[str, ...]
    rows: tuple[_Row, ...]
    unit: str

    def column(self, number: int) -> list[str]:
        """What it holds, without empty cells."""
        return [row.cells[number] for row in self.rows if row.cells[number]]


def pairs(document: Document, passages: Sequence[Passage], language: str) -> Iterator[QAPair]:
    """Questions on all tables of `document`. `passages`: in reading order. `language`: expected, where the script
    does not say another."""
    starts = [passage.start for passage in passages]
    for table in _tables(document) if passages else ():
        key = _key(table)
        if key is None:
            continue
        telling = [number for number in range(len(table.names)) if number != key and _tells(table, number)]
        often = Counter(value.casefold() for value in table.column(key))
        for row in table.rows:
            passage = passages[bisect.bisect_right(starts, row.start) - 1]
            holds = passage.start <= row.start and row.end <= passage.end  # not where a long row was cut
            if holds and _is_name(name := row.cells[key]):
                subject = f"{name} ({', '.join(row.groups)})" if often[name.casefold()] > 1 else name
                yield from _of_row(table, row, key, subject, telling, passage, language)


def _of_row(
    table: _Table, row: _Row, key: int, subject: str, columns: Sequence[int], passage: Passage, language: str
) -> Iterator[QAPair]:
    named = row.cells[key]
    filled = [name for name, cell in zip(table.names, row.cells, strict=True) if name and cell]
    told, cells = passage.language or language, " ".join(filled) + named
    if not in_script_of(cells, [told]):  # cells are no running text: beyond their script they tell nothing
        told = detect(cells, told)
    line = named if key else PATH.join((*row.groups, named))
    for column in columns:
        value = row.cells[column]
        if _is_empty(value) or len(value) > _LONGEST_VALUE or value == named:
            continue
        name = table.names[column]
        question, *others = question_templates.cell(told, subject, name, value, table.unit)
        yield QAPair(
            question, value, passage, "table", told, "rule", tuple(others), subject, name, line, table.unit
        )  # fmt: skip


def _tables(document: Document) -> Iterator[_Table]:
    """The tables that name their columns, without rows that a mark between cells makes hard to read."""
    for table in document.tables:
        names = table.names
        told = [name for name in names if name]
        if len(table.rows) < 2 or len(names) < 2 or not _names_columns(told) or len(set(told)) < len(told):
            continue
        rows = []
        for row in table.rows:
            cells = tuple(document.text[slice(*cell)] if cell else "" for cell in row.cells)
            if len(cells) <= len(names) and not any(CELL in cell for cell in cells):
                blanks = ("",) * (len(names) - len(cells))
                rows.append(_Row(row.start, row.end, cells + blanks, row.groups))
        yield _Table(names, tuple(rows), table.unit)


def _names_columns(names: Sequence[str]) -> bool:
    """Whether names stand over the columns; not where numbers do, which is how a table without a header looks."""
    numeric = sum(not _names_column(name) for name in names)
    return 2 * numeric < len(names)


def _names_column(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) or is_period(name)


def _key(table: _Table) -> int | None:
    """The column that names the rows, the first that can; none where the rows are days. Rows of one name may stand
    under different groups."""
    dated = sum(bool(_DATE.fullmatch(value)) for value in table.column(0))
    if 2 * dated > len(table.rows):
        return None
    for number in range(min(_KEY_AMONG, len(table.names))):
        if number and not table.names[number]:
            continue
        values = [(row.cells[number].casefold(), row.groups) for row in table.rows if row.cells[number]]
        named = sum(_is_name(value) for value, _groups in values)
        if len(values) > 1 and named >= _NAMED * len(table.rows) and max(Counter(values).values()) == 1:
            return number
    return None


def _is_name(value: str) -> bool:
    least = 1 if _WIDE.search(value) else 2
    return least <= len(value) <= _LONGEST_KEY and bool(_NAME.fullmatch(value)) and not _is_empty(value)


def _is_empty(value: str) -> bool:
    return bool(_BLANK.fullmatch(value)) or fold(compose(value)) in words_in_any_language("tables", "empty")


def _tells(table: _Table, number: int) -> bool:
    """Whether what a column holds says something about a row."""
    name, values = table.names[number], table.column(number)
    enough = 3 if len(table.rows) >= _TELLS_FROM else 2
    if len(set(values)) < enough or _counts_rows(values):
        return False
    return bool(name) and len(name) <= _LONGEST_COLUMN and _names_column(name)


def _counts_rows(values: Sequence[str]) -> bool:
    """Whether a column only numbers the rows: 1, 2, 3 or A, B, C."""
    if not all(len(value) == 1 or value.isdecimal() for value in values):
        return False
    numbers = [int(value) if value.isdecimal() else ord(value) for value in values]
    return all(after == before + 1 for before, after in pairwise(numbers))
