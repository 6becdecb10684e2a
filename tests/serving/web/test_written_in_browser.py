"""What a person sees of an answer while a model writes it, and when it is done. The model is a scripted endpoint."""

from __future__ import annotations

import pytest

from ..scripted import WRITTEN, scripted_server
from ..servers import QUESTION
from .browsing import PHONE, axe_serious, opened, sideways

pytestmark = pytest.mark.slow

FORMATTED = """\
The gearbox oil of the NV-110 is changed every 31 months. In short:

1. **Stop** the turbine.
2. Change the `oil`.

| part | months |
|---|---|
| gearbox oil | 31 |
| brake pads | 19 |

<img src=x onerror=alert(1)> [here](javascript:alert(2))

The yaw grease of the NV-110 costs 500 kronor. 🙂 The wind vane of the NV-110 is changed every 83 months.
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with scripted_server(tmp_path_factory.mktemp("written_page")) as pair:
        yield pair


@pytest.fixture
def endpoint(running):
    endpoint, _ = running
    endpoint.says, endpoint.hold_before_last, endpoint.pace = WRITTEN, False, 0.0
    endpoint.released.clear()
    return endpoint


def ask(page, question: str = QUESTION, wait: bool = True) -> None:
    page.fill("#q", question)
    page.press("#q", "Enter")
    if wait:
        page.wait_for_selector("#turns:not([aria-busy])")


def until(page, is_so) -> None:
    for _ in range(400):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never was")


def last(page):
    return page.locator(".turn").last


def test_text_and_marks_are_there_while_the_model_writes(browser, running, endpoint):
    endpoint.hold_before_last = True
    with opened(browser, running[1].address) as page:
        ask(page, wait=False)
        link = page.locator(".pending .text a.cited").first
        link.wait_for()
        assert link.inner_text().startswith("The gearbox oil of the NV-110 is changed every 31 months.")
        assert link.locator("sup").inner_text().endswith("1")
        page.locator(".pending .text .unsupported").last.wait_for()
        assert not endpoint.done.is_set()
        assert "Close" in page.locator(".pending .text").inner_text()
        endpoint.released.set()
        page.wait_for_selector("#turns:not([aria-busy])")
        assert last(page).locator(".text a.cited").first.get_attribute("href").startswith("/documents/")


def test_stop_closes_the_connection_to_the_model_and_keeps_the_text(browser, running, endpoint):
    endpoint.says, endpoint.pace = "word " * 1000, 0.02
    with opened(browser, running[1].address) as page:
        ask(page, wait=False)
        page.wait_for_selector(".pending .text:not(:empty)")
        page.click("#stop")
        assert endpoint.closed.wait(5)
        page.wait_for_selector("#turns:not([aria-busy])")
        assert last(page).locator(".state").inner_text() == "Stopped."
        assert last(page).locator(".text").inner_text().startswith("word word")


def test_markdown_is_shown_as_such_and_nothing_of_it_is_alive(browser, running, endpoint):
    endpoint.says = FORMATTED
    with opened(browser, running[1].address) as page:
        ask(page)
        text = last(page).locator(".text")
        assert text.locator("ol > li").count() == 2
        assert text.locator("li strong").inner_text() == "Stop"
        assert text.locator("table tr").count() == 3
        assert text.locator("code").inner_text() == "oil"
        assert text.locator("img").count() == 0
        assert text.locator("a:not(.cited, .mark)").count() == 0
        assert "<img src=x onerror=alert(1)> [here](javascript:alert(2))" in text.inner_text()
        assert any("costs 500 kronor" in each for each in text.locator(".unsupported").all_inner_texts())
        assert last(page).locator(".answer").get_attribute("data-text") == FORMATTED.strip()
        assert axe_serious(page) == []
        page.set_viewport_size(PHONE)
        assert sideways(page) == 0


@pytest.mark.parametrize("height", [700, 900])
def test_sources_and_thumbs_of_a_long_answer_end_above_the_box(browser, running, endpoint, height):
    endpoint.says, endpoint.pace = FORMATTED, 0.001
    with opened(browser, running[1].address, viewport={"width": 1000, "height": height}) as page:
        for _ in range(3):
            ask(page)
            thumbs = last(page).locator(".thumbs").bounding_box()
            box = page.locator("#ask").bounding_box()
            assert thumbs["y"] >= 0
            assert thumbs["y"] + thumbs["height"] <= box["y"]


def test_who_reads_further_up_is_left_there(browser, running, endpoint):
    endpoint.says, endpoint.pace = "".join(f"Line {number} of the answer.\n\n" for number in range(60)), 0.005
    with opened(browser, running[1].address, viewport={"width": 1000, "height": 700}) as page:
        ask(page, wait=False)
        until(page, lambda: page.evaluate("scrollY") > 300)
        page.mouse.wheel(0, -5000)
        until(page, lambda: page.evaluate("scrollY") < 200)  # a browser's wheel rolls on for a moment
        page.wait_for_selector("#turns:not([aria-busy])")
        assert page.evaluate("scrollY") < 200


def test_a_refusal_shows_what_was_looked_for_and_the_nearest_places(browser, running, endpoint):
    endpoint.says = "The documents do not say what the canteen cooks on Mondays."
    with opened(browser, running[1].address, locale="bn") as page:
        ask(page, "What does the canteen cook on Mondays?")
        answer = last(page).locator(".answer.refused")
        assert answer.locator(".verdict").inner_text() == "আপনার নথিতে এর উত্তর নেই"
        assert "canteen" in answer.locator(".searched q").first.inner_text()
        assert answer.locator("ul.sources a").first.get_attribute("href").startswith("/documents/")
