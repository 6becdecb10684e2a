"""Tables of a PDF whose lines are not all drawn, or are drawn otherwise than cell by cell."""

from __future__ import annotations

import io

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from .conftest import kinds

PROSE = (
    "The following figures are explained in the notes, which are part of these accounts and are read with them. " * 2
)
THIN = (0.5, colors.black)
PEOPLE = [
    ["", "", "Industry", "Services"],
    ["1991", "Men", "40.7", "48.4"],
    ["", "Women", "16.0", "77.4"],
    ["1996", "Men", "39.4", "51.0"],
    ["", "Girls", "13.9", "80.9"],
]
TOLD = [
    "1991 | Men | Industry: 40.7 | Services: 48.4",
    "1991 | Women | Industry: 16.0 | Services: 77.4",
    "1996 | Men | Industry: 39.4 | Services: 51.0",
    "1996 | Girls | Industry: 13.9 | Services: 80.9",
]


def page(*items, looks=()) -> bytes:
    """Tables between two paragraphs."""
    body = getSampleStyleSheet()["BodyText"]
    told = [Table(rows, style=TableStyle([("VALIGN", (0, 0), (-1, -1), "MIDDLE"), *looks])) for rows in items]
    file = io.BytesIO()
    SimpleDocTemplate(file, pagesize=A4).build([Paragraph(PROSE, body), *told, Paragraph(PROSE, body)])
    return file.getvalue()


@pytest.mark.parametrize(
    "lines",
    [
        [("GRID", (0, 0), (-1, -1), *THIN)],
        [("INNERGRID", (0, 0), (-1, -1), *THIN)],
        [("INNERGRID", (0, 0), (-1, -1), *THIN), ("LINEBELOW", (0, -1), (-1, -1), *THIN)],
    ],
    ids=["closed", "open at all sides", "open at three sides"],
)
def test_a_name_in_a_cell_over_several_rows_stands_before_each(parse, lines):
    spans = [("SPAN", (0, 1), (0, 2)), ("SPAN", (0, 3), (0, 4))]
    assert kinds(parse("a.pdf", page(PEOPLE, looks=[*spans, *lines])), "row") == TOLD


def test_rows_parted_by_lines_that_are_drawn_cell_by_cell_have_columns_without_lines_too(parse):
    rows = [["Country", "Domestic", "Unknown"], *[[f"Land {n}", f"{n}.5", f"{n}00"] for n in range(1, 7)]]
    looks = [("GRID", (0, 0), (-1, 0), *THIN), ("BOX", (0, 0), (-1, -1), *THIN), ("GRID", (0, 4), (-1, 4), *THIN)]
    looks += [("LINEBELOW", (n, 1), (n, -1), *THIN) for n in range(3)]
    found = kinds(parse("a.pdf", page(rows, looks=looks)), "row")
    assert found == [f"Country: Land {n} | Domestic: {n}.5 | Unknown: {n}00" for n in range(1, 7)]


def test_columns_parted_by_lines_have_rows_without_lines_too(parse):
    rows = [["Country", "Domestic", "Unknown"], *[[f"Land {n}", f"{n}.5", f"{n}00"] for n in range(1, 7)]]
    looks = [("INNERGRID", (0, 0), (-1, 0), *THIN), ("LINEBELOW", (0, 0), (-1, 0), *THIN)]
    looks += [("LINEAFTER", (0, 0), (1, -1), *THIN), ("LINEABOVE", (0, 0), (-1, 0), *THIN)]
    found = kinds(parse("a.pdf", page(rows, looks=looks)), "row")
    assert found == [f"Country: Land {n} | Domestic: {n}.5 | Unknown: {n}00" for n in range(1, 7)]


