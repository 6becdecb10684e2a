"""A block of rows of a database's table, as `metier.sources.sql` writes it: each row a line that carries its key, its
column names, and what stands in the rows that it points to."""

from __future__ import annotations

from metier.core.database_rows import RowBlock
from metier.core.errors import ParseError
from metier.parsing.core.readers import Builder, Context

_WORDS = 0.6  # share of letters from which rows say in what language they are; codes and numbers are in none


def read(content: bytes, builder: Builder, context: Context) -> None:
    try:
        block = RowBlock.from_bytes(content)
    except ValueError as error:
        raise ParseError(f"is no block of rows ({error})", hint="Run `metier sync` again.") from None
    context.title = block.table
    context.describe(table=block.table)
    for note in block.notes:
        context.warn(note)
    for sentence in block.about:
        builder.add("paragraph", sentence)
    builder.add_table(
        [block.names, *(row.cells for row in block.rows)],
        keys=[row.key for row in block.rows],
        name=block.table,
        references=block.references,
        declared=block.columns,
        beside=[row.beside for row in block.rows],
    )
    text = builder.text
    if sum(map(str.isalpha, text)) < _WORDS * len(text):
        context.language = context.limits.language
