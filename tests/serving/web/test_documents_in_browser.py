"""Documents in a browser: the list, and a citation opened at its place in a text, a table, a mail and a PDF."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pypdfium2
import pytest
from parsing.samples import cells, pdf, scan, xlsx

from metier import Expert
from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from ..servers import Server
from .browsing import PHONE, axe_serious, opened, sideways

pytestmark = pytest.mark.slow

TORQUE = "The blade root nuts of the NV-110 are tightened to 840 Nm."
MAIL = """From: Tova <tova@skarvind.example>
To: Malin <malin@skarvind.example>
Date: Tue, 06 May 2025 19:48:00 +0200
Subject: Swap of standby
Content-Type: text/plain; charset=utf-8

I would take week 24, and he takes mine. <script>alert(1)</script>
"""
BENGALI = "# নিরাপত্তা\n\nনীল চাবি টাওয়ারের দরজা খোলে। লাল চাবি কেবিনের।\n"
FIGURES = "# Pitch\n\n" + " ".join(f"Pitch motor {number} turns its blade by itself." for number in range(100, 190))
STAFF = """<table><caption>Staff by region</caption>
<tr><th rowspan=2>(in thousands)</th><th colspan=2>2023</th></tr><tr><th>Staff</th><th>Share</th></tr>
<tr><td colspan=3>Europe</td></tr><tr><td>Åland</td><td>1,204</td><td>40%</td></tr>
<tr><td>Skåne</td><td>804</td><td>26%</td></tr>
<tr><td>Total</td><td>2,008</td><td>66%</td></tr></table>"""
SECRET = "# Safe\n\nThe code of the Vargmyr safe is 4711.\n"


def manual() -> bytes:
    filler = [(60, 700 - 16 * n, 11, f"Line {n} says how the crane is rigged and by whom.") for n in range(30)]
    torque = [(60, 700 - 16 * n, 11, f"Row {n} is about other bolts.") for n in range(20)]
    return pdf([[(60, 780, 18, "Blade bolts"), *filler], [*torque, (60, 300, 11, TORQUE), (60, 30, 8, "Page 2")]])


def write_documents(folder: Path) -> None:
    folder.mkdir()
    (folder / "manual.pdf").write_bytes(manual())
    rows = [["Part", "Fits", "Price EUR"], *[[f"SK-{n}", "NV-110", str(100 + n)] for n in range(40)]]
    (folder / "prices.xlsx").write_bytes(xlsx({"Prices": cells(rows)}))
    (folder / "swap.eml").write_text(MAIL, encoding="utf-8")
    (folder / "নিরাপত্তা.md").write_text(BENGALI, encoding="utf-8")
    (folder / "pitch.md").write_text(FIGURES)
    (folder / "staff.html").write_text(STAFF, encoding="utf-8")
    (folder / "changed.pdf").write_bytes(pdf([[(60, 700, 12, "This page will be another one.")]]))
    if shutil.which("tesseract"):
        (folder / "scan.pdf").write_bytes(scan(pdf([[(60, 700, 26, "The seal is worn out")]])))


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A server on documents of several kinds. `ids` by name; `place(name, quote)`: the address of a citation."""
    root = tmp_path_factory.mktemp("library")
    write_documents(root / "docs")
    (root / "secret").mkdir()
    (root / "secret" / "safe.md").write_text(SECRET)
    (root / "secret" / "plan.pdf").write_bytes(pdf([[(60, 700, 12, "The plan of the Vargmyr vault.")]]))
    with Expert.create(root / "expert") as made:
        made.add(str(root / "docs"))
        made.add(str(root / "secret"), groups=("board",))
        report = made.sync()
        assert not report.failed
        ids = {uri.rpartition("/")[2]: name for uri, name in made.runtime.store.uris().items()}
        texts = {name: made.runtime.store.document(each).text for name, each in ids.items()}
        passages = made.runtime.store.passages(ids["pitch.md"])
        made.corrections.hide(passages[0].id)
    (root / "docs" / "changed.pdf").write_bytes(pdf([[(60, 700, 12, "Another one.")]]))
    keys = Keys(root / "expert" / ".metier" / STATE_FILE)
    secrets = {name: keys.create(name, groups, ("ask",))[1] for name, groups in (("reader", ()), ("board", ("board",)))}
    keys.close()

    def place(name: str, quote: str) -> str:
        at = texts[name].index(quote)
        return f"/documents/{ids[name]}?start={at}&end={at + len(quote)}"

    server = Server(root / "expert")
    yield SimpleNamespace(
        address=server.address, ids=ids, texts=texts, place=place, secrets=secrets, hidden=passages[0]
    )
    server.stop()


