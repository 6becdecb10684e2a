"""Markdown: rendered to HTML by markdown-it (the parser that Rich brings along), then read as HTML."""

from __future__ import annotations

import re

from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.text.html import read_text

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)


def read(content: bytes, builder: Builder, context: Context) -> None:
    from markdown_it import MarkdownIt

    text = decode(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        _facts(front[1], context)
    html = MarkdownIt("commonmark", {"maxNesting": 50}).enable(["table", "strikethrough"]).render(text)
    read_text(f"<body>{html}</body>", builder, context)


def _facts(front: str, context: Context) -> None:
    """Simple `name: value` lines of a YAML front matter."""
    for line in front.split("\n"):
        name, separator, value = line.partition(":")
        value = value.strip().strip("'\"")
        if not separator or not re.fullmatch(r"[A-Za-z][\w-]*", name) or not value:
            continue
        if name.lower() == "title":
            context.name_title(value)
        elif name.lower() in ("lang", "language"):
            context.language = value[:35]
        else:
            context.describe(**{name.lower(): value})
