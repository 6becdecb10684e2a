"""PPTX: slide by slide, titles as headings, lists, tables, charts, speaker notes. `page` is the slide's number."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from metier.parsing.decoding import tidy
from metier.parsing.formulas import formula
from metier.parsing.package import Package, core_properties
from metier.parsing.reading import Builder, Context
from metier.parsing.tables import Grid, write_rows

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    core_properties(package, context)
    slides = _slides(package)
    context.pages = len(slides)
    for number, name in enumerate(slides, start=1):
        tree = package.optional_xml(name)
        if tree is None:
            context.warn(f"slide {number} is missing from the file")
            continue
        if tree.get("show") == "0":
            context.describe(hidden_slides="yes")
        _slide(package, name, tree, builder, number)


def _slides(package: Package) -> list[str]:
    """Names of the slides in the order in which they are shown."""
    main = package.main_part("ppt/presentation.xml")
    relations = package.relations(main)
    listed = package.xml(main).find("p:sldIdLst")
    names = [relations.get(slide.get("r:id", ""), ("", ""))[1] for slide in listed if listed is not None] if listed is not None else []
    return [name for name in names if name] or package.names(r"ppt/slides/slide\d+\.xml$")


def _slide(package: Package, name: str, tree: Element, builder: Builder, number: int) -> None:
    relations = package.relations(name)
    shapes = list(_shapes(tree))
    titles = [shape for shape in shapes if _role(shape) in _TITLES]
    for shape in titles + [shape for shape in shapes if shape not in titles]:
        _shape(package, relations, shape, builder, number)
    for kind, target in relations.values():
        if kind == "notesSlide" and (notes := package.optional_xml(target)) is not None:
            for shape in _shapes(notes):
                if _role(shape) == "body":
                    builder.add("paragraph", "\n".join(text for text, _level in _paragraphs(shape)), page=number)
        elif kind == "comments" and (comments := package.optional_xml(target)) is not None:
            for text in comments.iter("p:text"):
                builder.add("paragraph", f"Comment: {text.text or ''}", page=number)
            for text in comments.iter("txBody"):
                builder.add("paragraph", "Comment: " + " ".join(t for t, _level in _paragraphs(text)), page=number)


def _shapes(tree: Element) -> Iterator[Element]:
    """Shapes, tables and charts in document order; groups are looked into, fallback copies are not."""
    for child in tree:
        if child.tag in ("p:sp", "p:graphicFrame", "p:cxnSp"):
            yield child
        elif child.tag != "mc:Fallback":
            yield from _shapes(child)


def _role(shape: Element) -> str:
    """What a placeholder is for (`title`, `body`, `sldNum`, …), "" for a shape of its own."""
    for child in shape:
        for part in child:
            if part.tag == "p:nvPr":
                place = part.find("p:ph")
                return place.get("type", "body") if place is not None else ""
    return ""


def _shape(package: Package, relations: dict, shape: Element, builder: Builder, number: int) -> None:
    role = _role(shape)
    if role in _FURNITURE:
        return
    if shape.tag == "p:graphicFrame":
        _frame(package, relations, shape, builder, number)
        return
    paragraphs = list(_paragraphs(shape))
    if role in _TITLES:
        builder.add("heading", " ".join(text for text, _level in paragraphs), page=number, level=1)
    elif role == "subTitle":
        builder.add("paragraph", "\n".join(text for text, _level in paragraphs), page=number)
    elif len(paragraphs) > 1:
        for text, _level in paragraphs:
            builder.add("list" if len(text) < 300 else "paragraph", text, page=number)
    else:
        for text, _level in paragraphs:
            builder.add("paragraph", text, page=number)


def _frame(package: Package, relations: dict, frame: Element, builder: Builder, number: int) -> None:
    for table in frame.iter("a:tbl"):
        _table(table).write(builder, page=number)
    for link in frame.iter("c:chart"):
        _kind, target = relations.get(link.get("r:id", ""), ("", ""))
        if (chart := package.optional_xml(target)) is not None:
            _chart(chart, builder, number)
    for link in frame.iter("dgm:relIds"):
        _kind, target = relations.get(link.get("r:dm", ""), ("", ""))
        if (diagram := package.optional_xml(target)) is not None:
            for point in diagram.iter("dgm:t"):
                builder.add("list", " ".join(text for text, _level in _paragraphs(point)), page=number)


def _table(table: Element) -> Grid:
    properties = table.find("a:tblPr")
    grid = Grid(header_rows=1 if properties is not None and properties.get("firstRow") in ("1", "true") else None)
    for row in table.findall("a:tr"):
        grid.start_row()
        for cell in row.findall("a:tc"):
            if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                continue
            text = " ".join(text for text, _level in _paragraphs(cell))
            grid.cell(text, columns=_number(cell.get("gridSpan")), rows=_number(cell.get("rowSpan")))
    return grid


def _chart(chart: Element, builder: Builder, number: int) -> None:
    """Title and numbers of a chart: a row for each category, a column for each series."""
    for title in chart.iter("c:title"):
        builder.add("caption", " ".join(text for text, _level in _paragraphs(title)), page=number)
    names, columns, categories = [], [], []
    for series in chart.iter("c:ser"):
        names.append(" ".join(_points(series.find("c:tx"))) or f"Series {len(names) + 1}")
        categories = categories or _points(series.find("c:cat")) or _points(series.find("c:xVal"))
        columns.append(_points(series.find("c:val")) or _points(series.find("c:yVal")))
    height = max([len(categories), *map(len, columns)], default=0)
    rows = [[column[index] if index < len(column) else "" for column in (categories, *columns)] for index in range(height)]
    if rows:
        write_rows(builder, [["", *names], *rows], header_rows=1, page=number)


def _points(parent: Element | None) -> list[str]:
    found = []
    for point in parent.iter("c:v") if parent is not None else ():
        text = point.text or ""
        try:
            found.append(f"{float(text):g}" if "." in text and len(text) > 6 else text)
        except ValueError:
            found.append(text)
    return found


def _paragraphs(parent: Element) -> Iterator[tuple[str, int]]:
    """Text and indentation of the paragraphs in a shape that are not blank."""
    for paragraph in parent.iter("a:p"):
        text = tidy("".join(_runs(paragraph))).strip()
        if text:
            properties = paragraph.find("a:pPr")
            yield text, _number(properties.get("lvl")) if properties is not None and properties.get("lvl") else 0


def _runs(element: Element) -> Iterator[str]:
    for child in element:
        if child.tag == "a:t":
            yield child.text or ""
        elif child.tag == "a:br":
            yield "\n"
        elif child.tag == "a:tab":
            yield "\t"
        elif child.tag in ("m:oMath", "m:oMathPara"):
            yield f" {formula(child)} "
        elif child.tag not in ("a:pPr", "a:rPr", "a:endParaRPr", "mc:Fallback"):
            yield from _runs(child)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 1
