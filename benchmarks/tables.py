"""Does a number read from a table know its row and its column?

    python benchmarks/tables.py [--rivals] [--show NAME] [--folder FOLDER]

For each data cell of a table (it holds a digit and does not stand in the table's first column): is there a block of
the parsed document that holds the cell's text ("text"), and with it the words of its row's first cell ("row"), and
at least 80% of the words of its column's header as well ("column")? The header is the rows above the first row with
a value (a bare year is none), or other names further down (SECOND_HEADERS). "named" is stricter: the part of the
row between two bars that holds the cell holds the header's words itself, so that no neighbour's name can stand in.
"alone" is stricter again: that part ends with the text of the cell and holds nothing else behind the names, as it
would where rows ran together.

PDF:  FOLDER (default $METIER_DATA/icdar2013): files with their tables cell by cell beside them (`NAME-str.xml`, the
      format of the ICDAR 2013 table competition).
HTML, DOCX, XLSX, PDF in three styles:  made here of the tables of $METIER_DATA/tatqa, all cells plain (`td`, no header
      marked).
With `--rivals` pdfplumber and camelot read the PDFs too, if installed; the first row of their tables is the header.
"Paragraphs taken for tables" are those of the PDFs of $METIER_DATA/documents, by the reviewed Markdown beside them, of
which most runs of four words stand in the rows of a table that was read and not outside.
"""

from __future__ import annotations

import argparse
import html
import json
import sys
import tempfile
import textwrap
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import regex
from sets import data_folder

from metier.core.documents import CELL, Document
from metier.core.errors import MetierError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

ENOUGH = 0.8  # of the words of a column's header
WORD = regex.compile(r"\d+(?:[.,'’]\d+)*|[\p{L}\p{M}]+")
YEAR = regex.compile(r"(?:19|20)\d\d")
Rows = list[list[str]]
# Rows of TAT-QA (dev, test) with which other names of columns begin in the body of a table, and how many rows these
# are, told by eye.
SECOND_HEADERS = {
    ("(In Millions)", "Dec 30, 2017", "Acquisitions", "Transfers", "Other", "Dec 29, 2018"): 1,
    ("", "", "As of December 31, 2018", "", ""): 3,
    ("Breakup of revenue growth", "FY 2019 (%)", "FY 2018 (%)", "", ""): 1,
    ("", "", "", "", "Fiscal 2018", ""): 3,
    ("", "", "", "", "16 Weeks"): 4,
    ("Number of stapled securities on Issue", "2019", "2018"): 1,
    ("", "", "Accelerated tax", ""): 3,
    ("", "", "Year Ended December 31, 2018", "", ""): 2,
    ("", "", "Year Ended December 31, 2017", "", ""): 2,
    ("", "", "As of February 28,", ""): 2,
}
# Those that name the rows below them, not a column, although they stand beside a blank above the first value.
NAMES_OF_ROWS = (
    ("", "Consolidated Statements of Operations Data:", "", "", "", ""),
    ("", "Cloud and License Revenues:", "", "", ""),
)
Blocks = list[tuple[str, list[str]]]  # text of a block, and its cells


@dataclass(frozen=True, slots=True)
class DataCell:
    """A value with the words that name its row and its column."""

    text: Counter[str]
    row: Counter[str]
    column: Counter[str]
    value: str
    place: tuple[int, int]  # row and column of its table


