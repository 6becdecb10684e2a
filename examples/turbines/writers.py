"""One writer for each format: `write(source, file)` returns the page of each block, or None where there are no pages.

Pages are PDF pages, slides and sheets, counted from 1. Every date and identifier that a library would take from the
clock is fixed, so that the same facts give the same bytes.
"""

from __future__ import annotations

import csv
import html
import re
import sqlite3
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from markup import Block, Source

FIRM = "Skarvind Service AB"
FOOT = "Printed copies are not kept up to date. The version on the intranet is the valid one."
FIXED_TIME = (2025, 5, 12, 8, 0, 0)

Pages = list[int | None]


def write(source: Source, file: Path) -> Pages:
    file.parent.mkdir(parents=True, exist_ok=True)
    return WRITERS[file.suffix](source, file)


def _no_pages(source: Source) -> Pages:
    return [None] * len(source.blocks)


def write_markdown(source: Source, file: Path) -> Pages:
    parts, before = [], ""
    for block in source.blocks:
        joined = block.kind in ("item", "step") and block.kind == before
        parts.append(("\n" if joined else "\n\n" if parts else "") + _markdown(block, _number(source, block)))
        before = block.kind
    file.write_text("".join(parts) + "\n", "utf-8", newline="\n")
    return _no_pages(source)


def _number(source: Source, step: Block) -> int:
    """Place of a step in its run of steps, from 1."""
    index = next(i for i, block in enumerate(source.blocks) if block is step)
    first = index
    while first and source.blocks[first - 1].kind == "step":
        first -= 1
    return index - first + 1


def _markdown(block: Block, number: int) -> str:
    if block.kind == "table":
        lines = ["| " + " | ".join(row) + " |" for row in block.rows]
        return "\n".join([lines[0], "|" + "---|" * len(block.rows[0]), *lines[1:]])
    marks = {"heading": "#" * block.level + " ", "item": "- ", "step": f"{number}. "}
    return marks.get(block.kind, "") + block.text


def write_html(source: Source, file: Path) -> Pages:
    body, open_list = [], ""
    for block in source.blocks:
        wanted = {"item": "ul", "step": "ol"}.get(block.kind, "")
        if wanted != open_list:
            body += [f"</{open_list}>"] * bool(open_list) + [f"<{wanted}>"] * bool(wanted)
            open_list = wanted
        body.append(_html(block))
    body += [f"</{open_list}>"] * bool(open_list)
    language, title = source.meta.get("language", "en"), html.escape(source.title)
    file.write_text(
        f"""<!DOCTYPE html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{title}</title><link rel="stylesheet" href="/style.css"></head>
<body>
<nav><a href="/">Intranet</a> <a href="/manuals/">Manuals</a> <a href="/people/">People</a></nav>
<main>
"""
        + "\n".join(body)
        + f"\n</main>\n<footer>{FIRM}. {FOOT}</footer>\n</body>\n</html>\n",
        "utf-8",
        newline="\n",
    )
    return _no_pages(source)


def _html(block: Block) -> str:
    if block.kind == "table":
        head, *rows = [[html.escape(cell) for cell in row] for row in block.rows]
        lines = ["<table>", "<thead><tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr></thead>", "<tbody>"]
        lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
        return "\n".join([*lines, "</tbody>", "</table>"])
    tag = {"heading": f"h{block.level}", "paragraph": "p"}.get(block.kind, "li")
    return f"<{tag}>{html.escape(block.text)}</{tag}>"


