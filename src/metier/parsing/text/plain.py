"""Plain text: paragraphs parted by empty lines, lines that were cut to a width joined, items of lists apart."""

from __future__ import annotations

from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.text.wrapping import WrappedText


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    add_paragraphs(text, builder)


def add_paragraphs(text: str, builder: Builder, *, page: int | None = None, wrapped: bool = True) -> None:
    """Add text whose paragraphs are parted by empty lines. `wrapped`: lines may have been cut to a width."""
    for kind, part in WrappedText(text, wrapped=wrapped).parts():
        builder.add(kind, part, page=page)
