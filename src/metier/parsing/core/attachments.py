"""Files inside a file, read as part of it: what is attached to a mail, embedded in a PDF."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from metier.core.errors import ParseError
from metier.parsing.core import formats
from metier.parsing.core.readers import MAX_NESTING, Builder, Context, reader_for


def read_attached(
    name: str,
    content: bytes,
    builder: Builder,
    context: Context,
    *,
    kind: str | None = None,
    without: Collection[str] = (),
    level: int = 2,
) -> bool:
    """Read a file inside a file under a heading with its name. A broken one costs a warning, not the whole.

    `kind`: its MIME type where that is known; `without`: those that are not read; `level`: of its heading. False where
    it is in no format that is read, or lies too deep. Raises `ParseError` where there is too much text.
    """
    kind = kind or (formats.media_type(name, content) if content.strip() else None)
    if kind is None or kind in without or context.depth >= MAX_NESTING:
        return False
    inner = context.part(name, kind, depth=1)
    builder.add("heading", name, level=level)
    blocks, tables, pictures = len(builder.blocks), len(builder.tables), len(context.pictures.found)
    try:
        reader_for(kind)(content, builder, inner)
    except ParseError as error:
        if "more than" in error.what and "text" in error.what:
            raise
        context.warn(f"attachment {name} {error.what}")
    for warning in inner.warnings:
        context.warn(f"attachment {name}: {warning}")
    # pages of the attachment are none of the whole, and its headings stand under its name
    builder.blocks[blocks:] = [
        replace(block, page=None, level=min(6, block.level + level) if block.level else 0)
        for block in builder.blocks[blocks:]
    ]
    builder.tables[tables:] = [replace(table, page=None) for table in builder.tables[tables:]]
    context.pictures.found[pictures:] = [replace(each, page=None) for each in context.pictures.found[pictures:]]
    return True