def write_docx(source: Source, file: Path) -> Pages:
    import docx

    document = docx.Document()
    document.core_properties.author = FIRM
    document.core_properties.title = source.title
    document.sections[0].header.paragraphs[0].text = f"{FIRM} · {source.title}"
    document.sections[0].footer.paragraphs[0].text = FOOT
    styles = {"paragraph": "Normal", "item": "List Bullet", "step": "List Number"}
    for block in source.blocks:
        if block.kind == "table":
            table = document.add_table(0, len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif block.kind == "heading":
            document.add_heading(block.text, 0 if block.level == 1 else block.level - 1)
        else:
            document.add_paragraph(block.text, style=styles[block.kind])
    document.save(file)
    _fix_zip(file)
    return _no_pages(source)


def write_pptx(source: Source, file: Path) -> Pages:
    import pptx
    from pptx.util import Cm, Pt

    deck = pptx.Presentation()
    deck.core_properties.author = FIRM
    deck.core_properties.title = source.title
    pages: Pages = []
    for block in source.blocks:
        if block.kind == "heading":
            has_table = _next_kind(source, block) == "table"
            # layouts of the default template: 0 title, 1 title and content, 5 title only
            layout = 0 if not pages else 5 if has_table else 1
            slide = deck.slides.add_slide(deck.slide_layouts[layout])
            slide.shapes.title.text = block.text
            frame = None
        elif block.kind == "table":
            count = len(block.rows), len(block.rows[0])
            table = slide.shapes.add_table(*count, Cm(2), Cm(5), Cm(21), Cm(1.2) * count[0]).table
            for r, row in enumerate(block.rows):
                for c, text in enumerate(row):
                    table.cell(r, c).text = text
        elif block.kind == "notes":
            slide.notes_slide.notes_text_frame.text = block.text
        else:
            if frame is None:
                frame = slide.placeholders[1].text_frame
                paragraph = frame.paragraphs[0]
            else:
                paragraph = frame.add_paragraph()
            paragraph.text = block.text
            paragraph.font.size = Pt(22)
        pages.append(len(deck.slides))
    deck.save(file)
    _fix_zip(file)
    return pages


def _next_kind(source: Source, block: Block) -> str:
    index = next(i for i, other in enumerate(source.blocks) if other is block)
    return source.blocks[index + 1].kind if index + 1 < len(source.blocks) else ""


def write_xlsx(source: Source, file: Path) -> Pages:
    import openpyxl
    from openpyxl.styles import Font

    book = openpyxl.Workbook()
    book.remove(book.active)
    book.properties.creator = FIRM
    pages: Pages = []
    for block in source.blocks:
        if block.kind == "heading":
            sheet = book.create_sheet(block.text[:31])
        elif block.kind == "table":
            for row in block.rows:
                sheet.append([_number_or_text(cell) for cell in row])
            for cell in sheet[1]:
                cell.font = Font(bold=True)
            sheet.freeze_panes = "A2"
            for column, cells in zip(sheet.columns, zip(*block.rows, strict=True), strict=True):
                sheet.column_dimensions[column[0].column_letter].width = 2 + max(map(len, cells))
        pages.append(len(book.worksheets))
    book.save(file)
    _fix_zip(file)
    return pages


def _number_or_text(cell: str) -> int | float | str | None:
    if re.fullmatch(r"-?(0|[1-9]\d*)", cell):
        return int(cell)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", cell):
        return float(cell)
    return cell or None


def write_csv(source: Source, file: Path) -> Pages:
    with file.open("w", encoding="utf-8", newline="") as handle:
        for block in source.blocks:
            csv.writer(handle, lineterminator="\r\n").writerows(block.rows)
    return _no_pages(source)


def write_mail(source: Source, file: Path) -> Pages:
    message = EmailMessage()
    for key in ("from", "to", "cc", "date"):
        if key in source.meta:
            message[key.title()] = source.meta[key]
    message["Subject"] = source.title
    message["Message-ID"] = f"<{file.stem}@skarvind.example>"
    body = source.blocks[0].text
    for before, block in zip(source.blocks, source.blocks[1:], strict=False):
        # the lines of a signature stay together
        body += ("\n" if max(len(before.text), len(block.text)) < 60 else "\n\n") + block.text
    message.set_content(body + "\n", charset="utf-8", cte="base64" if not body.isascii() else "quoted-printable")
    file.write_bytes(message.as_bytes())
    return _no_pages(source)


def write_sqlite(source: Source, file: Path) -> Pages:
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file)
    for heading, table in zip(source.blocks[::2], source.blocks[1::2], strict=True):
        header, *rows = table.rows
        values = [[_number_or_text(cell) for cell in row] for row in rows]
        types = [_sql_type(column) for column in zip(*values, strict=True)]
        columns = [f"{name} {kind}" for name, kind in zip(header, types, strict=True)]
        columns[0] += " PRIMARY KEY"
        database.execute(f"CREATE TABLE {heading.text} ({', '.join(columns)})")
        marks = ", ".join("?" * len(header))
        database.executemany(f"INSERT INTO {heading.text} VALUES ({marks})", values)
    database.commit()
    database.close()
    return _no_pages(source)


def _sql_type(column: tuple[object, ...]) -> str:
    kinds = {type(value) for value in column}
    return "INTEGER" if kinds == {int} else "REAL" if kinds <= {int, float} else "TEXT"


def write_pdf(source: Source, file: Path) -> Pages:
    import pdf

    return (pdf.write_scan if source.meta.get("style") == "scan" else pdf.write_text)(source, file, FIRM, FOOT)


def _fix_zip(file: Path) -> None:
    """Write the archive again with fixed times, in the members and in the document's own properties."""
    with zipfile.ZipFile(file) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            if name == "docProps/core.xml":
                data = re.sub(rb"(W3CDTF\">)[^<]*", rb"\g<1>2025-05-12T08:00:00Z", data)
            archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), data, zipfile.ZIP_DEFLATED)


WRITERS: dict[str, Callable[[Source, Path], Pages]] = {
    ".md": write_markdown,
    ".html": write_html,
    ".docx": write_docx,
    ".pptx": write_pptx,
    ".xlsx": write_xlsx,
    ".csv": write_csv,
    ".eml": write_mail,
    ".sqlite": write_sqlite,
    ".pdf": write_pdf,
}