def in_window(page, selector: str) -> bool:
    box, height = page.locator(selector).first.bounding_box(), page.viewport_size["height"]
    return box["y"] >= 0 and box["y"] + box["height"] <= height


def test_the_list_is_filtered_while_a_name_is_typed(browser, library):
    with opened(browser, library.address, "/documents") as page:
        assert page.locator("#listed li").count() == len(library.ids)
        page.type("#q", "PRI xls")
        page.wait_for_function("() => document.querySelectorAll('#listed li').length === 1")
        assert page.inner_text("#listed a") == "prices.xlsx"
        page.fill("#q", "নির")
        page.wait_for_function("() => document.querySelector('#listed a')?.textContent === 'নিরাপত্তা.md'")
        page.fill("#q", "<b>nothing")
        page.wait_for_selector("#listed li", state="detached")
        assert "“<b>nothing”" in page.inner_text("#listed")
        page.reload()
        assert page.input_value("#q") == "<b>nothing"


def test_without_scripts_the_list_is_filtered_and_the_mark_has_an_anchor(browser, library):
    with opened(browser, library.address, "/documents", java_script_enabled=False) as page:
        page.fill("#q", "swap")
        page.click("#filter button")
        page.wait_for_selector("#listed li")
        assert page.locator("#listed li").count() == 1
        page.click("#listed a")
        assert page.inner_text("h1") == "Swap of standby"


def test_a_place_is_marked_and_scrolled_to(browser, library):
    quote = library.texts["pitch.md"][library.hidden.end :].strip()[-60:]
    with opened(browser, library.address, library.place("pitch.md", quote.strip()), viewport=PHONE) as page:
        page.wait_for_function("() => scrollY > 0")
        assert page.inner_text("mark") == quote.strip()
        assert in_window(page, "mark")


def test_the_words_of_a_pdf_are_boxed_where_they_stand(browser, library):
    """The box on the screen, taken back to points, holds just the words that pdfium reads there."""
    size = {"width": 1100, "height": 900}
    with opened(browser, library.address, library.place("manual.pdf", TORQUE), viewport=size) as page:
        assert page.inner_text("mark") == TORQUE
        picture = page.locator(".leaf img")
        assert picture.get_attribute("alt").startswith("Page 2 of ")
        assert picture.evaluate("each => each.complete && each.naturalWidth") == 910
        whole, box = picture.bounding_box(), page.locator(".leaf rect").bounding_box()
        with pypdfium2.PdfDocument(manual()) as document:
            width, height = document[1].get_size()
            scale = width / whole["width"]
            left, top = (box["x"] - whole["x"]) * scale, height - (box["y"] - whole["y"]) * scale
            read = (
                document[1]
                .get_textpage()
                .get_text_bounded(left, top - box["height"] * scale, left + box["width"] * scale, top)
            )
        assert read.strip() == TORQUE
        assert in_window(page, ".leaf rect")


def test_pages_of_a_pdf_are_turned_and_its_text_read_without_them(browser, library):
    with opened(browser, library.address, library.place("manual.pdf", TORQUE)) as page:
        page.click("a[rel=prev]")
        page.wait_for_url("**page=1")
        assert page.locator("mark, .leaf rect").count() == 0
        assert "Line 7 says" in page.inner_text("article")
        assert page.locator("a[rel=prev]").count() == 0
        page.click("a[rel=next]")
        assert page.inner_text("mark") == TORQUE
        page.click("text=Text without pages")
        assert page.locator("figure").count() == 0
        assert "Line 7 says" in page.inner_text("article")
        assert page.inner_text("mark") == TORQUE
        page.click("text=The whole document")
        assert page.locator("mark").count() == 0
        page.goto(f"/documents/{library.ids['manual.pdf']}?page=77")
        assert "no such page" in page.inner_text(".note")


