"""A time in a timetable knows its station, whether one leaves or arrives, and its sailing."""

from __future__ import annotations

import pytest

from . import samples
from .conftest import kinds
from .test_lead_in import written

STOPS = [
    ["Tarn Harbour", "dep", "06:15", "09:40", "13:05"],
    ["Velsay South", "arr", "07:00", "10:25", "13:50"],
    ["Velsay South", "dep", "07:10", "10:40", "14:00"],
    ["Morrick Quay", "arr", "08:25", "11:55", "–"],
]
ONCE = [["" if n == 2 and not m else cell for m, cell in enumerate(row)] for n, row in enumerate(STOPS)]
SAILINGS = ["Sailing 1", "Sailing 3", "Sailing 5"]
KINDS = ["csv", "html", "xlsx", "pdf"]


def document_of(parse, kind, rows):
    if kind != "pdf":
        return parse(*written(kind, rows))
    page = [(60, 800, 16, "Summer timetable of the ferries")]
    for n, row in enumerate(rows):
        for column, cell in enumerate(row):
            x = 60 if not column else 90 + 70 * column - 4.5 * (len(cell) if column > 1 else 0)
            page += [(x, 740 - 14 * n, 9, cell)] if cell else []
    return parse("a.pdf", samples.pdf([page]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stops", [STOPS, ONCE], ids=["each", "once"])
@pytest.mark.parametrize("corner", ["Port", ""])
def test_leaving_and_arriving_in_a_column_of_their_own(parse, kind, stops, corner):
    document = document_of(parse, kind, [[corner, "", *SAILINGS], *stops])
    told = "Port: " if corner else ""
    assert kinds(document, "row") == [
        f"{told}Tarn Harbour dep | Sailing 1: 06:15 | Sailing 3: 09:40 | Sailing 5: 13:05",
        f"{told}Velsay South arr | Sailing 1: 07:00 | Sailing 3: 10:25 | Sailing 5: 13:50",
        f"{told}Velsay South dep | Sailing 1: 07:10 | Sailing 3: 10:40 | Sailing 5: 14:00",
        f"{told}Morrick Quay arr | Sailing 1: 08:25 | Sailing 3: 11:55 | Sailing 5: –",
    ]
    (table,) = document.tables
    assert [row.name(document.text) for row in table.rows][1:3] == ["Velsay South arr", "Velsay South dep"]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_over_times_are_those_of_sailings(parse, kind):
    document = document_of(parse, kind, [["Sailing", "", "1", "3", "5"], *ONCE])
    assert kinds(document, "row")[2] == "Sailing: Velsay South dep | 1: 07:10 | 3: 10:40 | 5: 14:00"
    document = document_of(parse, kind, [["", "", "Mon-Fri", "Daily", "Sat"], ["Sailing", "", "1", "3", "5"], *ONCE])
    assert kinds(document, "row")[2].endswith("| Mon-Fri › 1: 07:10 | Daily › 3: 10:40 | Sat › 5: 14:00")


@pytest.mark.parametrize("kind", KINDS)
def test_leaving_and_arriving_in_a_second_line_of_names(parse, kind):
    rows = [
        ["Sailing", "Tarn", "Velsay", "", "Morrick"],
        ["", "dep", "arr", "dep", "arr"],
        ["No. 1", "06:15", "07:00", "07:10", "08:25"],
        ["No. 3", "09:40", "10:25", "10:40", "11:55"],
    ]
    assert kinds(document_of(parse, kind, rows), "row")[1] == (
        "Sailing: No. 3 | Tarn › dep: 09:40 | Velsay › arr: 10:25 | Velsay › dep: 10:40 | Morrick › arr: 11:55"
    )


def test_words_before_times_of_other_tables_stay_in_their_column(parse):
    rows = [["Shift", "Day", "From", "To"], ["Early", "Mon", "06:00", "14:00"], ["Late", "Mon", "14:00", "22:00"]]
    rows.append(["Night", "Tue", "22:00", "06:00"])
    assert kinds(parse(*written("csv", rows)), "row")[0] == "Shift: Early | Day: Mon | From: 06:00 | To: 14:00"
