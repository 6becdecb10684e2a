"""PPTX: slide by slide, titles as headings, lists, tables, charts, speaker notes. `page` is the slide's number."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid
from metier.parsing.office.charts import write_charts
from metier.parsing.office.formulas import formula
from metier.parsing.office.numbering import written
from metier.parsing.office.package import Package, core_properties, remark

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    core_properties(package, context)
    slides = _slides(package)
    context.pages = len(slides)
    authors = _authors(package)
    for number, name in enumerate(slides, start=1):
        tree = package.optional_xml(name)
        if tree is None:
            context.warn(f"slide {number} is missing from the file")
            continue
        if tree.get("show") == "0":
            context.describe(hidden_slides="yes")
        _slide(package, name, tree, authors, builder, number)


def _slides(package: Package) -> list[str]:
    """Names of the slides in the order in which they are shown."""
    main = package.main_part("ppt/presentation.xml")
    relations = package.relations(main)
    listed = package.xml(main).find("p:sldIdLst")
    names = (
        [relations.get(slide.get("r:id", ""), ("", ""))[1] for slide in listed if listed is not None]
        if listed is not None
        else []
    )
    return [name for name in names if name] or package.names(r"ppt/slides/slide\d+\.xml$")


def _slide(package: Package, name: str, tree: Element, authors: dict[str, str], builder: Builder, number: int) -> None:
    relations = package.relations(name)
    shapes = list(_shapes(tree))
    titles = [shape for shape in shapes if _role(shape) in _TITLES]
    for shape in titles + [shape for shape in shapes if shape not in titles]:
        _shape(package, relations, shape, builder, number)
    for kind, target in relations.values():
        if kind == "notesSlide" and (notes := package.optional_xml(target)) is not None:
            for shape in _shapes(notes):
                if _role(shape) == "body":
                    builder.add("paragraph", "\n".join(_paragraphs(shape)), page=number)
        elif kind == "comments" and (comments := package.optional_xml(target)) is not None:
            _comments(comments, authors, builder, number)


def _authors(package: Package) -> dict[str, str]:
    """Ids of those who commented -> their names."""
    found = {}
    for part in ("ppt/commentAuthors.xml", "ppt/authors.xml"):
        tree = package.optional_xml(part)
        for author in tree if tree is not None else ():
            found[author.get("id", "")] = author.get("name", "")
    return found


def _comments(tree: Element, authors: dict[str, str], builder: Builder, number: int) -> None:
    for element in tree.iter():
        if element.tag.rpartition(":")[2] not in ("cm", "reply"):
            continue
        texts = [part.text or "" for part in element.findall("p:text")]
        for child in element:
            if child.tag.endswith("txBody"):
                texts.extend(_paragraphs(child))
        who = authors.get(element.get("authorId", ""), "")
        when = element.get("dt") or element.get("created") or ""
        builder.add("paragraph", remark(" ".join(texts), who, when), page=number)


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


def _shape(
    package: Package, relations: dict[str, tuple[str, str]], shape: Element, builder: Builder, number: int
) -> None:
    role = _role(shape)
    if role in _FURNITURE:
        return
    if shape.tag == "p:graphicFrame":
        _frame(package, relations, shape, builder, number)
        return
    paragraphs = list(_paragraphs(shape))
    if role in _TITLES:
        builder.add("heading", " ".join(paragraphs), page=number, level=1)
    elif role == "subTitle":
        builder.add("paragraph", "\n".join(paragraphs), page=number)
    elif len(paragraphs) > 1:
        for text in paragraphs:
            builder.add("list" if len(text) < 300 else "paragraph", text, page=number)
    else:
        for text in paragraphs:
            builder.add("paragraph", text, page=number)


def _frame(
    package: Package, relations: dict[str, tuple[str, str]], frame: Element, builder: Builder, number: int
) -> None:
    for table in frame.iter("a:tbl"):
        _table(table).write(builder, page=number)
    write_charts(package, relations, frame, builder, page=number)
    for link in frame.iter("dgm:relIds"):
        _kind, target = relations.get(link.get("r:dm", ""), ("", ""))
        if (diagram := package.optional_xml(target)) is not None:
            for point in diagram.iter("dgm:t"):
                builder.add("list", " ".join(_paragraphs(point)), page=number)


def _table(table: Element) -> Grid:
    properties = table.find("a:tblPr")
    grid = Grid(header_rows=1 if properties is not None and properties.get("firstRow") in ("1", "true") else None)
    for row in table.findall("a:tr"):
        grid.start_row()
        for cell in row.findall("a:tc"):
            if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                continue
            text = " ".join(_paragraphs(cell))
            grid.cell(text, columns=_number(cell.get("gridSpan")), rows=_number(cell.get("rowSpan")))
    return grid


def _paragraphs(parent: Element) -> Iterator[str]:
    """Text of the paragraphs in a shape that are not blank, with the numbers of numbered lists."""
    counts: dict[int, int] = {}
    for paragraph in parent.iter("a:p"):
        text = tidy("".join(_runs(paragraph))).strip()
        if not text:
            continue
        properties = paragraph.find("a:pPr")
        level = (
            int(properties.get("lvl", "0")) if properties is not None and properties.get("lvl", "0").isdigit() else 0
        )
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        numbered = properties.find("a:buAutoNum") if properties is not None else None
        if numbered is None:
            counts.pop(level, None)
            yield text
            continue
        counts[level] = counts.get(level, _number(numbered.get("startAt")) - 1) + 1
        yield f"{_numeral(counts[level], numbered.get('type', ''))} {text}"


def _numeral(number: int, form: str) -> str:
    """`arabicPeriod` -> `3.`, `alphaLcParenR` -> `c)`."""
    shape = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman"}
    stem = next((name for name in shape if form.startswith(name)), "")
    return written(number, shape.get(stem, "decimal")) + (")" if "Paren" in form else ".")


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
