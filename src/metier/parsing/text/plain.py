"""Plain text: paragraphs parted by empty lines."""

from __future__ import annotations

import re

from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context, too_much_text

_GAP = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    add_paragraphs(text, builder)


def add_paragraphs(text: str, builder: Builder, *, page: int | None = None) -> None:
    """Add text whose paragraphs are parted by empty lines."""
    for paragraph in _GAP.split(text):
        builder.add("paragraph", paragraph, page=page)
