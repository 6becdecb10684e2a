"""PDF by pdfium: text with its places, from which rows, columns, paragraphs, headings and tables are made.

A page that has no text layer, or one that makes no sense, is rendered and read by tesseract.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from metier.core.documents import BlockKind
from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.legibility import illegible
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid
from metier.parsing.office.package import locked
from metier.parsing.pdf.fragments import Fragment, fragments, turn_of
from metier.parsing.pdf.headings import Outline, heading_levels, is_caption
from metier.parsing.pdf.layout import Paragraph, TextLine, paragraphs, zones
from metier.parsing.pdf.scans import Scanner, looks_scanned
from metier.parsing.pdf.tables import RuledTable, Segment, ruled, segments
from metier.parsing.pdf.unruled import HorizontalRule, find_tables

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_DAMAGED = "Open it in a PDF viewer and print it to a new PDF."


@dataclass(slots=True)
class Page:
    """What stands on a page, in reading order."""

    number: int
    height: float = 0.0
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
            pages.append(_page(flattened(document, number), number, scanner, context))
        except pypdfium2.PdfiumError as error:
            context.warn(f"page {number} is damaged and was left out ({error})")
    if not pages:
        raise ParseError("is damaged: none of its pages can be read", hint=_DAMAGED)
    scanner.report(read_something=any(page.items for page in pages))
    _drop_running_titles(pages)
    _name_columns_again(pages)
    _write(pages, Outline(document), builder, context)


def opened(content: bytes) -> PdfDocument:
    """Raises `ParseError`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        len(document)
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


def _page(page: PdfPage, number: int, scanner: Scanner, context: Context) -> Page:
    textpage = page.get_textpage()
    turn = turn_of(page, textpage)
    found = Page(number, turn.page_height)
    parts = fragments(textpage, turn)
    text = "\n".join(part.text for part in parts)
    reason = illegible(text)
    if reason or looks_scanned(page, parts):
        read = scanner.read(page, number)
        if read is not None and (reason or _letters("".join(read)) > _letters(text)):
            found.items = [Paragraph(paragraph, 0.0, False, 1, 0.0, 0.0) for paragraph in read]
            return found
    if reason:
        scanner.unreadable.append((number, reason))
        return found
    found.items = _layout(parts, segments(page, turn))
    return found


def _letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


def _layout(parts: list[Fragment], lines: list[Segment]) -> list[Paragraph | Grid]:
    upright, slanted = [p for p in parts if not p.slant], [p for p in parts if p.slant]
    tables = ruled(upright, lines)
    rules = [HorizontalRule(line.at, line.start, line.end) for line in lines if line.across]
    used = {id(part) for table in tables for part in table.used}
    items: list[tuple[float, Paragraph | Grid]] = []
    result: list[Paragraph | Grid] = []
    for rows in zones([part for part in upright if id(part) not in used]):
        items = []
        start = 0
        for found in find_tables(rows, rules):
            items.extend((p.top, p) for p in paragraphs(rows[start : found.first]))
            items.append((rows[found.first].top, found.grid))
            start = found.last
        items.extend((p.top, p) for p in paragraphs(rows[start:]))
        result.extend(_placed(items, tables, rows))
    for table in sorted(tables, key=lambda table: -table.top):  # those that belong to no column
        result.append(table.grid)
    result.extend(Paragraph(part.text, 0.0, False, 1, 0.0, 0.0) for part in slanted)
    return result


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


def _drop_running_titles(pages: list[Page]) -> None:
    """Leave out what stands at the top or bottom of page after page, but for the first time."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_pattern(item.text) for item in _margin(page)})
    least = max(3, len(pages) // 3)
    repeated = {pattern for pattern, count in counts.items() if count >= least}
    seen: set[str] = set()
    for page in pages:
        gone = []
        for item in _margin(page):
            pattern = _pattern(item.text)
            if pattern in repeated and pattern in seen:
                gone.append(item)
            seen.add(pattern)
        page.items = [item for item in page.items if not any(item is other for other in gone)]


def _name_columns_again(pages: list[Page]) -> None:
    """A table at the top of a page goes on with the one at the end of the page before, and with its names."""
    for before, page in pairwise(pages):
        last, first = before.items[-1:], page.items[:1]
        if last and first and isinstance(last[0], Grid) and isinstance(first[0], Grid):
            first[0].go_on_with(last[0])


def _margin(page: Page) -> list[Paragraph]:
    """Short paragraphs in the upper and lower eighth of a page."""
    lines = [item for item in page.items if isinstance(item, Paragraph) and item.size and item.rows <= 2]
    return [i for i in lines if (i.bottom > 0.88 * page.height or i.top < 0.12 * page.height) and len(i.text) < 200]


def _pattern(text: str) -> str:
    """A running title without its page number."""
    return re.sub(r"\d+", "0", " ".join(text.split()).lower())


def _write(pages: list[Page], outline: Outline, builder: Builder, context: Context) -> None:
    levels = heading_levels(
        [(page.number, item) for page in pages for item in page.items if isinstance(item, Paragraph)], outline
    )
    for page in pages:
        for item in page.items:
            if isinstance(item, Grid):
                item.write(builder, page=page.number)
                continue
            level = levels.get(id(item), 0)
            kind: BlockKind = (
                "heading"
                if level
                else "list"
                if item.bullet
                else "caption"
                if is_caption(item.text)
                else "paragraph"
            )
            builder.add(kind, tidy(item.text), page=page.number, level=level)
