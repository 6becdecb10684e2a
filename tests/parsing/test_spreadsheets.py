"""What workbooks hold beside plain cells: formats, formulas, what is hidden or struck out, marks and indents."""

from __future__ import annotations

import base64
import datetime
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.formula import ArrayFormula

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

from . import samples
from .samples import cells


def kinds(document, kind):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


def saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def sheet_of(rows, name: str = "Data"):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = name
    for row in rows:
        sheet.append(row)
    return book, sheet


@pytest.fixture
def parse_as(tmp_path: Path) -> Callable:
    """Parse with other settings or in another language."""

    def parsed(content: bytes, name: str = "a.xlsx", language: str = "en", **settings):
        path = tmp_path / name
        path.write_bytes(content)
        with Parser(ParsingSettings(**settings), language) as parser:
            return parser.parse(path, uri=name)

    return parsed


FORMATS = [
    ("000000", 123, "000123"),
    ('0 "Nm"', 840, "840 Nm"),
    ('#,##0.00 "€"', 1234.5, "1,234.50 €"),
    ("#,##0.00 [$€-407]", 1234.5, "1,234.50 €"),
    ('_-* #,##0.00 "€"_-;-* #,##0.00 "€"_-;_-* "-"?? "€"_-;_-@_-', -1234.5, "-1,234.50 €"),
    ('"$"#,##0_);[Red]("$"#,##0)', -1250, "($1,250)"),
    ('"±"0.0', 0.25, "±0.3"),
    ("0.00", 2.675, "2.68"),
    ("0.0%", 0.125, "12.5%"),
    ("#,##0", 1234567, "1,234,567"),
    ('0.0,,"M"', 12345678, "12.3M"),
    ("# ?/?", 1.5, "1 1/2"),
    ("# ?/16", 0.1875, "3/16"),
    ("0.00E+00", 12345, "1.23E+04"),
    ("[Red]0.0", -5, "-5.0"),
    ('[<1]0%;[>=1000]#,##0,"k";0.0', 0.5, "50%"),
    ('[<1]0%;[>=1000]#,##0,"k";0.0', 1500, "2k"),
    ('[<1]0%;[>=1000]#,##0,"k";0.0', 7, "7.0"),
    ('+0;-0;"none"', 0, "none"),
    ("000-00-0000", 123456789, "123-45-6789"),
    ("0.###", 1234.5, "1234.5"),
    ('General" Nm"', 840.5, "840.5 Nm"),
    ('#,##0"(a)"', 1234, "1,234 (a)"),
    ("dd.mm.yyyy", datetime.date(2024, 3, 1), "01.03.2024"),
    ("d-mmm-yy", datetime.date(2024, 3, 1), "1-Mar-24"),
    ("[$-407]d. mmmm yyyy", datetime.date(2024, 3, 1), "1. März 2024"),
    ("h:mm AM/PM", datetime.time(18, 5), "6:05 PM"),
    ("[h]:mm", 1.5, "36:00"),
]


def test_xlsx_numbers_are_read_as_their_cells_show_them(parse):
    book, sheet = sheet_of([["Item", "Value"]])
    for number, (code, value, _shown) in enumerate(FORMATS, start=2):
        sheet.cell(number, 1, f"item {number}")
        sheet.cell(number, 2, value).number_format = code
    rows = kinds(parse("a.xlsx", saved(book)), "row")
    assert [row.partition("Value: ")[2] for row in rows] == [shown for _code, _value, shown in FORMATS]


def test_decimal_comma_and_thousands_point_follow_the_language(parse_as):
    book, sheet = sheet_of(
        [["Artikel", "Preis", "Anteil", "Tag"], ["Ventil", 1234.5, 0.125, datetime.date(2024, 3, 1)]]
    )
    sheet["B2"].number_format, sheet["C2"].number_format, sheet["D2"].number_format = (
        '#,##0.00 "€"',
        "0.0 %",
        "mm-dd-yy",
    )
    (row,) = kinds(parse_as(saved(book), language="de"), "row")
    assert row == "Artikel: Ventil | Preis: 1.234,50 € | Anteil: 12,5 % | Tag: 01.03.2024"
    book.properties.language = "en"
    (row,) = kinds(parse_as(saved(book), language="de"), "row")
    assert row == "Artikel: Ventil | Preis: 1,234.50 € | Anteil: 12.5 % | Tag: 2024-03-01"


