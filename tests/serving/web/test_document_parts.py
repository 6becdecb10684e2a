"""The text of a document cut into what a page draws, without a browser."""

from __future__ import annotations

import random

import pytest

from metier.core.documents import Document, TextBuilder
from metier.serving.document_access import VisibleDocument
from metier.serving.web.document_parts import extent, parts, pieces, place_of, printed
from metier.serving.web.document_view import DocumentView, Wish

ROWS = [["Turbine", "Rated power", "Note"], ["WT-07", "4.2 MW", "a | b"], ["WT-08", "", "Rated power: low"]]


def document(builder: TextBuilder, media_type: str = "text/markdown", pages: int | None = None) -> Document:
    text, blocks, tables = builder.text, tuple(builder.blocks), tuple(builder.tables)
    return Document("d", "docs/d", "D", text, blocks, media_type, pages=pages, tables=tables)


@pytest.fixture
def sheet() -> Document:
    builder = TextBuilder()
    builder.add("heading", "Turbinen", level=1, page=1)
    builder.add_table(ROWS, page=1)
    builder.add("list", "• ক", page=2)
    builder.add("list", "খ", page=2)
    return document(builder)


def drawn_text(shown: VisibleDocument, within, cited=None) -> str:
    found = []
    for piece in pieces(shown, within, cited):
        table = piece.table
        runs = [*piece.runs, *(run for row in rows_of(table) for cell in row.cells for run in cell.runs)]
        runs += [run for item, _own in piece.items for run in item]
        runs += [run for _name, pair in piece.pairs for run in pair]
        found += [run.text for run in runs] + [cell.text for row in (table.header if table else ()) for cell in row]
    return "".join("".join(found).split())


def rows_of(table) -> list:
    return [row for group in table.groups for row in group.rows] if table else []


def said(runs) -> str:
    return "".join(run.text for run in runs)


def table_of(document: Document, cited=None, within=None, blanked=()):
    shown = VisibleDocument(document, (), blanked)
    return next(each.table for each in pieces(shown, within or (0, len(document.text)), cited) if each.table)


def test_a_table_is_drawn_by_its_columns_and_the_cited_row_stands_out(sheet):
    row = next(block for block in sheet.blocks if block.row == "3")
    table = table_of(sheet, (row.start, row.end))
    assert [cell.text for cell in table.header[0]] == ROWS[0]
    texts = [[said(cell.runs) for cell in each.cells] for each in rows_of(table)]
    assert texts == [["WT-07", "4.2 MW", "a | b"], ["WT-08", "", "Rated power: low"]]
    assert [each.cited for each in rows_of(table)] == [False, True]
    assert rows_of(table)[1].cells[0].runs[0].kind == "first"
    assert [cell.cited for cell in rows_of(table)[1].cells] == [False] * 3
    assert [cell.names_row for cell in rows_of(table)[1].cells] == [True, False, False]


def test_where_a_citation_lies_inside_a_cell_the_cell_stands_out(sheet):
    at = sheet.text.index("4.2")
    table = table_of(sheet, (at, at + 3))
    assert [each.cited for each in rows_of(table)] == [True, False]
    assert [cell.cited for cell in rows_of(table)[0].cells] == [False, True, False]
    assert [run.kind for run in rows_of(table)[0].cells[1].runs] == ["first", ""]


FINANCE = [["", "Year", "Year", "Note"], ["Type", "2023", "2022", "Note"], ["Sales", "1,4", "-", "x"],
           ["Other", "12", "8", ""], ["Spare parts", "3", "2", ""], ["Used", "1", "1", ""],
           ["Total", "9", "9", "10"]]  # fmt: skip


def finance(**options) -> Document:
    groups = [["Income"], ["Income"], ["Income", "Other"], ["Income", "Other"], []]
    builder = TextBuilder()
    builder.add("caption", "By type", page=1)
    builder.add_table(FINANCE, header=2, page=1, groups=groups, caption="By type", unit="(in millions)", **options)
    return document(builder, "application/pdf", pages=1)


def test_headers_groups_unit_and_caption_are_told_once():
    table = table_of(finance())
    heads = [[(cell.text, cell.columns, cell.rows) for cell in row] for row in table.header]
    assert heads == [[("", 1, 1), ("Year", 2, 1), ("Note", 1, 2)], [("Type", 1, 1), ("2023", 1, 1), ("2022", 1, 1)]]
    assert [said(runs) for runs in table.captions] == ["By type"]
    assert (table.unit, table.width) == ("(in millions)", 4)
    assert [cell.figures for cell in rows_of(table)[0].cells] == [False, True, True, False]
    begun = [([name for name, _depth in group.names], len(group.rows)) for group in table.groups]
    assert begun == [(["Income"], 2), ([], 2), ([], 1)], "a group that is a row with values needs no other row"
    assert [row.depth for row in rows_of(table)] == [1, 1, 2, 2, 0]


