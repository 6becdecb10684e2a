"""The sample company: everything is written, and other libraries than the writers' read it back."""

import csv
import email
import email.policy
import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from html.parser import HTMLParser
from pathlib import Path

import pypdfium2
import pytest

pytestmark = pytest.mark.slow

for module in ("docx", "openpyxl", "pptx", "reportlab", "PIL"):
    pytest.importorskip(module)

EXAMPLE = Path(__file__).parent.parent / "examples" / "turbines"
SCAN = "records/kvarno-07-acceptance-report-scan.pdf"


def make(out: Path) -> None:
    done = subprocess.run([sys.executable, EXAMPLE / "make.py", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("turbines") / "docs"
    make(out)
    return out


@pytest.fixture(scope="module")
def questions(docs: Path) -> list[dict]:
    return [json.loads(line) for line in (docs.parent / "questions.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def texts(docs: Path) -> dict[tuple[str, int | None], str]:
    """Text of every (document, page), as a stranger reads it."""
    found = {}
    for file in sorted(path for path in docs.rglob("*") if path.is_file()):
        name = file.relative_to(docs).as_posix()
        for place, text in READERS[file.suffix](file):
            document, page = (f"{name}#{place}", None) if file.suffix == ".sqlite" else (name, place)
            found[document, page] = " ".join(text.split())
    return found


def read_plain(file):
    yield None, re.sub(r"\s*\|\s*", " ", file.read_text("utf-8"))


def read_html(file):
    parts = []
    parser = HTMLParser()
    parser.handle_data = parts.append
    parser.feed(file.read_text("utf-8"))
    yield None, " ".join(parts)


def read_docx(file):
    import docx

    document = docx.Document(file)
    lines = [paragraph.text for paragraph in document.paragraphs]
    lines += [" ".join(cell.text for cell in row.cells) for table in document.tables for row in table.rows]
    yield None, "\n".join(lines)


def read_pptx(file):
    import pptx

    for number, slide in enumerate(pptx.Presentation(file).slides, start=1):
        frames = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        tables = [shape.table for shape in slide.shapes if shape.has_table]
        frames += [" ".join(cell.text for cell in row.cells) for table in tables for row in table.rows]
        yield number, "\n".join(frames)


def read_xlsx(file):
    import openpyxl

    for number, sheet in enumerate(openpyxl.load_workbook(file).worksheets, start=1):
        yield number, "\n".join(joined(row) for row in sheet.iter_rows(values_only=True))


def read_csv(file):
    with file.open(encoding="utf-8", newline="") as handle:
        yield None, "\n".join(joined(row) for row in csv.reader(handle))


def read_mail(file):
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["from"]
    assert message["date"]
    yield None, f"{message['subject']}\n{message.get_content()}"


def read_sqlite(file):
    database = sqlite3.connect(file)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        yield table, "\n".join(joined(row) for row in database.execute(f"SELECT * FROM {table}"))
    database.close()


def read_pdf(file):
    document = pypdfium2.PdfDocument(file)
    for number, page in enumerate(document, start=1):
        textpage = page.get_textpage()
        yield number, textpage.get_text_bounded()
        textpage.close()
        page.close()
    document.close()


def joined(row):
    return " ".join(str(cell) for cell in row if cell is not None)


READERS = {
    ".md": read_plain,
    ".html": read_html,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_xlsx,
    ".csv": read_csv,
    ".eml": read_mail,
    ".sqlite": read_sqlite,
    ".pdf": read_pdf,
}


def plain(text: str) -> str:
    """Cells side by side, as the readers give them."""
    return " ".join(text.replace(" | ", " ").split())


def test_counts(docs, questions):
    files = [path for path in docs.rglob("*") if path.is_file()]
    assert 38 <= len(files) <= 45
    assert {file.suffix for file in files} == set(READERS)
    with (EXAMPLE / "facts.csv").open(encoding="utf-8", newline="") as handle:
        assert 240 <= len(list(csv.DictReader(handle))) <= 270
    kinds = Counter((question["kind"], question["language"]) for question in questions)
    assert kinds["unanswerable", "en"] + kinds["unanswerable", "bn"] == 50
    assert kinds["unanswerable", "bn"] == 6
    assert kinds["several", "en"] + kinds["several", "bn"] == 15
    assert 55 <= kinds["table", "en"] + kinds["table", "bn"] <= 65
    assert sum(kinds.values()) == 250
    assert sum(kinds[kind, "bn"] for kind in ("fact", "table", "several")) == 25
    assert len({question["id"] for question in questions}) == 250
    assert len({question["question"] for question in questions}) == 250


def test_quotes_are_where_the_questions_say(questions, texts):
    missing = []
    for question in questions:
        places = [(question["document"], question["page"], question["quote"])]
        if question["kind"] == "several":
            places = list(zip(question["documents"], question["pages"], question["quotes"], strict=True))
            assert places[-1][2] == question["quote"]
        for document, page, quote in places:
            if document not in (None, SCAN) and plain(quote) not in plain(texts[document, page]):
                missing.append((question["id"], document, page, quote))
    assert missing == []


def test_the_scan_is_a_picture(docs, questions, texts):
    assert texts[SCAN, 1] == ""
    document = pypdfium2.PdfDocument(docs / SCAN)
    assert all(question["page"] <= len(document) for question in questions if question["document"] == SCAN)
    page = document[0]
    assert [item.type for item in page.get_objects()] == [pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]
    page.close()
    document.close()


def test_unanswerable_questions_name_no_place(questions):
    for question in questions:
        if question["kind"] == "unanswerable":
            assert (question["answers"], question["document"], question["quote"]) == ([], None, None)
        else:
            assert question["answers"]


def test_the_subject_of_no_unanswerable_question_is_documented(texts):
    """Where a single name makes the question unanswerable, that name is in no document, however it is read."""
    corpus = "\n".join(texts.values()).casefold()
    rows = [json.loads(line) for line in (EXAMPLE / "more_questions.jsonl").read_text("utf-8").splitlines()]
    names = [row["absent"][0].casefold() for row in rows if len(row.get("absent", [])) == 1]
    assert len(names) >= 20
    assert [name for name in names if name in corpus] == []


def test_practice_and_exam_are_halves_without_a_shared_fact(questions):
    sides = defaultdict(set)
    for question in questions:
        for fact in question["facts"]:
            sides[fact].add(question["split"])
    assert all(len(side) == 1 for side in sides.values())
    count = Counter((question["kind"], question["language"], question["split"]) for question in questions)
    for kind, language in {key[:2] for key in count}:
        assert abs(count[kind, language, "practice"] - count[kind, language, "exam"]) <= 1


def test_two_runs_give_the_same_bytes(docs, tmp_path):
    make(tmp_path / "docs")
    for file in sorted(path for path in docs.rglob("*") if path.is_file()):
        assert (tmp_path / "docs" / file.relative_to(docs)).read_bytes() == file.read_bytes(), file.name
    written = (tmp_path / "questions.jsonl").read_text("utf-8")
    assert written == (docs.parent / "questions.jsonl").read_text("utf-8")
    assert written == (EXAMPLE / "questions.jsonl").read_text("utf-8"), "run make.py and commit questions.jsonl"