def test_a_number_whose_format_shows_nothing_is_left_out_with_a_word(parse, parse_as):
    book, sheet = sheet_of([["Part", "Cost", "Price"], ["Valve", 41, 90]])
    sheet["B2"].number_format = ";;;"
    document = parse("a.xlsx", saved(book))
    assert kinds(document, "row") == ["Part: Valve | Price: 90"]
    assert "cell whose format hides it" in document.warnings[0]
    assert "Cost: 41" in parse_as(saved(book), hidden=True).text


# --- formulas ------------------------------------------------------------------------------------------------


def test_formulas_without_a_saved_result_are_calculated_or_shown(parse):
    book, sheet = sheet_of([["Part", "Price", "Quantity", "Total", "Code"]])
    for number, (part, price, quantity) in enumerate([("Pad", 112.5, 4), ("Filter", 38, 12)], start=2):
        code = f'=CONCATENATE("SUP-",{number * 100})'
        sheet.append([part, price, quantity, f"=B{number}*C{number}", code])
        sheet.cell(number, 4).number_format = '#,##0.00 "€"'
    sheet.append(["Sum", None, "=SUM(C2:C3)", "=SUM(D2:D3)", '=IF(D4>1000,"high","low")'])
    sheet.append(["Next", "=Rates!B1*2", "=1/0", "=XIRR(B2:B3,C2:C3)", "=TODAY()"])
    rates = book.create_sheet("Rates")
    rates.append(["Rate", "=Data!B2"])
    rates.append(["Half", 0.5])
    document = parse("a.xlsx", saved(book))
    assert kinds(document, "row")[:4] == [
        "Part: Pad | Price: 112.5 | Quantity: 4 | Total: 450.00 € | Code: SUP-200",
        "Part: Filter | Price: 38 | Quantity: 12 | Total: 456.00 € | Code: SUP-300",
        "Part: Sum | Quantity: 16 | Total: 906 | Code: low",
        "Part: Next | Price: 225 | Quantity: #DIV/0! | Total: =XIRR(B2:B3,C2:C3) | Code: =TODAY()",
    ]
    assert [warning for warning in document.warnings if "Data" in warning] == [
        "sheet Data: 11 formulas without a saved result; 9 calculated here, 2 shown as they stand"
    ]


def test_noughts_that_a_program_wrote_for_unknown_results_are_none(parse):
    """As XlsxWriter saves them: 0, and a word that all is to be calculated when the file is opened."""
    row = '<row r="2"><c r="A2" t="inlineStr"><is><t>Sum</t></is></c><c r="B2"><f>{}</f><v>0</v></c></row>'
    head = cells([["Name", "Value"]]).removeprefix("<sheetData>").removesuffix("</sheetData>")
    for formula, shown in (("SUM(1,2)", "3"), ("FORECAST(1,2,3)", "=FORECAST(1,2,3)")):
        content = samples.xlsx({"S": f"<sheetData>{head}{row.format(formula)}</sheetData>"}, calculate_on_load=True)
        assert kinds(parse("a.xlsx", content), "row") == [f"Name: Sum | Value: {shown}"]
    content = samples.xlsx({"S": f"<sheetData>{head}{row.format('SUM(1,2)')}</sheetData>"})
    assert kinds(parse("b.xlsx", content), "row") == ["Name: Sum | Value: 0"]


def test_shared_formulas_and_long_chains(parse):
    rows = ['<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f t="shared" ref="B1:B500" si="0">A1+$A$1</f></c></row>']
    rows += [
        f'<row r="{n}"><c r="A{n}"><f>A{n - 1}+1</f></c><c r="B{n}"><f t="shared" si="0"/></c></row>'
        for n in range(2, 501)
    ]
    document = parse("a.xlsx", samples.xlsx({"S": f"<sheetData>{''.join(rows)}</sheetData>"}))
    assert kinds(document, "row")[-1] == "500 | 501"


