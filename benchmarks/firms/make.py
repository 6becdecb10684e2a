"""Write the documents of small invented firms, each of another trade, and their questions.

    python benchmarks/firms/make.py FOLDER      # FOLDER/<firm>/docs and FOLDER/<firm>/questions.jsonl

`content/price-list.xlsx.md` becomes `docs/price-list.xlsx`, and so for .docx, .pdf and .pptx; every other file is
copied as it is. The same content gives the same bytes. Needs python-docx, python-pptx, openpyxl and reportlab.

The Markdown of `content/` is a small part of it: headings, paragraphs, lists, steps, tables, **bold** in Word, and
`[page]` for a new page of a PDF. A heading of the first rank begins a sheet of a workbook, or a slide.
"""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
FIXED_TIME = (2026, 3, 2, 8, 0, 0)


@dataclass(frozen=True, slots=True)
class Block:
    """`kind`: heading, paragraph, item, step, table or page. `level`: of a heading, from 1. `rows`: of a table."""

    kind: str
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def main(out: Path) -> int:
    for firm in sorted(path.parent for path in HERE.glob("*/firm.toml")):
        documents = make(firm.name, out)
        print(f"{firm.name}: {len(documents)} documents")
    return 0


def make(firm: str, out: Path) -> list[Path]:
    """Write one firm into `out`/`firm`. Returns its documents."""
    content, docs = HERE / firm / "content", out / firm / "docs"
    if docs.is_dir():
        shutil.rmtree(docs)
    made = []
    for source in sorted(path for path in content.rglob("*") if path.is_file()):
        target = docs / source.relative_to(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        write = WRITERS.get(Path(source.stem).suffix) if source.suffix == ".md" else None
        if write is None:
            shutil.copyfile(source, target)
        else:
            target = target.with_suffix("")
            write(list(read(source.read_text("utf-8"))), target)
        made.append(target)
    shutil.copyfile(HERE / firm / "questions.jsonl", out / firm / "questions.jsonl")
    return made


def read(text: str) -> Iterator[Block]:
    """The blocks of a source, in their order."""
    for part in re.split(r"\n\s*\n", text.strip()):
        for kind, lines in groupby(part.splitlines(), key=_kind):
            yield from _blocks(kind, list(lines))


def _kind(line: str) -> str:
    marks = {"heading": r"#+ ", "table": r"\|", "item": r"[-*] ", "step": r"\d+\. ", "page": r"\[page\]$"}
    return next((kind for kind, mark in marks.items() if re.match(mark, line)), "paragraph")


def _blocks(kind: str, lines: list[str]) -> Iterator[Block]:
    if kind == "heading":
        for line in lines:
            marks, text = line.split(" ", 1)
            yield Block(kind, text.strip(), len(marks))
    elif kind == "table":
        rows = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines]
        yield Block(kind, rows=tuple(row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)))
    elif kind in ("item", "step"):
        for line in lines:
            yield Block(kind, line.split(" ", 1)[1].strip())
    elif kind == "page":
        yield Block(kind)
    else:
        yield Block(kind, " ".join(lines))


def _plain(text: str) -> str:
    return text.replace("**", "")


