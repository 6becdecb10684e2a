"""Names of columns that stand again, or anew, in the body of a table head the rows below them, and none above."""

from __future__ import annotations

import pytest

from .conftest import html, kinds
from .test_lead_in import written

QUARTERS = [
    ["", "", "Fiscal 2019", "", ""],
    ["", "First", "Second", "Third", ""],
    ["", "quarter", "quarter", "quarter", "Total"],
    ["Revenue", "94", "96", "88", "278"],
    ["Result", "8", "(2)", "5", "11"],
    ["", "", "Fiscal 2018", "", ""],
    ["", "First", "Second", "Third", ""],
    ["", "quarter", "quarter", "quarter", "Total"],
    ["Revenue", "88", "89", "93", "270"],
    ["Result", "(3)", "12", "11", "20"],
]


@pytest.mark.parametrize("kind", ["html", "xlsx", "csv"])
def test_a_second_header_heads_what_is_below_it(parse, kind):
    found = kinds(parse(*written(kind, QUARTERS)), "row")
    assert [row.split(" | ")[::2] for row in found] == [
        ["Revenue", "Fiscal 2019 › Second › quarter: 96", "Fiscal 2019 › Total: 278"],
        ["Result", "Fiscal 2019 › Second › quarter: (2)", "Fiscal 2019 › Total: 11"],
        ["Revenue", "Fiscal 2018 › Second › quarter: 89", "Fiscal 2018 › Total: 270"],
        ["Result", "Fiscal 2018 › Second › quarter: 12", "Fiscal 2018 › Total: 20"],
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["", "2023", "2022"], ["", "2021", "2020"]),
        (["", "২০২৩", "২০২২"], ["", "২০২১", "২০২০"]),
        (["品名", "2023年", "2022年"], ["品名", "2021年", "2020年"]),
        (["Sorte", "Jan. 2024", "Febr. 2024"], ["Sorte", "Jan. 2023", "Febr. 2023"]),
        (["(in Mio.)", "2023", "Zugang"], ["(in Mio.)", "2022", "Zugang"]),
        (["Quai", "Longueur (m)", "Tirant (m)"], ["Grue", "Portée (m)", "Charge (t)"]),
        (["", "Halla", "Corrin"], ["", "Bran", "Skua"]),
    ],
)
def test_names_that_differ_begin_a_part_of_their_own(read, first, second):
    found = read([first, ["A", "5", "4"], ["B", "2", "1"], second, ["A", "50", "40"], ["B", "20", "10"]])
    assert len(found) == 4
    assert all(first[1] in row and second[1] not in row for row in found[:2])
    assert all(first[1] not in row for row in found[2:])
    assert [row.split(" | ")[1:] for row in found[2:]] == [
        [f"{second[1]}: 50", f"{second[2]}: 40"],
        [f"{second[1]}: 20", f"{second[2]}: 10"],
    ]


@pytest.mark.parametrize(
    "row",
    [
        ["Founded", "1987", "2003"],
        ["Spelt", "sold out", "ordered"],
        ["Expiry", "March 2021", "June 2022"],
        ["Dividend", "nil", "nil"],
        ["", "see note", "see page"],
    ],
)
def test_a_row_whose_values_are_words_or_years_is_no_header(read, row):
    found = read([["", "2021", "2022"], ["Boats", "4", "5"], row, ["Fee", "20", "30"], ["Crew", "3", "4"]])
    assert found[2:] == ["Fee | 2021: 20 | 2022: 30", "Crew | 2021: 3 | 2022: 4"]


def test_names_that_stand_again_as_they_are_part_nothing(parse):
    rows = [["Boat", "Owner"], ["Halla", "Ada"], ["Boat", "Owner"], ["Corrin", "Bob"]]
    document = parse("a.html", html(rows))
    assert kinds(document, "row") == ["Boat: Halla | Owner: Ada", "Boat: Corrin | Owner: Bob"]
    assert len(document.tables) == 1


