"""The parts of one sheet, of whatever format, that blank rows and columns set apart: tables, title lines over them, and
lines under them."""

from __future__ import annotations

from collections.abc import Sequence

from metier.parsing.core.readers import Builder
from metier.parsing.core.table_structure import RawRow, is_value
from metier.parsing.core.tables import write_table

_MOST_LINES = 5  # of text over or under a table
_NEAR = 3  # rows from a title to its table


def write_regions(builder: Builder, regions: Sequence[Sequence[RawRow]], *, page: int | None = None) -> None:
    """Write the parts in order: lines of text right over a table as its caption, those under one as paragraphs.
    `regions`: rows of one width each, none of them empty."""
    caption: list[str] = []
    after_table = False
    for place, rows in enumerate(regions):
        following = regions[place + 1] if place + 1 < len(regions) else None
        if _are_lines(rows) and following is not None and _is_headed_by(following, rows):
            caption.extend(row.cells[0] for row in rows)
            continue
        if _are_lines(rows) and (after_table or len(rows) == 1):
            for row in rows:
                builder.add("paragraph", row.cells[0], page=page)
        else:
            write_table(builder, rows, page=page, caption=" – ".join(caption))
            after_table = True
        caption = []


def _are_lines(rows: Sequence[RawRow]) -> bool:
    """Whether rows are lines of text: few, of one cell, not all of them values."""
    return len(rows) <= _MOST_LINES and all(len(row.cells) == 1 for row in rows) and not all(
        is_value(row.cells[0]) for row in rows
    )  # fmt: skip


def _is_headed_by(table: Sequence[RawRow], lines: Sequence[RawRow]) -> bool:
    """Whether lines stand right over a part that is a table, or over more lines."""
    gap = table[0].number - lines[-1].number
    return 0 < gap <= _NEAR and len(table) > 1 and len(table[0].cells) > 1