def test_tables_beside_each_other_in_frames_of_their_own_are_not_one(parse):
    left = [["Air", "Calls"], ["Spain", "268"], ["Germany", "233"], ["Italy", "92"]]
    right = [["Rail", "Calls"], ["France", "153"], ["Greece", "119"], ["Malta", "2"]]
    rows = [[*a, "", *b] for a, b in zip(left, right, strict=True)]
    looks = [("GRID", (0, 0), (1, -1), *THIN), ("GRID", (3, 0), (4, -1), *THIN)]
    found = kinds(parse("a.pdf", page(rows, looks=looks)), "row")
    assert sorted(found) == sorted(
        [f"Air: {name} | Calls: {calls}" for name, calls in left[1:]]
        + [f"Rail: {name} | Calls: {calls}" for name, calls in right[1:]]
    )


def test_a_cell_set_out_to_both_margins_is_one_text(parse):
    texts = [
        ["Number   of", "companies that took", "the   option"],
        ["Percentage   of", "all that took it of", "those   asked"],
        ["Number   with", "stricter   rules", "on what they tell"],
    ]
    edges, height = (60, 160, 220, 280), 60
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    canvas.grid(edges, [700 - height * n for n in range(5)])
    for x, name in zip(edges[1:], ("Loans", "Sales"), strict=False):
        canvas.drawString(x + 3, 685, name)
    for row, lines in enumerate(texts, start=1):
        for line, text in enumerate(lines):
            first, _blanks, last = text.partition("   ")
            canvas.drawString(63, 685 - height * row - 12 * line, first)
            canvas.drawRightString(157, 685 - height * row - 12 * line, last)
        for x, value in zip(edges[1:], (f"{row}7", f"{row}6"), strict=False):
            canvas.drawString(x + 3, 685 - height * row, value)
    canvas.save()
    assert kinds(parse("a.pdf", file.getvalue()), "row") == [
        "Number of companies that took the option | Loans: 17 | Sales: 16",
        "Percentage of all that took it of those asked | Loans: 27 | Sales: 26",
        "Number with stricter rules on what they tell | Loans: 37 | Sales: 36",
    ]


def test_names_that_nearly_touch_belong_to_the_cells_that_a_line_parts(parse):
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    canvas.grid((60, 130, 166, 220), (700, 680, 660, 640, 620))
    rows = [("Land", "HBS", "OXIRM"), ("Italy", "21", "58"), ("Spain", "24", "47"), ("Malta", "", "55")]
    for line, (name, first, second) in enumerate(rows):
        canvas.drawString(63, 686 - 20 * line, name)
        canvas.drawRightString(164, 686 - 20 * line, first)
        canvas.drawString(169, 686 - 20 * line, second)
    canvas.save()
    assert kinds(parse("a.pdf", file.getvalue()), "row") == [
        "Land: Italy | HBS: 21 | OXIRM: 58",
        "Land: Spain | HBS: 24 | OXIRM: 47",
        "Land: Malta | OXIRM: 55",
    ]


def test_a_line_under_a_name_says_which_columns_it_heads(parse):
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 9)
    rows = [["State", "2011", "2012", "2013", "2014", "2015"]]
    rows += [[f"Land {n}", *(f"{n}{place},500" for place in range(5))] for n in range(1, 5)]
    canvas.drawCentredString(225, 714, "Actual")
    canvas.drawCentredString(355, 714, "Plan")
    for left, right in ((150, 298), (302, 420)):
        canvas.line(left, 711, right, 711)
    for line, row in enumerate(rows):
        canvas.drawString(60, 700 - 14 * line, row[0])
        for x, text in zip((180, 235, 290, 345, 400), row[1:], strict=True):
            canvas.drawRightString(x, 700 - 14 * line, text)
    canvas.save()
    found = kinds(parse("a.pdf", file.getvalue()), "row")
    actual = "Actual › 2011: 10,500 | Actual › 2012: 11,500 | Actual › 2013: 12,500"
    assert found[0] == f"State: Land 1 | {actual} | Plan › 2014: 13,500 | Plan › 2015: 14,500"


