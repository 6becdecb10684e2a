"""The report as a browser shows it. Needs Chromium (on Debian `apt-get install chromium`) and the dev extra's
playwright, which brings none of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.sample_result import sample
from metier.evaluation.report.page import html
from metier.evaluation.result import ComparisonResult

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]
ATTACK = "<script>alert(1)</script><img src='https://example.com/x.png' onerror='alert(2)'>"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    result = sample(120)
    result["answers"][0]["modes"]["rag"]["text"] = ATTACK
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html(ComparisonResult.from_json(result)), encoding="utf-8")
    return path


def opened(browser, page_file: Path, **options):
    """The page, and what went wrong on it: requests, dialogs, errors."""
    page, wrong = browser.new_context(**options).new_page(), []
    page.on("request", lambda request: wrong.append(request.url) if request.url != page_file.as_uri() else None)
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(page_file.as_uri())
    return page, wrong


def test_a_phone_shows_it_without_scrolling_sideways_and_nothing_is_loaded(browser, page_file):
    for scheme in ("light", "dark"):
        size = {"width": 360, "height": 800}
        page, wrong = opened(browser, page_file, viewport=size, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.inner_text("#q1 .answer.rag .said") == ATTACK
        assert wrong == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.is_hidden("#filters")


def test_questions_are_filtered_shown_a_few_at_a_time_and_opened_by_links(browser, page_file):
    page, wrong = opened(browser, page_file)
    assert page.locator("#questions > details:visible").count() == 100
    page.click("#more")
    assert page.locator("#questions > details:visible").count() == 120
    page.fill("input[name=text]", "টারবাইন")
    page.select_option("select[name=mode]", "rag")
    page.select_option("select[name=result]", "wrong")
    shown = page.locator("#questions > details:visible")
    expected = [
        row["question"] for row in sample(120)["answers"] if row["language"] == "bn" and row["modes"]["rag"]["cause"]
    ]
    assert [text.strip() for text in shown.locator(".asked").all_inner_texts()] == expected
    assert page.inner_text("#count") == f"{len(expected)} of 120 questions"
    target = page.locator("#failures .examples a").first
    target.click()
    question = page.locator(target.get_attribute("href"))
    assert question.get_attribute("open") is not None
    assert question.locator(".answer").first.is_visible()
    assert wrong == []


def test_without_script_every_question_is_there(browser, page_file):
    page, wrong = opened(browser, page_file, java_script_enabled=False)
    assert page.locator("#questions > details:visible").count() == 120
    assert page.is_hidden("#filters")
    page.click("#q3 > summary")
    assert page.is_visible("#q3 .answer >> nth=0")
    assert wrong == []
