"""The text of a document cut into what a page draws, without a browser."""

from __future__ import annotations

import random

import pytest

from metier.core.documents import Document, TextBuilder
from metier.serving.document_access import VisibleDocument
from metier.serving.web.document_parts import cells, extent, parts, pieces, place_of, printed
from metier.serving.web.document_view import DocumentView, Wish

ROWS = [["Turbine", "Rated power", "Note"], ["WT-07", "4.2 MW", "a | b"], ["WT-08", "", "Rated power: low"]]


def document(builder: TextBuilder, media_type: str = "text/markdown", pages: int | None = None) -> Document:
    return Document("d", "docs/d", "D", builder.text, tuple(builder.blocks), media_type, pages=pages)


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
        runs = [*piece.runs, *(run for row in piece.rows for cell in row.cells for run in cell)]
        runs += [run for item, _own in piece.items for run in item]
        runs += [run for _name, pair in piece.pairs for run in pair]
        found += [run.text for run in runs] + list(piece.names)
    return "".join("".join(found).split())


def test_a_table_is_drawn_by_its_columns_and_the_cited_row_stands_out(sheet):
    row = next(block for block in sheet.blocks if block.row == "3")
    shown = VisibleDocument(sheet, (), ())
    table = next(each for each in pieces(shown, (0, len(sheet.text)), (row.start, row.end)) if each.kind == "table")
    assert table.names == tuple(ROWS[0])
    texts = [["".join(run.text for run in cell) for cell in each.cells] for each in table.rows]
    assert texts == [["WT-07", "4.2 MW", "a | b"], ["WT-08", "", "Rated power: low"]]
    assert [each.cited for each in table.rows] == [False, True]
    assert table.rows[1].cells[0][0].kind == "first"


def test_cells_without_names_and_before_the_named_ones():
    assert cells("a | b", []) == [(0, 0, 1), (1, 4, 5)]
    assert cells("WT | Power: 4", ["Power"]) == [(-1, 0, 2), (0, 12, 13)]
    assert cells("Power | Power: 4", ["Power", "Power"]) == [(0, 0, 5), (1, 15, 16)]


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