@dataclass(slots=True)
class Score:
    """How many of `cells` were found as text, with their row, with row and column, in a cell named so, alone there."""

    cells: int = 0
    text: int = 0
    row: int = 0
    column: int = 0
    named: int = 0
    alone: int = 0
    failed: list[str] = field(default_factory=list)

    def count(self, cells: Sequence[DataCell], blocks: Blocks) -> list[DataCell]:
        """Adds `cells`; returns those whose column is not known."""
        counted = [(words(text), [(words(part), part) for part in parts]) for text, parts in blocks]
        lost = []
        for cell in cells:
            holding = [(block, parts) for block, parts in counted if cell.text <= block]
            in_row = [(block, parts) for block, parts in holding if cell.row <= block]
            with_column = [(block, parts) for block, parts in in_row if covers(block, cell.column)]
            self.cells += 1
            self.text += bool(holding)
            self.row += bool(in_row)
            self.column += bool(with_column)
            named = [
                p for _block, parts in with_column for p in parts if cell.text <= p[0] and covers(p[0], cell.column)
            ]
            self.named += bool(named)
            self.alone += any(stands_alone(cell.value, part) for _counted, part in named)
            if not with_column:
                lost.append(cell)
        return lost

    def line(self) -> str:
        share = [
            f"{value / max(1, self.cells):.3f}" for value in (self.text, self.row, self.column, self.named, self.alone)
        ]
        return f"{self.cells:6} " + " ".join(f"{value:>7}" for value in share)


