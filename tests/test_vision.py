"""Pictures of documents described by a vision model: a scripted endpoint stands in for it, documents are made here."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from paced_scripted_endpoint import scripted_endpoint
from PIL import Image, ImageDraw
from serving.servers import Server

from metier import Expert
from metier.core import settings, settings_file
from metier.core.documents import document_id
from metier.core.errors import SettingsError
from metier.parsing import Parser

pytestmark = pytest.mark.slow

CHART = "A bar chart of pump pressure by month: May 47 bar, June 52 bar, July 61 bar."
VALVE = "A cross-section of the Zephyr valve: spring, seat and a stem of 18 mm."


def picture(width: int, height: int, form: str = "PNG", noise: int = 0) -> bytes:
    """Without a letter in it. `noise`: makes it another one."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for n in range(6):
        top = height // 10 * (1 + (n + noise) % 5)
        draw.rectangle((20 + 60 * n, top, 60 + 60 * n, height - 10), fill=(40 * n, 90, 160))
    target = io.BytesIO()
    image.save(target, form)
    return target.getvalue()


def pdf(path: Path, *, caption: str = "Figure 1: Pressure by month") -> None:
    """Two pages: text with a picture and its caption, and a page that is a picture."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(72, 780, "Pump station report")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, 750, "The pump station was overhauled in April by the crew of the north yard.")
    canvas.drawImage(ImageReader(io.BytesIO(picture(800, 500))), 72, 450, 400, 250)
    canvas.drawString(72, 436, caption)
    canvas.drawString(72, 380, "The next overhaul is planned for the autumn of the following year.")
    canvas.showPage()
    canvas.drawImage(ImageReader(io.BytesIO(picture(1000, 1400, noise=2))), 0, 0, 595, 842)
    canvas.save()


def docx(path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_heading("Valve manual", 0)
    document.add_paragraph("The valve is opened by turning the wheel to the left.")
    document.add_picture(io.BytesIO(picture(640, 480, "JPEG", noise=1)))
    document.add_paragraph("Figure 2: The valve in section", style="Caption")
    document.add_picture(io.BytesIO(picture(48, 48)))  # an icon
    document.add_paragraph("It is closed by turning the wheel to the right.")
    table = document.add_table(2, 2)
    for place, text in enumerate(("Part", "Weight", "Stem", "3 kg")):
        table.cell(place // 2, place % 2).text = text
    document.save(str(path))


def says(body: dict) -> str:
    """What stands in for a model: it knows pictures by their kind, and answers any question alike."""
    if isinstance(body["messages"][-1]["content"], str):
        return "In June the pump pressure was 52 bar. The crew of the north yard overhauled the pump station in April."
    return VALVE if picture_of(body).startswith("data:image/jpeg") else CHART


def picture_of(body: dict) -> str:
    return body["messages"][-1]["content"][1]["image_url"]["url"]


def prompts(endpoint) -> list[str]:
    return [body["messages"][-1]["content"][0]["text"] for body in endpoint.requests]


@pytest.fixture
def endpoint():
    with scripted_endpoint(says) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    """An expert with a PDF and a DOCX that hold pictures."""
    docs = tmp_path / "docs"
    docs.mkdir()
    pdf(docs / "report.pdf")
    docx(docs / "manual.docx")
    settings_file.create(tmp_path / "pumps", "en")
    settings_file.add_source(tmp_path / "pumps", str(docs))
    return tmp_path / "pumps"


def see_with(folder: Path, url: str, more: str = "") -> None:
    """Turn the vision model on."""
    with (folder / "metier.toml").open("a") as file:
        file.write(f'\n[parsing]\nvision = "openai:seer-1"\nvision_url = "{url}"\n{more}')


def document(expert: Expert, name: str):
    return expert.runtime.store.document(document_id(f"docs/{name}"))


def descriptions(expert: Expert, name: str) -> list[str]:
    found = document(expert, name)
    return [found.text[block.start : block.end] for block in found.blocks if block.kind == "description"]


def test_without_a_vision_model_no_picture_is_gathered_and_none_leaves(folder, endpoint):
    with Expert.open(folder) as expert:
        report = expert.sync()
        assert (report.added, report.failed) == (2, [])
        assert descriptions(expert, "report.pdf") == []
        assert not (folder / ".metier" / "descriptions.jsonl").exists()
    assert endpoint.requests == []


def test_pictures_become_blocks_of_their_own_where_they_stand(folder, endpoint):
    see_with(folder, endpoint.url)
    with Expert.open(folder) as expert:
        assert expert.sync().warnings == []
        report, manual = document(expert, "report.pdf"), document(expert, "manual.docx")
        assert descriptions(expert, "report.pdf") == [
            f"Figure on page 1, described by seer-1: {CHART}",
            f"Scan of page 2, described by seer-1: {CHART}",
        ]
        assert descriptions(expert, "manual.docx") == [f"Figure, described by seer-1: {VALVE}"]
        blocks = [(b.kind, report.text[b.start : b.end][:12], b.page) for b in report.blocks]
        assert blocks[-4:] == [
            ("caption", "Figure 1: Pr", 1), ("description", "Figure on pa", 1), ("paragraph", "The next ove", 1),
            ("description", "Scan of page", 2),
        ]  # fmt: skip
        order = [manual.text.index(part) for part in ("to the left", VALVE, "Figure 2", "to the right", "Stem")]
        assert order == sorted(order)
        (row,) = manual.tables[0].rows  # behind a description, and where its cells are told to be
        assert [manual.text[slice(*cell)] for cell in row.cells] == ["Stem", "3 kg"]
        assert "\n\n\n" not in report.text + manual.text
    assert sum("Its caption in the document: “Figure 1: Pressure by month”" in text for text in prompts(endpoint)) == 1
    assert sum("Its caption in the document: “Figure 2: The valve in section”" in t for t in prompts(endpoint)) == 1
    assert all("Write in English" in text for text in prompts(endpoint))
    assert len(endpoint.requests) == 3


def test_a_description_shares_no_passage_with_text_and_is_found(folder, endpoint):
    see_with(folder, endpoint.url)
    with Expert.open(folder) as expert:
        expert.sync()
        for name in ("report.pdf", "manual.docx"):
            whole = document(expert, name)
            for passage in expert.runtime.store.passages(whole.id):
                assert whole.text[passage.start : passage.end] == passage.text
                assert ("described by seer-1" in passage.text) is passage.described
        found = expert.search("pump pressure in June")[0].passage
        assert (found.described, found.page, "52 bar" in found.text) == (True, 1, True)
        assert not expert.search("Who overhauled the pump station?")[0].passage.described


def test_what_is_described_once_is_never_sent_again(folder, endpoint):
    see_with(folder, endpoint.url)
    with Expert.open(folder) as expert:
        expert.sync()
        assert len(endpoint.requests) == 3
        assert expert.sync().unchanged == 2
        expert.sync(rebuild=True)
        assert descriptions(expert, "manual.docx") == [f"Figure, described by seer-1: {VALVE}"]
        (folder.parent / "docs" / "manual.docx").rename(folder.parent / "docs" / "copy.docx")
        expert.sync()
        assert descriptions(expert, "copy.docx") == [f"Figure, described by seer-1: {VALVE}"]
    assert len(endpoint.requests) == 3


def test_killed_while_it_asks_and_run_again_it_asks_for_the_rest_alone(folder):
    asked: list[str] = []
    reached = threading.Event()

    def slow(body: dict) -> str:
        asked.append(picture_of(body))
        if len(asked) == 3:
            reached.set()
            threading.Event().wait(60)
        return says(body)

    with scripted_endpoint(slow) as endpoint:
        see_with(folder, endpoint.url)
        command = [sys.executable, "-c", "from metier.cli import main; main()", "sync", "-e", str(folder)]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        assert reached.wait(120)
        kept = folder / ".metier" / "descriptions.jsonl"
        while not kept.exists() or kept.read_text().count("\n") < 2:
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with Expert.open(folder) as expert:
            expert.sync()
            assert len(descriptions(expert, "report.pdf") + descriptions(expert, "manual.docx")) == 3
    assert len(asked) == 4
    assert asked[3] == asked[2]


def test_an_endpoint_that_fails_costs_a_warning_and_is_asked_again_by_the_next_sync(folder, endpoint):
    see_with(folder, endpoint.url)
    endpoint.fails_with = 403
    with Expert.open(folder) as expert:
        report = expert.sync()
        assert (report.added, report.failed) == (2, [])
        assert [w.item for w in report.warnings] == ["docs/manual.docx", "docs/report.pdf"]
        assert "1 picture was not described: the endpoint of parsing.vision answered 403" in report.warnings[0].reason
        assert "the next sync asks again" in next(i.reason for i in expert.items() if i.uri.endswith("report.pdf"))
        assert expert.search("turning the wheel")[0].passage.uri == "docs/manual.docx"
        endpoint.fails_with = None
        assert expert.sync().warnings == []
        assert len(descriptions(expert, "report.pdf")) == 2
        assert expert.sync().unchanged == 2


def test_a_picture_that_is_refused_is_not_asked_for_by_every_sync(folder, endpoint):
    see_with(folder, endpoint.url)
    endpoint.fails_with = 400
    with Expert.open(folder) as expert:
        report = expert.sync()
        assert "2 pictures were not described" in report.warnings[1].reason
        asked = len(endpoint.requests)
        assert expert.sync().unchanged == 2
        assert len(endpoint.requests) == asked


def test_an_endpoint_that_is_down_is_given_up_after_some_pictures(folder):
    docs = folder.parent / "docs"
    for n in range(8):
        docx(docs / f"copy-{n}.docx")
        (docs / f"page-{n}.html").write_text(f"<p>Text<p>{data_image(n)}")
    with scripted_endpoint(says) as gone:
        see_with(folder, gone.url)
        gone.fails_with = 401
        with Expert.open(folder) as expert:
            report = expert.sync()
            assert (report.added, len(report.warnings)) == (18, 18)
            assert len(gone.requests) <= 8  # of 11 pictures; four are asked for at once


def data_image(noise: int) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(picture(400, 300, noise=noise)).decode()}">'


def test_slides_pages_and_pictures_alone_are_described(tmp_path, endpoint):
    from pptx import Presentation
    from pptx.util import Inches

    docs = tmp_path / "docs"
    docs.mkdir()
    deck = Presentation()
    for title in ("First", "Second"):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = title
    slide.shapes.add_picture(io.BytesIO(picture(500, 400)), Inches(1), Inches(2))
    deck.save(str(docs / "deck.pptx"))
    figure = f"<figure>{data_image(3)}<figcaption>The stages</figcaption></figure>"
    (docs / "page.html").write_text(f"<h1>Stages</h1><p>Before.</p>{figure}<p>After.</p>")
    (docs / "photo.png").write_bytes(picture(640, 480, noise=4))
    settings_file.create(tmp_path / "pumps", "de")
    settings_file.add_source(tmp_path / "pumps", str(docs))
    see_with(tmp_path / "pumps", endpoint.url)
    with Expert.open(tmp_path / "pumps") as expert:
        assert expert.sync().failed == []
        assert [block.page for block in document(expert, "deck.pptx").blocks if block.kind == "description"] == [2]
        page = document(expert, "page.html").text
        assert page.index("Before.") < page.index(CHART) < page.index("The stages") < page.index("After.")
        (alone,) = descriptions(expert, "photo.png")
        assert alone == f"Abbildung auf Seite 1, beschrieben von seer-1: {CHART}"
    assert any("Write in German" in text for text in prompts(endpoint))


def test_what_shows_nothing_is_left_out(folder, endpoint):
    endpoint.says = "NONE."
    see_with(folder, endpoint.url)
    with Expert.open(folder) as expert:
        assert expert.sync().warnings == []
        assert descriptions(expert, "manual.docx") == []


def test_no_more_pictures_of_a_document_are_described_than_is_set(folder, endpoint):
    see_with(folder, endpoint.url, "vision_pictures = 1\n")
    with Expert.open(folder) as expert:
        (warning,) = expert.sync().warnings
        assert len(descriptions(expert, "report.pdf")) == 1
    assert warning.reason == "has more pictures than 1; the others are not described"


def test_a_wrong_name_and_a_missing_key_are_told_before_anything_is_read(folder, endpoint, monkeypatch):
    see_with(folder, endpoint.url, 'vision_key_env = "SEER_KEY"\n')
    monkeypatch.delenv("SEER_KEY", raising=False)
    with Expert.open(folder) as expert, pytest.raises(SettingsError, match="SEER_KEY is empty or not set"):
        expert.sync()
    toml = folder / "metier.toml"
    toml.write_text(toml.read_text().replace("openai:seer-1", "seer-1"))
    with pytest.raises(SettingsError, match=r"parsing\.vision"):
        Expert.open(folder)


def drawn_bars(canvas) -> None:
    for place, height in enumerate((80, 150, 110, 190)):
        canvas.rect(120 + 60 * place, 450, 30, height, fill=1, stroke=0)
    canvas.line(100, 450, 400, 450)


def drawn_curve(canvas) -> None:
    path = canvas.beginPath()
    path.moveTo(100, 450)
    for place, height in enumerate((20, 60, 30, 140, 100, 180)):
        path.lineTo(150 + 50 * place, 450 + height)
    canvas.drawPath(path)


def drawn_table(canvas) -> None:
    from reportlab.lib import colors
    from reportlab.platypus import Table

    style = [("GRID", (0, 0), (-1, -1), 1, colors.black), ("BACKGROUND", (0, 0), (-1, 0), colors.lightblue)]
    shaded = [("SPAN", (0, 0), (1, 0)), ("BACKGROUND", (0, 1), (0, -1), colors.lightgrey)]
    table = Table([[f"{row} {n}" for n in "abcd"] for row in range(10)], 100, 24, style=style + shaded)
    table.wrapOn(canvas, 500, 500)
    table.drawOn(canvas, 80, 400)


def drawn_frame(canvas) -> None:
    canvas.roundRect(60, 400, 480, 300, 8)
    for line in range(20):
        canvas.drawString(
            70, 680 - 14 * line, "The crew of the north yard writes down what it has done, and when it was."
        )


@pytest.mark.parametrize(("drawn", "pictures"), [(drawn_bars, 1), (drawn_curve, 1), (drawn_table, 0), (drawn_frame, 0)])
def test_charts_that_a_pdf_draws_in_lines_are_pictures_and_tables_and_frames_are_not(tmp_path, drawn, pictures):
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "drawn.pdf"), pagesize=(595, 842))
    canvas.drawString(72, 760, "A report of the north yard on the months of the spring.")
    drawn(canvas)
    canvas.drawString(72, 380, "Figure 7: What was done")
    canvas.save()
    with Parser(settings.ParsingSettings(vision="openai:seer-1")) as parser:
        found = parser.parse(tmp_path / "drawn.pdf", uri="drawn.pdf").pictures
    assert [(each.page, each.content[1:4]) for each in found] == [(1, b"PNG")] * pictures


QUESTION = "What was the pump pressure in June?"


def cited(citations) -> list[tuple]:
    return [(each["page"], each["described"], "52 bar" in each["quote"]) for each in citations]


def test_the_quoted_style_quotes_no_description_and_points_to_it(folder, endpoint):
    see_with(folder, endpoint.url)
    with Expert.open(folder) as expert:
        expert.sync()
        for question in (QUESTION, "What shows the cross-section of the Zephyr valve?", "Summarise manual.docx"):
            for abstain in (True, False):
                answer = expert.ask(question, abstain=abstain)
                assert "52 bar" not in answer.text
                assert "Zephyr" not in answer.text
                assert not any(each.described for each in answer.citations)
        refused = expert.ask(QUESTION)
        assert refused.abstained
        near = [(each.page, each.described) for each in refused.nearest if each.uri.endswith(".pdf")]
        assert sorted(near) == [(1, False), (1, True)]
        assert "turning the wheel" in expert.ask("How is the valve opened?").text


def test_a_picture_alone_is_no_summary(tmp_path, endpoint):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "photo.png").write_bytes(picture(640, 480))
    settings_file.create(tmp_path / "pumps", "en")
    settings_file.add_source(tmp_path / "pumps", str(tmp_path / "docs"))
    see_with(tmp_path / "pumps", endpoint.url)
    with Expert.open(tmp_path / "pumps") as expert:
        expert.sync()
        assert expert.ask("Summarise photo.png").abstained


def test_the_written_style_reads_descriptions_and_cites_them_as_such(folder, endpoint):
    see_with(folder, endpoint.url)
    toml = folder / "metier.toml"
    written = f'[generation]\nurl = "{endpoint.url}"\nmodel = "openai:scripted"  #'
    toml.write_text(toml.read_text().replace("[generation]\nmodel =", written))
    with Expert.open(folder) as expert:
        expert.sync()
        answer = expert.ask(QUESTION)
        assert CHART in endpoint.requests[-1]["messages"][-1]["content"]
        assert [(each.page, each.described) for each in answer.citations] == [(1, True), (1, False)]
        assert "page 1, Pump station report, a model's description of a picture: “" in str(answer)
    command = [sys.executable, "-c", "from metier.cli import main; main()", "ask", QUESTION, "-e", str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.count("a model's description of a picture") == 1
    plain = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert cited(plain["citations"]) == [(1, True, True), (1, False, False)]
    server = Server(folder)
    try:
        page = server.get("/", params={"q": QUESTION, "now": "1"}).text
        assert page.count("A model’s description of a picture") == 1
        search = server.get("/search", params={"q": QUESTION}).text
        assert "A model’s description of a picture" in search
        opened = server.get(f"/documents/{document_id('docs/report.pdf')}").text
        assert re.search(r'<p dir="auto" class="description">Figure on page 1, described by', opened)
    finally:
        server.stop()
