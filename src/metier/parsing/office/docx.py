"""DOCX: the body in order, with headings, lists, tables, text boxes, formulas, notes and comments.

Deleted text of tracked changes is left out, inserted text is kept. Page numbers are None: a DOCX has no pages until
a program lays it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid
from metier.parsing.office.charts import write_charts
from metier.parsing.office.formulas import formula
from metier.parsing.office.numbering import Numbering
from metier.parsing.office.package import Package, core_properties, remark
from metier.parsing.office.styles import Styles

# What has no text of the document in it: deleted text, field codes, properties, the old-Word twin of a drawing.
_DROPPED = frozenset(
    [
        "w:del",
        "w:moveFrom",
        "w:delText",
        "w:instrText",
        "w:rPr",
        "w:pPr",
        "w:tblPr",
        "w:trPr",
        "w:tcPr",
        "w:sdtPr",
        "w:sectPr",
        "mc:Fallback",
        "w:footnoteRef",
        "w:annotationRef",
        "a:blip",
        "w:fldData",
    ]
)
_CONTAINERS = frozenset(
    ["w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:customXml", "w:smartTag", "mc:AlternateContent", "mc:Choice"]
)
_BOXES = {0x2610: "[ ]", 0x2611: "[x]", 0x2612: "[x]"}  # check boxes, as everyone types them
_CHARACTERS = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-", "w:softHyphen": ""}


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    main = package.main_part("word/document.xml")
    relations = package.relations(main)
    reader = _Reader(builder, package, relations)
    core_properties(package, context)
    body = package.xml(main).find("w:body")
    _margin(package, relations, "header", builder, reader)
    if body is not None:
        reader.blocks(body)
    for kind, label in (("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment")):
        tree = _part(package, relations, kind)
        for note in tree.iter(f"w:{label}") if tree is not None else ():
            if note.get("w:type") not in ("separator", "continuationSeparator", "continuationNotice"):
                text = reader.note(note)
                if kind == "comments":
                    text = remark(text, note.get("w:author", ""), note.get("w:date", ""))
                builder.add("paragraph", text)
    _margin(package, relations, "footer", builder, reader)
    context.name_title(reader.title)


def _part(package: Package, relations: dict[str, tuple[str, str]], kind: str) -> Element | None:
    for found, target in relations.values():
        if found == kind:
            return package.optional_xml(target)
    return None


def _margin(
    package: Package, relations: dict[str, tuple[str, str]], kind: str, builder: Builder, reader: _Reader
) -> None:
    """Headers or footers, each different text once: they often hold the document's number and version."""
    seen = set()
    for found, target in relations.values():
        tree = package.optional_xml(target) if found == kind else None
        if tree is None:
            continue
        text = " ".join(filter(None, (reader.text(p) for p in tree.iter("w:p"))))
        if text not in seen and any(c.isalpha() for c in text):
            seen.add(text)
            builder.add("paragraph", text)


class _Reader:
    def __init__(self, builder: Builder, package: Package, relations: dict[str, tuple[str, str]]) -> None:
        self._builder, self._package, self._relations = builder, package, relations
        self._styles = Styles(_part(package, relations, "styles"))
        self._numbering = Numbering(_part(package, relations, "numbering"))
        self.title = ""

    def blocks(self, parent: Element) -> None:
        """Paragraphs and tables directly in `parent`, or in what merely wraps them."""
        for element in parent:
            if element.tag == "w:p":
                self._paragraph(element)
            elif element.tag == "w:tbl":
                self._table(element)
            elif element.tag in _CONTAINERS:
                self.blocks(element)

    def note(self, element: Element) -> str:
        """Text of a footnote, endnote or comment."""
        return " ".join(filter(None, (self.text(p) for p in element.iter("w:p"))))

    def text(self, paragraph: Element) -> str:
        """Text of a paragraph without that of the text boxes in it."""
        return tidy("".join(_runs(paragraph))).strip()

    def _paragraph(self, paragraph: Element) -> None:
        text, properties = self.text(paragraph), paragraph.find("w:pPr")
        if text:
            style = self._styles.of(properties)
            number = self._numbering.label(properties, style)
            if style.level or style.title:
                self.title = self.title or (text if style.title else "")
                label = number if number and number[0].isalnum() else ""
                self._builder.add("heading", f"{label} {text}".strip(), level=style.level or 1)
            elif number is not None:
                label = f"{number} " if number and number[0].isalnum() else ""
                self._builder.add("list", label + text)
            else:
                self._builder.add(style.kind, text)
        for box in _boxes(paragraph):
            self.blocks(box)
        write_charts(self._package, self._relations, paragraph, self._builder)

    def _table(self, table: Element) -> None:
        grid = self.grid(table)
        grid.write(self._builder)

    def grid(self, table: Element) -> Grid:
        """The cells of a table. A vertical merge is told by its first cell, and repeated in those it covers."""
        grid = Grid()
        above: dict[int, str] = {}
        for row in _inside(table, "w:tr"):
            grid.start_row()
            properties = row.find("w:trPr")
            if properties is not None and properties.find("w:tblHeader") is not None:
                grid.header_rows = (grid.header_rows or 0) + 1
            column = _span(properties, "w:gridBefore", 0)
            for _blank in range(column):
                grid.cell("")
            for cell in _inside(row, "w:tc"):
                shape = cell.find("w:tcPr")
                width = _span(shape, "w:gridSpan", 1)
                merge = shape.find("w:vMerge") if shape is not None else None
                if merge is not None and merge.get("w:val") != "restart":
                    text = above.get(column, "")
                else:
                    text = self._cell_text(cell)
                above[column] = text
                grid.cell(text, columns=width)
                column += width
        return grid

    def _cell_text(self, cell: Element) -> str:
        parts = []
        for element in cell:
            if element.tag == "w:p":
                parts.append(self.text(element))
                parts.extend(self._cell_text(box) for box in _boxes(element))
            elif element.tag == "w:tbl":
                parts.extend("; ".join(filter(None, row)) for row in self.grid(element).rows())
            elif element.tag in _CONTAINERS:
                parts.append(self._cell_text(element))
        return "\n".join(filter(None, parts))


def _inside(parent: Element, tag: str) -> Iterator[Element]:
    """Children with a tag, also those that a container (a content control, a revision) wraps."""
    for element in parent:
        if element.tag == tag:
            yield element
        elif element.tag in _CONTAINERS:
            yield from _inside(element, tag)


def _span(properties: Element | None, name: str, default: int) -> int:
    element = properties.find(name) if properties is not None else None
    value = element.get("w:val", "") if element is not None else ""
    return min(int(value), 100) if value.isdigit() else default


def _runs(element: Element) -> Iterator[str]:
    for child in element:
        tag = child.tag
        if tag == "w:t" or tag == "a:t":
            yield (child.text or "").translate(_BOXES)
        elif tag in _CHARACTERS:
            yield _CHARACTERS[tag]
        elif tag in ("m:oMath", "m:oMathPara"):
            yield f" {formula(child)} "
        elif tag == "w:sym":
            code = child.get("w:char", "")
            yield chr(int(code, 16)) if code and not code.upper().startswith("F") else ""
        elif tag not in _DROPPED and tag != "w:txbxContent":
            yield from _runs(child)


def _boxes(element: Element) -> Iterator[Element]:
    """Text boxes in a paragraph, the outermost ones, not the copies for old programs."""
    for child in element:
        if child.tag == "w:txbxContent":
            yield child
        elif child.tag not in _DROPPED:
            yield from _boxes(child)
