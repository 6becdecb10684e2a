"""PPTX: slide by slide, titles as headings, lists, tables, charts, speaker notes. `page` is the slide's number.

Hidden slides and shapes and text that is struck out are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from metier.core.documents import BlockKind
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.strokes import merged, struck
from metier.parsing.core.superscripts import Piece, Position, joined
from metier.parsing.core.tables import Grid
from metier.parsing.office.charts import write_charts
from metier.parsing.office.formulas import formula
from metier.parsing.office.numbering import written
from metier.parsing.office.package import Package, core_properties, remark
from metier.parsing.office.pictures import gather_pictures

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")
_EMU_OF_LEVEL = 457_200  # half an inch


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
        if tree.get("show") in ("0", "false") and not context.limits.hidden:
            context.leave_out("hidden slide")
            continue
        _Slide(package, name, builder, context, number).write(tree, authors)


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


class _Slide:
    def __init__(self, package: Package, name: str, builder: Builder, context: Context, number: int) -> None:
        self._package, self._relations = package, package.relations(name)
        self._builder, self._context, self._number = builder, context, number

    def write(self, tree: Element, authors: dict[str, str]) -> None:
        """Titles first, then all shapes, then the speaker's notes and what reviewers say."""
        shapes = [shape for shape in _shapes(tree) if not self._leaves_out(shape)]
        titles = [shape for shape in shapes if _role(shape) in _TITLES]
        for shape in titles + [shape for shape in shapes if shape not in titles]:
            self._shape(shape)
        for kind, target in self._relations.values():
            if kind == "notesSlide" and (notes := self._package.optional_xml(target)) is not None:
                for shape in _shapes(notes):
                    if _role(shape) == "body" and (said := "\n".join(self._paragraphs(shape)).strip()):
                        self._add("paragraph", f"Speaker notes: {said}")
            elif kind == "comments" and (comments := self._package.optional_xml(target)) is not None:
                self._comments(comments, authors)

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        self._builder.add(kind, text, page=self._number, level=level)

    def _leaves_out(self, shape: Element) -> bool:
        """Whether a shape is hidden; told where it holds text."""
        if self._context.limits.hidden or not any(part.get("hidden") in ("1", "true") for part in _properties(shape)):
            return False
        if any((text.text or "").strip() for text in shape.iter("a:t")):
            self._context.leave_out("hidden shape")
        return True

    def _comments(self, tree: Element, authors: dict[str, str]) -> None:
        for element in tree.iter():
            if element.tag.rpartition(":")[2] not in ("cm", "reply"):
                continue
            texts = [part.text or "" for part in element.findall("p:text")]
            for child in element:
                if child.tag.endswith("txBody"):
                    texts.extend(self._paragraphs(child))
            who = authors.get(element.get("authorId", ""), "")
            when = element.get("dt") or element.get("created") or ""
            self._add("paragraph", remark(" ".join(texts), who, when))

    def _shape(self, shape: Element) -> None:
        role = _role(shape)
        if role in _FURNITURE:
            return
        if shape.tag == "p:graphicFrame":
            self._frame(shape)
            return
        paragraphs = list(self._paragraphs(shape))
        if role in _TITLES:
            self._add("heading", " ".join(paragraphs), level=1)
        elif role == "subTitle":
            self._add("paragraph", "\n".join(paragraphs))
        else:
            for text in paragraphs:
                self._add("list" if len(paragraphs) > 1 and len(text) < 300 else "paragraph", text)
        gather_pictures(self._package, self._relations, shape, self._builder, self._context, page=self._number)

    def _frame(self, frame: Element) -> None:
        for table in frame.iter("a:tbl"):
            self._table(table).write(self._builder, page=self._number)
        write_charts(self._package, self._relations, frame, self._builder, page=self._number)
        for link in frame.iter("dgm:relIds"):
            _kind, target = self._relations.get(link.get("r:dm", ""), ("", ""))
            if (diagram := self._package.optional_xml(target)) is not None:
                for point in diagram.iter("dgm:t"):
                    self._add("list", " ".join(self._paragraphs(point)))

    def _table(self, table: Element) -> Grid:
        properties = table.find("a:tblPr")
        grid = Grid(header_rows=1 if properties is not None and properties.get("firstRow") in ("1", "true") else None)
        for row in table.findall("a:tr"):
            grid.start_row()
            for cell in row.findall("a:tc"):
                if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                    continue
                across, down = _number(cell.get("gridSpan")), _number(cell.get("rowSpan"))
                grid.cell(" ".join(self._paragraphs(cell)), columns=across, rows=down, indent=_indent(cell))
        return grid

    def _paragraphs(self, parent: Element) -> Iterator[str]:
        """Text of the paragraphs in a shape that are not blank, with the numbers of numbered lists."""
        counts: dict[int, int] = {}
        for paragraph in parent.iter("a:p"):
            text = merged(tidy(joined(self._pieces(paragraph)))).strip()
            if not text:
                continue
            properties = paragraph.find("a:pPr")
            level = _level(properties)
            for deeper in [other for other in counts if other > level]:
                del counts[deeper]
            numbered = properties.find("a:buAutoNum") if properties is not None else None
            if numbered is None:
                counts.pop(level, None)
                yield text
                continue
            counts[level] = counts.get(level, _number(numbered.get("startAt")) - 1) + 1
            yield f"{_numeral(counts[level], numbered.get('type', ''))} {text}"

    def _pieces(self, element: Element, look: Element | None = None) -> Iterator[Piece]:
        """What a paragraph says. `look`: properties of the run that is read."""
        left_out = False
        for child in element:
            if child.tag == "a:t":
                yield child.text or "", _position(look)
            elif child.tag in ("a:br", "a:tab"):
                yield "\n" if child.tag == "a:br" else "\t", ""
            elif child.tag in ("m:oMath", "m:oMathPara"):
                yield f" {formula(child)} ", ""
            elif child.tag in ("a:r", "a:fld") and _is_struck(properties := child.find("a:rPr")):
                if self._context.limits.hidden:
                    yield from ((struck(text), place) for text, place in self._pieces(child, properties))
                elif not left_out:
                    self._context.leave_out("struck-out text")
                left_out = True
            elif child.tag not in ("a:pPr", "a:rPr", "a:endParaRPr", "mc:Fallback"):
                left_out = False
                yield from self._pieces(child, child.find("a:rPr") if child.tag in ("a:r", "a:fld") else look)


