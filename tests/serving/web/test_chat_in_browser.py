"""Asking in a browser: real answers of a real expert, what is said about them, and what comes of that."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from metier import Expert, answering
from metier.answering.answer import Answer, Sentence, Style, Support, Usage
from metier.serving.web.answers import ShownAnswer
from metier.serving.web.translations import LANGUAGES, PageTranslations

from ..servers import Server
from ..tuned import QUESTIONS, SAID
from .browsing import PHONE, axe_serious, opened, sideways

pytestmark = pytest.mark.slow

OIL = "How often is the gearbox oil of the NV-110 changed?"
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"
BAD_NAME = "Odd nuts <img src=x onerror=alert(3)>"


@pytest.fixture(scope="module")
def served_folder(served_folder):
    """With a document whose name and text are HTML, and answers long enough to be stopped."""
    text = "The odd nuts <script>alert(1)</script> of the NV-110 are changed every 77 months.\n"
    (served_folder.parent / "docs" / f"{BAD_NAME}.txt").write_text(text)
    with Expert.open(served_folder) as expert:
        expert.sync()
    settings = served_folder / "metier.toml"
    settings.write_text(settings.read_text().replace("max_tokens = 24", "max_tokens = 60"))
    return served_folder


def ask(page, question: str, mode: str = "rag", wait: bool = True) -> None:
    page.check(f"#ask [name=mode][value='{mode}']")
    page.fill("#q", question)
    page.press("#q", "Enter")
    if wait:
        page.wait_for_selector("#turns:not([aria-busy])")


def last(page):
    return page.locator(".turn").last


def test_an_answer_links_each_sentence_to_its_place_and_outlives_a_reload(browser, served):
    with opened(browser, served) as page:
        ask(page, OIL)
        assert "31 months" in last(page).locator(".text").inner_text()
        link = last(page).locator("a.cited")
        assert re.fullmatch(r"/documents/[0-9a-f]{16}\?start=\d+&end=\d+", link.get_attribute("href"))
        assert link.locator("sup").inner_text().endswith("1")
        assert last(page).locator(".sources a").get_attribute("href") == link.get_attribute("href")
        assert (
            last(page).locator("blockquote").inner_text() == "The gearbox oil of the NV-110 is changed every 31 months."
        )
        assert page.inner_text("#said").startswith("Answer: The gearbox oil")
        ask(page, "And the brake pads?")
        assert last(page).locator(".sources").inner_text().startswith("Brake pads")
        page.reload()
        assert page.locator(".asked").all_inner_texts() == [OIL, "And the brake pads?"]
        page.click("#new")
        page.reload()
        assert page.locator(".turn").count() == 0


def test_shift_enter_is_a_new_line_and_a_refusal_looks_like_one(browser, served):
    with opened(browser, served) as page:
        page.fill("#q", "What does the canteen")
        page.press("#q", "Shift+Enter")
        page.type("#q", "cook on Mondays?")
        assert page.locator(".turn").count() == 0
        page.click("#send")
        page.wait_for_selector(".answer.refused")
        assert page.inner_text(".verdict") == "Not in your documents"
        assert page.locator(".refused .cited").count() == 0
        assert page.locator(".refused ul.sources a").count() == 3


def test_side_by_side_shows_all_ways_there_are_next_to_each_other(browser, served):
    with opened(browser, served, viewport={"width": 1100, "height": 800}) as page:
        assert page.locator("#ask [name=mode]:disabled").evaluate_all("all => all.map(each => each.value)") == [
            "tuned",
            "rag+tuned",
        ]
        assert "adapter in production" in page.inner_text("#no-adapter")
        ask(page, OIL, "all")
        boxes = [each.bounding_box() for each in last(page).locator(".answer").all()]
        assert len(boxes) == 2
        assert boxes[0]["y"] == boxes[1]["y"]
        for each in last(page).locator(".figures").all():
            assert re.search(r"\d+\.\d s", each.inner_text())
        assert re.search(r"\d+ tokens read, \d+ written", last(page).locator(".base .figures").inner_text())
        page.set_viewport_size(PHONE)
        boxes = [each.bounding_box() for each in last(page).locator(".answer").all()]
        assert boxes[0]["x"] == boxes[1]["x"]
        assert sideways(page) == 0


def test_four_ways_answer_next_to_each_other_with_the_adapter_in_production(browser, tuned_expert, tmp_path):
    folder = shutil.copytree(tuned_expert.parent, tmp_path / "copy") / tuned_expert.name
    with Expert.open(folder) as expert:
        expert.adapters.promote("parts@1")
    server = Server(folder)
    try:
        with opened(browser, server.address, viewport={"width": 1400, "height": 900}) as page:
            assert page.locator("#ask [name=mode]:disabled").count() == 0
            ask(page, QUESTIONS[0], "all")
            boxes = [each.bounding_box() for each in last(page).locator(".answer").all()]
            assert len(boxes) == 4
            assert len({box["y"] for box in boxes}) == 1
            assert last(page).locator(".tuned .text").inner_text() == SAID["parts@1"]
            for mode in ("tuned", "both"):
                assert "parts@1" in last(page).locator(f".{mode} .figures").inner_text()
            for mode in ("base", "rag"):
                assert "parts@1" not in last(page).locator(f".{mode} .figures").inner_text()
            assert axe_serious(page) == []
            page.goto("/adapters/promote?adapter=parts@2")
            page.click("button.main")
        with opened(browser, server.address) as page:  # a conversation of its own: the tiny model knows no history
            ask(page, QUESTIONS[1], "tuned")
            assert last(page).locator(".tuned .text").inner_text() == SAID["parts@2"]
            page.set_viewport_size(PHONE)
            assert sideways(page) == 0
    finally:
        server.stop()


def stopped_at_first_piece(page) -> None:
    page.evaluate(  # a person is slower than this small model
        """() => new MutationObserver((_, observer) => {
          if (!document.querySelector(".pending .text:not(:empty)")) return;
          document.getElementById("stop").click();
          observer.disconnect();
        }).observe(document.getElementById("turns"), { childList: true, subtree: true })"""
    )
    ask(page, "Count from one to one thousand in words.", "base")
    assert last(page).locator(".state").inner_text() == "Stopped."
    assert last(page).locator(".text").inner_text() != ""


def test_stop_keeps_what_was_written_and_the_next_question_is_answered(browser, served):
    with opened(browser, served) as page:
        stopped_at_first_piece(page)
        ask(page, OIL)
        assert "31 months" in last(page).locator(".text").inner_text()


def test_stop_holds_where_the_rest_of_the_answer_came_with_the_piece(browser, served):
    with opened(browser, served) as page:
        page.route("**/chat", lambda route: route.fulfill(response=route.fetch()))  # whole, in one read
        stopped_at_first_piece(page)


def test_thumbs_are_kept_with_their_reason(browser, served, served_folder, secrets):
    with opened(browser, served, secret=secrets["workshop"]) as page:
        ask(page, OIL)
        last(page).locator("[name=reason]").fill("steht so im Handbuch ✓")
        last(page).locator("[name=thumb][value=up]").click()
        page.wait_for_selector(".noted[data-outcome=thanks]")
        assert last(page).locator("[name=thumb]").count() == 0
    with Expert.open(served_folder) as expert:
        (kept,) = expert.corrections.feedback()
    assert (kept.thumb, kept.question, kept.who, kept.mode) == ("up", OIL, "workshop", "rag")
    assert kept.reason == "steht so im Handbuch ✓"
    assert kept.citations[0]["document"].endswith("gearbox-oil.md")


def test_who_may_not_give_feedback_is_not_asked_for_it(browser, served, secrets):
    with opened(browser, served, secret=secrets["reader"]) as page:
        ask(page, OIL)
        assert last(page).locator(".thumbs, .correct").count() == 0


def correct(page, **fields: str) -> None:
    last(page).locator("summary").click()
    form = last(page).locator(".correct form")
    for name, value in fields.items():
        if name == "change":
            form.locator(f"[name=change][value={value}]").check()
        else:
            form.locator(f"[name={name}]").fill(value)
    form.locator("button").click()


def test_a_correction_is_in_the_next_answer(browser, served):
    question = "How often is the wind vane of the NV-110 changed?"
    with opened(browser, served) as page:
        ask(page, question)
        assert "83 months" in last(page).locator(".text").inner_text()
        assert last(page).locator(".replaced").is_hidden()
        right = "The wind vane of the NV-110 is changed every 84 months."
        correct(page, change="replace", text=right, answer="Every 84 months.", why="TB-25-03")
        page.wait_for_selector(".noted[data-outcome=in_force]")
        page.click("a.again")
        page.wait_for_selector(".turn:nth-child(2)")
        page.wait_for_selector("#turns:not([aria-busy])")
        assert "84 months" in last(page).locator(".text").inner_text()
        assert last(page).locator("blockquote").inner_text() == right
        assert "Corrected by a colleague" in last(page).locator(".sources").inner_text()


def test_a_correction_of_one_who_may_not_decide_waits(browser, served, served_folder, secrets):
    with opened(browser, served, secret=secrets["workshop"]) as page:
        ask(page, "How often is the slip ring of the NV-110 changed?")
        assert last(page).locator("[name=at_once]").count() == 0
        correct(page, answer="Every 12 months.", document="no such file.pdf")
        trouble = last(page).locator(".correct .problem")
        trouble.filter(has_text="there is no document").wait_for()
        box = last(page).locator("[name=document]")
        box.fill("")
        box.type("safe")
        page.wait_for_timeout(400)
        assert page.locator("#document-names option").count() == 0  # the board's
        box.fill("")
        box.type("slip")
        page.wait_for_selector("#document-names option", state="attached")
        box.fill(page.locator("#document-names option").get_attribute("value"))
        last(page).locator(".correct button").click()
        page.wait_for_selector(".noted[data-outcome=queued]")
    with Expert.open(served_folder) as expert:
        (kept,) = expert.corrections.all("queued")
    assert (kept.answer, kept.who, kept.about.uri.rpartition("/")[2]) == (
        "Every 12 months.",
        "workshop",
        "slip-ring.md",
    )


def test_what_is_pinned_stands_in_the_document_that_was_named(browser, served):
    question = "How often is the zorble looked after?"
    with opened(browser, served) as page:
        ask(page, question)
        correct(page, change="pin", document="hub-seals.md")
        page.wait_for_selector(".noted[data-outcome=in_force]")
        page.click("a.again")
        page.wait_for_selector(".turn:nth-child(2) .sources")
        assert last(page).locator(".sources a").first.inner_text() == "Hub seals"
        assert "Somebody said where" in last(page).locator(".note").first.inner_text()


def test_what_a_caller_may_not_read_is_neither_answered_nor_corrected(served, secrets, browser):
    question = "What is the code of the Vargmyr safe?"
    with opened(browser, served, secret=secrets["board"]) as page:
        ask(page, question)
        assert "4711" in last(page).locator(".text").inner_text()
        passage = last(page).locator("[name=cited]").get_attribute("value")
    with opened(browser, served, secret=secrets["workshop"]) as page:
        ask(page, question)
        assert "4711" not in page.content()
        said = {"question": question, "answer": "It is 4711.", "mode": "rag", "thumb": "up"}
        headers = {"Origin": served, "X-CSRF-Token": page.locator("body").get_attribute("data-token")}
        sent = {
            "/chat/correct": said | {"change": "hide", "passage": passage},
            "/chat/feedback": said | {"cited": passage},
        }
        for path, form in sent.items():
            assert page.request.post(path, form=form, headers=headers).status == 400
        sure = said | {"at_once": "true"}
        assert page.request.post("/chat/correct", form=sure, headers=headers).status == 403


def test_who_signs_in_next_does_not_see_the_conversation_before(browser, served, secrets):
    with opened(browser, served, secret=secrets["board"]) as page:
        ask(page, "What is the code of the Vargmyr safe?")
        page.click(".who form[action='/sign-out'] button")
        page.goto("/sign-in")
        page.fill("#key", secrets["workshop"])
        page.press("#key", "Enter")
        page.wait_for_url(f"{served}/")
        assert page.locator(".turn").count() == 0
        assert page.evaluate("sessionStorage.length") == 0


def test_what_another_page_sends_is_refused(served):
    body = {"question": OIL}
    assert httpx.post(f"{served}/chat", json=body).status_code == 403
    form = {"question": OIL, "answer": "Never.", "thumb": "up", "mode": "rag"}
    for path in ("/chat/feedback", "/chat/correct"):
        assert httpx.post(f"{served}{path}", data=form).status_code == 403


def test_without_scripts_a_question_is_answered_and_a_thumb_is_kept(browser, served):
    with opened(browser, served, java_script_enabled=False) as page:
        page.fill("#q", OIL)
        page.click("#send")
        assert "31 months" in page.inner_text(".answer .text")
        assert page.locator("a.cited").get_attribute("href").startswith("/documents/")
        page.click("[name=thumb][value=down]")
        assert page.inner_text(".noted") == "Thank you, noted."


def test_a_question_in_the_address_is_asked_while_the_page_is_there(browser, served):
    with opened(browser, served, "/search?q=How often is the gearbox oil of the NV-110 changed?") as page:
        page.click("text=Ask this instead")
        page.wait_for_selector(".turn .asked")
        assert page.inner_text(".turn .asked") == "How often is the gearbox oil of the NV-110 changed?"
        page.wait_for_selector(".answer[data-text]")
        assert "31 months" in page.inner_text(".answer .text")
        page.reload()
        assert page.locator(".turn").count() == 1
    with opened(browser, served, "/?q=How often is the gearbox oil changed?", java_script_enabled=False) as page:
        page.wait_for_selector(".answer .text")
        assert "months" in page.inner_text(".answer .text")


def test_html_in_a_question_or_an_answer_is_text(browser, served):
    """`opened` fails where a dialog opens or anything is loaded from elsewhere."""
    with opened(browser, served) as page:
        ask(page, "How often are the odd nuts of the NV-110 changed?")
        assert last(page).locator(".sources a").first.inner_text() == BAD_NAME
        assert "<script>alert(1)" in last(page).locator("blockquote").inner_text()
        assert page.locator("main img, main script").count() == 0
        page.goto(f"/search?q=odd nuts {ATTACK}")
        assert page.locator(".found a").first.inner_text() == BAD_NAME
        assert page.locator("main img, main script").count() == 0
        page.goto("/")
        ask(page, f"Say {ATTACK}", "base")
        assert last(page).locator(".asked").inner_text() == f"Say {ATTACK}"
        correct(page, answer=ATTACK, why=ATTACK)
        page.wait_for_selector(".noted")
        page.reload()
        assert last(page).locator(".asked").inner_text() == f"Say {ATTACK}"
        assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_in_bengali_all_of_it_is_accessible(browser, served, scheme):
    with opened(browser, served, locale="bn", color_scheme=scheme, viewport=PHONE) as page:
        assert page.inner_text("#send") == "জিজ্ঞাসা করুন"
        assert sideways(page) == 0
        assert axe_serious(page) == []
        ask(page, OIL, "all")
        ask(page, "ক্যান্টিনে সোমবারে কী রান্না হয়?")
        page.locator(".answer.rag summary").first.click()
        page.locator("[name=change][value=replace]").first.check()
        assert page.inner_text("h1") == "parts-কে জিজ্ঞাসা করুন"
        assert sideways(page) == 0
        assert axe_serious(page) == []


def test_errors_are_told_in_words_with_when_to_come_again(browser, served):
    told = {429: "Ask again in 7 s.", 503: "Ask again in 7 s.", 504: "given up"}
    left = list(told)

    def refuse(route) -> None:
        body = {"error": {"message": "?"}}
        route.fulfill(status=left.pop(0), headers={"Retry-After": "7"}, json=body)

    with opened(browser, served) as page:
        page.route("**/chat", refuse)
        for said in told.values():
            ask(page, OIL)
            assert said in last(page).locator(".problem").inner_text()
        page.unroute("**/chat")
        last(page).locator("button.again").click()
        page.wait_for_selector(".cited")


def test_search_marks_the_words_that_tell(browser, served, secrets):
    with opened(browser, served, "/search", secret=secrets["workshop"]) as page:
        page.wait_for_selector("#q:focus")
        page.keyboard.type("the gearbox oil of the NV-110")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=*")
        first = page.locator(".found li").first
        assert first.locator("a").get_attribute("href").startswith("/documents/")
        assert first.locator("mark").all_inner_texts() == ["gearbox", "oil"]
        assert axe_serious(page) == []
        page.set_viewport_size(PHONE)
        assert sideways(page) == 0
        page.goto("/search?q=Vargmyr+safe")
        assert "4711" not in page.content()


def test_every_character_of_an_answer_is_shown_once():
    sentences = tuple(Sentence(start, end, Support.NOT, 0.0) for start, end in ((10, 19), (4, 9)))
    answer = Answer(
        question="?", text="নীল চাবি। It flies.\nEnd", abstained=False, confidence=0.5, mode="rag", model="m",
        adapter=None, sentences=sentences, timings={"total": 1.0}, usage=Usage(), style=Style.QUOTED,
    )  # fmt: skip
    html = str(ShownAnswer.of(answer).text(PageTranslations("en"), ""))
    assert re.sub(r'<span class="told">.*?</span>|<[^>]+>', "", html) == answer.text
    assert re.findall(r'class="unsupported">(.*?)<span', html) == ["চাবি।", "It flies."]


def test_the_notes_that_have_words_are_those_that_answers_carry():
    modules = Path(answering.__file__).parent.glob("*.py")
    said = "".join(module.read_text(encoding="utf-8") for module in modules)
    for language in LANGUAGES:
        wording = json.loads(files("metier.serving.web.wordings").joinpath(f"chat.{language}.json").read_bytes())
        notes = [key.removeprefix("note.") for key in wording if key.startswith("note.")]
        assert len(notes) == 2
        assert [note for note in notes if f'"{note}"' not in said] == []
