"""DOCX: the body in order, with headings, lists, tables, text boxes, formulas, notes and comments.

A footnote or endnote follows the paragraph, list or table that refers to it, with its mark. Text that is struck out,
hidden or deleted by a tracked change is left out, inserted text is kept. Page numbers are None: a DOCX has no pages
until a program lays it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.superscripts import footnote
from metier.parsing.core.tables import Grid
from metier.parsing.office.charts import write_charts
from metier.parsing.office.docx_runs import DROPPED, RunReader, is_prompt
from metier.parsing.office.numbering import Numbering
from metier.parsing.office.package import Package, core_properties, remark
from metier.parsing.office.pictures import gather_pictures
from metier.parsing.office.styles import ParagraphStyle, Styles, is_on

_CONTAINERS = frozenset(
    ["w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:customXml", "w:smartTag", "mc:AlternateContent", "mc:Choice"]
)
_BLANK = 60  # twentieths of a point: width of a blank that sets a line in


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    main = package.main_part("word/document.xml")
    relations = package.relations(main)
    reader = _Reader(builder, package, relations, context)
    core_properties(package, context)
    body = package.xml(main).find("w:body")
    _margin(package, relations, "header", builder, reader)
    if body is not None:
        reader.blocks(body)
    reader.finish()
    comments = _part(package, relations, "comments")
    for comment in comments.iter("w:comment") if comments is not None else ():
        builder.add("paragraph", remark(reader.note(comment), comment.get("w:author", ""), comment.get("w:date", "")))
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


def _note_forms(settings: Element | None) -> dict[str, str]:
    """How notes are numbered, where the document says it."""
    found = {}
    for kind in ("footnote", "endnote"):
        properties = settings.find(f"w:{kind}Pr") if settings is not None else None
        form = properties.find("w:numFmt") if properties is not None else None
        if form is not None:
            found[kind] = form.get("w:val", "decimal")
    return found


class _Reader:
    def __init__(
        self, builder: Builder, package: Package, relations: dict[str, tuple[str, str]], context: Context
    ) -> None:
        self._builder, self._package, self._relations, self._context = builder, package, relations, context
        self._styles = Styles(_part(package, relations, "styles"))
        self._numbering = Numbering(_part(package, relations, "numbering"))
        self._runs = RunReader(self._styles, context, _note_forms(_part(package, relations, "settings")))
        self._notes = {
            (kind, note.get("w:id", "")): note
            for kind in ("footnote", "endnote")
            if (part := _part(package, relations, f"{kind}s")) is not None
            for note in part
            if note.get("w:type") not in ("separator", "continuationSeparator", "continuationNotice")
        }
        self._caption = ""  # the paragraph before, if it is the caption of what follows
        self._waiting: list[tuple[str, str, str]] = []  # notes that the paragraph, list or table before refers to
        self.title = ""

    def blocks(self, parent: Element) -> None:
        """Paragraphs and tables directly in `parent`, or in what merely wraps them."""
        for element in parent:
            if element.tag == "w:p":
                self._paragraph(element)
            elif element.tag == "w:tbl":
                self._table(element)
            elif element.tag in _CONTAINERS and not is_prompt(element):
                self.blocks(element)

    def finish(self) -> None:
        """Write what waits for the end, and notes that nothing refers to."""
        self._settle()
        for note in self._notes.values():
            self._builder.add("paragraph", self.note(note))

    def note(self, element: Element) -> str:
        """Text of a footnote, endnote or comment."""
        return " ".join(filter(None, (self.text(p) for p in element.iter("w:p"))))

    def text(self, paragraph: Element) -> str:
        """Text of a paragraph without that of the text boxes in it."""
        return self._runs.text(paragraph, self._styles.of(paragraph.find("w:pPr")).run)

    def _settle(self) -> None:
        """Write the caption that no table followed, and the notes that what stands before refers to."""
        self._builder.add("caption", self._caption)
        waiting, self._caption, self._waiting = self._waiting, "", []
        for kind, identifier, mark in waiting:
            note = self._notes.pop((kind, identifier), None)
            if note is not None and (text := self.note(note)):
                self._builder.add("paragraph", f"{footnote('', mark)} {text}")

    def _paragraph(self, paragraph: Element) -> None:
        properties = paragraph.find("w:pPr")
        style, left_out = self._styles.of(properties), sum(self._context.left_out.values())
        text = self._runs.text(paragraph, style.run)
        if text or left_out != sum(self._context.left_out.values()):  # what is struck out is numbered all the same
            notes, number = self._runs.notes(), self._numbering.label(properties, style)
            if text:
                self._write(text, style, number)
            self._waiting += notes
        for box in _boxes(paragraph):
            self.blocks(box)
        write_charts(self._package, self._relations, paragraph, self._builder)
        gather_pictures(self._package, self._relations, paragraph, self._builder, self._context)

    def _write(self, text: str, style: ParagraphStyle, number: str | None) -> None:
        label = f"{number} " if number and number[0].isalnum() else ""
        heading = style.level or style.title
        if heading or number is None:
            self._settle()
        if heading:
            self.title = self.title or (text if style.title else "")
            self._builder.add("heading", f"{label}{text}", level=style.level or 1)
        elif number is not None:
            self._builder.add("list", label + text)
        elif style.kind == "caption":
            self._caption = text
        else:
            self._builder.add(style.kind, text)

    def _table(self, table: Element) -> None:
        caption, self._caption = self._caption, ""
        self._settle()
        grid = self.grid(table)
        grid.caption = caption
        grid.write(self._builder)
        self._waiting += self._runs.notes()

    def grid(self, table: Element) -> Grid:
        """The cells of a table. A vertical merge is told by its first cell, and repeated in those it covers."""
        grid = Grid()
        above: dict[int, str] = {}
        for row in _inside(table, "w:tr"):
            properties = row.find("w:trPr")
            if self._leaves_out(properties):
                continue
            grid.start_row()
            if properties is not None and is_on(properties.find("w:tblHeader")):
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
                grid.cell(text, columns=width, indent=self._indent(cell) if not column else None)
                column += width
        return grid

    def _leaves_out(self, row: Element | None) -> bool:
        """Whether a table's row is hidden, or deleted by a tracked change."""
        if row is None or self._context.limits.hidden:
            return False
        what = "hidden row" if is_on(row.find("w:hidden")) else "deleted row" if row.find("w:del") is not None else ""
        if what:
            self._context.leave_out(what)
        return bool(what)

    def _indent(self, cell: Element) -> float:
        """How far the first text of a cell is set in, in twentieths of a point."""
        paragraph = next(_inside(cell, "w:p"), None)
        if paragraph is None:
            return 0.0
        first = next((text.text or "" for text in paragraph.iter("w:t")), "")
        run = paragraph.find("w:r")
        tabs = 12 if run is not None and run.find("w:tab") is not None else 0
        return self._styles.of(paragraph.find("w:pPr")).indent + _BLANK * (len(first) - len(first.lstrip()) + tabs)

    def _cell_text(self, cell: Element) -> str:
        parts = []
        for element in cell:
            if element.tag == "w:p":
                properties = element.find("w:pPr")
                style = self._styles.of(properties)
                if text := self._runs.text(element, style.run):
                    number = self._numbering.label(properties, style)
                    parts.append(f"{number} {text}" if number and number[0].isalnum() else text)
                parts.extend(self._cell_text(box) for box in _boxes(element))
                gather_pictures(self._package, self._relations, element, self._builder, self._context)
            elif element.tag == "w:tbl":
                parts.extend("; ".join(filter(None, row)) for row in self.grid(element).rows())
            elif element.tag in _CONTAINERS and not is_prompt(element):
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


def _boxes(element: Element) -> Iterator[Element]:
    """Text boxes in a paragraph, the outermost ones, not the copies for old programs."""
    for child in element:
        if child.tag == "w:txbxContent":
            yield child
        elif child.tag not in DROPPED and child.tag != "w:del":
            yield from _boxes(child)