def test_nothing_of_a_table_is_lost_where_it_is_cut():
    whole = finance()
    row = whole.tables[0].rows[2]
    table = table_of(whole, within=(row.start, row.end))
    assert [group.names for group in table.groups] == [(("Income", 0), ("Other", 1))]
    assert (table.captions, len(table.header)) == ((), 2)


def test_a_printed_table_has_its_header_as_it_stands_there():
    whole = finance()
    text, spans = printed(whole, 1, whole.tables[0].rows[1].cells[0])
    assert text.split("\n")[:9] == ["By type", "(in millions)", "", "Year", "Note", "Type", "2023", "2022", "Income"]
    assert [text[start:end] for start, end in spans] == ["Other"]


def test_a_table_of_an_earlier_version_is_lines(sheet):
    (row,) = [block for block in sheet.blocks if block.row == "2"]
    before = Document(**{**_fields(sheet), "tables": ()})
    _title, lines, *_list = pieces(VisibleDocument(before, (), ()), (0, len(before.text)), (row.start, row.end))
    assert lines.table is None
    assert said(lines.runs).splitlines()[1] == "Turbine: WT-07 | Rated power: 4.2 MW | Note: a | b"
    assert [run.kind for run in lines.runs] == ["", "first", ""]


def test_what_stands_on_a_page_has_no_names_of_columns_before_its_values(sheet):
    row = next(block for block in sheet.blocks if block.row == "2")
    text, spans = printed(sheet, 1, (row.start, row.end))
    assert "WT-07\n4.2 MW\na | b\n" in text
    assert [text[start:end] for start, end in spans] == ["WT-07", "4.2 MW", "a | b"]
    assert "খ" not in text


def test_pages_are_told_where_they_begin(sheet):
    numbers = [(piece.kind, piece.page) for piece in pieces(VisibleDocument(sheet, (), ()), (0, len(sheet.text)), None)]
    assert numbers == [("heading", 1), ("table", None), ("list", 2)]
    assert [place_of(sheet, sheet.text.index(each)) for each in ("WT-08", "খ")] == [1, 2]
    assert extent(sheet, 9) == (0, 0)


def test_long_texts_are_cut_into_parts_that_hold_all_of_it():
    builder, random_lengths = TextBuilder(), random.Random(7)
    for number in range(300):
        builder.add("paragraph", f"{number} " + "লেখা " * random_lengths.randrange(1, 200))
    builder.add("paragraph", "x" * 100_000)
    builder.add_table([["a", "b"], *[[str(i), "word " * 9] for i in range(3000)]])
    long = document(builder)
    cut = parts(long, (0, len(long.text)))
    assert [end for _start, end in cut[:-1]] == [start for start, _end in cut[1:]]
    assert max(end - start for start, end in cut) <= 30_000
    shown = VisibleDocument(long, (), ())
    whole = "".join(drawn_text(shown, each) for each in cut).replace("a:", "").replace("b:", "")
    for piece in ("299লেখা", "x" * 99_000, "2999" + "word" * 9):
        assert piece in whole


def test_hidden_text_is_replaced_and_its_place_told():
    builder = TextBuilder()
    builder.add("paragraph", "Open, secret, open.")
    blank = document(builder)
    shown = VisibleDocument(Document(**{**_fields(blank), "text": "Open,        , open."}), (), ((6, 12),))
    (piece,) = pieces(shown, (0, 19), None)
    assert [run.kind for run in piece.runs] == ["", "hidden", ""]
    assert "hidden_place" in DocumentView.of(shown, Wish(start="6", end="12")).notes
    assert "hidden" in DocumentView.of(shown, Wish(start="0", end="4")).notes


@pytest.mark.parametrize(
    "wish",
    [
        {"start": "9", "end": "3"}, {"start": "0", "end": "99999"}, {"start": "x", "end": "3"},
        {"start": "-1", "end": "2"}, {"start": "1"}, {"start": "١", "end": "٢"},
        {"start": "1e3", "end": "9" * 400}, {"start": "3", "end": "3"},
    ],
)  # fmt: skip
def test_offsets_that_make_no_sense_are_told(sheet, wish):
    view = DocumentView.of(VisibleDocument(sheet, (), ()), Wish(**wish))
    assert view.cited is None
    assert view.notes == ("offsets",)


def test_a_mail_has_its_headers_on_top():
    builder = TextBuilder()
    builder.add("heading", "Swap", level=1)
    builder.add("paragraph", "From: Åsa <a@b.example> | To: রহিম | Date: Tue, 06 May 2025")
    builder.add("paragraph", "To: whom it may concern")
    mail = document(builder, "message/rfc822")
    _heading, headers, body = pieces(VisibleDocument(mail, (), ()), (0, len(mail.text)), None)
    assert [(name, runs[0].text) for name, runs in headers.pairs] == [
        ("From", "Åsa <a@b.example>"), ("To", "রহিম"), ("Date", "Tue, 06 May 2025"),
    ]  # fmt: skip
    assert body.kind == "paragraph"


def _fields(document: Document) -> dict:
    return {name: getattr(document, name) for name in Document.__slots__}
