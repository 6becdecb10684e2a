"""Questions from the rows of a table, without a model.

    Turbine: WT-07 | Rated power: 4.2 MW      →  What is the rated power of WT-07?   4.2 MW

What is needed for that is a column that names the row. It is one of the first three, holds a name (not a number, a
date or a letter) and no name twice. A table without one, a row whose cells cannot be told apart, a column that says
the same or nearly the same in all rows or only counts them, an empty cell: none of these gives a question.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from metier.core.documents import Block, Document, Passage
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
    """`start`, `end`: offsets into the document's text. `cells`: by column name."""

    start: int
    end: int
    cells: Mapping[str, str]


def pairs(document: Document, passages: Sequence[Passage], language: str) -> Iterator[QAPair]:
    """Questions on all tables of `document`. `passages`: in reading order. `language`: expected, where the script
    does not say another."""
    starts = [passage.start for passage in passages]
    for names, rows in _tables(document) if passages else ():
        key = _key(names, rows)
        if key is None:
            continue
        telling = [name for name in names if name != key and _tells(name, rows)]
        for row in rows:
            passage = passages[bisect.bisect_right(starts, row.start) - 1]
            holds = passage.start <= row.start and row.end <= passage.end  # not where a long row was cut
            if holds and _is_name(row.cells.get(key, "")):
                yield from _of_row(row, key, telling, passage, language)


def _of_row(row: _Row, key: str, columns: Sequence[str], passage: Passage, language: str) -> Iterator[QAPair]:
    named = row.cells[key]
    told, cells = passage.language or language, " ".join(row.cells) + named
    if not in_script_of(cells, [told]):  # cells are no running text: beyond their script they tell nothing
        told = detect(cells, told)
    for column in columns:
        value = row.cells.get(column, "")
        if _is_empty(value) or len(value) > _LONGEST_VALUE or value == named:
            continue
        question, *others = question_templates.cell(told, named, column, value)
        yield QAPair(question, value, passage, "table", told, "rule", tuple(others), named, column)


def _tables(document: Document) -> Iterator[tuple[list[str], list[_Row]]]:
    """Column names and rows of the tables that have a line of column names."""
    for place, block in enumerate(document.blocks):
        if block.kind != "table":
            continue
        blocks = list(_rows_of(document, place))
        names = _names(document.text[block.start : blocks[0].start if blocks else block.end])
        if len(blocks) < 2 or len(names) < 2 or len(set(names)) < len(names):
            continue
        rows = [_Row(b.start, b.end, cells) for b in blocks if (cells := _cells(document.text[b.start : b.end], names))]
        unnamed = any("" in row.cells for row in rows)
        yield ["", *names] if unnamed else names, rows


def _rows_of(document: Document, place: int) -> Iterator[Block]:
    table = document.blocks[place]
    for block in document.blocks[place + 1 :]:
        if block.kind != "row" or block.start >= table.end:
            return
        yield block


def _names(header: str) -> list[str]:
    """Column names as the first line of a table holds them; none where numbers stand in their place, which is how a
    table without a header looks."""
    names = [name.strip() for name in header.strip().split(" | ")] if header.strip() else []
    numeric = sum(not _NAME.fullmatch(name) for name in names)
    return [] if 2 * numeric >= len(names) else names


def _cells(line: str, names: Sequence[str]) -> dict[str, str]:
    """The cells of `A: x | B: y` by name, in the order of `names`; the first may be without one. Empty where a part
    belongs to no column for certain."""
    cells: dict[str, str] = {}
    left = list(names)
    for number, part in enumerate(line.split(" | ")):
        name = next((each for each in left if part.startswith(f"{each}: ")), None)
        if name is None and number == 0 and ": " not in part:
            cells[""] = part
        elif name is None:
            return {}
        else:
            left = left[left.index(name) + 1 :]
            cells[name] = part[len(name) + 2 :].strip()
    return cells


def _key(names: Sequence[str], rows: Sequence[_Row]) -> str | None:
    """The column that names the rows, the first that can; none where the rows are days."""
    dated = sum(bool(_DATE.fullmatch(row.cells.get(names[0], ""))) for row in rows)
    if 2 * dated > len(rows):
        return None
    for name in names[:_KEY_AMONG]:
        values = [row.cells[name].casefold() for row in rows if row.cells.get(name)]
        named = sum(map(_is_name, values))
        if len(values) > 1 and named >= _NAMED * len(rows) and max(Counter(values).values()) == 1:
            return name
    return None


def _is_name(value: str) -> bool:
    least = 1 if _WIDE.search(value) else 2
    return least <= len(value) <= _LONGEST_KEY and bool(_NAME.fullmatch(value)) and not _is_empty(value)


def _is_empty(value: str) -> bool:
    return bool(_BLANK.fullmatch(value)) or fold(compose(value)) in words_in_any_language("tables", "empty")


def _tells(name: str, rows: Sequence[_Row]) -> bool:
    """Whether what a column holds says something about a row."""
    values = [row.cells[name] for row in rows if row.cells.get(name)]
    enough = 3 if len(rows) >= _TELLS_FROM else 2
    if len(set(values)) < enough or _counts_rows(values):
        return False
    return bool(name) and len(name) <= _LONGEST_COLUMN and bool(_NAME.fullmatch(name))


def _counts_rows(values: Sequence[str]) -> bool:
    """Whether a column only numbers the rows: 1, 2, 3 or A, B, C."""
    if not all(len(value) == 1 or value.isdecimal() for value in values):
        return False
    numbers = [int(value) if value.isdecimal() else ord(value) for value in values]
    return all(after == before + 1 for before, after in pairwise(numbers))