def words(text: str) -> Counter[str]:
    return Counter(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def covers(block: Counter[str], wanted: Counter[str]) -> bool:
    return (block & wanted).total() >= ENOUGH * wanted.total()


def stands_alone(value: str, part: str) -> bool:
    """Whether `part` is the name of a column and then `value`, or a value that no name stands before."""
    wanted, found = (WORD.findall(unicodedata.normalize("NFKC", each).casefold()) for each in (value, part))
    _names, colon, rest = part.rpartition(": ")
    return found[-len(wanted) :] == wanted and (not colon or len(WORD.findall(rest)) <= len(wanted) + 1)


def data_cells(rows: Rows) -> list[DataCell]:
    """The values of a table: `rows` rectangular, what spans repeated."""
    depth = header_depth(rows)
    headers = [(0, depth), *((n, n + SECOND_HEADERS.get(tuple(row), 0)) for n, row in enumerate(rows) if n >= depth)]
    headers = [(start, end) for start, end in headers if end > start or not start]
    found = []
    for number, row in enumerate(rows[depth:], start=depth):
        start, end = max(each for each in headers if each[0] <= number)
        above = [upper for upper in rows[start:end] if tuple(upper) not in NAMES_OF_ROWS]
        for column, text in enumerate(row):
            if number >= end and column and any(c.isdigit() for c in text):
                header = [upper[column] for upper in above]
                distinct = [name for place, name in enumerate(header) if name not in header[:place]]
                found.append(DataCell(words(text), words(row[0]), words(" ".join(distinct)), text, (number, column)))
    return found


def header_depth(rows: Rows) -> int:
    for depth, row in enumerate(rows):
        if any(is_value(text) for text in row[1:]):
            return depth
    return 0


def is_value(text: str) -> bool:
    """Holds a digit and is not a bare year, nor words with a year in them."""
    bare = YEAR.sub("", text)
    return any(c.isdigit() for c in bare) and sum(c.isalpha() for c in bare) <= 2


# --- what was read -------------------------------------------------------------------------------------------


def blocks_of(document: Document) -> Blocks:
    spans = [(block.start, block.end) for block in document.blocks if block.kind != "table"]
    texts = [document.text[start:end] for start, end in spans]
    return [(text, text.split(CELL)) for text in texts]


def blocks_of_tables(tables: Iterable[Sequence[Sequence[str | None]]]) -> Blocks:
    """Rows as a rival would have to write them: the first row of each table names the columns."""
    found: Blocks = []
    for table in tables:
        rows = [[(cell or "") for cell in row] for row in table]
        for row in rows[1:]:
            parts = [f"{rows[0][place]}: {cell}" for place, cell in enumerate(row) if cell]
            found.append((CELL.join(parts), parts))
        found.extend((" ".join(row), row) for row in rows[:1])
    return found


def of_metier(parser: Parser) -> Callable[[Path], Blocks]:
    return lambda path: blocks_of(parser.parse(path, uri=path.name))


def of_pdfplumber(path: Path) -> Blocks:
    import pdfplumber

    with pdfplumber.open(path) as pdf:
        return blocks_of_tables(table for page in pdf.pages for table in page.extract_tables())


def of_camelot(path: Path) -> Blocks:
    import camelot

    tables = [*camelot.read_pdf(str(path), pages="all", flavor="lattice")]
    if not tables:
        tables = [*camelot.read_pdf(str(path), pages="all", flavor="stream")]
    return blocks_of_tables(table.df.values.tolist() for table in tables)


# --- what should be read -------------------------------------------------------------------------------------


def pdf_tables(folder: Path) -> Iterator[tuple[Path, list[Rows]]]:
    for truth in sorted(folder.glob("*-str.xml")):
        path = truth.with_name(truth.name.replace("-str.xml", ".pdf"))
        if path.exists():
            root = ElementTree.parse(truth).getroot()
            yield path, [grid_of(table) for table in root.iter("table")]


def grid_of(table: ElementTree.Element) -> Rows:
    """A table of the competition, put together from its regions, what spans repeated."""
    cells: dict[tuple[int, int], str] = {}
    for region in table.iter("region"):
        down, right = (int(region.get(f"{name}-increment") or 0) for name in ("row", "col"))
        for cell in region.iter("cell"):
            top, left = (int(cell.get(f"start-{name}") or 0) for name in ("row", "col"))
            bottom, edge = int(cell.get("end-row") or top), int(cell.get("end-col") or left)
            text = " ".join((cell.findtext("content") or "").split())
            for row in range(top, bottom + 1):
                for column in range(left, edge + 1):
                    cells[row + down, column + right] = text
    if not cells:
        return []
    rows, columns = (sorted({place[axis] for place in cells}) for axis in (0, 1))
    return [[cells.get((row, column), "") for column in columns] for row in rows]


def tatqa_tables() -> list[Rows]:
    path = data_folder() / "tatqa" / "tatqa_dataset_dev.json"
    return [context["table"]["table"] for context in json.loads(path.read_text(encoding="utf-8"))]


def write_html(rows: Rows, path: Path) -> None:
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    path.write_text(f"<html><body><p>The table.</p><table>{body}</table></body></html>", encoding="utf-8")


def write_docx(rows: Rows, path: Path) -> None:
    import docx

    document = docx.Document()
    document.add_paragraph("The table.")
    table = document.add_table(len(rows), len(rows[0]))
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.save(str(path))


def write_xlsx(rows: Rows, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([cell or None for cell in row])
    book.save(path)


# --- prose ---------------------------------------------------------------------------------------------------


def taken_for_tables(parser: Parser) -> tuple[int, int, list[str]]:
    """(paragraphs that were taken for tables, all paragraphs, beginnings of those taken)."""
    taken, count = [], 0
    folder = data_folder() / "documents" / "pdf"
    for path in sorted(folder.glob("sources/*.pdf")):
        truth = folder / "groundtruth" / f"{path.name}.md"
        truth = truth if truth.exists() else truth.with_name(f"{path.stem}.md")
        if not truth.exists():
            continue
        try:
            document = parser.parse(path, uri=path.name)
        except MetierError:
            continue
        inside = runs(" ".join(document.text[b.start : b.end] for b in document.blocks if b.kind == "row"))
        outside = runs(
            " ".join(document.text[b.start : b.end] for b in document.blocks if b.kind not in ("row", "table"))
        )
        for paragraph in paragraphs_of(truth.read_text(encoding="utf-8")):
            wanted = runs(paragraph)
            count += 1
            if len((wanted & inside) - outside) > len(wanted) / 2:
                taken.append(f"{path.name}: {paragraph[:60]}")
    return len(taken), count, taken


def paragraphs_of(markdown: str) -> list[str]:
    """Running text: at least 15 words, no table, heading or picture."""
    blocks = (" ".join(block.split()) for block in markdown.split("\n\n"))
    return [block for block in blocks if block[:1] not in ("|", "#", "<", "!", "") and len(block.split()) >= 15]


def runs(text: str) -> set[tuple[str, ...]]:
    """All runs of four words."""
    found = WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return {tuple(found[n : n + 4]) for n in range(len(found) - 3)}


PDF_STYLES = ("ruled", "open", "report")


def write_pdf(rows: Rows, path: Path, style: str, paragraphs: Sequence[str] = ()) -> None:
    """As a page of A4 with text above and below: `ruled` has all lines, `open` none, `report` looks as annual reports
    do: a line under the names, currency signs at the left of their column, dots behind the labels, shaded rows."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    body = getSampleStyleSheet()["BodyText"]
    filler = "The following table shows the figures of the period, which are explained in the notes. " * 3
    told = [Paragraph(html.escape(text), body) for text in paragraphs or [filler, filler]]
    depth = max(1, header_depth(rows))
    width = max(map(len, rows))
    label_width = 190 if width < 6 else 120
    spans = [("SPAN", (a, r), (b, r)) for r in range(depth - 1) for a, b in _header_spans(rows, r)]
    cells: list[list[str]] = [[_wrapped(row[0], label_width, style), *row[1:]] for row in rows]
    for _name, (a, r), (b, _r) in spans:
        name = next(cell for cell in rows[r][a : b + 1] if cell)
        cells[r][a : b + 1] = [name] + [""] * (b - a)
    widths = [label_width, *[(510 - label_width) / (width - 1)] * (width - 1)]
    for r in range(depth):
        wide = {(n, row): b - a + 1 for _name, (a, row), (b, _r) in spans for n in [a]}
        cells[r][1:] = [
            "\n".join(textwrap.wrap(cell, max(6, int(widths[n] * wide.get((n, r), 1) / 4.4))))
            for n, cell in enumerate(cells[r][1:], 1)
        ]
    if style == "report":
        cells, spans, widths = _signs_apart(cells, spans, widths, depth)
    looks = [
        ("FONTSIZE", (0, 0), (-1, -1), 8),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
        *spans,
    ]
    looks += [("ALIGN", start, end, "CENTER") for _name, start, end in spans]
    looks += [("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)]
    if style == "ruled":
        looks.append(("GRID", (0, 0), (-1, -1), 0.5, colors.black))
    if style == "report":
        looks.append(("LINEBELOW", (1, depth - 1), (-1, depth - 1), 0.5, colors.black))
        looks += [("BACKGROUND", (0, r), (-1, r), colors.HexColor("#dfe8f0")) for r in range(depth, len(rows), 2)]
    table = Table(cells, colWidths=widths)
    table.setStyle(TableStyle(looks))
    SimpleDocTemplate(str(path), pagesize=A4, leftMargin=40, rightMargin=40).build(
        [told[0], Spacer(1, 12), table, Spacer(1, 12), *told[1:]]
    )


def _signs_apart(
    cells: list[list[str]], spans: list[tuple], widths: list[float], depth: int
) -> tuple[list[list[str]], list[tuple], list[float]]:
    """With a narrow column for the currency sign before each column of values; names reach over both."""
    apart = []
    for number, row in enumerate(cells):
        told = [row[0]]
        for cell in row[1:]:
            sign = regex.match(r"\(?\p{Sc}\(?", cell) if number >= depth else None
            told += [sign[0], cell[sign.end() :].strip()] if sign else [cell, ""] if number < depth else ["", cell]
        apart.append(told)
    wide = [("SPAN", (2 * a - 1, r), (2 * b, r)) for _name, (a, r), (b, _r) in spans]
    covered = {(n, r) for _name, (a, r), (b, _r) in spans for n in range(a, b + 1)}
    for row in range(depth):
        columns = [n for n in range(1, len(cells[0])) if (n, row) not in covered]
        wide += [("SPAN", (2 * n - 1, row), (2 * n, row)) for n in columns]
    return apart, wide, [widths[0], *[part for width in widths[1:] for part in (0.25 * width, 0.75 * width)]]


def _wrapped(label: str, width: float, style: str) -> str:
    lines = textwrap.wrap(label, int(width / 4.3)) or [""]
    dots = max(0, int(width / 4.3) - len(lines[-1]) - 6) if style == "report" and label else 0
    return "\n".join(lines) + (" " + "." * dots if dots > 3 else "")


def _header_spans(rows: Rows, row: int) -> Iterator[tuple[int, int]]:
    """First and last column of each name in a header row that stands over several names of the row below."""
    named = [n for n, cell in enumerate(rows[row]) if n and cell]
    below = [n for n, cell in enumerate(rows[row + 1]) if n and cell]
    if len(named) == 1 and len(below) > 1:
        yield min(below[0], named[0]), max(below[-1], named[0])
        return
    for place, column in enumerate(named):
        end = named[place + 1] - 1 if place + 1 < len(named) else len(rows[row]) - 1
        if end > column and not any(rows[row][column + 1 : end + 1]):
            yield column, end


# --- the run -------------------------------------------------------------------------------------------------


def measure(documents: Iterable[tuple[Path, list[Rows]]], read: Callable[[Path], Blocks], show: str | None) -> Score:
    score = Score()
    for path, tables in documents:
        try:
            blocks = read(path)
        except (MetierError, ValueError, KeyError, IndexError, OSError, ImportError) as error:
            score.failed.append(f"{path.name}: {error}")
            blocks = []
        before, lost = score.cells, []
        for rows in tables:
            lost += score.count(data_cells(rows), blocks)
        if show is not None and show in path.name and lost:
            print(f"{path.name}: {len(lost)} of {score.cells - before} without column", file=sys.stderr)
            for cell in lost[:12]:
                told = [" ".join(each.elements()) for each in (cell.row, cell.column, cell.text)]
                print("    " + " | ".join(told), file=sys.stderr)
    return score


def made(tables: Sequence[Rows], form: str, folder: Path) -> Iterator[tuple[Path, list[Rows]]]:
    """`form`: "html", "docx", "xlsx", or "pdf" with one of `PDF_STYLES` behind a blank."""
    kind, _, style = form.partition(" ")
    writers = {"html": write_html, "docx": write_docx, "xlsx": write_xlsx, "pdf": partial(write_pdf, style=style)}
    for number, rows in enumerate(tables):
        path = folder / f"table{number:03}{style}.{kind}"
        writers[kind](rows, path)
        yield path, [rows]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--folder", type=Path, default=data_folder() / "icdar2013")
    arguments.add_argument("--rivals", action="store_true", help="pdfplumber and camelot too")
    arguments.add_argument("--show", help="print what is lost from files with this in their name (stderr)")
    arguments.add_argument("--pdf-only", action="store_true", help="leave out what is made of TAT-QA")
    arguments.add_argument("--only", default="", help="of what is made of TAT-QA, the formats with this in their name")
    options = arguments.parse_args()
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder: name one, or set METIER_DATA", file=sys.stderr)
        return 2
    results: dict[str, Score] = {}
    with Parser(ParsingSettings(), "en") as parser, tempfile.TemporaryDirectory() as scratch:
        pdfs = list(pdf_tables(options.folder))
        results["PDF, Métier"] = measure(pdfs, of_metier(parser), options.show)
        if options.rivals:
            results["PDF, pdfplumber"] = measure(pdfs, of_pdfplumber, None)
            results["PDF, camelot"] = measure(pdfs, of_camelot, None)
        taken, paragraphs, examples = taken_for_tables(parser)
        forms = [*(f"pdf {style}" for style in PDF_STYLES), "html", "docx", "xlsx"]
        for form in [] if options.pdf_only else [form for form in forms if options.only in form]:
            documents = made(tatqa_tables(), form, Path(scratch))
            results[f"TAT-QA, {form}"] = measure(documents, of_metier(parser), options.show)
    print(f"{'':18} {'cells':>6} {'text':>7} {'row':>7} {'column':>7} {'named':>7} {'alone':>7}")
    for name, score in results.items():
        print(f"{name:18} {score.line()}")
        for failure in score.failed:
            print(f"    {failure}")
    print(f"paragraphs taken for tables: {taken} of {paragraphs} ({taken / max(1, paragraphs):.1%})")
    for example in examples:
        print(f"    {example}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