def test_formulas_that_refer_to_themselves_or_to_too_much_are_shown(parse):
    book, sheet = sheet_of([["Name", "Value"], ["a", "=B3"], ["b", "=B2"], ["c", ArrayFormula("B4", "=A1:A2*2")]])
    document = parse("a.xlsx", saved(book))
    assert kinds(document, "row") == ["Name: a | Value: =B3", "Name: b | Value: =B2", "Name: c | Value: =A1:A2*2"]
    book, sheet = sheet_of([["Name", "Value", "Total"]])
    for number in range(2, 4002):
        sheet.append([f"row {number}", 1, f"=SUM(B$2:B{number})"])
    assert kinds(parse("b.xlsx", saved(book)), "row")[:2] == [
        "Name: row 2 | Value: 1 | Total: 1",
        "Name: row 3 | Value: 1 | Total: 2",
    ]


# --- what is not meant ---------------------------------------------------------------------------------------


def hidden_book() -> bytes:
    book, sheet = sheet_of([["Article", "Price", "Cost", "Margin"]], "Prices")
    for number in range(2, 9):
        sheet.append([f"V-{number}0", 10 * number, 4 * number, 6 * number])
    sheet.row_dimensions[3].hidden = True
    for number in (5, 6):
        sheet.row_dimensions[number].hidden = True
        sheet.row_dimensions[number].outlineLevel = 1
    sheet.column_dimensions.group("C", "D", hidden=True)
    book.create_sheet("Margins").append(["Secret", 54])
    book["Margins"].sheet_state = "hidden"
    book.create_sheet("Salaries").append(["Fitter", 3900])
    book["Salaries"].sheet_state = "veryHidden"
    return saved(book)


def test_hidden_sheets_rows_and_columns_are_left_out_with_a_word(parse):
    document = parse("a.xlsx", hidden_book())
    assert kinds(document, "row") == [f"Article: V-{n}0 | Price: {n}0" for n in (2, 4, 7, 8)]
    assert kinds(document, "heading") == ["Prices"]
    assert [b.row for b in document.blocks if b.kind == "row"] == ["2", "4", "7", "8"]
    assert document.metadata["sheets"] == "Prices"
    assert document.warnings == (
        "left out what is hidden or struck out: hidden row, 2 collapsed rows, 2 hidden columns, hidden sheet Margins, "
        "hidden sheet Salaries. To read it, set parsing.hidden = true in metier.toml",
    )


def test_columns_without_width_and_rows_without_height_are_hidden(parse):
    content = cells([["Part", "Cost", "Price"], ["V-1", "4", "9"], ["V-2", "5", "8"]])
    content = '<cols><col min="2" max="2" width="0" customWidth="1"/></cols>' + content
    content = content.replace('<row r="3">', '<row r="3" ht="0" customHeight="1">')
    assert kinds(parse("a.xlsx", samples.xlsx({"S": content})), "row") == ["Part: V-1 | Price: 9"]


def test_hidden_parts_are_read_by_the_setting(parse_as):
    document = parse_as(hidden_book(), hidden=True)
    assert "Article: V-30 | Price: 30 | Cost: 12 | Margin: 18" in kinds(document, "row")
    assert "Fitter | 3900" in document.text
    assert document.metadata["sheets"] == "Prices, Margins, Salaries"
    assert not document.warnings


def test_filtered_rows_are_left_out(parse):
    book, sheet = sheet_of([["Part", "State"], ["V-1", "new"], ["V-2", "old"], ["V-3", "new"]])
    sheet.auto_filter.ref = "A1:B4"
    sheet.auto_filter.add_filter_column(1, ["new"])
    sheet.row_dimensions[3].hidden = True
    document = parse("a.xlsx", saved(book))
    assert kinds(document, "row") == ["Part: V-1 | State: new", "Part: V-3 | State: new"]
    assert "filtered row" in document.warnings[0]


def test_a_merged_name_shows_where_its_first_cell_is_hidden(parse):
    book, sheet = sheet_of([["Group", "Part", "Value"], ["Pumps", "P-1", 1], [None, "P-2", 2], [None, "P-3", 3]])
    sheet.merge_cells("A2:A4")
    sheet.row_dimensions[2].hidden = True
    assert kinds(parse("a.xlsx", saved(book)), "row") == [
        "Group: Pumps | Part: P-2 | Value: 2",
        "Group: Pumps | Part: P-3 | Value: 3",
    ]


def test_comments_are_read_but_for_those_on_hidden_cells(parse):
    book, sheet = sheet_of([["Part", "Cost", "Price"], ["V-1", 41, 90]])
    sheet["C2"].comment = Comment("Ask Ada.", "Ben")
    sheet["B2"].comment = Comment("Margin is 54 percent.", "Ben")
    sheet.column_dimensions["B"].hidden = True
    document = parse("a.xlsx", saved(book))
    assert kinds(document, "paragraph") == ["C2: Comment by Ben: Ask Ada."]
    assert "comment on a hidden cell" in document.warnings[0]


