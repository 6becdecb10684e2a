"""Jupyter notebooks: cells of Markdown as text, cells of code as code, each followed by what it printed.

Pictures are left out. Of an output in several forms the table is taken, else the plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from metier.core.errors import ParseError
from metier.parsing.core.decoding import decode_records, tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.text import html, markdown

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_OBJECT = re.compile(r"\[?<[^<>]*>[,\s\]]*|Text\(.*\)", re.DOTALL)  # what Python prints of a picture or a widget
_LONGEST_OUTPUT = 20_000  # characters of one printed output


def read(content: bytes, builder: Builder, context: Context) -> None:
    try:
        notebook = json.loads(decode_records(content, context))
    except (ValueError, RecursionError) as error:
        raise ParseError(
            f"is no notebook that can be read ({error})", hint="Open it in Jupyter and save it again."
        ) from None
    metadata = _object(_object(notebook).get("metadata"))
    context.name_title(_text(metadata.get("title")))
    authors = [_text(_object(author).get("name")) for author in _list(metadata.get("authors"))]
    language = _text(_object(metadata.get("kernelspec")).get("language"))
    context.describe(author=", ".join(filter(None, authors)), programming_language=language)
    for cell in _cells(_object(notebook)):
        kind, source = cell.get("cell_type"), _text(cell.get("source", cell.get("input")))
        if kind in ("markdown", "heading"):
            level = cell.get("level")
            source = f"{'#' * level} {source}" if kind == "heading" and isinstance(level, int) else source
            _markdown(source, builder, context)
        elif kind == "raw":
            builder.add("paragraph", tidy(source))
        else:
            builder.add("code", tidy(source))
            for output in _list(cell.get("outputs")):
                _output(_object(output), builder, context)


def _cells(notebook: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sheets = [_object(sheet) for sheet in _list(notebook.get("worksheets"))]  # before version 4
    cells = [*_list(notebook.get("cells")), *(cell for sheet in sheets for cell in _list(sheet.get("cells")))]
    return [_object(cell) for cell in cells]


def _markdown(source: str, builder: Builder, context: Context) -> None:
    if source.strip():
        markdown.read(source.encode("utf-8", "replace"), builder, context)


def _output(output: Mapping[str, Any], builder: Builder, context: Context) -> None:
    data = _object(output.get("data")) or {"text/html": output.get("html"), "text/plain": output.get("text")}
    page, plain = _text(data.get("text/html")), _text(data.get("text/plain"))
    if output.get("output_type") in ("error", "pyerr"):
        plain = ": ".join(filter(None, (_text(output.get("ename")), _text(output.get("evalue")))))
    if "<table" in page.lower():
        html.read_text(page, builder, context)
    elif markdown_text := _text(data.get("text/markdown")):
        _markdown(markdown_text, builder, context)
    elif plain and not _OBJECT.fullmatch(plain.strip()):
        plain = _COLOURS.sub("", plain)
        if len(plain) > _LONGEST_OUTPUT:
            context.warn(f"of outputs longer than {_LONGEST_OUTPUT} characters only the beginning was read")
        builder.add("code", tidy(plain[:_LONGEST_OUTPUT]))
    elif page:
        html.read_text(page, builder, context)


def _text(value: object) -> str:
    """A text, which notebooks hold whole or as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
