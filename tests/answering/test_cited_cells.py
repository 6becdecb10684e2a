"""Citations of tables name row and column."""

from __future__ import annotations

import pytest
from paced_scripted_endpoint import scripted_endpoint

from metier import Expert
from metier.serving.responses import CitationResponse

pytestmark = pytest.mark.slow

SALES = """<h1>Annual report</h1><p>Sales grew in all regions: nobody left the company.</p>
<table><caption>Sales of the company</caption>
<tr><th rowspan=2>(in millions)</th><th colspan=2>Year ended June 30</th></tr>
<tr><th>2023</th><th>2022</th></tr>
<tr><td colspan=3>Products</td></tr>
<tr><td>Less: spare parts</td><td>$ 1,452.4</td><td>1,146.2</td></tr>
<tr><td>Gearboxes</td><td>88</td><td>88</td></tr>
<tr><td></td><td>1,540.4</td><td>1,234.2</td></tr></table>"""
SPARE_PARTS = "Products › Less: spare parts"


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "sales.html").write_text(SALES, encoding="utf-8")
    return folder


def written(tmp_path, docs, text):
    """Row and column of each citation of an answer that a model wrote."""
    with scripted_endpoint(text) as endpoint:
        with Expert.create(tmp_path / "expert", model="openai:scripted") as made:
            path = made.folder / "metier.toml"
            path.write_text(path.read_text().replace("[generation]", f'[generation]\nurl = "{endpoint.url}"'))
        with Expert.open(tmp_path / "expert") as expert:
            expert.add(str(docs))
            expert.sync()
            answer = expert.ask("What were the sales of spare parts of the company?")
            return [(cited.row, cited.column) for cited in answer.citations]


def test_the_cell_of_the_year_asked_for_is_named(tmp_path, docs):
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs))
        expert.sync()
        answer = expert.ask("What were the sales of spare parts in 2022?")
    cited = answer.citations[0]
    assert (cited.row, cited.column) == (SPARE_PARTS, "Year ended June 30 › 2022")
    assert f"row {SPARE_PARTS}, column Year ended June 30 › 2022" in str(answer)
    said = CitationResponse.of(cited)
    assert (said.row, said.column) == (cited.row, cited.column)


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("Sales of spare parts were $1,452.4 million.", SPARE_PARTS, "Year ended June 30 › 2023"),
        ("Sales of spare parts were 1,452.4 million, after 1,146.2 million.", SPARE_PARTS, ""),
        ("Sales of spare parts were 1,452.4 million. Those of spare parts before were 1,146.2.", SPARE_PARTS, ""),
        ("Sales of gearboxes were 88 million in 2023.", "Products › Gearboxes", ""),
        ("Sales grew in all regions: nobody left the company.", "", ""),
    ],
    ids=["a cell", "two cells", "two sentences", "one value in two columns", "no table"],
)  # fmt: skip
def test_what_a_model_writes_of_a_row_names_it(tmp_path, docs, text, row, column):
    assert written(tmp_path, docs, text)[0] == (row, column)


def test_a_row_without_a_name_has_its_number(tmp_path, docs):
    text = "Sales were 1,540.4 million in the year ended June 30 2023, and 1,234.2 in 2022."
    assert ("6", "") in written(tmp_path, docs, text)
