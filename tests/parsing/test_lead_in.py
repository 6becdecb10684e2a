"""Lines over a table that say of what and when it is, names with their values among them, are no names of columns."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from openpyxl import Workbook

from .conftest import kinds
from .test_tables import html

BODY = [["Date", "Vessel", "Hours"], ["14.01.2025", "MV Halla", "36.5"], ["02.02.2025", "MV Corrin", "8"]]
ROWS = ["Date: 14.01.2025 | Vessel: MV Halla | Hours: 36.5", "Date: 02.02.2025 | Vessel: MV Corrin | Hours: 8"]


def written(kind: str, rows: Sequence[Sequence[str]]) -> tuple[str, bytes]:
    """A table as a file: its name and content. An empty row is a blank line."""
    width = max(map(len, rows))
    if kind in ("csv", "padded"):
        filled = [[*row, *[""] * (width - len(row))] if kind == "padded" else row for row in rows]
        return "log.csv", "".join(";".join(row) + "\n" for row in filled).encode()
    if kind == "html":
        return "log.html", html([[*row, *[""] * (width - len(row))] for row in rows])
    book, target = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(target)
    return "log.xlsx", target.getvalue()


@pytest.mark.parametrize("kind", ["csv", "padded", "xlsx", "html"])
@pytest.mark.parametrize(
    ("lines", "caption"),
    [
        ([["Valid from", "2026-01-01"]], "Valid from: 2026-01-01"),
        ([["Velsay Ltd"], ["Valid from", "2026-01-01"]], "Velsay Ltd – Valid from: 2026-01-01"),
        ([["Valid from:", "Easter"], ["Velsay Ltd"]], "Valid from: Easter – Velsay Ltd"),
        ([["Printed by", "Ada Byron"], ["Currency", "EUR"]], "Printed by: Ada Byron – Currency: EUR"),
        ([["Log of 2025"], ["Rows", "2"], ["By", "Ada"]], "Log of 2025 – Rows: 2 – By: Ada"),
    ],
)
def test_names_and_values_right_over_a_table_are_rows_and_its_caption(parse, kind, lines, caption):
    document = parse(*written(kind, [*lines, *BODY]))
    pairs = [f"{line[0].rstrip(':')}: {line[1]}" for line in lines if len(line) > 1]
    assert kinds(document, "row") == [*pairs, *ROWS]
    assert kinds(document, "caption") == [document.tables[-1].caption] == [caption]


@pytest.mark.parametrize("kind", ["csv", "padded", "xlsx"])
def test_a_blank_line_may_stand_between(parse, kind):
    lines = [["Velsay Ltd"], ["Log of 2025, export of ShipCare"], ["Printed", "03.07.2025"], []]
    document = parse(*written(kind, [*lines, *BODY]))
    assert kinds(document, "row") == ["Printed: 03.07.2025", *ROWS]
    assert document.tables[-1].caption == "Velsay Ltd – Log of 2025, export of ShipCare – Printed: 03.07.2025"
    document = parse(*written(kind, [["Velsay Ltd"], [], ["Printed", "03.07.2025"], [], *BODY]))
    assert kinds(document, "row") == ["Printed: 03.07.2025", *ROWS]


def test_the_title_is_no_name_with_its_value(parse):
    assert parse(*written("csv", [["Valid from", "2026-01-01"], *BODY])).title == "log"
    assert parse(*written("csv", [["Velsay Ltd"], ["Valid from", "2026-01-01"], *BODY])).title == "Velsay Ltd"


def test_two_columns_under_a_date(parse):
    table = [["Valid from", "2026-01-01"], ["Part", "Price"], ["V-10", "90"], ["V-20", "120"]]
    assert kinds(parse(*written("csv", table)), "row")[1:] == ["Part: V-10 | Price: 90", "Part: V-20 | Price: 120"]


@pytest.mark.parametrize("kind", ["csv", "html"])
def test_names_over_several_columns_stay_names(parse, kind):
    rows = [["(in millions)", "Year ended June 30"], ["", "2023", "2022"], ["Sales", "5", "4"], ["Costs", "2", "1"]]
    year = "Year ended June 30"
    assert kinds(parse(*written(kind, rows)), "row")[0] == f"Sales (in millions) | {year} › 2023: 5 | {year} › 2022: 4"
    rows = [
        ["Bolts", "Torque"],
        ["Size", "Dry", "Oiled", "Waxed"],
        ["M10", "49", "44", "40"],
        ["M12", "85", "77", "70"],
    ]
    assert kinds(parse(*written(kind, rows)), "row")[0].endswith("Torque › Oiled: 44 | Torque › Waxed: 40")
