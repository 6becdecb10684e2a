"""ODT, ODS, ODP: content.xml in order. `page` is the number of the sheet or slide; a text document has none.

A note follows the paragraph, list or table that refers to it, with its mark. What is hidden or struck out is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from metier.core.documents import BlockKind
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.superscripts import footnote
from metier.parsing.core.tables import Grid
from metier.parsing.office.numbering import written
from metier.parsing.office.odf_text import DROPPED, OdfText, inside
from metier.parsing.office.ods import count, read_sheets
from metier.parsing.office.package import Package, locked, parse_xml

_CAPTIONS = ("Illustration", "Table", "Figure", "Caption")
_FURNITURE = ("footer", "page-number", "date-time", "header")


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    manifest = package.optional_xml("META-INF/manifest.xml")
    if manifest is not None and any(element.tag == "manifest:encryption-data" for element in manifest.iter()):
        raise locked()
    if "meta.xml" in package:
        _facts(package.xml("meta.xml"), context)
    body = parse_xml(package.read("content.xml"), "content.xml").find("office:body")
    reader = _Reader(builder, package, body, context)
    for part in body if body is not None else ():
        if part.tag == "office:spreadsheet":
            read_sheets(part, package, builder, context)
        elif part.tag == "office:presentation":
            slides = part.findall("draw:page")
            context.pages = len(slides)
            for number, slide in enumerate(slides, start=1):
                reader.slide(slide, number)
        else:
            reader.blocks(part)
    reader.settle()
    context.name_title(reader.title)


def _facts(tree: Element, context: Context) -> None:
    for element in tree.iter():
        text = element.text or ""
        if element.tag == "dc:title":
            context.name_title(text)
        elif element.tag in ("dc:creator", "meta:initial-creator"):
            context.describe(author=text)
        elif element.tag == "dc:date":
            context.describe(date=text)
        elif element.tag == "meta:creation-date":
            context.describe(created=text)
        elif element.tag in ("dc:subject", "dc:description", "meta:keyword"):
            context.describe(**{element.tag.partition(":")[2]: text})


class _Lists:
    """Which lists are numbered, and how."""

    def __init__(self, package: Package) -> None:
        self._levels: dict[tuple[str, int], tuple[str, str, int]] = {}
        for part in ("styles.xml", "content.xml"):
            tree = package.optional_xml(part)
            for style in tree.iter("text:list-style") if tree is not None else ():
                for level in style.findall("text:list-level-style-number"):
                    shape = level.get("style:num-format", ""), level.get("style:num-suffix", "")
                    place = style.get("style:name", ""), count(level, "text:level")
                    self._levels[place] = *shape, count(level, "text:start-value")

    def label(self, style: str, level: int, number: int) -> str:
        """`3.` before the third item of a numbered list, "" where bullets are shown."""
        form, suffix, start = self._levels.get((style, level), ("", "", 1))
        shapes = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
        return written(number + start - 1, shapes[form]) + suffix if form in shapes else ""


class _Reader:
    def __init__(self, builder: Builder, package: Package, body: Element | None, context: Context) -> None:
        self._builder, self._context = builder, context
        self._page: int | None = None
        self._text, self._lists = OdfText(package, body, context), _Lists(package)
        self._caption = ""  # the paragraph before, if it is the caption of what follows
        self.title = ""

    def settle(self) -> None:
        """Write the caption that no table followed, and the notes that what stands before refers to."""
        self._builder.add("caption", self._caption, page=self._page)
        waiting, self._caption, self._text.notes = self._text.notes, "", []
        for mark, note in waiting:
            text = " ".join(self._lines(note))
            self._builder.add("paragraph", f"{footnote('', mark)} {text}" if text else "", page=self._page)

    def slide(self, slide: Element, number: int) -> None:
        """A slide: its title first, then what is on it, then the speaker's notes."""
        if (
            self._text.look("drawing-page", slide.get("draw:style-name", "")).skipped
            and not self._context.limits.hidden
        ):
            self._context.leave_out("hidden slide")
            return
        self._page = number
        shapes = [shape for shape in slide if shape.tag not in DROPPED]
        titles = [shape for shape in shapes if shape.get("presentation:class") == "title"]
        for title in titles:
            self._builder.add("heading", " ".join(self._lines(title)), page=number, level=1)
        for shape in shapes:
            if shape not in titles and shape.get("presentation:class") not in _FURNITURE:
                self.blocks([shape])
        for notes in slide.findall("presentation:notes"):
            for shape in notes:
                if shape.get("presentation:class") == "notes":
                    self._builder.add("paragraph", "\n".join(self._lines(shape)), page=number)
        self.settle()

    def blocks(self, parent: Iterable[Element]) -> None:
        for element in parent:
            tag = element.tag
            if tag == "text:h":
                level = element.get("text:outline-level", "1")
                self._add("heading", element, int(level) if level.isdigit() else 1)
            elif tag == "text:p":
                self._paragraph(element)
            elif tag == "text:list":
                self._list(element)
            elif tag == "table:table":
                caption, self._caption = self._caption, ""
                self.settle()
                grid = self.grid(element)
                grid.caption = caption
                grid.write(self._builder, page=self._page)
            elif tag not in DROPPED and not self._leaves_out(element):
                self.blocks(element)

    def _leaves_out(self, element: Element) -> bool:
        if element.get("text:display") != "none" or self._context.limits.hidden:
            return False
        self._context.leave_out("hidden section")
        return True

    def _paragraph(self, element: Element) -> None:
        style = self._named(element.get("text:style-name", ""))
        if style == "Title":
            self.title = self._add("heading", element, 1) or self.title
        elif style == "Quotations":
            self._add("quote", element, 0)
        elif style in _CAPTIONS:
            self._add("caption", element, 0)
        else:
            self._add("paragraph", element, 0)

    def _add(self, kind: BlockKind, element: Element, level: int, label: str = "") -> str:
        """Write a paragraph and what hangs on it; its text."""
        if kind != "list":
            self.settle()
        text = self._text.text(element)
        if kind == "caption":
            self._caption = text
        else:
            shown = f"{label} {text}" if label and text else text
            self._builder.add(kind, shown, page=self._page, level=min(6, level))
        for box in inside(element):  # text boxes and tables
            self.blocks(box)
        return text

    def _named(self, style: str) -> str:
        """The style of LibreOffice's own that a paragraph's comes from: Title, Quotations, a caption."""
        for _step in range(10):
            if style in ("Title", "Quotations", "Standard", "", *_CAPTIONS):
                return style
            style = self._text.parent(style)
        return ""

    def _list(self, element: Element, style: str = "", level: int = 1) -> None:
        style = element.get("text:style-name") or style
        number = 0
        for item in element:
            if item.tag not in ("text:list-item", "text:list-header"):
                continue
            shown = self._lists.label(style, level, number := number + 1) if item.tag == "text:list-item" else ""
            for child in item:
                if child.tag == "text:list":
                    self._list(child, style, level + 1)
                elif child.tag == "text:h":
                    self._add("heading", child, count(child, "text:outline-level"))
                elif child.tag == "text:p":
                    self._add("list", child, 0, shown)
                    shown = ""
                else:
                    self.blocks([child])

    def grid(self, table: Element) -> Grid:
        grid = Grid()
        heads = {row for head in table.iter("table:table-header-rows") for row in head.iter("table:table-row")}
        for row in _rows(table):
            grid.start_row()
            if row in heads:
                grid.header_rows = (grid.header_rows or 0) + 1
            for cell in row.findall("table:table-cell"):
                text, indent = "\n".join(self._lines(cell)), self._text.indent(cell)
                across, down = count(cell, "table:number-columns-spanned"), count(cell, "table:number-rows-spanned")
                for _repeat in range(min(count(cell, "table:number-columns-repeated"), 100)):
                    grid.cell(text, columns=across, rows=down, indent=indent)
        return grid

    def _lines(self, parent: Element) -> list[str]:
        lines = []
        for element in parent:
            if element.tag in ("text:p", "text:h"):
                lines.append(self._text.text(element))
                lines.extend(line for box in inside(element) for line in self._lines(box))
            elif element.tag == "table:table":
                lines.extend("; ".join(filter(None, row)) for row in self.grid(element).rows())
            elif element.tag == "text:list":
                lines.extend(self._items(element))
            elif element.tag not in DROPPED and element.tag != "office:annotation":
                lines.extend(self._lines(element))
        return [line for line in lines if line]

    def _items(self, element: Element, style: str = "", level: int = 1) -> Iterator[str]:
        """Items of a list in a cell, with their numbers."""
        style = element.get("text:style-name") or style
        for number, item in enumerate(element.findall("text:list-item"), start=1):
            label = self._lists.label(style, level, number)
            for child in item:
                if child.tag == "text:list":
                    yield from self._items(child, style, level + 1)
                elif child.tag in ("text:p", "text:h") and (text := self._text.text(child)):
                    yield f"{label} {text}".strip()
                    label = ""


def _rows(table: Element) -> Iterator[Element]:
    for element in table:
        if element.tag == "table:table-row":
            yield element
        elif element.tag in ("table:table-header-rows", "table:table-row-group", "table:table-rows"):
            yield from _rows(element)
