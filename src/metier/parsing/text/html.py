"""HTML as a person sees it: headings, paragraphs, lists, tables; no scripts, styles, or hidden parts.

The tree comes from selectolax (lexbor); the walk is ours, because a general content filter takes words away that
a search needs. The walk keeps its own stack: a page may be nested more deeply than Python recurses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from metier.core.documents import BlockKind
from metier.core.errors import ParseError
from metier.parsing.core.decoding import decode, tidy
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.core.tables import Grid

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED = frozenset(
    [
        "head",
        "script",
        "style",
        "template",
        "noscript",
        "svg",
        "iframe",
        "object",
        "embed",
        "canvas",
        "audio",
        "video",
        "map",
        "datalist",
        "math-ml",
    ]
)
_KINDS: dict[str, BlockKind] = {
    "li": "list",
    "dt": "list",
    "dd": "list",
    "summary": "list",
    "pre": "code",
    "blockquote": "quote",
    "caption": "caption",
    "figcaption": "caption",
}
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "body",
        "center",
        "details",
        "dialog",
        "div",
        "dl",
        "fieldset",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "main",
        "menu",
        "nav",
        "ol",
        "optgroup",
        "option",
        "p",
        "search",
        "section",
        "select",
        "ul",
        "tr",
        "td",
        "th",
        "tbody",
        "thead",
        "tfoot",
    ]
) | set(_KINDS)
_HEADING = re.compile(r"h([1-6])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*+)[^<>]*+>")  # possessive: linear on any input
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_SELF_CLOSING = frozenset(["p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody", "thead", "tfoot"])
MAX_DEPTH = 5000


def read(content: bytes, builder: Builder, context: Context) -> None:
    declared = _CHARSET.search(content[:4096])
    read_text(decode(content, context, declared[1].decode("ascii", "replace") if declared else None), builder, context)


def read_text(text: str, builder: Builder, context: Context, *, page: int | None = None) -> None:
    """Read HTML that is decoded already. Raises `ParseError` where it is larger than any text may be."""
    from selectolax.lexbor import LexborHTMLParser

    if len(text) > 4 * context.limits.text:
        raise too_much_text(context.limits.text)
    if _depth(text) > MAX_DEPTH:  # the tree builder takes minutes over it
        raise ParseError(f"is HTML nested more than {MAX_DEPTH} deep", hint="Save the page again from a browser.")
    tree = LexborHTMLParser(text)
    _facts(tree, context)
    if tree.body is not None:
        _Walk(builder, page, _boilerplate(tree)).run(tree.body)


def _depth(text: str) -> int:
    """How deep the tags nest, at most; elements that need no end tag do not count."""
    depth = deepest = 0
    for tag in _TAG.finditer(text):
        end, name = tag[1], tag[2].lower()
        if tag[0].endswith("/>") or name in _VOID or name in _SELF_CLOSING:
            continue
        depth = max(0, depth - 1) if end else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _facts(tree: LexborHTMLParser, context: Context) -> None:
    title = tree.css_first("head title")
    context.name_title(tidy(title.text()) if title is not None else None)
    root = tree.root
    if root is not None and (language := (root.attributes.get("lang") or root.attributes.get("xml:lang"))):
        context.language = context.language or language.strip()[:35]
    for meta in tree.css("head meta[name][content]"):
        name, value = (meta.attributes["name"] or "").lower(), meta.attributes["content"]
        if name in ("author", "description", "keywords", "date", "dc.date", "dc.creator"):
            context.describe(**{{"dc.date": "date", "dc.creator": "author"}.get(name, name): value})


def _boilerplate(tree: LexborHTMLParser) -> set[int]:
    """Ids of navigation blocks, unless the page is little else."""
    found = tree.css("nav, [role=navigation]")
    if not found:
        return set()
    inside = sum(len(node.text(strip=True)) for node in found)
    whole = len(tree.body.text(strip=True)) if tree.body is not None else 0
    return {node.mem_id for node in found} if whole - inside > max(200, inside / 2) else set()


class _Walk:
    """One pass over the tree. `run` turns it into entering and leaving of elements; text gathers until a block ends."""

    def __init__(self, builder: Builder, page: int | None, dropped: set[int]) -> None:
        self._builder, self._page, self._dropped = builder, page, dropped
        self._text: list[str] = []
        self._kinds: list[tuple[BlockKind, int]] = [("paragraph", 0)]  # innermost last, with the heading level
        self._tables: list[tuple[Grid, list[str]]] = []  # open tables, with what the cell now open holds
        self._preformatted = 0
        self._numbers: list[int | None] = []  # of open lists: the next number, None where bullets

    def run(self, root: LexborNode) -> None:
        for entering, node in _walk(root, self._skip):
            tag = node.tag or ""
            if tag == "-text":
                self._add(node.text_content or "")
            elif entering:
                self._enter(tag, node)
            else:
                self._leave(tag)
        self._flush()

    def _skip(self, node: LexborNode) -> bool:
        tag = node.tag
        if tag == "-text":
            return False
        if tag is None or tag[0] in "-!" or tag in _DROPPED or node.mem_id in self._dropped:
            return True
        attributes = node.attributes
        return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))

    def _add(self, text: str) -> None:
        self._text.append(text if self._preformatted else re.sub(r"\s+", " ", text))

    def _enter(self, tag: str, node: LexborNode) -> None:
        heading = _HEADING.fullmatch(tag)
        if heading or tag in _BLOCKS or tag == "table":
            self._flush()
        if heading:
            self._kinds.append(("heading", int(heading[1])))
        elif tag in _KINDS:
            self._kinds.append((_KINDS[tag], 0))
        if tag == "pre":
            self._preformatted += 1
        elif tag in ("ol", "ul"):
            self._numbers.append(_number(node.attributes.get("start")) if tag == "ol" else None)
        elif tag == "li" and self._numbers and self._numbers[-1] is not None:
            self._text.append(f"{self._numbers[-1]}. ")
            self._numbers[-1] += 1
        elif tag == "br":
            self._text.append("\n")
        elif tag == "img":
            self._text.append(f" {node.attributes.get('alt') or ''} ")
        elif tag == "input":
            self._input(node)
        else:
            self._enter_table(tag, node)

    def _enter_table(self, tag: str, node: LexborNode) -> None:
        if tag == "table":
            self._tables.append((Grid(), []))
        elif self._tables:
            grid, cell = self._tables[-1]
            if tag == "tr":
                grid.start_row()
                if node.parent is not None and node.parent.tag == "thead":
                    grid.header_rows = (grid.header_rows or 0) + 1
            elif tag in ("td", "th"):
                cell.clear()
                cell.append(f"{node.attributes.get('colspan') or 1},{node.attributes.get('rowspan') or 1}")

    def _leave(self, tag: str) -> None:
        if tag in _BLOCKS or tag == "table" or _HEADING.fullmatch(tag):
            self._flush()
        if tag in _KINDS or _HEADING.fullmatch(tag):
            self._kinds.pop()
        if tag == "pre":
            self._preformatted -= 1
        elif tag in ("ol", "ul") and self._numbers:
            self._numbers.pop()
        elif tag == "table" and self._tables:
            self._leave_table()
        elif tag in ("td", "th") and self._tables:
            grid, cell = self._tables[-1]
            columns, rows = (cell[0] if cell else "1,1").split(",")
            grid.cell(" ".join(cell[1:]), columns=_number(columns), rows=_number(rows))
            cell.clear()
        elif tag in ("a", "span", "button", "label", "kbd") and self._text and self._text[-1].endswith("\xa0"):
            self._text.append(" ")

    def _leave_table(self) -> None:
        grid, _cell = self._tables.pop()
        if self._tables:  # a table in a cell: its rows are told in that cell
            self._tables[-1][1].extend("; ".join(filter(None, row)) for row in grid.rows() if any(row))
        else:
            grid.write(self._builder, page=self._page)

    def _input(self, node: LexborNode) -> None:
        kind = (node.attributes.get("type") or "text").lower()
        if kind in ("text", "email", "tel", "url", "number", "date", "search"):
            self._text.append(f" {node.attributes.get('value') or ''} ")

    def _flush(self) -> None:
        text = tidy("".join(self._text))
        self._text.clear()
        if not self._preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        if not (stripped := text.strip()):
            return
        kind, level = self._kinds[-1]
        in_caption = kind == "caption" and self._tables and len(self._tables) == 1
        if self._tables and not in_caption and len(self._tables[-1][1]):
            self._tables[-1][1].append(stripped)
        else:
            self._builder.add(kind, text.strip("\n") if self._preformatted else stripped, page=self._page, level=level)


def _number(text: str | None) -> int:
    match = re.match(r"\s*(\d{1,6})", text or "")
    return int(match[1]) if match else 1


def _walk(root: LexborNode, skip: Callable[[LexborNode], bool]) -> Iterator[tuple[bool, LexborNode]]:
    """`(True, node)` on the way into every node that is not skipped, `(False, node)` on the way out."""
    node: LexborNode | None = root
    entering, last = True, root.mem_id  # `==` on nodes would compare their whole HTML
    while node is not None:
        if entering and node.mem_id != last and skip(node):
            entering = False
        elif entering:
            yield True, node
            if node.child is not None:
                node = node.child
                continue
            if node.tag != "-text":
                yield False, node
            entering = False
        else:
            yield False, node
        if node.mem_id == last:
            return
        if node.next is not None:
            node, entering = node.next, True
        else:
            node, entering = node.parent, False