def struck_book() -> bytes:
    book, sheet = sheet_of([["Joint", "Torque", "Note"], ["J-1", "840 Nm", "old"], ["J-2", "x", "valid"]])
    sheet["B2"].font = Font(strike=True)
    sheet["B3"] = CellRichText(TextBlock(InlineFont(strike=True), "840 Nm"), " 910 Nm")
    return saved(book)


def test_struck_cells_and_stretches_are_left_out_with_a_word(parse):
    document = parse("a.xlsx", struck_book())
    assert kinds(document, "row") == ["Joint: J-1 | Note: old", "Joint: J-2 | Torque: 910 Nm | Note: valid"]
    assert "struck cell, struck text" in document.warnings[0]


def test_struck_text_is_marked_where_the_setting_reads_it(parse_as):
    document = parse_as(struck_book(), hidden=True)
    assert kinds(document, "row") == [
        "Joint: J-1 | Torque: ~~840 Nm~~ | Note: old",
        "Joint: J-2 | Torque: ~~840 Nm~~ 910 Nm | Note: valid",
    ]


# --- marks, indents, sections --------------------------------------------------------------------------------


def test_raised_marks_stay_apart_from_figures(parse):
    raised = InlineFont(vertAlign="superscript")
    book, sheet = sheet_of([["Name", "Value"]])
    for name, parts in {
        "torque": ("840 Nm", TextBlock(raised, "1")),
        "cycles": ("10", TextBlock(raised, "6"), " load cycles"),
        "area": ("12 m", TextBlock(raised, "2")),
        "speed": ("4 s", TextBlock(raised, "-1")),
    }.items():
        sheet.append([name, CellRichText(*parts)])
    assert kinds(parse("a.xlsx", saved(book)), "row") == [
        "Name: torque | Value: 840 Nm [1]",
        "Name: cycles | Value: 10⁶ load cycles",
        "Name: area | Value: 12 m²",
        "Name: speed | Value: 4 s⁻¹",
    ]


def test_indented_names_stand_under_those_above_them(parse):
    book, sheet = sheet_of(
        [["EUR", "2024", "2023"], ["Assets", None, None], ["Cash", 5, 4], ["of which euros", 3, 2], ["Stock", 7, 6]]
    )
    for place, indent in (("A3", 1), ("A4", 2), ("A5", 1)):
        sheet[place].alignment = Alignment(indent=indent)
    rows = kinds(parse("a.xlsx", saved(book)), "row")
    assert [row.partition(" | ")[0] for row in rows] == [
        "Assets › Cash (EUR)", "Assets › Cash › of which euros (EUR)", "Assets › Stock (EUR)",
    ]  # fmt: skip
    book, sheet = sheet_of([["Item", "Value"], ["Revenue", 9], ["   Goods", 5], ["   Services", 4], ["Costs", 2]])
    rows = kinds(parse("b.xlsx", saved(book)), "row")
    assert [row.partition(" | ")[0] for row in rows] == [
        "Item: Revenue", "Item: Revenue › Goods", "Item: Revenue › Services", "Item: Costs",
    ]  # fmt: skip


def test_a_name_without_values_stands_over_rows_that_are_set_in_as_far(parse):
    rows = [["EUR", "2024"], ["Income", None], ["Sales", 9], ["  abroad", 5], ["Total", 9], ["Tax", 2], ["Costs", None]]
    book, _sheet = sheet_of([*rows, ["Wages", 4]])
    assert [row.partition(" | ")[0] for row in kinds(parse("a.xlsx", saved(book)), "row")] == [
        "Income › Sales (EUR)",
        "Income › Sales › abroad (EUR)",
        "Income › Total (EUR)",
        "Tax (EUR)",
        "Costs › Wages (EUR)",
    ]