def test_values_above_each_other_between_two_lines_are_rows(parse):
    rows = [["Layers", "Language", "Simple", "All"]]
    rows += [[str(n), "OTSL\nHTML", f"0.9{n}\n0.8{n}", f"0.7{n}\n0.6{n}"] for n in (6, 4, 2)]
    found = kinds(parse("a.pdf", page(rows, looks=[("GRID", (0, 0), (-1, -1), *THIN)])), "row")
    assert found[:2] == [
        "Layers: 6 | Language: OTSL | Simple: 0.96 | All: 0.76",
        "Layers: 6 | Language: HTML | Simple: 0.86 | All: 0.66",
    ]


def test_numbers_of_narrow_columns_that_stand_close_stay_apart(parse):
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 9)
    rows = [("State", "2011", "2012", "2013"), ("United States", "2,753,438", "2,799,250", "2,815,544")]
    rows += [(f"Land {n}", f"{n}4,573", f"{n}5,515", f"{n}6,222") for n in range(1, 6)]
    for line, row in enumerate(rows):
        canvas.drawString(60, 700 - 14 * line, row[0])
        for x, text in zip((180, 225, 270), row[1:], strict=True):
            canvas.drawRightString(x, 700 - 14 * line, text)
    canvas.save()
    found = kinds(parse("a.pdf", file.getvalue()), "row")
    assert found[0] == "State: United States | 2011: 2,753,438 | 2012: 2,799,250 | 2013: 2,815,544"


def test_a_box_around_the_values_leaves_them_their_names(parse):
    rows = [
        ["Cost category", "", "All funds", "Indirect"],
        ["Salaries", "", "1,314", "373"],
        ["Travel", "", "94", "20"],
    ]
    rows += [["Travel", "", "94", "20"], ["Rent", "", "170", "150"], ["Phone", "", "109", "54"]]
    file = io.BytesIO()
    table = Table(rows, colWidths=[110, 60, 70, 70], style=TableStyle([("GRID", (2, 0), (-1, -1), *THIN)]))
    body = getSampleStyleSheet()["BodyText"]
    SimpleDocTemplate(file, pagesize=A4).build([Paragraph(PROSE, body), table, Paragraph(PROSE, body)])
    found = kinds(parse("a.pdf", file.getvalue()), "row")
    assert found[0] == "Cost category: Salaries | All funds: 1,314 | Indirect: 373"


def drawing(*, axis: bool, rounded: bool) -> bytes:
    """Columns of numbers over bars, or in a frame with round corners, with an axis beside them or names."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.drawString(72, 760, "Calls at the north quay in three years")
    if rounded:
        canvas.roundRect(90, 430, 400, 260, 12)
    else:
        canvas.line(140, 450, 450, 450)
    for place, height in enumerate((80, 150, 110, 270)):
        if not rounded:
            canvas.rect(150 + 70 * place, 450, 30, height, fill=1, stroke=0)
        for level in range(4):
            canvas.drawRightString(180 + 70 * place, 450 + 36 * level, f"{7 * level + 11 * place + 5}")
        canvas.drawString(150 + 70 * place, 594, ("Ferry", "Tug", "Barge", "Yacht")[place])
    for level in range(4):
        canvas.drawRightString(130, 450 + 36 * level, str(20 * level) if axis else f"{2020 + level}")
    canvas.save()
    return file.getvalue()


def test_labels_of_the_bars_and_the_axis_of_a_chart_are_no_table(parse):
    document = parse("a.pdf", drawing(axis=True, rounded=False))
    assert not document.tables
    assert all(word in document.text.split() for word in ("Barge", "60", "38", "12"))


def test_a_table_in_a_frame_with_round_corners_stays_one(parse):
    document = parse("a.pdf", drawing(axis=False, rounded=True))
    assert kinds(document, "row")[0] == "2023 | Ferry: 26 | Tug: 37 | Barge: 48 | Yacht: 59"
