"""Memos: a line `Title: …`, an empty line, then paragraphs parted by empty lines."""

from __future__ import annotations

import re

from metier.core.errors import ParseError
from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context, too_much_text

_MEMO = re.compile(r"Title:[ \t]*(\S[^\n]*)\n[ \t]*\n(.*)", re.DOTALL)
_GAP = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    memo = _MEMO.match(text)
    if memo is None:
        raise ParseError("is no memo", hint="Begin it with “Title: …” and an empty line.")
    context.name_title(memo[1])
    builder.add("heading", memo[1], level=1)
    for paragraph in _GAP.split(memo[2]):
        builder.add("paragraph", paragraph)
