"""The title of a document is one that a person would use, whatever format it is read from."""

import pytest

from . import samples
from .samples import paragraph


def html(title, body="<p>Some text.</p>"):
    return f"<html><head><title>{title}</title></head><body>{body}</body></html>"


@pytest.mark.parametrize(
    "title",
    [
        "(anonymous)", "Unknown", "untitled", "Untitled-1", "Document1", "Dokument 2", "Microsoft Word - x.doc",
        "PowerPoint Presentation", "Présentation PowerPoint", "Slide 1", "0000012927-23-000007", "d12345dex991.htm",
        "IMG_20230504_1200", "scan0007", "annual_report_2023", "2023-05-04", "C:\\Users\\ada\\x", "(unspecified)",
        "a8098c1a-f86e-11da-bd1a-00112448ec29", "无标题", "Без названия", "…", "D", "Ж",
    ],
)  # fmt: skip
def test_what_programs_give_is_no_title(parse, title):
    assert parse("a.html", html(title, "<h1>Blade bearing</h1>")).title == "Blade bearing"
    assert parse("Blade_bearing.html", html(title)).title == "Blade bearing"
    assert parse("a.docx", samples.docx(paragraph("Blade bearing", style="Own"), title=title)).title == "Blade bearing"


@pytest.mark.parametrize(
    "title", ["WT-07", "Manual", "ISO 9001", "F-16 at sea", "Pump manual 2023", "NASA", "Ölwechsel"]
)
def test_what_people_give_is_a_title(parse, title):
    assert parse("x.html", html(title, "<h1>Other</h1>")).title == title


@pytest.mark.parametrize(
    "issuer", ["UNITED STATES", "SECURITIES AND EXCHANGE COMMISSION", "MINISTRY OF HEALTH", "RÉPUBLIQUE"]
)
def test_who_issued_a_document_is_not_its_title_where_there_is_a_better_one(parse, issuer):
    assert parse("a.html", html(issuer, f"<h1>{issuer}</h1><h2>Annual report</h2>")).title == "Annual report"
    assert parse("a.html", html(issuer)).title == issuer
    assert parse("a.html", html("PUMP MANUAL", "<h1>Introduction</h1>")).title == "PUMP MANUAL"


def test_headings_that_say_nothing_are_no_title(parse):
    assert parse("a.md", "# Untitled\n\n# 2023-05\n\n# Feathering\n\nText.\n").title == "Feathering"
    assert parse("a.md", "---\ntitle: untitled\n---\n# Feathering\n\nText.\n").title == "Feathering"
    assert parse("a.eml", "From: a@b.c\nSubject: (no subject)\n\nText.\n").title == "a"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("annual_report-2023.txt", "annual report 2023"),
        ("WT-07_manual.txt", "WT-07 manual"),
        ("2024-05-01_minutes.txt", "2024-05-01 minutes"),
        ("shift-plan.txt", "shift plan"),
        ("Pump manual - new.txt", "Pump manual - new"),
        ("__.txt", "__"),
    ],
)
def test_the_name_of_the_file_is_the_last_resort(parse, name, title):
    assert parse(name, "Text.\n").title == title