def test_every_sheet_is_a_section_on_one_level_and_none_names_the_workbook(parse):
    book, _sheet = sheet_of([["Part", "Price"], ["V-1", 9]], "Valves")
    book.create_sheet("Pumps").append(["P-1", 7])
    document = parse("price_list.xlsx", saved(book))
    assert [(b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind == "heading"] == [
        (2, "Valves"),
        (2, "Pumps"),
    ]
    assert document.title == "price list"


def test_the_title_of_a_workbook_is_one_a_person_would_use(parse):
    rows = [["Report of May"], [], ["Part", "Price"], ["V-1", 9], ["V-2", 8]]
    book, _sheet = sheet_of(rows, "Sheet1")
    assert parse("export_2024.xlsx", saved(book)).title == "Report of May"
    book, _sheet = sheet_of(rows[2:], "Sheet1")
    book.properties.title = "(anonymous)"
    assert parse("valve_prices.xlsx", saved(book)).title == "valve prices"
    book, _sheet = sheet_of(rows[2:], "Valve prices")
    book.create_sheet("Sheet2")
    assert parse("export.xlsx", saved(book)).title == "Valve prices"


def test_tables_side_by_side_that_begin_in_different_rows_stay_apart(parse):
    book, sheet = sheet_of([["Part", "Price"], *([f"V-{n}", n] for n in range(1, 7))])
    for row, values in enumerate([["Site", "Wind"], ["North", 9], ["South", 7]], start=4):
        for column, value in enumerate(values, start=4):
            sheet.cell(row, column, value)
    rows = kinds(parse("a.xlsx", saved(book)), "row")
    assert "Site: North | Wind: 9" in rows
    assert "Part: V-4 | Price: 4" in rows


# --- ODS -----------------------------------------------------------------------------------------------------

ODS_STYLES = (
    '<style:style style:name="gone" style:family="table"><style:table-properties table:display="false"/></style:style>'
    '<style:style style:name="struck" style:family="table-cell">'
    '<style:text-properties style:text-line-through-style="solid"/></style:style>'
    '<style:style style:name="in" style:family="table-cell">'
    '<style:paragraph-properties fo:margin-left="0.35cm"/></style:style>'
    '<style:style style:name="cut" style:family="text">'
    '<style:text-properties style:text-line-through-style="solid"/></style:style>'
    '<style:style style:name="up" style:family="text">'
    '<style:text-properties style:text-position="super 58%"/></style:style>'
)


def ods_cell(text: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}>{f'<text:p>{text}</text:p>' if text else ''}</table:table-cell>"


def ods_row(*values: str, attributes: str = "") -> str:
    inner = "".join(value if value.startswith("<table:") else ods_cell(value) for value in values)
    return f"<table:table-row {attributes}>{inner}</table:table-row>"


def ods(*tables: str) -> bytes:
    return samples.odf("spreadsheet", f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet>", ODS_STYLES)


def ods_table(*rows: str, name: str = "Data", columns: str = "", attributes: str = "") -> str:
    return f'<table:table table:name="{name}" {attributes}>{columns}{"".join(rows)}</table:table>'


def hidden_ods() -> bytes:
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/><table:table-column/>'
    group = f'<table:table-row-group table:display="false">{ods_row("V-3", "6", "12")}</table:table-row-group>'
    return ods(
        ods_table(
            ods_row("Part", "Cost", "Price"),
            ods_row("V-1", "4", "9"),
            ods_row("V-2", "5", "11", attributes='table:visibility="collapse"'),
            group,
            ods_row("V-4", "7", "14", attributes='table:visibility="filter"'),
            ods_row("V-5", "8", "15"),
            columns=columns,
        ),
        ods_table(ods_row("Fitter", "3900"), name="Salaries", attributes='table:style-name="gone"'),
    )


def test_ods_hidden_sheets_rows_and_columns(parse, parse_as):
    document = parse("a.ods", hidden_ods())
    assert kinds(document, "row") == ["Part: V-1 | Price: 9", "Part: V-5 | Price: 15"]
    assert document.metadata["sheets"] == "Data"
    for word in ("hidden sheet Salaries", "hidden row", "collapsed row", "filtered row", "hidden column"):
        assert word in document.warnings[0]
    document = parse_as(hidden_ods(), name="a.ods", hidden=True)
    assert "Part: V-3 | Cost: 6 | Price: 12" in kinds(document, "row")
    assert "Fitter | 3900" in document.text


def test_ods_struck_raised_and_indented_text(parse, parse_as):
    span = '<text:span text:style-name="{}">{}</text:span>'
    content = ods(
        ods_table(
            ods_row("Joint", "Torque", "Cycles"),
            ods_row(
                "J-1", f"{span.format('cut', '840 Nm')} 910 Nm{span.format('up', '1')}", f"10{span.format('up', '6')}"
            ),
            ods_row(ods_cell("J-1a", 'table:style-name="in"'), ods_cell("5 Nm", 'table:style-name="struck"'), "7"),
        )
    )
    document = parse("a.ods", content)
    assert kinds(document, "row") == [
        "Joint: J-1 | Torque: 910 Nm [1] | Cycles: 10⁶",
        "Joint: J-1 › J-1a | Cycles: 7",
    ]
    assert "struck text, struck cell" in document.warnings[0]
    assert "Torque: ~~840 Nm~~ 910 Nm [1]" in parse_as(content, name="a.ods", hidden=True).text


def test_ods_shows_what_it_shows_and_calculates_what_was_not_saved(parse):
    value = 'office:value-type="float" office:value="{}"'
    formula = 'table:formula="of:={}"'
    content = ods(
        ods_table(
            ods_row("Name", "Price", "Total"),
            ods_row("shown", ods_cell("1.234,50 €", value.format(1234.5)), ods_cell("", formula.format("[.B2]*2"))),
            ods_row("plain", ods_cell("", value.format(0.5)), ods_cell("", formula.format("SUM([.B2:.B3];1)"))),
            ods_row("other", "x", ods_cell("", formula.format("[$Rates.A1]+1"))),
            ods_row("odd", "x", ods_cell("", formula.format("NPV([.B2])"))),
        ),
        ods_table(ods_row(ods_cell("19", value.format(19))), name="Rates"),
    )
    document = parse("a.ods", content)
    assert kinds(document, "row") == [
        "Name: shown | Price: 1.234,50 € | Total: 2469",
        "Name: plain | Price: 0.5 | Total: 1236",
        "Name: other | Price: x | Total: 20",
        "Name: odd | Price: x | Total: =NPV(B2)",
    ]
    assert document.warnings == (
        "sheet Data: 4 formulas without a saved result; 3 calculated here, 1 shown as they stand",
    )


def test_ods_comments_are_read(parse):
    noted = ods_cell("V-1").replace(
        "<text:p>", "<office:annotation><text:p>Ask Ada.</text:p></office:annotation><text:p>"
    )
    content = ods(ods_table(ods_row("Part", "Price"), ods_row(noted, "9")))
    document = parse("a.ods", content)
    assert kinds(document, "row") == ["Part: V-1 | Price: 9"]
    assert "A2: Comment: Ask Ada." in document.text


# --- XLS -----------------------------------------------------------------------------------------------------

# Made with xlwt, which is no requirement of the tests, packed and written as text. Columns B to H from row 3 under a
# merged title; row 6 and column D are hidden, so is the sheet Margins, and Salaries very much so.
XLS = (
    "c-rk)U1%It6#nk)%<OKme@T<HNt^AMG_|QQY^*{A+w}+Ar-W!kMFgE@$98G5(aB1QqE>4_#DeIPKQAq9)FM$|{6Q-U0euiE`k)9xqWDx06a^pJtm"
    "mAW-K6P`bRkwEdxkmpo^$WH-?`_Wd*|+ceYR=g_<J3TSVemf!cr*;bA?XP8!ZbdP<yGw)p8l3w^XNfMbQW?q-o&e_*Y?GLtgJiXn0ruoH+0kz4zl"
    "`3{Msu>k87X;)AW&huzAg+|wu{UnibGyLi?td`$QT;qOTAPlVqrnq$IuQ{M%3AI@fncMkfQe6Q9eZ3*HEABfElq8UIdzT`}P>P6-CHE@fYx5w)Z^"
    "@erSpe}8Q1X)CCz)0&coCF;f`<#N~vfPPNh(UFu58d=+&`)m$7P|1Z)rGX4#4H+sT&{m&qJNqwtw-?&bRg58=}GI2c#{vFjL-sFNH~c<OBV1)`E&"
    "D`Ro7oxy`lxgUl;4c0s2UQK1!KUP2WHXQBB`SSy4?NqXem@kNdc4l|B)Gn+(8B1>iOX;5G-$cS8VfO8{<b0B&0V?#2MzO#!&=0k|CjxSIoT(^YU^"
    ")@c78LFqxoU(gwf`B2omL5#ThF=uLqqWwjT4~{T~Z1+IEK&lja6QIv*1f%x2?dF}S^O&bFLtYwi#CD4Yydg-uZE}jm(R^Xd;qsvEdg`1*2gY5K?j"
    "w&nO@4Q4JU>;mCLgkf>}l$A_q78V!z=6*m)B*i9f$M9gE`keT<Db^yE0)!Gz?y!v4$rGfGy;GCm%(FH?StY+-Ti6zy+|Cnl0`!>WsNgkt%!h#iHX"
    "j@a0%8Q>lwCQ*pUq#E9o8AY5;fYetG<aQ>~|z8Ts-l6^olN8|#{0aNJV;G%@5*&_A?*@x(PsWB;+aA*nX8J6B`wNpm8M))&=vRUdK!dvL<rgHm8t"
    "6$lBRQfzCt=nmYT|(bxuU=8#LG_t)cYK(h`8nH5^|^hEkG0HwmpxABdX#3P<T;8y)u&#4h3TVgxm5o3>__44mt55%TFNU?@_$<-ae<BnFFs73q>-"
    "d5Qpk^;C+Q@GDw08xUXe_ajEWQ{$@EcC1r>tI(fpMBhM+D#VX+HUu?vCc$?-pfZ6s+lyK~Pm+6jsJiFu8-ID6cNUlr$rXT?2YzCU`EadjGZqx{r5"
    "Lt9&?5jNrR=h<pjqB%Ryvky@g=rqfY@|Mg#sj;m|YtLxjNMTyvxQ}H>&Ujdsk7W?n7Ks7RfzzWCjW00PY0{-}ny|Lw09*KT;E~KKUh^gWDmubFuT"
    "2`M3$GpHk>*I(jk$`~CgE)Jz5ZUjHtFf9cx_6AILCh>N%^}Xj6GU2-sf=A^?sSwa_3>y&MWUU&j)Rt?ljN$)j7{+Zj!j6Mf@G0ya=Nn;kAn}w{eD"
    "h5&r!q{6mcY15$p_L*D0CjtJBLwDA8r7wBE8|4s70r8_Z6PmvDy+fks>#dJ;i(*{G8$5NMRQ~tk@=^jFNaR~dxk3%)*FKtb=az2-Bm|D9nR4e{cE"
    "q?yX_<sY<<VvU"
)


def xls() -> bytes:
    return zlib.decompress(base64.b85decode("".join(XLS)))


def test_xls_is_read_as_its_cells_show_it(parse):
    document = parse("a.xls", xls())
    assert kinds(document, "row") == [
        "Part: V-10 | Price: 1,234.50 € | Since: 01.03.2024 | Share: 0.0% | Code: 000123 | Torque: 840 Nm [1]",
        "Part: V-10 › V-10a | Price: 1,235.50 € | Since: 02.03.2024 | Share: 12.5% | Code: 000123",
        "Part: V-30 | Price: 1,237.50 € | Since: 04.03.2024 | Share: 37.5% | Code: 000123 | Torque: 910 Nm",
    ]
    assert kinds(document, "caption") == ["Price list of May"]
    assert [b.row for b in document.blocks if b.kind == "row"] == ["4", "5", "7"]
    assert (document.title, document.pages, document.metadata["sheets"]) == ("Prices", 3, "Prices")
    for word in (
        "hidden sheet Margins",
        "hidden sheet Salaries",
        "hidden row",
        "hidden column",
        "struck cell, struck text",
    ):
        assert word in document.warnings[0]


def test_xls_is_read_whole_by_the_setting(parse_as):
    document = parse_as(xls(), name="prices_of_may.xls", language="de", hidden=True)
    for shown in ("1.234,50 €", "Cost: 40", "V-20 (withdrawn)", "~~850 Nm~~", "~~840 Nm~~ 910 Nm", "Secret | TRUE"):
        assert shown in document.text
    assert [(b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind == "heading"] == [
        (2, "Prices"),
        (2, "Margins"),
        (2, "Salaries"),
    ]
    assert document.title == "prices of may"
    assert not document.warnings


def test_a_damaged_xls_costs_itself_alone(parse):
    content = xls()
    for cut in (600, 2000, len(content) - 1500):
        with pytest.raises(ParseError):
            parse("a.xls", content[:cut] if cut < 1000 else content[:cut] + bytes(len(content) - cut))