def _authors(package: Package) -> dict[str, str]:
    """Ids of those who commented -> their names."""
    found = {}
    for part in ("ppt/commentAuthors.xml", "ppt/authors.xml"):
        tree = package.optional_xml(part)
        for author in tree if tree is not None else ():
            found[author.get("id", "")] = author.get("name", "")
    return found


def _shapes(tree: Element) -> Iterator[Element]:
    """Shapes, pictures, tables and charts in document order; groups are looked into, fallback copies are not."""
    for child in tree:
        if child.tag in ("p:sp", "p:pic", "p:graphicFrame", "p:cxnSp"):
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


def _properties(shape: Element) -> Iterator[Element]:
    """What a shape is called and whether it is shown."""
    return (part for child in shape for part in child if part.tag == "p:cNvPr")


def _position(look: Element | None) -> Position:
    """Whether a run stands raised or lowered."""
    shift = look.get("baseline", "0").rstrip("%") if look is not None else "0"
    return "" if shift in ("0", "") else "lowered" if shift.startswith("-") else "raised"


def _is_struck(look: Element | None) -> bool:
    return look is not None and look.get("strike", "noStrike") != "noStrike"


def _level(properties: Element | None) -> int:
    level = properties.get("lvl", "0") if properties is not None else "0"
    return int(level) if level.isdecimal() else 0


def _indent(cell: Element) -> float:
    """How far the first text of a cell is set in, in levels of lists."""
    paragraph = next(cell.iter("a:p"), None)
    if paragraph is None:
        return 0.0
    properties, text = paragraph.find("a:pPr"), next((part.text or "" for part in paragraph.iter("a:t")), "")
    margin = properties.get("marL", "0") if properties is not None else "0"
    width = int(margin) / _EMU_OF_LEVEL if margin.isdecimal() else 0.0
    return _level(properties) + width + 0.1 * (len(text) - len(text.lstrip()))


def _numeral(number: int, form: str) -> str:
    """`arabicPeriod` -> `3.`, `alphaLcParenR` -> `c)`."""
    shape = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman"}
    stem = next((name for name in shape if form.startswith(name)), "")
    return written(number, shape.get(stem, "decimal")) + (")" if "Paren" in form else ".")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 1