def write_docx(blocks: list[Block], file: Path) -> None:
    import docx

    document = docx.Document()
    document.core_properties.title = _plain(blocks[0].text)
    styles = {"paragraph": "Normal", "item": "List Bullet", "step": "List Number"}
    for block in blocks:
        if block.kind == "table":
            table = document.add_table(0, len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    _bold_runs(cell.paragraphs[0], text)
        elif block.kind == "heading":
            document.add_heading(block.text, block.level - 1)
        else:
            _bold_runs(document.add_paragraph(style=styles[block.kind]), block.text)
    document.save(file)
    _fix_zip(file)


def _bold_runs(paragraph: object, text: str) -> None:
    for index, run in enumerate(text.split("**")):
        if run:
            paragraph.add_run(run).bold = True if index % 2 else None


def write_xlsx(blocks: list[Block], file: Path) -> None:
    import openpyxl
    from openpyxl.styles import Font

    book = openpyxl.Workbook()
    book.remove(book.active)
    for block in blocks:
        if block.kind == "heading":
            sheet = book.create_sheet(block.text[:31])
        elif block.kind == "table":
            for number, row in enumerate(block.rows):
                sheet.append([_cell(text) for text in row])
                for cell, text in zip(sheet[sheet.max_row], row, strict=True):
                    cell.number_format = _number_format(text)
                    cell.font = Font(bold=number == 0)
            for column, cells in enumerate(zip(*block.rows, strict=True), start=1):
                sheet.column_dimensions[openpyxl.utils.get_column_letter(column)].width = 2 + max(map(len, cells))
        else:
            sheet.append([_plain(block.text)])
            sheet.append([])
    book.save(file)
    _fix_zip(file)


def _cell(text: str) -> int | float | str | None:
    if re.fullmatch(r"-?(0|[1-9]\d{0,2}(,\d{3})+|[1-9]\d*)", text):
        return int(text.replace(",", ""))
    return float(text) if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", text) else text or None


def _number_format(text: str) -> str:
    if not isinstance(_cell(text), int | float):
        return "General"
    return ("#,##0" if "," in text else "0") + ("." + "0" * len(text.split(".")[1]) if "." in text else "")


def write_pptx(blocks: list[Block], file: Path) -> None:
    import pptx
    from pptx.util import Cm

    deck = pptx.Presentation()
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if block.kind == "heading":
            # layouts of the default template: 0 title, 1 title and content, 5 title only
            table_follows = after is not None and after.kind == "table"
            layout = 0 if not len(deck.slides) else 5 if table_follows else 1
            slide = deck.slides.add_slide(deck.slide_layouts[layout])
            slide.shapes.title.text = block.text
            begun = False
        elif block.kind == "table":
            size = len(block.rows), len(block.rows[0])
            table = slide.shapes.add_table(*size, Cm(2), Cm(5), Cm(21), Cm(1.2) * size[0]).table
            for r, row in enumerate(block.rows):
                for c, text in enumerate(row):
                    table.cell(r, c).text = text
        else:
            frame = slide.placeholders[1].text_frame
            (frame.add_paragraph() if begun else frame.paragraphs[0]).text = _plain(block.text)
            begun = True
    deck.save(file)
    _fix_zip(file)


def write_pdf(blocks: list[Block], file: Path) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.lib.units import mm
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

    "".join(block.text + "".join(map("".join, block.rows)) for block in blocks).encode("cp1252")  # all Helvetica has
    styles, title = getSampleStyleSheet(), _plain(blocks[0].text)
    flowables, number = [], 0
    for block in blocks:
        number = number + 1 if block.kind == "step" else 0
        if block.kind == "page":
            flowables.append(PageBreak())
        elif block.kind == "table":
            flowables += [_pdf_table(block, 170 * mm), Spacer(1, 4 * mm)]
        elif block.kind == "heading":
            flowables.append(Paragraph(escape(block.text), styles["Title" if block.level == 1 else "Heading2"]))
        else:
            bullet = {"item": "•", "step": f"{number}."}.get(block.kind)
            style = styles["Bullet" if bullet else "BodyText"]
            flowables.append(Paragraph(escape(_plain(block.text)), style, bulletText=bullet))

    def furniture(canvas: object, document: object) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(20 * mm, 12 * mm, title)
        canvas.drawRightString(190 * mm, 12 * mm, str(document.page))

    document = SimpleDocTemplate(
        str(file), pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, title=title, invariant=1
    )
    document.build(flowables, onFirstPage=furniture, onLaterPages=furniture)


def _pdf_table(block: Block, width: float) -> object:
    from reportlab.lib import colors
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Table

    style = getSampleStyleSheet()["BodyText"].clone("cell", fontSize=9, leading=11, spaceBefore=0)
    longest = [3 + min(30, max(map(len, column))) for column in zip(*block.rows, strict=True)]
    widths = [width * length / sum(longest) for length in longest]
    rows = [[Paragraph(escape(cell), style) for cell in row] for row in block.rows]
    ruled = [("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke)]
    return Table(rows, colWidths=widths, repeatRows=1, style=ruled)


def _fix_zip(file: Path) -> None:
    """Write the archive again with fixed times, in the members and in the document's own properties."""
    with zipfile.ZipFile(file) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            if name == "docProps/core.xml":
                data = re.sub(rb"(W3CDTF\">)[^<]*", rb"\g<1>2026-03-02T08:00:00Z", data)
            archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), data, zipfile.ZIP_DEFLATED)


WRITERS: dict[str, Callable[[list[Block], Path], None]] = {
    ".docx": write_docx,
    ".pdf": write_pdf,
    ".pptx": write_pptx,
    ".xlsx": write_xlsx,
}

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
