"""The parts of one sheet, of whatever format, that blank rows and columns set apart: tables, title lines over them, and
lines under them."""

from __future__ import annotations

from collections.abc import Sequence

from metier.core.tables import LINES
from metier.parsing.core.lead_in import are_lines, is_pair, line_of
from metier.parsing.core.readers import Builder
from metier.parsing.core.table_cells import RawRow, is_value
from metier.parsing.core.tables import write_pairs, write_table

_MOST_LINES = 5  # of text over or under a table
_MOST_PAIRS = 12
_NEAR = 3  # rows from a title to its table
_FEWEST_BLANKS = 2  # one may be a slip
LEVEL = 3  # blanks that one step of indentation is as wide as


def write_regions(builder: Builder, regions: Sequence[Sequence[RawRow]], *, page: int | None = None) -> str:
    """Write the parts in order: lines of text right over a table as its caption, those under one as paragraphs.
    `regions`: rows of one width each, none of them empty. Returns the line at the top, where that is over a table."""
    caption: list[str] = []
    title, begun = "", len(builder.blocks)
    after_table = False
    for place, rows in enumerate(regions):
        following = regions[place + 1] if place + 1 < len(regions) else None
        lines = _lines(rows)
        if not lines and following is not None and len(following[0].cells) > 2 and are_lines(rows):
            lines = list(map(line_of, rows))
            write_pairs(builder, rows, page=page)
        if lines and following is not None and _is_headed_by(following, rows):
            caption.extend(lines)
            title = caption[0] if not place else title
            continue
        if lines and (after_table or len(rows) == 1):
            for line in lines:
                builder.add("paragraph", line, page=page)
        elif following is not None and _are_pairs(rows, following):
            write_table(builder, rows, header_rows=0, page=page, caption=LINES.join(caption), pairs=True)
        else:
            write_table(builder, rows, page=page, caption=LINES.join(caption))
            after_table = True
        caption = []
        if not place and any(block.kind == "caption" for block in builder.blocks[begun:]):
            said = {cell for cell in rows[0].cells if cell}
            title = said.pop() if len(said) == 1 else ""
    return title


def _lines(rows: Sequence[RawRow]) -> list[str]:
    """The texts of rows that are lines of text: few, each of one cell, also over several columns, not all of them
    values. None of all others."""
    texts = [{cell for cell in row.cells if cell} for row in rows]
    single = all(len(said) == 1 and (row.wide or len(row.cells) == 1) for row, said in zip(rows, texts, strict=True))
    lines = [text for said in texts for text in said]
    return lines if single and len(rows) <= _MOST_LINES and not all(map(is_value, lines)) else []


def _are_pairs(rows: Sequence[RawRow], following: Sequence[RawRow]) -> bool:
    """Whether two columns over a table say what it is of, names and values, and have no names over them."""
    if len(rows) > _MOST_PAIRS or len(rows[0].cells) != 2 or any(not row.cells[0] for row in rows):
        return False
    named = not any(map(str.isdigit, rows[0].cells[1])) and any(is_value(row.cells[1]) for row in rows[1:])
    wider = len(following[0].cells) > 2 or any(map(str.isdigit, rows[0].cells[1]))
    return wider and not named and not any(is_value(row.cells[0]) for row in rows)


def _is_headed_by(table: Sequence[RawRow], lines: Sequence[RawRow]) -> bool:
    """Whether lines stand right over a part that is a table, or over more lines."""
    gap = table[0].number - lines[-1].number
    return 0 < gap <= _NEAR and len(table[0].cells) > 1 and (len(table) > 1 or is_pair(table[0]))


def leading_blanks(text: str) -> int:
    """How many blanks a text is set in by; 0 where it is one alone, which may be a slip. A tab counts as a step."""
    if not text[:1].isspace():
        return 0
    width = len(text[: len(text) - len(text.lstrip())].replace("\t", " " * LEVEL))
    return width if width >= _FEWEST_BLANKS else 0
