"""ODT, ODS, ODP: content.xml in order. `page` is the number of the sheet or slide; a text document has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from metier.core.documents import BlockKind
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid
from metier.parsing.office.numbering import written
from metier.parsing.office.ods import count, read_sheets
from metier.parsing.office.package import Package, locked, parse_xml

_DROPPED = frozenset(
    [
        "text:tracked-changes",
        "text:sequence-decls",
        "office:forms",
        "text:bookmark-start",
        "draw:image",
        "svg:title",
        "office:event-listeners",
        "text:note-citation",
        "table:table-source",
        "presentation:notes",
        "text:variable-decls",
        "text:table-of-content-source",
    ]
)


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    manifest = package.optional_xml("META-INF/manifest.xml")
    if manifest is not None and any(element.tag == "manifest:encryption-data" for element in manifest.iter()):
        raise locked()
    if "meta.xml" in package:
        _facts(package.xml("meta.xml"), context)
    body = parse_xml(package.read("content.xml"), "content.xml").find("office:body")
    reader = _Reader(builder, package)
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


def _titles(package: Package) -> dict[str, str]:
    """Paragraph style -> the named style it comes from, for what LibreOffice calls Title, Subtitle, Quotations."""
    parents = {}
    for part in ("styles.xml", "content.xml"):
        tree = package.optional_xml(part)
        for style in tree.iter("style:style") if tree is not None else ():
            parents[style.get("style:name", "")] = style.get("style:parent-style-name", "")
    return parents


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
    def __init__(self, builder: Builder, package: Package) -> None:
        self._builder = builder
        self._page: int | None = None
        self._parents, self._lists = _titles(package), _Lists(package)
        self.title = ""

    def slide(self, slide: Element, number: int) -> None:
        """A slide: its title first, then what is on it, then the speaker's notes."""
        self._page = number
        shapes = [shape for shape in slide if shape.tag not in _DROPPED]
        titles = [shape for shape in shapes if shape.get("presentation:class") == "title"]
        for title in titles:
            self._builder.add("heading", " ".join(self._lines(title)), page=number, level=1)
        for shape in shapes:
            if shape not in titles and shape.get("presentation:class") not in (
                "footer",
                "page-number",
                "date-time",
                "header",
            ):
                self.blocks([shape])
        for notes in slide.findall("presentation:notes"):
            for shape in notes:
                if shape.get("presentation:class") == "notes":
                    self._builder.add("paragraph", "\n".join(self._lines(shape)), page=number)

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
                self.grid(element).write(self._builder, page=self._page)
            elif tag not in _DROPPED:
                self.blocks(element)

    def _paragraph(self, element: Element) -> None:
        style = self._named(element.get("text:style-name", ""))
        if style == "Title":
            self.title = self.title or _text(element)
            self._add("heading", element, 1)
        elif style == "Quotations":
            self._add("quote", element, 0)
        elif style in ("Illustration", "Table", "Figure", "Caption"):
            self._add("caption", element, 0)
        else:
            self._add("paragraph", element, 0)

    def _add(self, kind: BlockKind, element: Element, level: int, label: str = "") -> None:
        text = _text(element)
        self._builder.add(kind, f"{label} {text}" if label and text else text, page=self._page, level=min(6, level))
        for inner in _inside(element):  # text boxes, notes and tables that hang on a paragraph
            self.blocks(inner)

    def _named(self, style: str) -> str:
        for _step in range(10):
            if style in ("Title", "Quotations", "Illustration", "Table", "Figure", "Caption", "Standard", ""):
                return style
            style = self._parents.get(style, "")
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
        grid, heads = (
            Grid(),
            {row for head in table.iter("table:table-header-rows") for row in head.iter("table:table-row")},
        )
        for row in _rows(table):
            grid.start_row()
            if row in heads:
                grid.header_rows = (grid.header_rows or 0) + 1
            for cell in row:
                if cell.tag == "table:table-cell":
                    text = self.cell_text(cell)
                    for _repeat in range(min(count(cell, "table:number-columns-repeated"), 100)):
                        across, down = (
                            count(cell, "table:number-columns-spanned"),
                            count(cell, "table:number-rows-spanned"),
                        )
                        grid.cell(text, columns=across, rows=down)
        return grid

    def cell_text(self, cell: Element) -> str:
        return "\n".join(self._lines(cell))

    def _lines(self, parent: Element) -> list[str]:
        lines = []
        for element in parent:
            if element.tag in ("text:p", "text:h"):
                lines.append(_text(element))
                lines.extend(line for inner in _inside(element) for line in self._lines(inner))
            elif element.tag == "table:table":
                lines.extend("; ".join(filter(None, row)) for row in self.grid(element).rows())
            elif element.tag not in _DROPPED and element.tag != "office:annotation":
                lines.extend(self._lines(element))
        return [line for line in lines if line]


def _rows(table: Element) -> Iterator[Element]:
    for element in table:
        if element.tag == "table:table-row":
            yield element
        elif element.tag in ("table:table-header-rows", "table:table-row-group", "table:table-rows"):
            yield from _rows(element)


def _text(element: Element) -> str:
    return tidy("".join(_pieces(element))).strip()


def _pieces(element: Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == "text:s":
            yield " " * min(count(child, "text:c"), 100)
        elif child.tag == "text:tab":
            yield "\t"
        elif child.tag == "text:line-break":
            yield "\n"
        elif child.tag not in _DROPPED and not _apart(child):
            yield from _pieces(child)
        yield child.tail or ""


def _apart(element: Element) -> bool:
    return element.tag in (
        "text:note",
        "draw:frame",
        "draw:text-box",
        "draw:custom-shape",
        "office:annotation",
        "draw:g",
    )


def _inside(element: Element) -> Iterator[Element]:
    """Notes, text boxes and comments inside a paragraph, outermost first."""
    for child in element:
        if _apart(child):
            yield child
        elif child.tag not in _DROPPED:
            yield from _inside(child)
