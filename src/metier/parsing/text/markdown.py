"""Markdown: rendered to HTML by markdown-it (the parser that Rich brings along), then read as HTML.

Beside CommonMark: tables, `~~struck~~` and `~struck~`, `10^6^` and `CO~2~`, footnotes `[^1]`, told where their text is.
"""

from __future__ import annotations

import re
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.text.html import read_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_REFERENCE = re.compile(r"\[\^([^\s\]]{1,40})\](?!:)")
_DEFINITION = re.compile(r"\[\^([^\s\]]{1,40})\]:[ \t]*")
_RAISED = re.compile(r"\^([-+−–]?\w{1,12}[-+−–]?)\^(?![\w^])")  # of x^2y^2 no part
_LOWERED = re.compile(r"(?<=[\w)\]])~(\w{1,12})~(?!~)")
_STRUCK = re.compile(r"(?<![\w~])~(?![\s~])([^~\n]{1,200})(?<!\s)~(?![\w~])")


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        _facts(front[1], context)
    read_text(f"<body>{_parser().render(text)}</body>", builder, context)


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


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable(["table", "strikethrough"])
    # An own rule for notes: to CommonMark `[^1]: 840Nm` names an address, and vanishes.
    parser.block.ruler.before("reference", "footnote", _note, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.before("link", "footnote", _mark)
    for name, pattern, tag in (("raised", _RAISED, "sup"), ("lowered", _LOWERED, "sub"), ("struck", _STRUCK, "s")):
        parser.inline.ruler.before("strikethrough", name, partial(_tagged, pattern=pattern, tag=tag))
    return parser


def _note(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """`[^1]: text`, with the lines that go on with it, as a paragraph that begins with its mark."""
    begin = _DEFINITION.match(state.src, state.bMarks[first] + state.tShift[first])
    if state.is_code_block(first) or begin is None:
        return False
    if silent:
        return True
    paragraphs, line = [[state.src[begin.end() : state.eMarks[first]]]], first + 1
    while line < last:
        start, empty = state.bMarks[line] + state.tShift[line], state.isEmpty(line)
        if _DEFINITION.match(state.src, start) or (not empty and not paragraphs[-1] and not state.is_code_block(line)):
            break
        if not empty:
            paragraphs[-1].append(state.src[start : state.eMarks[line]])
        elif paragraphs[-1]:
            paragraphs.append([])  # goes on where the next line is set in
        line += 1
    state.line = line
    for number, lines in enumerate(filter(None, paragraphs)):
        state.push("paragraph_open", "p", 1).map = [first, line]
        inline = state.push("inline", "", 0)
        inline.content = ("" if number else f"[^{begin[1]}] ") + "\n".join(lines)
        inline.map, inline.children = [first, line], []
        state.push("paragraph_close", "p", -1)
    return True


def _mark(state: StateInline, silent: bool) -> bool:
    return _tagged(state, silent, _REFERENCE, "sup", " role='doc-noteref'")


def _tagged(state: StateInline, silent: bool, pattern: re.Pattern[str], tag: str, attributes: str = "") -> bool:
    """What `pattern` finds at this place, as an element."""
    found = pattern.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = f"<{tag}{attributes}>{escape(found[1])}</{tag}>"
    state.pos = found.end()
    return True
