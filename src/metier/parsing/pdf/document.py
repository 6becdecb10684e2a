"""PDF by pdfium: text with its places, from which rows, columns, paragraphs, headings and tables are made.

A page that has no text layer, or one that makes no sense, is rendered and read by tesseract.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from metier.core.documents import BlockKind
from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.legibility import illegible
from metier.parsing.core.pictures import FEW_LETTERS
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid
from metier.parsing.office.package import locked
from metier.parsing.pdf.annotations import Annotations, Note, take_annotations
from metier.parsing.pdf.axes import has_axis
from metier.parsing.pdf.bidi import Box, holds_rtl
from metier.parsing.pdf.drawings import drawing_boxes
from metier.parsing.pdf.drawn_lines import Segment, cut_at_lines, segments
from metier.parsing.pdf.figures import PageFigures
from metier.parsing.pdf.files import read_files
from metier.parsing.pdf.forms import with_fields
from metier.parsing.pdf.fragments import Fragment, Turn, fragments, turn_of
from metier.parsing.pdf.headings import Outline, heading_levels, is_caption
from metier.parsing.pdf.initials import with_initials
from metier.parsing.pdf.layout import Paragraph, TextLine, paragraphs, zones
from metier.parsing.pdf.notes import letters, with_notes
from metier.parsing.pdf.pictures import picture_boxes, with_pictures
from metier.parsing.pdf.regions import Region, convert_guessed, garbled, outside, widened
from metier.parsing.pdf.running import without_running
from metier.parsing.pdf.scans import Scanner, looks_scanned
from metier.parsing.pdf.struck import without_struck
from metier.parsing.pdf.tables import RuledTable, ruled
from metier.parsing.pdf.title import find_title
from metier.parsing.pdf.unruled import find_tables
from metier.parsing.pdf.xfa import read_xfa

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_LEGIBLE = 20  # letters of a page that make sense, for the rest of it to be read by its places
_DAMAGED = "Open it in a PDF viewer and print it to a new PDF."


@dataclass(slots=True)
class Page:
    """What stands on a page: `parts` and `lines` as they are placed, and the `items` made of them, in reading order.
    `figures`: where pictures stand that are to be described; `is_page`: it is one, the whole page."""

    number: int
    turn: Turn
    parts: list[Fragment] = field(default_factory=list)
    lines: list[Segment] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    pictures: list[tuple[Box, list[Fragment]]] = field(default_factory=list)
    figures: list[Box] = field(default_factory=list)
    is_page: bool = False
    items: list[Paragraph | Grid] = field(default_factory=list)


def read(content: bytes, builder: Builder, context: Context) -> None:
    import pypdfium2

    document = opened(content)
    context.pages = len(document)
    _facts(document, context)
    scanner = Scanner(context)
    pages = []
    for number in range(1, len(document) + 1):
        try:
            pages.append(_page(document, number, scanner, context))
        except pypdfium2.PdfiumError as error:
            context.warn(f"page {number} is damaged and was left out ({error})")
    if not pages:
        raise ParseError("is damaged: none of its pages can be read", hint=_DAMAGED)
    scanner.read_pictures()
    scanner.report(read_something=any(page.items or page.parts or page.figures for page in pages))
    kept, head = without_running([page.parts for page in pages], [page.turn.page_height for page in pages])
    for page, parts in zip(pages, kept, strict=True):
        page.items = page.items or _layout(parts, page.lines, partial(_charts, document, page))
    _name_columns_again(pages)
    for page in pages:
        page.items = with_pictures(page.items, page.pictures)
        page.items = with_notes(page.items, page.notes, page.parts, page.turn)
    _write(document, pages, head, builder, context)
    read_xfa(document, builder, context)
    read_files(document, [file for page in pages for file in page.files], builder, context)


def opened(content: bytes) -> PdfDocument:
    """Raises `ParseError`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        len(document)
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise locked() from None
        raise ParseError(f"is damaged ({error})", hint=_DAMAGED) from None
    return document


def flattened(document: PdfDocument, number: int) -> PdfPage:
    """A page by its number, what is filled into forms made text of it. Raises `PdfiumError`."""
    import pypdfium2.raw as raw

    page = document[number - 1]
    if raw.FPDFPage_GetAnnotCount(page) > 0:
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
        page = document[number - 1]
    return page


