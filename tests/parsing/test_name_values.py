"""Two columns of names and values have no header: the first row says something, as all others do."""

from __future__ import annotations

import io

import docx
import pytest

from .conftest import kinds
from .test_lead_in import written

SHEETS = {
    "en": [["Ship", "MV Halla"], ["Built", "1998"], ["Length", "120 m"], ["Flag", "Norway"], ["Agent", "Corrin Lines"]],
    "de": [["Firma", "Backstube Nord"], ["Gegründet", "1987"], ["Filialen", "4"], ["Umsatz", "2,1 Mio. €"]],
    "bn": [["জাহাজ", "এমভি হাল্লা"], ["নির্মাণ", "১৯৯৮"], ["দৈর্ঘ্য", "১২০ মি"], ["পতাকা", "নরওয়ে"], ["এজেন্ট", "করিন"]],
    "ja": [
        ["会社名", "北パン"],
        ["設立", "1987年"],
        ["住所", "東京都港区1-2"],
        ["電話", "03-1234-5678"],
        ["従業員", "32人"],
    ],
    "ar": [["السفينة", "هالا"], ["الطول", "120 م"], ["العلم", "النرويج"], ["البناء", "1998"], ["الوكيل", "كورين"]],
}


def as_file(kind: str, rows: list[list[str]]) -> tuple[str, bytes]:
    if kind != "docx":
        return written(kind, rows)
    document, target = docx.Document(), io.BytesIO()
    table = document.add_table(len(rows), len(rows[0]))
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.save(target)
    return "sheet.docx", target.getvalue()


@pytest.mark.parametrize("kind", ["html", "csv", "xlsx", "docx"])
@pytest.mark.parametrize("language", SHEETS)
def test_names_and_values_have_no_header_in_any_language(parse, kind, language):
    found = kinds(parse(*as_file(kind, SHEETS[language])), "row")
    assert found == [f"{name}: {value}" for name, value in SHEETS[language]]


@pytest.mark.parametrize(
    "rows",
    [
        [["Port", "Calls"], ["North", "12"], ["South", "7"], ["East", "3"], ["West", "22"]],
        [["Bread", "Price"], ["Rye", "3.20"], ["Spelt", "on request"], ["Oat", "3.00"], ["Wheat", "2.80"]],
        [["Bread", "Price EUR"], ["Rye", "3.20"], ["Spelt", "on request"], ["Oat", "sold out"], ["Wheat", "2.80"]],
        [["Event", "Date"], ["Launch", "12 May 2019"], ["Review", "3 June 2020"], ["Sale", "1 July 2021"]],
        [["Boat", "Owner"], ["Halla", "Ada"], ["Corrin", "Bob"], ["Velsay", "Eve"], ["Bran", "Kim"]],
        [["Name", "Value"], ["torque", "840 Nm"], ["colour", "red"], ["speed", "4 kn"], ["yard", "Corrin"]],
        [["Part", "Note"], ["V-10", "90 mm"], ["V-20", "new"], ["V-30", "1998"], ["V-40", "none left"]],
    ],
)
def test_a_column_that_one_name_fits_keeps_it(read, rows):
    (a, b), *body = rows
    assert read(rows) == [f"{a}: {first} | {b}: {second}" for first, second in body]


@pytest.mark.parametrize("kind", ["html", "xlsx", "docx"])
def test_texts_alone_are_a_title_or_groups(parse, kind):
    engine = [["Make", "Wärtsilä"], ["Power", "400 kW"], ["Year", "1998"]]
    hull = [["Material", "steel"], ["Length", "40 m"], ["Yard", "Corrin"]]
    document = parse(*as_file(kind, [["Data sheet", ""], *engine, *hull]))
    assert document.tables[0].caption == "Data sheet"
    assert kinds(document, "row")[:2] == ["Make: Wärtsilä", "Power: 400 kW"]
    document = parse(*as_file(kind, [["Engine", ""], *engine, ["Hull", ""], *hull]))
    assert kinds(document, "row")[1::3] == ["Engine › Power: 400 kW", "Hull › Length: 40 m"]
