"""A corrected row of a table is a row of a table: row and column are cited and drawn as those of the original."""

from __future__ import annotations

import pytest

from metier import Expert
from metier.core.documents import TextBuilder, document_id
from metier.feedback.corrected_tables import add_rows

pytestmark = pytest.mark.slow

PRICES = """<h1>Prices of bearings</h1><p>They hold until spring.</p>
<table><caption>Prices by size</caption><tr><th>Bearing</th><th colspan=2>Price</th><th>Stock</th></tr>
<tr><th></th><th>2023</th><th>2024</th><th></th></tr>
<tr><td>NV-110</td><td>840</td><td>910</td><td>12</td></tr><tr><td>NV-120</td><td>870</td><td>950</td><td></td></tr></table>"""
QUESTION = "What was the price of the bearing NV-110 in 2024?"


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prices")
    (folder / "docs").mkdir()
    (folder / "docs" / "prices.html").write_text(PRICES, encoding="utf-8")
    with Expert.create(folder / "expert") as made:
        made.add(str(folder / "docs"))
        made.sync()
        yield made


def test_row_and_column_of_a_corrected_figure_are_cited(expert):
    original = expert.runtime.store.document(document_id("docs/prices.html"))
    passage = next(p for p in expert.runtime.store.passages(original.id) if "910" in p.text)
    before = expert.ask(QUESTION).citations[0]
    assert (before.row, before.column) == ("NV-110", "Price › 2024")
    text = passage.text.replace("910", "925")
    made = expert.corrections.add(
        QUESTION, "925", change="replace", passage=passage.id, text=text, who="a", accept=True
    )
    cited = expert.ask(QUESTION).citations[0]
    assert "925" in cited.quote
    assert (cited.document, cited.row, cited.column) == (f"correction:{made.id}", "NV-110", "Price › 2024")
    corrected = expert.runtime.store.document(cited.document_id)
    (table,) = corrected.tables
    assert table.names == original.tables[0].names
    assert [row.key for row in table.rows] == [row.key for row in original.tables[0].rows]
    assert [[corrected.text[slice(*place)] if place else "" for place in row.cells] for row in table.rows] == [
        ["NV-110", "840", "925", "12"],
        ["NV-120", "870", "950", ""],
    ]
    expert.corrections.undo(made.id, who="a")
    assert expert.ask(QUESTION).citations[0].document == "docs/prices.html"


TABLES = [
    {"rows": [["Item", "2023", "2022"], ["Sales", "5", "4"], ["Costs", "", "(2)"]]},
    {
        "rows": [["", "2023", "2022"], ["Less: parts", "5", "4"], ["Costs", "3", "(2)"]],
        "unit": "(in millions)", "groups": [("Revenue",), ()],
    },
    {"rows": [["Port", "", "Sailing 1"], ["Tarn", "dep", "06:15"], ["Velsay", "", "07:00"]]},
    {"rows": [["a", "b", "c"], ["d", "e", "f"]], "header": False},
    {"rows": [["Serial", "SN-1"], ["Date", "2024-05-01"]], "header": False, "pairs": True},
    {"rows": [["Part", "Note"], ["Bolt", "see: page 4"], ["Nut", "tighten"]]},
]  # fmt: skip


@pytest.mark.parametrize("named", [True, False], ids=["with the names", "rows alone"])
@pytest.mark.parametrize("table", TABLES)
def test_written_rows_are_read_back_into_their_table(table, named):
    written, read = TextBuilder(), TextBuilder()
    written.add_table(**table)
    (before,) = written.tables
    first = before.rows[0].start if not named else before.start
    add_rows(read, written.text[first:], page=3, key=before.rows[0].key)
    (after,) = read.tables
    assert (after.names, after.unit, after.page) == (before.names, before.unit, 3)
    assert [row.moved(first) for row in after.rows] == list(before.rows)
    assert [block.row for block in read.blocks] == [None, *(row.key for row in before.rows)]
