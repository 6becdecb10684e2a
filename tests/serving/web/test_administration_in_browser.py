"""Looking after an expert in a browser: syncs, the report, adapters, corrections."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from evaluation.sample_result import sample
from parts import answer_briefly, read_nothing, write_documents
from tuning import tiny_models

from metier import Expert
from metier.core.locks import exclusive
from metier.evaluation import result_store
from metier.evaluation.result import ComparisonResult
from metier.tuning import base_model
from metier.tuning.adapters import Card

from ..servers import Server
from .browsing import PHONE, axe_serious, opened, sideways

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"
YAW = "How often is the yaw grease of the NV-110 changed?"
TINY = """
[generation]
model = "gguf:tiny.gguf"
max_tokens = 8
threads = 1
context_tokens = 512

[tuning]
base = "base"
"""


@pytest.fixture(scope="module")
def served_folder(served_folder):
    """With a document that cannot be read, a comparison with HTML in an answer, a thumb and a correction that waits."""
    (served_folder.parent / "docs" / f"{ATTACK.replace('/', '')}.pdf").write_bytes(b"%PDF-1.4 and no more")
    result = sample(20)
    result["answers"][0]["modes"]["rag"]["text"] = ATTACK
    result_store.save(served_folder / ".metier", ComparisonResult.from_json(result))
    with Expert.open(served_folder) as expert:
        expert.sync()
        answer = expert.ask(YAW)
        expert.corrections.give_feedback("up", YAW, answer.text, mode="rag", citations=answer.citations, who="ali")
        expert.corrections.give_feedback(
            "down", YAW, answer.text, reason=ATTACK, mode="rag", citations=answer.citations, who="ali"
        )
        expert.corrections.add("নীল চাবি কোথায়?", "টাওয়ারে।", document="slip-ring.md", why=ATTACK, who="বিমল")
    return served_folder


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """The address of a server whose tiny model has two adapters, and one that is of another model."""
    place = tmp_path_factory.mktemp("tuned")
    write_documents(place / "docs")
    with Expert.create(place / "parts") as made:
        made.add(str(place / "docs"))
        made.sync()
    answer_briefly(place / "parts")
    read_nothing(place / "parts")
    toml = place / "parts" / "metier.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text[: text.index("[generation]")] + TINY + text[text.index("[[sources]]") :], encoding="utf-8")
    base = tiny_models.save(place / "parts" / "base", "llama")
    tiny_models.write_gguf(base, place / "parts" / "tiny.gguf")
    rows = [{"step": step, "loss": 3 / step} for step in range(1, 31)]
    rows += [{"step": step, "loss": 3 / step, "validation_loss": 4 / step} for step in range(10, 31, 10)]

    def note(folder):
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    with Expert.open(place / "parts") as expert:
        own = base_model.fingerprint(expert.settings, expert.folder)
        result = {"rows": 8, "loss": 0.1, "validation_loss": 0.13, "labels": []}
        card = Card("parts", 0, "base", own, "d1", {"method": "lora", "rank": 8}, result, exam={"tuned": 0.5})
        for seed, each in enumerate([card, card, replace(card, name="বিদেশি", base_fingerprint="f00d")]):
            expert.adapters.registry.add(tiny_models.adapted(tiny_models.model("llama"), seed), each, note)
    server = Server(place / "parts")
    yield server.address
    server.stop()


def test_a_sync_is_started_and_watched(browser, served, served_folder):
    for number in range(30):
        text = f"# Crate {number}\n\nCrate {number} of the NV-110 is opened every {number + 2} months.\n"
        (served_folder.parent / "docs" / f"crate-{number}.md").write_text(text)
    with opened(browser, served, "/sources") as page:
        assert "crate-7.md" not in page.inner_text("main")
        page.click("text=Sync now")
        page.wait_for_selector("text=The sync is done")
        assert page.locator(".entries li").first.locator("p").inner_text().startswith("42 indexed · 1 failed")
        assert page.locator("tbody tr").count() == 44
        assert ATTACK.replace("/", "") in page.locator("tbody tr").first.inner_text()
        page.fill("#q", "crate-7")
        page.press("#q", "Enter")
        page.click("td a")
        assert "opened every 9 months" in page.inner_text("main")


def test_how_far_a_sync_is_is_shown_and_there_is_one_at_a_time(browser, served, served_folder):
    told = {"running": True, "done": 3, "total": 12, "item": f"নথি {ATTACK}"}
    with exclusive(served_folder / ".metier" / "sync.lock"), opened(browser, served, "/sources", locale="bn") as page:
        page.route("**/sources/progress", lambda route: route.fulfill(json=told))
        late = page.context.new_page()
        late.goto("/sources")
        page.click("form[action='/sources/sync'] button.main")
        late.click("form[action='/sources/sync'] button.main")  # at once: a sync waits two seconds for the lock
        page.wait_for_selector("progress[value='3'][max='12']")
        assert page.inner_text("#at") == "12টির মধ্যে 3টি"
        assert page.inner_text("#item") == told["item"]
        assert late.inner_text(".message") == "একটি সিঙ্ক আগে থেকেই চলছে।"
        assert axe_serious(page) == []
        page.unroute("**/sources/progress")
        page.wait_for_selector("text=another sync is running on this expert")


def test_without_scripts_a_sync_is_started_too(browser, served):
    with opened(browser, served, "/sources", java_script_enabled=False) as page:
        page.click("text=Try failed ones again")
        page.wait_for_selector("text=The sync is done")


def test_the_report_is_shown_inside_and_reaches_nothing(browser, served):
    with opened(browser, served, "/report") as page:
        inside = page.frame_locator("iframe.report")
        assert inside.locator("h1").inner_text().startswith("Use rag")
        inside.locator("#filters [name=text]").fill("no such thing")
        inside.locator("#count").filter(has_text=re.compile("^0 ")).wait_for()
        assert page.frames[1].evaluate("window.origin") == "null"
        with page.expect_download() as download:
            page.click("text=Figures as JSON")
        assert json.loads(download.value.path().read_text(encoding="utf-8"))["questions"] == 20


def test_the_full_report_works_by_itself(browser, served):
    with opened(browser, served, "/report/full", locale="bn") as page:
        assert page.get_attribute("html", "lang") == "bn"
        page.fill("#filters [name=text]", "no such thing")
        assert page.locator("#questions > details:visible").count() == 0
        assert page.evaluate("window.origin") == "null"


def adapter_of(page) -> str:
    page.goto("/?q=What+is+it&mode=tuned&now=1")
    return re.search(r"adapter (\S+)", page.locator(".answer .figures").last.inner_text())[1]


def test_adapters_are_promoted_and_rolled_back_and_answer_at_once(browser, tuned):
    with opened(browser, tuned, "/adapters") as page:
        assert "No adapter is in production" in page.inner_text("main")
        for reference in ("parts@1", "parts@2"):
            page.goto("/adapters")
            page.click(f"[aria-label='Put {reference} into production']")
            page.click("button.main")
            assert "tuned answers come from it" in page.inner_text(".message")
            page.wait_for_url("**/adapters")  # a script takes the message out of the address
            assert f"In production: {reference}." in page.inner_text("main")
            assert adapter_of(page) == reference
        page.goto("/adapters/rollback")
        stale = page.context.new_page()
        stale.goto("/adapters/rollback")
        page.click("button.main")
        assert "the adapter before it answers again" in page.inner_text(".message")
        assert adapter_of(page) == "parts@1"
        stale.click("button.main")
        assert "nothing was done" in stale.inner_text(".message")
        page.goto("/adapters/rollback")
        page.click("button.main")
        assert "no adapter is in production any more" in page.inner_text(".message")


def test_an_adapter_of_another_model_is_refused(browser, tuned):
    with opened(browser, tuned, "/adapters") as page:
        assert page.locator("[aria-label^='Put বিদেশি']").count() == 0
        assert "for another base model" in page.locator("li", has_text="বিদেশি@1").inner_text()
        page.goto("/adapters/promote?adapter=বিদেশি@1")
        page.click("button.main")
        assert "other weights" in page.inner_text(".problem")
        assert page.goto("/adapters/card?adapter=../../parts@1").status == 404


def test_the_curve_of_an_adapter_is_drawn(browser, tuned):
    with opened(browser, tuned, "/adapters/card?adapter=parts@1") as page:
        assert page.get_attribute(".curve", "aria-label") == "The loss went from 3.000 to 0.100 in 30 steps."
        box = page.locator(".curve .loss").bounding_box()
        assert box["width"] > 500
        assert box["height"] > 100
        assert page.locator(".curve .validation").count() == 1
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert axe_serious(page) == []


def test_a_correction_is_made_decided_and_taken_back(browser, served, served_folder):
    with Expert.open(served_folder) as expert:
        passage = expert.search("wind vane")[0].passage
    right = "The wind vane of the NV-110 is changed every 84 months."
    with opened(browser, served, f"/corrections?passage={passage.id}") as page:
        assert not page.is_visible("[name=text]")
        page.check("[name=change][value=replace]")
        page.fill("[name=question]", "How often is the wind vane of the NV-110 changed?&now=1")
        page.fill("form.correct [name=why]", "একটি কারণ")
        page.uncheck("[name=at_once]")
        assert page.input_value("[name=text]") == passage.text
        page.click("text=Send the correction")
        assert "the text is the same as before" in page.inner_text(".correct .problem")
        assert page.input_value("form.correct [name=why]") == "একটি কারণ"
        assert page.is_checked("[name=change][value=replace]")
        assert not page.is_checked("[name=at_once]")
        page.fill("[name=text]", right)
        page.click("text=Send the correction")
        entry = page.locator(".entries > li").first
        assert "waits until somebody decides" in page.inner_text(".message")
        assert "Replaces a passage of: Wind vane" in entry.inner_text()
        entry.get_by_role("button", name="Accept").click()
        page.goto("/?q=How often is the wind vane of the NV-110 changed?&now=1")
        assert "84 months" in page.locator(".answer .text").last.inner_text()
        page.goto("/corrections?state=accepted")
        entry = page.locator(".entries > li").first
        entry.locator("summary").click()
        assert "the text is in place" in entry.inner_text()
        entry.get_by_role("button", name="Undo").click()
        assert "was taken back" in page.inner_text(".message")
        page.goto("/?q=How often is the wind vane of the NV-110 changed?&now=1")
        assert "83 months" in page.locator(".answer .text").last.inner_text()


def test_a_thumb_down_leads_to_its_correction(browser, served, secrets):
    with opened(browser, served, "/corrections", secret=secrets["workshop"]) as page:
        thumbs = page.locator("#thumbs + ul > li")
        assert [each.locator(".chip").inner_text() for each in thumbs.all()] == ["wrong", "right"]
        assert ATTACK in thumbs.first.inner_text()
        assert page.get_by_role("button", name="Accept").count() == 0
        thumbs.first.locator("text=Correct this").click()
        assert page.input_value("[name=question]") == YAW
        assert "yaw grease" in page.inner_text(".correct blockquote")
        assert page.locator("[name=at_once]").count() == 0
        page.fill("[name=document]", "slip")
        page.wait_for_selector("#document-names option", state="attached")
        assert page.locator("#document-names option").get_attribute("value").endswith("slip-ring.md")
        page.fill("[name=document]", "")
        page.fill("[name=answer]", "Every 8 months.")
        page.click("text=Send the correction")
        entry = page.locator(".entries > li", has_text="Every 8 months.")
        assert "Stands in: Yaw grease" in entry.inner_text()
        assert "workshop" in entry.inner_text()


def test_without_scripts_a_correction_is_made(browser, served):
    with opened(browser, served, "/corrections", java_script_enabled=False) as page:
        page.click("#new summary")
        page.fill("[name=question]", "Who greases the yaw ring?")
        page.fill("[name=answer]", ATTACK)
        page.click("text=Send the correction")
        assert ATTACK in page.locator(".entries > li").first.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_in_bengali_all_of_it_is_accessible(browser, served, tuned, scheme):
    pages = {
        served: ("/sources", "/report", "/corrections?state=all"),
        tuned: ("/adapters", "/adapters/card?adapter=parts@1", "/adapters/promote?adapter=parts@1", "/report"),
    }
    for address, paths in pages.items():
        with opened(browser, address, locale="bn", color_scheme=scheme, viewport=PHONE) as page:
            for path in paths:
                page.goto(path)
                page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
                assert page.get_attribute("html", "lang") == "bn"
                assert sideways(page) == 0
                assert axe_serious(page) == []