def placed(document: PdfDocument, number: int, context: Context | None = None) -> tuple[PdfPage, Page]:
    """A page by its number with its text, fields and notes, each at its place. Raises `PdfiumError`."""
    import pypdfium2.raw as raw

    page = document[number - 1]
    found = Annotations()
    if raw.FPDFPage_GetAnnotCount(page) > 0:
        found = take_annotations(document, page, context)
        page = flattened(document, number)
    textpage = page.get_textpage()
    turn = turn_of(page, textpage)
    boxes = [turn.upright(box) for box in found.struck]
    shown = context is not None and context.limits.hidden
    parts, gone = without_struck(fragments(textpage, turn), boxes, shown=shown)
    if gone and context is not None and not shown:
        context.leave_out("struck-out text", len(gone))
    struck = letters("".join(gone))  # a note may repeat what it strikes
    notes = [note for note in found.notes if letters(note.text) not in struck]
    parts = with_fields(with_initials(parts), found.fields, turn)
    return page, Page(number, turn, parts, notes=notes, files=found.files)


def _facts(document: PdfDocument, context: Context) -> None:
    facts = {name: tidy(value) for name, value in document.get_metadata_dict().items() if value}
    title = facts.get("Title", "")
    context.name_title(None if illegible(title) else title)
    context.describe(
        author=facts.get("Author"),
        date=_date(facts.get("ModDate", "")) or _date(facts.get("CreationDate", "")),
        created=_date(facts.get("CreationDate", "")),
        subject=facts.get("Subject"),
        keywords=facts.get("Keywords"),
    )


def _date(value: str) -> str:
    """`D:20240131093000+01'00'` -> `2024-01-31T09:30:00`."""
    match = re.match(r"D:(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?", value)
    if match is None:
        return ""
    day = f"{match[1]}-{match[2]}-{match[3]}"
    return f"{day}T{match[4]}:{match[5]}:{match[6] or '00'}" if match[4] else day


def _page(document: PdfDocument, number: int, scanner: Scanner, context: Context) -> Page:
    page, found = placed(document, number, context)
    convert_guessed(found.parts, context.limits.language)
    whole = _read_garbled(page, found, scanner)
    text = "\n".join(part.text for part in found.parts)
    reason = illegible(text) or (whole.reason if whole else None)
    if reason or looks_scanned(page, found.parts):
        read = scanner.read(page, number, whole.language if whole else "")
        if read is not None and (reason or _letters("".join(read)) > _letters(text)):
            found.items = [Paragraph(paragraph, 0.0, False, 1, 0.0, 0.0) for paragraph in read]
            found.parts = []
            _show_whole(found, context, _letters("".join(read)))
            return found
        _show_whole(found, context, _letters(text) if reason is None else 0)
    if reason:
        scanner.unreadable.append((number, reason))
        found.parts = []
        return found
    found.lines = segments(page, found.turn)
    found.parts = cut_at_lines(found.parts, found.lines)
    if not holds_rtl(text):
        for part in found.parts:
            part.glyphs = []  # they tell where text stands, and the order of lines from the right; a book has many
    boxes = picture_boxes(page, found.turn, found.parts)
    if context.pictures and not found.is_page:
        found.figures = [*boxes, *drawing_boxes(page, found.turn, found.parts, found.lines)]
    for box in boxes:
        found.pictures.append((box, scanner.take_picture(page, found.turn, box)))
    return found


def _show_whole(page: Page, context: Context, letters: int) -> None:
    """Have a page described that is a picture with no more than some letters in it, such as a drawing."""
    if context.pictures and letters < FEW_LETTERS:
        page.is_page, page.figures = True, [(0.0, 0.0, page.turn.page_width, page.turn.page_height)]


def _read_garbled(page: PdfPage, found: Page, scanner: Scanner) -> Region | None:
    """Put what their picture says in place of parts of a page whose text makes no sense, while the rest of it does. Of
    a page of which nearly all is in a font whose letters are not known, the region that stands for it."""
    regions = garbled(found.parts)
    rest = outside(found.parts, regions)
    if regions and _letters("".join(part.text for part in rest)) < _LEGIBLE:
        return next((region for region in regions if region.language), None)
    found.parts = rest
    for region in regions:
        box = widened(region.box, rest)
        read = scanner.read_box(page, found.number, found.turn, box, region.language)
        if read is None:
            scanner.unreadable_parts.append((found.number, region.reason))
        found.parts += read or []
    return None