def test_the_cited_row_of_a_table_stands_out(browser, library):
    row = "Part: SK-31 | Fits: NV-110 | Price EUR: 131"
    with opened(browser, library.address, library.place("prices.xlsx", row)) as page:
        assert page.locator("thead th").all_inner_texts() == ["Part", "Fits", "Price EUR"]
        assert page.locator("tr.cited :is(th, td)").all_inner_texts() == ["SK-31", "NV-110", "131"]
        assert page.locator("tr.cited").count() == 1
        assert in_window(page, "tr.cited")
        assert page.inner_text(".number") == "Sheet 1"


def test_a_table_is_drawn_as_people_write_it_and_the_cited_cell_stands_out(browser, library):
    with opened(browser, library.address, library.place("staff.html", "26%")) as page:
        assert page.inner_text("caption") == "Staff by region\n(in thousands)"
        spans = page.locator("thead th").evaluate_all("all => all.map(e => [e.textContent, e.colSpan, e.scope])")
        assert spans == [["2023", 2, "colgroup"], ["Staff", 1, "col"], ["Share", 1, "col"]]
        assert page.locator("tr.group th").all_inner_texts() == ["Europe"]
        assert page.locator("tbody th[scope=row]").all_inner_texts() == ["Åland", "Skåne", "Total"]
        assert page.locator("td.cited").all_inner_texts() == ["26%"]
        assert page.locator("tr.cited").all_inner_texts() == ["Skåne\t804\t26%"]
        aligned = "each => getComputedStyle(each).textAlign"
        assert [page.locator(f"tr.cited {tag}").first.evaluate(aligned) for tag in ("th", "td")] == ["start", "end"]
        assert in_window(page, "td.cited")


def test_a_mail_has_its_headers_on_top_and_its_scripts_are_text(browser, library):
    with opened(browser, library.address, library.place("swap.eml", "week 24")) as page:
        assert page.locator(".mail dt").all_inner_texts() == ["From", "To", "Date"]
        assert page.locator(".mail dd").first.inner_text() == "Tova <tova@skarvind.example>"
        assert page.inner_text("mark") == "week 24"
        assert "<script>alert(1)</script>" in page.inner_text("article")


def test_a_bengali_document_in_a_bengali_page(browser, library):
    quote = "লাল চাবি কেবিনের।"
    with opened(browser, library.address, library.place("নিরাপত্তা.md", quote), locale="bn") as page:
        assert page.inner_text("mark") == quote
        assert "সব নথি" in page.inner_text(".trail")


def test_a_hidden_passage_is_left_out(browser, library):
    hidden = library.hidden
    path = f"/documents/{hidden.document_id}?start={hidden.start}&end={hidden.end}"
    with opened(browser, library.address, path) as page:
        assert hidden.text[:40] not in page.content()
        assert "[hidden]" in page.inner_text("article")
        assert "was hidden by a colleague" in page.inner_text(".note")


def test_where_the_original_is_another_by_now_the_text_alone_is_shown(browser, library):
    with opened(browser, library.address, library.place("changed.pdf", "another one")) as page:
        assert page.inner_text("mark") == "another one"
        assert page.locator("figure").count() == 0
        assert "The original has changed since it was read" in page.inner_text(".note")
        assert page.request.get(f"/documents/{library.ids['changed.pdf']}/pages/1.png").status == 404


@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract reads scans")
def test_a_scanned_page_is_a_picture_without_boxes(browser, library):
    with opened(browser, library.address, library.place("scan.pdf", "seal is worn")) as page:
        assert page.locator(".leaf img").evaluate("each => each.naturalWidth") > 500
        assert page.locator(".leaf rect").count() == 0
        assert "scan" in page.inner_text(".note")


@pytest.mark.parametrize("query", ["start=9&end=3", "start=0&end=99999", "start=x&end=y", "start=-5&end=-1", "start=1"])
def test_a_place_that_is_not_there_is_told(library, query):
    path = f"{library.address}/documents/{library.ids['swap.eml']}?{query}"
    answer = httpx.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "<mark" not in answer.text
    assert "nothing is marked" in answer.text