def test_a_title_over_the_second_names_is_theirs(parse):
    rows = [
        ["Sales 2019", "", ""], ["Region", "Q1", "Q2"], ["North", "1", "2"],
        ["Sales 2018", "", ""], ["Region", "Q1", "Q2"], ["North", "3", "4"],
    ]  # fmt: skip
    document = parse("a.html", html(rows))
    assert kinds(document, "row") == ["Region: North | Q1: 1 | Q2: 2", "Region: North | Q1: 3 | Q2: 4"]
    assert [table.caption for table in document.tables] == ["Sales 2019", "Sales 2018"]
    assert [table.rows[0].key for table in document.tables] == ["3", "6"]


def test_a_row_of_th_in_the_body_names_the_columns_below_it(parse):
    page = "<table><tr><th>Mill<th>Miller</tr><tr><td>North<td>Ada</tr><tr><th>Boat<th>Captain</tr><tr><td>Halla<td>Bob"
    assert kinds(parse("a.html", page), "row") == ["Mill: North | Miller: Ada", "Boat: Halla | Captain: Bob"]


@pytest.mark.parametrize("kind", ["html", "xlsx", "csv"])
def test_a_name_alone_over_other_columns_is_a_group(parse, kind):
    rows = [
        ["", "Length", "Beam"], ["", "Ferries", ""], ["Halla", "40", "9"], ["Corrin", "38", "8"],
        ["", "Tugs", ""], ["Bran", "22", "7"], ["Skua", "20", "6"],
    ]  # fmt: skip
    assert kinds(parse(*written(kind, rows)), "row") == [
        "Ferries › Halla | Length: 40 | Beam: 9",
        "Ferries › Corrin | Length: 38 | Beam: 8",
        "Tugs › Bran | Length: 22 | Beam: 7",
        "Tugs › Skua | Length: 20 | Beam: 6",
    ]


@pytest.mark.parametrize("kind", ["html", "xlsx", "csv"])
def test_years_alone_at_the_left_head_the_rows_below_them(parse, kind):
    rows = [
        ["", "Q1", "Q2"], ["2024", "", ""], ["Income", "", ""], ["Ferry", "11", "13"], ["Total", "11", "13"],
        ["Costs", "6", "8"], ["2023", "", ""], ["Income", "", ""], ["Ferry", "10", "12"], ["Costs", "5", "7"],
    ]  # fmt: skip
    assert kinds(parse(*written(kind, rows)), "row") == [
        "2024 › Income › Ferry | Q1: 11 | Q2: 13",
        "2024 › Income › Total | Q1: 11 | Q2: 13",
        "2024 › Costs | Q1: 6 | Q2: 8",
        "2023 › Income › Ferry | Q1: 10 | Q2: 12",
        "2023 › Income › Costs | Q1: 5 | Q2: 7",
    ]


def test_a_year_without_values_in_a_column_of_years_is_a_row(read):
    assert read([["Year", "Ferry"], ["2021", "10"], ["2022", ""], ["2023", "14"], ["2024", ""], ["Total", "24"]]) == [
        "Year: 2021 | Ferry: 10", "Year: 2022", "Year: 2023 | Ferry: 14", "Year: 2024", "Year: Total | Ferry: 24",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["html", "xlsx", "csv"])
def test_a_group_right_below_the_names_is_none_of_them(parse, kind):
    prices = [
        ["Code", "Service", "Upright", "Grand"],
        ["", "Tuning", "", ""],
        ["T1", "Standard", "105", "120"],
        ["T2", "Concert", "190", "215"],
        ["", "Action", "", ""],
        ["R1", "Regulation", "780", "1180"],
    ]
    found = kinds(parse(*written(kind, prices)), "row")
    assert "Code: T1 | Service: Standard | Upright: 105 | Grand: 120" in found
    assert "Code: R1 | Service: Regulation | Upright: 780 | Grand: 1180" in found