def _letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


def _charts(document: PdfDocument, page: Page) -> list[Box]:
    boxes = drawing_boxes(document[page.number - 1], page.turn, page.parts, page.lines)
    return [box for box in boxes if has_axis(box, page.parts)]


def _layout(
    parts: list[Fragment], lines: list[Segment], find_charts: Callable[[], list[Box]]
) -> list[Paragraph | Grid]:
    """`find_charts`: where they stand, asked for once something looks like a table, since it takes longest of all."""
    charts: list[Box] | None = None
    upright, slanted = [p for p in parts if not p.slant], [p for p in parts if p.slant]
    tables = ruled(upright, lines)
    level = [line for line in lines if line.across]
    used = {id(part) for table in tables for part in table.used}
    items: list[tuple[float, Paragraph | Grid]] = []
    result: list[Paragraph | Grid] = []
    for rows in zones([part for part in upright if id(part) not in used]):
        items = []
        start = 0
        for found in find_tables(rows, level):
            charts = find_charts() if charts is None else charts
            if _is_over(rows[found.first : found.last], charts):
                continue  # the labels of axes and bars
            items.extend((p.top, p) for p in paragraphs(rows[start : found.first]))
            items.append((rows[found.first].top, found.grid))
            start = found.last
        items.extend((p.top, p) for p in paragraphs(rows[start:]))
        result.extend(_placed(items, tables, rows))
    for table in sorted(tables, key=lambda table: -table.top):  # those that belong to no column
        result.append(table.grid)
    result.extend(Paragraph(part.text, 0.0, False, 1, 0.0, 0.0) for part in slanted)
    return result


def _is_over(rows: Sequence[TextLine], boxes: Sequence[Box]) -> bool:
    """Whether the middle of lines of text stands in one of some boxes."""
    across = (min(row.left for row in rows) + max(row.right for row in rows)) / 2
    up = (rows[0].top + rows[-1].bottom) / 2
    return any(box[0] < across < box[2] and box[1] < up < box[3] for box in boxes)


def _placed(
    items: list[tuple[float, Paragraph | Grid]], tables: list[RuledTable], rows: list[TextLine]
) -> list[Paragraph | Grid]:
    """Paragraphs of one zone with the ruled tables beside or between them at their height."""
    left, right = min(row.left for row in rows), max(row.right for row in rows)
    result: list[Paragraph | Grid] = []
    for top, item in items:
        for table in sorted(tables, key=lambda table: -table.top):
            if table.top > top and table.left < right and table.right > left:
                result.append(table.grid)
                tables.remove(table)
        result.append(item)
    return result


def _name_columns_again(pages: list[Page]) -> None:
    """A table at the top of a page goes on with the one at the end of the page before, and with its names."""
    for before, page in pairwise(pages):
        last, first = before.items[-1:], page.items[:1]
        if last and first and isinstance(last[0], Grid) and isinstance(first[0], Grid):
            first[0].go_on_with(last[0])


def _write(document: PdfDocument, pages: list[Page], head: str, builder: Builder, context: Context) -> None:
    """`head`: the running title."""
    texts = [(page.number, item) for page in pages for item in page.items if isinstance(item, Paragraph)]
    levels = heading_levels(texts, Outline(document))
    find_title(texts, levels, head, context)
    if head and context.title == head:
        builder.add("heading", head, page=1, level=1)
    for page in pages:
        figures = PageFigures(document, page.number, page.turn, page.figures, page.items, is_page=page.is_page)
        figures.gather(None, builder, context)
        for item in page.items:
            if isinstance(item, Grid):
                item.write(builder, page=page.number)
            else:
                level = levels.get(id(item), 0)
                builder.add(_kind(item, level), tidy(item.text), page=page.number, level=level)
            figures.gather(item, builder, context)


def _kind(item: Paragraph, level: int) -> BlockKind:
    if level:
        return "heading"
    if item.bullet:
        return "list"
    return "caption" if item.is_caption or is_caption(item.text) else "paragraph"