def test_what_others_groups_open_is_answered_as_what_is_not_there(library):
    """By every address, method and spelling; and those whom it is for do see it."""
    unknown = "0123456789abcdef"
    with httpx.Client(base_url=library.address) as client:
        for name, quote in (("safe.md", "4711"), ("plan.pdf", "vault")):
            secret = library.ids[name]
            board = {"Authorization": f"Bearer {library.secrets['board']}", "accept": "text/html"}
            assert quote in client.get(f"/documents/{secret}", headers=board).text
            for key in ("reader", "board"):
                headers = board | {"Authorization": f"Bearer {library.secrets[key]}"}
                sees = f"/documents/{secret}" in client.get("/documents", headers=headers).text
                assert sees is (key == "board")
            for tail in ("", "/", "?start=0&end=5", "?page=1", "?whole=1", "/pages/1.png", "/pages/9.png", "/picture"):
                for spelt in (str.lower, str.upper, lambda each: f"{each}%00", lambda each: f"%2e%2e/{each}"):
                    for method in ("GET", "HEAD", "OPTIONS"):
                        for extra in ({}, {"Range": "bytes=0-9"}, {"accept": "application/json"}):
                            headers = board | {"Authorization": f"Bearer {library.secrets['reader']}"} | extra
                            said = [
                                client.request(method, f"/documents/{spelt(each)}{tail}", headers=headers)
                                for each in (secret, unknown)
                            ]
                            assert said[0].status_code == said[1].status_code in (307, 404, 405)
                            assert _alike(said[0].text, secret) == _alike(said[1].text, unknown)
                            assert quote not in said[0].text


def _alike(text: str, name: str) -> str:
    return text.replace(name, "ID").replace(name.upper(), "ID")


def test_pictures_are_not_kept(library):
    answer = httpx.get(f"{library.address}/documents/{library.ids['manual.pdf']}/pages/2.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    for number in ("0", "3", "01", "2.5", "-1", "9" * 30, "x"):
        path = f"{library.address}/documents/{library.ids['manual.pdf']}/pages/{number}.png"
        assert httpx.get(path).status_code == 404


def test_back_leads_to_where_one_came_from(browser, library):
    with opened(browser, library.address, "/search?q=blade+root+nuts") as page:
        page.locator(".found a", has_text="Blade bolts").first.click()
        page.click("a[rel=prev]")
        page.wait_for_url("**page=1")
        assert page.inner_text("#back") == "Back"
        page.click("#back")
        page.wait_for_url("**/search?q=*")
        page.goto(library.place("swap.eml", "week 24"))
        page.click("#back")
        page.wait_for_url("**/search?q=*")
    with opened(browser, library.address, library.place("swap.eml", "week 24")) as page:
        assert page.inner_text("#back") == "Back to the start"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_is_accessible_on_a_phone_too(browser, library, scheme):
    addresses = ["/documents", library.place("manual.pdf", TORQUE), library.place("swap.eml", "week 24")]
    addresses += [library.place("staff.html", "26%")]
    addresses += [library.place("prices.xlsx", "Part: SK-31"), f"/documents/{library.ids['pitch.md']}"]
    with opened(browser, library.address, color_scheme=scheme, viewport=PHONE) as page:
        for address in addresses:
            page.goto(address)
            assert axe_serious(page) == []
            assert sideways(page) == 0


def test_a_picture_of_text_is_shown_as_it_is(browser, tmp_path_factory):
    if not shutil.which("tesseract"):
        pytest.skip("tesseract reads pictures")
    pil = pytest.importorskip("PIL.Image")
    root = tmp_path_factory.mktemp("pictures")
    (root / "docs").mkdir()
    with pypdfium2.PdfDocument(pdf([[(60, 700, 26, "The seal is worn out")]])) as document:
        picture, target = document[0].render(scale=2).to_pil(), io.BytesIO()
        assert isinstance(picture, pil.Image)
        picture.save(target, "PNG")
    (root / "docs" / "seal.png").write_bytes(target.getvalue())
    with Expert.create(root / "expert") as made:
        made.add(str(root / "docs"))
        made.sync()
        (name,) = made.runtime.store.uris().values()
    server = Server(root / "expert")
    try:
        with opened(browser, server.address, f"/documents/{name}") as page:
            assert page.locator(".leaf img").evaluate("each => each.naturalWidth") == 1190
            assert page.request.get(f"/documents/{name}/pages/1.png").status == 404
    finally:
        server.stop()
