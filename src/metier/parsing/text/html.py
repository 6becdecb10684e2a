"""HTML as a person sees it: headings, paragraphs, lists, tables; no scripts, styles, hidden or struck parts.

The tree comes from selectolax (lexbor); the walk is ours, because a general content filter takes words away that
a search needs. The walk keeps its own stack: a page may be nested more deeply than Python recurses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from metier.core.documents import BlockKind
from metier.core.errors import ParseError
from metier.parsing.core.decoding import decode, tidy
from metier.parsing.core.pictures import in_data_uri
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.core.strokes import merged, struck
from metier.parsing.core.superscripts import Piece, Position, joined
from metier.parsing.text.html_forms import Boxes, chosen, drawn_box
from metier.parsing.text.html_lists import OpenList, OpenPairs
from metier.parsing.text.html_style import (
    StyleSheet,
    is_hidden,
    is_preview,
    is_struck,
    left_blanks,
    left_of,
    position_of,
)
from metier.parsing.text.html_tables import HtmlTable
from metier.parsing.text.mathml import mathml

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED = frozenset([
    "head", "script", "style", "template", "noscript", "svg", "iframe", "object", "embed", "canvas", "audio", "video",
    "map", "datalist",
])  # fmt: skip
_KINDS: dict[str, BlockKind] = {
    "li": "list", "dt": "list", "dd": "list", "summary": "list", "pre": "code", "blockquote": "quote",
    "caption": "caption", "figcaption": "caption",
}  # fmt: skip
_BLOCKS = frozenset([
    "address", "article", "aside", "body", "center", "details", "dialog", "div", "dl", "fieldset", "figure", "footer",
    "form", "header", "hgroup", "hr", "html", "legend", "main", "menu", "nav", "ol", "p", "search", "section", "ul",
    "tr", "td", "th", "tbody", "thead", "tfoot", *_KINDS,
])  # fmt: skip
_HEADING = re.compile(r"h([1-6])")
_STRUCK = ("del", "s", "strike")
_POSITIONS: dict[str, Position] = {"sup": "raised", "sub": "lowered"}
_FOOTNOTE = re.compile(r"\b(?:doc-)?(?:noteref|footnote|endnote|fnref)")
_BACK = re.compile(r"\s*[↩︎⏎^↑]+\s*")
_MENUS = ("nav", "menu", "dialog")
_CHARSET = re.compile(rb"<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*+)[^<>]*+>")  # possessive: linear on any input
_VOID = frozenset([
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
])  # fmt: skip
_SELF_CLOSING = frozenset(["p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody", "thead", "tfoot"])
_SPACE = re.compile(r"\s+")
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
        _Walk(builder, context, page, tree).run(tree.body)


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
    """One pass over the tree. Text gathers in pieces until a block ends."""

    def __init__(self, builder: Builder, context: Context, page: int | None, tree: LexborHTMLParser) -> None:
        self._builder, self._context, self._page = builder, context, page
        self._dropped, self._sheet, self._boxes = _boilerplate(tree), StyleSheet(tree), Boxes(tree)
        self._pieces: list[Piece] = []
        self._marks: list[tuple[int, Position, bool]] = []  # open elements that raise, lower or strike: id, which
        self._kinds: list[tuple[BlockKind, int]] = [("paragraph", 0)]  # innermost last, with the heading level
        self._tables: list[HtmlTable] = []  # open, the innermost last
        self._preformatted = 0
        self._lists: list[OpenList] = []
        self._items: list[list[str]] = []  # paragraphs of open items, which are one block
        self._label = ""  # number of an item, or name of what follows, until there is text to put it before
        self._pairs: list[OpenPairs] = []

    def run(self, root: LexborNode) -> None:
        _walk(root, self._enter, self._leave)
        self._flush()

    # --- in and out of elements ------------------------------------------------------------------------------

    def _enter(self, node: LexborNode) -> bool:
        """Take up an element or a text; whether to look inside."""
        tag = node.tag
        if tag == "-text":
            self._add(node.text_content or "")
            return False
        if tag is None or tag[0] in "-!" or tag in _DROPPED or node.mem_id in self._dropped:
            return False
        attributes = node.attributes
        style = self._sheet.of(attributes)
        if (
            (is_hidden(attributes, style) and self._leaves_out_hidden(tag, node, attributes))
            or ((tag in _STRUCK or is_struck(style)) and self._leaves_out_struck(node))
            or self._is_whole(tag, node, attributes)
        ):
            return False
        if tag in _BLOCKS or tag == "table" or _HEADING.fullmatch(tag):
            self._flush()
        self._enter_inline(tag, node, attributes, style)
        self._enter_block(tag, node, attributes, style)
        return True

    def _leaves_out_hidden(self, tag: str, node: LexborNode, attributes: dict[str, str | None]) -> bool:
        """Whether a hidden element is left out; told where it says something of its own that is no menu."""
        text = " ".join(node.text(separator=" ").split())
        linked = sum(len(link.text(strip=True)) for link in node.css("a"))
        says = " " in text and linked * 2 < len(text) and tag not in _MENUS and not is_preview(attributes)
        if not says or node.css_first("math, script, style, input[type=hidden]") is not None:
            return True
        if not self._context.limits.hidden:
            self._context.leave_out("hidden text")
        return not self._context.limits.hidden

    def _leaves_out_struck(self, node: LexborNode) -> bool:
        if not self._context.limits.hidden and node.text(strip=True):
            self._context.leave_out("struck-out text")
        return not self._context.limits.hidden

    def _is_whole(self, tag: str, node: LexborNode, attributes: dict[str, str | None]) -> bool:
        """Take up an element that is read as one."""
        if tag == "select":
            self._say(chosen(node))
        elif tag == "textarea":
            self._say(f" {node.text().strip()} ")
        elif tag == "input":
            self._say(self._boxes.value(node))
        elif tag == "math":
            before = self._pieces[-1][0][-1:] if self._pieces else ""
            self._say((" " if before.isalnum() else "") + mathml(node))
        elif tag == "br":
            self._say("\n")
        elif tag == "img":
            alt = attributes.get("alt") or ""
            self._say(f" {alt} ")
            if self._context.pictures and (content := in_data_uri(attributes.get("src") or "")):
                self._context.pictures.add(lambda: content, self._builder.length, page=self._page, caption=alt)
        else:
            back_to = (attributes.get("href") or "").startswith("#") if tag == "a" else False
            return back_to and bool(_BACK.fullmatch(node.text()))
        return True

    def _enter_inline(self, tag: str, node: LexborNode, attributes: dict[str, str | None], style: str) -> None:
        gone = tag in _STRUCK or is_struck(style)
        position = _POSITIONS.get(tag) or position_of(tag, style)
        refers = " ".join(filter(None, (attributes.get("role"), attributes.get("epub:type"), attributes.get("class"))))
        if (position == "raised" and (node.css_first("a[href]") or _is_link(node.parent))) or (
            tag in ("a", "sup") and refers and _FOOTNOTE.search(refers)
        ):
            position = "note"
        if position or gone:
            self._marks.append((node.mem_id, position, gone))
        if tag == "label":
            self._say(self._boxes.before(node))
        elif "role" in attributes:
            self._say(drawn_box(attributes))

    def _enter_block(self, tag: str, node: LexborNode, attributes: dict[str, str | None], style: str) -> None:
        if heading := _HEADING.fullmatch(tag):
            self._kinds.append(("heading", int(heading[1])))
        elif tag in _KINDS:
            self._kinds.append((_KINDS[tag], 0))
        if tag in ("ol", "ul", "dl", "pre", "table", "blockquote") or heading:
            if self._label.endswith(": "):  # what the list or table is about
                self._say(self._label.rstrip(), flush=True)
            self._emit_item()
        if tag == "pre":
            self._preformatted += 1
        elif tag in ("ol", "ul"):
            self._lists.append(OpenList.of(node, style))
        elif tag == "li":
            self._label += self._lists[-1].label(attributes.get("value")) if self._lists else ""
            self._items.append([])
        elif tag == "dl":
            self._pairs.append(OpenPairs())
        elif tag in ("dt", "dd"):
            self._label = (self._pairs or [OpenPairs()])[-1].start(tag)
            if tag == "dd":
                self._items.append([])
        elif tag == "table":
            self._label = ""
            self._tables.append(HtmlTable())
        elif self._tables:
            self._enter_table(tag, node, style)

    def _enter_table(self, tag: str, node: LexborNode, style: str) -> None:
        table = self._tables[-1]
        if tag == "tr":
            table.start_row(node)
        elif tag in ("td", "th"):
            table.start_cell(node, left_of(style))
        elif table.cell is not None and not table.cell.texts and style and not self._pieces:
            table.cell.indent += left_of(style)

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        heading = _HEADING.fullmatch(tag)
        if tag in _BLOCKS or tag == "table" or heading:
            self._flush()
        if tag in _KINDS or heading:
            self._kinds.pop()
        if self._marks and self._marks[-1][0] == node.mem_id:
            self._marks.pop()
        if tag == "pre":
            self._preformatted -= 1
        elif tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        elif tag in ("li", "dd") and self._items:
            self._leave_item(tag)
        elif tag == "dt" and self._pairs:
            self._pairs[-1].in_name = False
        elif tag == "dl" and self._pairs:
            pairs = self._pairs.pop()
            for name in pairs.names if not pairs.told else ():  # without a value
                self._put("list", name)
        elif tag == "table" and self._tables:
            self._leave_table()
        elif tag in ("td", "th") and self._tables:
            self._tables[-1].end_cell()
        elif tag in ("a", "span", "button", "label", "kbd") and self._pieces and self._pieces[-1][0].endswith("\xa0"):
            self._say(" ")

    def _leave_item(self, tag: str) -> None:
        if tag == "dd" and self._label:
            self._items[-1].append(self._label.rstrip(" :"))
        self._label = ""
        self._emit_item()
        self._items.pop()

    def _leave_table(self) -> None:
        grid = self._tables.pop().finished()
        cell = self._tables[-1].cell if self._tables else None
        if self._tables:  # a table in a cell: its rows are told in that cell
            if cell is not None:
                cell.texts.extend("; ".join(filter(None, row)) for row in grid.rows() if any(row))
        else:
            grid.write(self._builder, page=self._page)

    # --- text ------------------------------------------------------------------------------------------------

    def _add(self, text: str) -> None:
        """Text of the page, in the position and with the strokes of the elements that it stands in."""
        if self._tables and not self._pieces and (cell := self._tables[-1].cell) is not None and not cell.texts:
            cell.indent += left_blanks(text)
        if not self._preformatted:
            text = _SPACE.sub(" ", text)
            if text == " " and not self._pieces:
                return
        if not self._marks:
            self._pieces.append((text, ""))
            return
        if any(gone for _id, _position, gone in self._marks):
            text = struck(text)
        positions = [position for _id, position, _struck in self._marks if position]
        self._pieces.append((text, positions[-1] if positions else ""))

    def _say(self, text: str, *, flush: bool = False) -> None:
        """Text that stands for an element."""
        if text:
            self._pieces.append((text, ""))
        if flush:
            self._label = ""
            self._flush()

    def _flush(self) -> None:
        """Put what has gathered where it belongs: the open cell, the open item, or a block of its own."""
        if not self._pieces:
            return
        text = tidy(joined(self._pieces))
        self._pieces.clear()
        if not self._preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        if not text.strip():
            return
        text = text.strip("\n") if self._preformatted else text.strip()
        text = merged(text)
        kind, _level = self._kinds[-1]
        if self._pairs and self._pairs[-1].in_name and (not self._tables or self._tables[-1].cell is not None):
            self._pairs[-1].names.append(text)
        elif kind == "caption" and self._tables and self._tables[-1].cell is None:
            grid = self._tables[-1].grid
            grid.caption = " ".join(filter(None, (grid.caption, " ".join(text.split()))))
        else:
            label, self._label = self._label, ""
            self._put(kind, label + text)

    def _put(self, kind: BlockKind, text: str) -> None:
        cell = self._tables[-1].cell if self._tables else None
        if cell is not None:
            cell.texts.append(text)
        elif kind == "list" and self._items and not self._tables:
            self._items[-1].append(text)
        else:
            self._builder.add(kind, text, page=self._page, level=self._kinds[-1][1])

    def _emit_item(self) -> None:
        """Write the paragraphs of the open item that have gathered."""
        if self._items and self._items[-1]:
            text = "\n".join(self._items[-1])
            self._items[-1].clear()
            self._builder.add("list", text, page=self._page)


def _is_link(node: LexborNode | None) -> bool:
    """Whether an element is a link to a place of its own page."""
    return node is not None and node.tag == "a" and (node.attributes.get("href") or "").startswith("#")


def _walk(root: LexborNode, enter: Callable[[LexborNode], bool], leave: Callable[[LexborNode], None]) -> None:
    """Call `enter` on the way into every node, and `leave` on the way out of those that it wants to look into."""
    node: LexborNode | None = root
    entering, last = True, root.mem_id  # `==` on nodes would compare their whole HTML
    while node is not None:
        if entering and enter(node):
            if node.child is not None:
                node = node.child
                continue
            leave(node)
        elif not entering:
            leave(node)
        if node.mem_id == last:
            return
        if node.next is not None:
            node, entering = node.next, True
        else:
            node, entering = node.parent, False
