"""A number read from a table knows its row and its column, whatever the format."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from metier.parsing.core.table_cells import is_period, is_unit, is_value

from .conftest import html, kinds

PROSE = (
    "The following figures are explained in the notes, which are part of these accounts and are read with them. " * 2
)


def others(document) -> str:
    inside = [(b.start, b.end) for b in document.blocks if b.kind == "table"]
    return "\n".join(
        document.text[b.start : b.end]
        for b in document.blocks
        if b.kind not in ("row", "table") and not any(start <= b.start < end for start, end in inside)
    )


def test_years_name_columns_under_a_blank_corner(read):
    assert read([["", "2019", "2018"], ["Revenue", "1,452", "1,146"], ["Cost", "(12)", "—"]]) == [
        "Revenue | 2019: 1,452 | 2018: 1,146",
        "Cost | 2019: (12) | 2018: —",
    ]


def test_a_name_that_spans_columns_is_told_in_each_with_all_parts_in_order(read):
    found = read([
        ["", "", "Year ended December 31,", ""],
        ["", "2022", "2021", "2020"],
        ["Sales", "5", "4", "3"],
        ["Costs", "2", "2", "1"],
    ])  # fmt: skip
    year = "Year ended December 31,"
    assert found[0] == f"Sales | {year} › 2022: 5 | {year} › 2021: 4 | {year} › 2020: 3"


def test_several_names_each_span_their_part(read):
    found = read([
        ["", "Volume", "", "Price", ""],
        ["", "2022", "2021", "2022", "2021"],
        ["Hay", "5", "4", "30", "28"],
    ])  # fmt: skip
    assert found == ["Hay | Volume › 2022: 5 | Volume › 2021: 4 | Price › 2022: 30 | Price › 2021: 28"]


def test_one_blank_among_many_names_is_no_part_of_a_group(read):
    found = read([
        ["", "First", "Second", "Third", ""],
        ["", "quarter", "quarter", "quarter", "Total"],
        ["Hay", "1", "2", "3", "6"],
    ])  # fmt: skip
    assert found == ["Hay | First › quarter: 1 | Second › quarter: 2 | Third › quarter: 3 | Total: 6"]


@pytest.mark.parametrize("corner", ["(in millions)", "$ in thousands", "T€", "Mio. EUR", "in '000"])
def test_a_unit_in_the_corner_stands_with_every_row(read, corner):
    told = corner if corner.startswith("(") else f"({corner})"
    assert read([[corner, "2022", "2021"], ["Sales", "5", "4"], ["Costs", "2", "1"]]) == [
        f"Sales {told} | 2022: 5 | 2021: 4",
        f"Costs {told} | 2022: 2 | 2021: 1",
    ]


@pytest.mark.parametrize("unit", ["(in %)", "Mio. EUR", "(in thousands)", "(in kg)"])
def test_a_unit_alone_over_columns_without_names_holds_for_all(read, unit):
    told = unit if unit.startswith("(") else f"({unit})"
    found = [["", "", unit, ""], ["2001", "30.5", "49.0", "20.4"], ["2005", "29.7", "48.6", "21.7"]]
    assert read(found) == [f"2001 {told} | 30.5 | 49.0 | 20.4", f"2005 {told} | 29.7 | 48.6 | 21.7"]
    assert read([["Land", unit], ["Laos", "5"], ["Mali", "7"]])[0] == f"Land: Laos | {unit}: 5"


def test_a_row_of_units_is_part_of_the_names(read):
    assert read([["", "2022", "2021"], ["", "£m", "£m"], ["Sales", "5", "4"]]) == [
        "Sales | 2022 › £m: 5 | 2021 › £m: 4"
    ]


def test_a_group_is_kept_before_its_rows_until_a_total(read):
    found = read([
        ["", "2022", "2021"],
        ["Revenue:", "", ""],
        ["Products", "5", "4"],
        ["Services", "2", "1"],
        ["Total revenue", "7", "5"],
        ["Staff", "90", "88"],
    ])  # fmt: skip
    assert found == [
        "Revenue › Products | 2022: 5 | 2021: 4",
        "Revenue › Services | 2022: 2 | 2021: 1",
        "Revenue › Total revenue | 2022: 7 | 2021: 5",
        "Staff | 2022: 90 | 2021: 88",
    ]


def test_currency_and_percent_signs_in_cells_of_their_own_are_glued(read):
    found = read([
        ["", "2022", "", "", "2021", "", ""],
        ["Sales", "$", "5", "", "$", "4", ""],
        ["Margin", "", "31", "%", "", "29", "%"],
        ["Loss", "$", "(3", ")", "$", "(2", ")"],
    ])  # fmt: skip
    assert found == ["Sales | 2022: $5 | 2021: $4", "Margin | 2022: 31% | 2021: 29%", "Loss | 2022: $(3) | 2021: $(2)"]


def test_title_lines_are_captions_and_footnotes_are_notes(parse):
    rows = [
        ["Table 4: Sales by region", "", ""],
        ["", "2022", "2021"],
        ["North", "5", "4 (a)"],
        ["South", "2", "1"],
        ["(a) restated after the merger", "", ""],
    ]
    document = parse("a.html", html(rows))
    assert kinds(document, "row") == ["North | 2022: 5 | 2021: 4 (a)", "South | 2022: 2 | 2021: 1"]
    (table,) = document.tables
    assert (table.caption, table.notes) == ("Table 4: Sales by region", ("(a) restated after the merger",))
    assert "(a) restated after the merger" in others(document)


def test_dates_that_a_table_holds_do_not_become_its_header(read):
    assert read([["Event", "Date"], ["Launch", "12 May 2019"], ["Review", "3 June 2020"]]) == [
        "Event: Launch | Date: 12 May 2019",
        "Event: Review | Date: 3 June 2020",
    ]


def test_a_table_of_words_has_its_header(read):
    assert read([["Part", "Task"], ["Valve", "check the seal"], ["", "replace the seal"]]) == [
        "Part: Valve | Task: check the seal",
        "Task: replace the seal",
    ]


def test_the_table_is_kept_with_its_document_and_knows_each_cell(parse):
    rows = [["(in millions)", "2022", "2021"], ["Sales", "5.5", "4.4"], ["Costs", "", "1.1"]]
    document = parse("a.html", html(rows, "<p>Before.</p>"))
    (table,) = document.tables
    told = [
        [document.text[a:b] if cell else None for cell in row.cells for a, b in [cell or (0, 0)]] for row in table.rows
    ]
    assert told == [["Sales", "5.5", "4.4"], ["Costs", None, "1.1"]]
    assert (table.unit, table.names) == ("(in millions)", ("", "2022", "2021"))
    start = document.text.index("4.4")
    row = table.row_at(start, start + 3)
    assert (row.key, row.name(document.text)) == ("2", "Sales")
    assert table.names[row.column_at(start, start + 3)] == "2021"


@pytest.mark.parametrize(
    ("cell", "value", "period", "unit"),
    [
        ("1,234.50 €", True, False, False), ("(1,234)", True, False, False), ("1269 (19.9%)", True, False, False),
        ("2022", True, True, False), ("FY 2021/22", False, True, False), ("Q3", False, True, False),
        ("31 December 2019", False, True, False), ("Net sales", False, False, False), ("n/a", True, False, False),
        ("in thousands of euros", False, False, True), ("(%)", False, False, True),
        ("Total (see note 3)", False, False, False),
    ],
)  # fmt: skip
def test_kinds_of_cells(cell, value, period, unit):
    assert (is_value(cell), is_period(cell), is_unit(cell)) == (value, period, unit)


# --- PDF -----------------------------------------------------------------------------------------------------


def pdf(cells, looks=(), widths=None, before=PROSE, after=PROSE) -> bytes:
    body = getSampleStyleSheet()["BodyText"]
    table = Table(cells, colWidths=widths)
    usual = [
        ("FONTSIZE", (0, 0), (-1, -1), 8),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
    ]
    table.setStyle(TableStyle([*usual, *looks]))
    file = io.BytesIO()
    SimpleDocTemplate(file, pagesize=A4).build([Paragraph(before, body), table, Paragraph(after, body)])
    return file.getvalue()


PLAIN = [
    ["", "2019", "2018"],
    ["Revenue", "1,452", "1,146"],
    ["Cost of goods", "(12)", "—"],
    ["Result", "1,440", "1,146"],
]
WIDTHS = [180, 90, 90]


@pytest.mark.parametrize(
    "looks",
    [
        [],
        [("GRID", (0, 0), (-1, -1), 0.5, colors.black)],
        [("LINEBELOW", (0, 0), (-1, 0), 1, colors.black)],
        [("BACKGROUND", (0, row), (-1, row), colors.lightgrey) for row in (1, 3)],
        [("BOX", (1, 0), (1, -1), 1, colors.black), ("LINEBELOW", (1, 0), (1, -1), 0.5, colors.black)],
    ],
    ids=["no lines", "all lines", "one line", "shaded", "a box around one column"],
)
def test_a_pdf_table_is_read_by_columns_whatever_is_drawn(parse, looks):
    document = parse("a.pdf", pdf(PLAIN, looks, WIDTHS))
    assert kinds(document, "row") == [
        "Revenue | 2019: 1,452 | 2018: 1,146",
        "Cost of goods | 2019: (12) | 2018: —",
        "Result | 2019: 1,440 | 2018: 1,146",
    ]
    assert others(document).count("The following figures") == 4


def test_names_and_labels_over_two_lines_leaders_and_signs_apart(parse):
    cells = [
        ["", "Net sales\nof products", "", "Share of\nall sales"],
        ["Grain, seeds and other goods that\nare sold by weight ..............", "$", "1,452", "81%"],
        ["Services ........................", "", "341", "19%"],
        ["Total ...........................", "$", "1,793", "100%"],
    ]
    looks = [("SPAN", (1, 0), (2, 0)), ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]
    document = parse("a.pdf", pdf(cells, looks, [190, 15, 70, 80]))
    assert kinds(document, "row") == [
        "Grain, seeds and other goods that are sold by weight | Net sales of products: $1,452 | "
        "Share of all sales: 81%",
        "Services | Net sales of products: 341 | Share of all sales: 19%",
        "Total | Net sales of products: $1,793 | Share of all sales: 100%",
    ]


def test_indented_names_stand_under_theirs(parse):
    cells = [
        ["", "2019", "2018"],
        ["Revenue", "", ""],
        ["Products", "5", "4"],
        ["Services", "2", "1"],
        ["Staff", "9", "8"],
    ]
    looks = [("LEFTPADDING", (0, 2), (0, 3), 18)]
    document = parse("a.pdf", pdf(cells, looks, WIDTHS))
    assert kinds(document, "row") == [
        "Revenue › Products | 2019: 5 | 2018: 4",
        "Revenue › Services | 2019: 2 | 2018: 1",
        "Staff | 2019: 9 | 2018: 8",
    ]


def test_a_spanning_name_over_years_without_lines(parse):
    cells = [["", "Year ended 31 May", ""], ["", "2019", "2018"], ["Sales", "5", "4"], ["Costs", "2", "1"]]
    looks = [("SPAN", (1, 0), (2, 0)), ("ALIGN", (1, 0), (2, 0), "CENTER")]
    document = parse("a.pdf", pdf(cells, looks, WIDTHS))
    assert kinds(document, "row")[0] == "Sales | Year ended 31 May › 2019: 5 | Year ended 31 May › 2018: 4"


def test_a_table_goes_on_over_the_page_with_its_names(parse):
    body = getSampleStyleSheet()["BodyText"]
    first = Table([["Part", "Price", "Stock"], *[[f"P-{n}", f"{n} EUR", f"{n * 2}"] for n in range(1, 20)]])
    second = Table([[f"P-{n}", f"{n} EUR", f"{n * 2}"] for n in range(20, 30)])
    file = io.BytesIO()
    SimpleDocTemplate(file, pagesize=A4).build([Paragraph(PROSE, body), first, PageBreak(), second])
    found = kinds(parse("a.pdf", file.getvalue()), "row")
    assert found[-1] == "Part: P-29 | Price: 29 EUR | Stock: 58"
    assert len(found) == 29


def test_text_in_two_columns_is_no_table(parse):
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    lines = [PROSE[n : n + 44] for n in range(0, 180, 44)] * 9
    for number, (left, right) in enumerate(pairwise(lines)):
        canvas.drawString(60, 780 - 14 * number, left)
        canvas.drawString(320, 780 - 14 * number, right)
    canvas.save()
    document = parse("a.pdf", file.getvalue())
    assert not kinds(document, "row")


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_table_on_a_turned_page_keeps_its_columns(parse, turned):
    import pypdfium2

    upright = pypdfium2.PdfDocument(pdf(PLAIN, [("GRID", (0, 0), (-1, -1), 0.5, colors.black)], WIDTHS))
    upright[0].set_rotation(turned)
    file = io.BytesIO()
    upright.save(file)
    assert kinds(parse("a.pdf", file.getvalue()), "row")[0] == "Revenue | 2019: 1,452 | 2018: 1,146"


def test_a_table_that_goes_on_keeps_its_unit_and_group(parse):
    body = getSampleStyleSheet()["BodyText"]
    header = ["in thousands of euros", "2024", "2023"]
    looks = TableStyle([("LEFTPADDING", (0, 2), (0, -1), 18), ("ALIGN", (1, 0), (-1, -1), "RIGHT")])
    first = Table([header, ["Assets", "", ""], *[[f"Stock {n}", f"{n}00", f"{n}10"] for n in range(1, 7)]], style=looks)
    further = TableStyle([("LEFTPADDING", (0, 1), (0, 2), 18), ("ALIGN", (1, 0), (-1, -1), "RIGHT")])
    rest = [["", "2024", "2023"], ["Receivables", "963", "911"], ["Cash", "2,254", "3,310"], ["Total assets", "9", "8"]]
    second = Table(rest, style=further, colWidths=[120, 60, 60])
    file = io.BytesIO()
    SimpleDocTemplate(file, pagesize=A4).build([Paragraph(PROSE, body), first, PageBreak(), second])
    found = kinds(parse("a.pdf", file.getvalue()), "row")
    assert found[0] == "Assets › Stock 1 (in thousands of euros) | 2024: 100 | 2023: 110"
    assert found[-3:] == [
        "Assets › Receivables (in thousands of euros) | 2024: 963 | 2023: 911",
        "Assets › Cash (in thousands of euros) | 2024: 2,254 | 2023: 3,310",
        "Assets › Total assets (in thousands of euros) | 2024: 9 | 2023: 8",
    ]


@pytest.mark.parametrize("between", ["", "Return, daily", "Please be at the quay ten minutes before."])
def test_two_tables_below_each_other_keep_their_own_names(parse, between):
    body = getSampleStyleSheet()["BodyText"]
    out = Table([["Port", "Sailing 1", "Sailing 3"], ["Tarn", "06:10", "09:20"], ["Velsay", "07:00", "10:10"]])
    back = Table([["Port", "Sailing 2", "Sailing 4"], ["Velsay", "07:20", "10:30"], ["Tarn", "08:10", "11:20"]])
    told = [Paragraph(between, body)] if between else [Spacer(1, 30)]
    file = io.BytesIO()
    SimpleDocTemplate(file, pagesize=A4).build([Paragraph(PROSE, body), out, *told, back, Paragraph(PROSE, body)])
    document = parse("a.pdf", file.getvalue())
    assert kinds(document, "row")[2] == "Port: Velsay | Sailing 2: 07:20 | Sailing 4: 10:30"
    assert between in others(document)


@pytest.mark.parametrize(
    "title",
    [
        ("Table 3:", "Rates of unemployment by gender in", "2005 (in % of all persons)"),
        ("C", "Appendix C: Rates of unemployment", "This table shows rates of unemployment"),
    ],
)
def test_a_title_set_close_over_a_table_names_no_column(parse, title):
    label, first, second = title
    rows = [
        ("Persons without work", "Women", "Men"),
        ("Less than half a year", "15.1", "15.7"),
        ("One year or longer than that", "10.6", "9.1"),
        ("All", "25.7", "24.8"),
    ]
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    for line, row in enumerate([(label, "", "", first), ("", "", "", second), *rows]):
        for x, text in zip((60, 230, 300, 115), row, strict=False):
            canvas.drawString(x, 700 - 14 * line, text)
    canvas.save()
    document = parse("a.pdf", file.getvalue())
    assert kinds(document, "row")[0] == "Persons without work: Less than half a year | Women: 15.1 | Men: 15.7"
    assert " ".join(title) in " ".join(others(document).split())
