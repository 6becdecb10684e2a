"""Where something stands, in words: the page of a PDF, the slide of a presentation, the sheet of a workbook by name, of
mail and text nothing; the same word in the command line, the API, the page, the tools and the report."""

from __future__ import annotations

import httpx
import pytest
from evaluation.sample_result import sample
from parsing import samples
from parts import read_nothing

from metier import Expert
from metier.core.documents import Passage
from metier.evaluation.report.page import html
from metier.evaluation.result import ComparisonResult
from metier.parsing.core.locators import locator_in, locator_of

from .test_mcp import over_stdio

pytestmark = pytest.mark.slow

PRICE, BRAKE, MAIL = "price of seal P-17", "yaw brake locked with two pins", "gearbox shakes at 12 Hz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An expert that has read a workbook, slides, a mail and a table of text."""
    place = tmp_path_factory.mktemp("places")
    docs = place / "docs"
    docs.mkdir()
    stock = samples.cells([["Part", "Shelf"], ["Filter F-77", "A4"], ["Pump U-12", "B2"]])
    prices = samples.cells([["Part", "Price"], ["Seal P-17", "320"], ["Disc P-18", "2100"]])
    (docs / "dealers.xlsx").write_bytes(samples.xlsx({"Stock, old": stock, "Prices": prices}))
    slides = [samples.shape("Welcome"), samples.shape("Before work the yaw brake is locked with two pins of 40 mm.")]
    (docs / "training.pptx").write_bytes(samples.pptx(slides))
    (docs / "shaking.eml").write_text(
        "From: a@x.org\nTo: b@x.org\nSubject: Shaking\n\nThe third gearbox shakes at 12 Hz since Friday.\n"
    )
    with Expert.create(place / "parts") as made:
        made.add(str(docs))
        made.sync()
    read_nothing(place / "parts")
    return place / "parts"


def test_a_citation_and_a_hit_name_sheet_and_slide(folder):
    with Expert.open(folder) as expert:
        assert [locator_of(expert.search(asked, 1)[0].passage) is not None for asked in (PRICE, BRAKE, MAIL)] == [
            True, True, False
        ]  # fmt: skip
        answer = expert.ask("What is the price of the seal P-17?")
        (citation,) = answer.citations
        assert (citation.page, citation.sheet) == (2, "Prices")
        assert citation.locator == 'sheet "Prices", row Seal P-17, column Price'
        assert str(answer).count("Prices") == 1
        assert "page" not in str(answer)


def test_the_command_line_names_them(call_metier, folder):
    for asked, named in ((PRICE, 'dealers.xlsx  sheet "Prices"'), (BRAKE, "training.pptx  slide 2")):
        said = call_metier("search", asked, "-n", "1", "-e", str(folder)).stdout
        assert named in said
        assert "page" not in said
    assert "page" not in call_metier("search", MAIL, "-n", "1", "-e", str(folder)).stdout


@pytest.mark.parametrize(
    ("language", "sheet", "slide"), [("en", "sheet “Prices”", "slide 2"), ("bn", "শিট “Prices”", "স্লাইড 2")]
)
def test_the_page_names_them_in_its_languages(address, language, sheet, slide):
    for asked, named in ((PRICE, sheet), (BRAKE, slide)):
        headers = {"Accept": "text/html", "Accept-Language": language}
        shown = httpx.get(f"{address}/search", params={"q": asked}, headers=headers, timeout=60).text
        assert f", {named}</a>" in shown


def test_the_api_names_them(address):
    for asked, named in ((PRICE, 'sheet "Prices"'), (BRAKE, "slide 2"), (MAIL, "")):
        found = httpx.get(f"{address}/api/search", params={"q": asked, "limit": 1}, timeout=60).json()["hits"][0]
        assert found["locator"] == named


def test_an_agent_is_told_them(folder):
    async def work(client):
        found = await client.call_tool("search", {"query": PRICE, "limit": 1})
        lost = await client.call_tool("read_document", {"document": "docs/training.pptx", "page": 9})
        return found.content[0].text, lost.content[0].text

    found, lost = over_stdio(folder, work)
    assert ', sheet "Prices" (docs/dealers.xlsx)' in found
    assert "no text on slide 9" in lost
    assert "It has 2 slides" in lost


def test_the_api_and_the_page_say_what_to_do_with_a_message_that_asks_nothing(address):
    for message in ("??", "asdf"):
        answer = httpx.post(f"{address}/api/ask", json={"question": message}, timeout=60).json()
        assert (answer["text"], answer["abstained"]) == ("Please ask a question about the documents.", True)
        asked = {"q": message, "now": "1"}
        page = httpx.get(f"{address}/", params=asked, headers={"Accept": "text/html"}, timeout=60).text
        assert "Please ask a question about the documents." in page


def test_the_report_names_them():
    result = sample(2)
    cited = result["answers"][0]["modes"]["rag"]
    cited |= {"citations": [
        {"document": "a.xlsx", "page": 2, "start": 0, "end": 1, "quote": "1", "headings": [], "passage_id": "p",
         "sheet": "Prices"},
        {"document": "b.pptx", "page": 3, "start": 0, "end": 1, "quote": "1", "headings": [], "passage_id": "q"},
    ], "abstained": False}  # fmt: skip
    page = html(ComparisonResult.from_json(result), "en")
    assert "sheet “Prices”" in page
    assert "b.pptx</bdi>, slide 3" in page


@pytest.mark.parametrize(
    ("uri", "number", "said"),
    [
        ("manuals/nv.pdf", 4, "page 4"),
        ("deck #2.PPTX", 4, "slide 4"),
        ("https://x.org/files/prices.ods?v=2#top", 3, "sheet 3"),
        ("notes", 3, "page 3"),
        ("mail/a.eml", None, "None"),
    ],
)
def test_without_more_the_name_of_the_file_tells(uri, number, said):
    assert str(locator_in(uri, number)) == said


@pytest.mark.parametrize(
    ("title", "headings", "sheets", "sheet"),
    [
        ("Prices", ("Prices", "of 2026"), "Prices", "Prices"),  # a workbook that is called like its only sheet
        ("Prices", ("Prices", "Costs"), "Prices, Costs", "Costs"),
        ("Dealers", ("Dealers", "Stock, old", "Costs"), "Stock, old, Costs", "Stock, old"),
        ("Dealers", ("Dealers", "Costs"), "", ""),  # no workbook
    ],
)
def test_the_heading_that_names_the_sheet(title, headings, sheets, sheet):
    metadata = {"sheets": sheets} if sheets else {}
    passage = Passage("p", "d", "text", 0, 4, headings, 1, uri="a", title=title, metadata=metadata)
    assert str(locator_of(passage)) == (f'sheet "{sheet}"' if sheet else "page 1")
