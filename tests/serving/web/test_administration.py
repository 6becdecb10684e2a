"""Sources, report, adapters and corrections over HTTP: who sees and does what, and what answers make of it."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from evaluation.sample_result import sample

from metier import Expert
from metier.core.locks import exclusive
from metier.evaluation import result_store
from metier.evaluation.result import ComparisonResult

pytestmark = pytest.mark.slow

POSTS = ("/sources/sync", "/adapters/promote", "/adapters/rollback", "/corrections", "/corrections/decide")
OIL = "How often is the gearbox oil of the NV-110 changed?"
SAFE = "What is the code of the Vargmyr safe?"


@pytest.fixture(scope="module")
def served_folder(served_folder):
    """With two documents that cannot be read."""
    docs = served_folder.parent / "docs"
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    (docs / "খালি.txt").write_text("")
    with Expert.open(served_folder) as expert:
        expert.sync()
    return served_folder


@pytest.fixture(scope="module")
def client(served, secrets):
    """A client for each key by its name, and the owner's; as a browser asks."""

    def made(name: str) -> httpx.Client:
        headers = {"Accept": "text/html"}
        if name != "owner":
            headers["Authorization"] = f"Bearer {secrets[name]}"
        return httpx.Client(base_url=served, headers=headers, timeout=60)

    clients = {name: made(name) for name in ("owner", *secrets)}
    yield clients
    for each in clients.values():
        each.close()


def shown(client, path, **query):
    """What the page at `path` shows below its frame."""
    response = client.get(path, params=query or None)
    assert response.status_code == 200
    return response.text.partition("<main")[2]


def answered(client, question):
    body = {"model": "parts", "messages": [{"role": "user", "content": question}]}
    return client.post("/v1/chat/completions", json=body).json()["metier"]


def synced(client, **form):
    """Starts a sync and waits for its end; the page after it."""
    assert client.post("/sources/sync", data=form).headers["location"] == "/sources"
    until = time.monotonic() + 30
    while client.get("/sources/progress").json()["running"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    return shown(client, "/sources")


@pytest.mark.parametrize("path", ["/sources/progress", "/report", "/report/full", "/report.json", "/adapters"])
def test_without_the_scope_it_is_refused(client, path):
    for name in ("reader", "workshop"):
        assert client[name].get(path).status_code == 403
    assert client["reader"].get("/corrections").status_code == 403
    assert client["reader"].get("/sources").status_code == 200


def test_the_menu_names_what_a_key_may_open(client):
    menus = {}
    for name, each in client.items():
        menu = re.search(r"<nav.*?</nav>", each.get("/").text, re.DOTALL)[0]
        menus[name] = re.findall(r'href="(/[^"]*)"', menu)
        assert {each.get(path).status_code for path in menus[name]} == {200}, name
    assert "/adapters" in menus["deputy"]
    assert "/report" not in menus["deputy"]
    assert menus["chief"] == menus["owner"]
    assert len(menus["chief"]) == 8


def test_only_who_may_decides_and_syncs(client):
    form = {"correction": "00000000", "verb": "accept", "adapter": "parts@1"}
    for path in POSTS:
        refused = client["workshop"].post(path, data=form).status_code
        assert refused == (400 if path == "/corrections" else 403)
    at_once = {"question": OIL, "answer": "Never.", "at_once": "true"}
    assert client["workshop"].post("/corrections", data=at_once).status_code == 403


def test_a_form_of_another_page_is_refused(client):
    for path in POSTS:
        assert client["owner"].post(path, data={"correction": "x", "verb": "accept"}).status_code == 403


def test_what_failed_is_first_with_its_reason_and_hidden_from_who_may_not_read_all(client):
    page = shown(client["owner"], "/sources")
    names = re.findall(r'<td class="name" dir="auto">(?:<a[^>]*>)?([^<]*)', page)
    assert names[:2] == ["docs/broken.pdf", "docs/খালি.txt"]
    assert "is damaged" in page
    assert "13 indexed" not in page
    assert "12 indexed" in page
    assert "secret/safe.md" in page
    for name, sees_safe in (("reader", False), ("board", True)):
        page = shown(client[name], "/sources")
        assert ("safe.md" in page, "../secret" in page) == (sees_safe, sees_safe)
        assert "broken" not in page
        assert "failed" not in page
        assert "13 new" not in page
        assert "gearbox-oil.md" in page
        assert "Sync now" not in page
    page = shown(client["owner"], "/sources", q="DAMAGED")
    assert "broken.pdf" in page
    assert "gearbox-oil.md" not in page


def test_what_a_sync_of_the_server_read_is_answered_at_once(client, served_folder):
    docs, question = served_folder.parent / "docs", "On which day does the canteen serve soup?"
    assert answered(client["owner"], question)["abstained"]
    (docs / "canteen.md").write_text("# Canteen\n\nThe canteen serves soup on Friday.\n")
    assert "The sync is done" in synced(client["chief"])
    assert "Friday" in answered(client["owner"], question)["text"]
    (docs / "canteen.md").unlink()
    synced(client["chief"])
    assert answered(client["owner"], question)["abstained"]


def test_a_source_that_was_added_meanwhile_is_read_by_the_next_sync(client, served_folder, run_metier):
    more = served_folder.parent / "more"
    more.mkdir()
    (more / "নীল-চাবি.md").write_text("# Blue key\n\nThe blue key of the NV-110 is changed every 71 months.\n")
    run_metier("add", str(more), "-e", str(served_folder))
    assert "../more" in shown(client["owner"], "/sources")
    synced(client["chief"])
    assert "71" in answered(client["owner"], "How often is the blue key of the NV-110 changed?")["text"]


@pytest.mark.parametrize(("part", "options"), [("mast ladder", ()), ("door lock", ("--rebuild",))])
def test_what_another_process_synced_is_answered_too(client, served_folder, run_metier, part, options):
    text = f"# {part}\n\nThe {part} of the NV-110 is changed every 97 months.\n"
    (served_folder.parent / "docs" / f"{part}.md").write_text(text)
    run_metier("sync", *options, "-e", str(served_folder))
    until = time.monotonic() + 20
    time.sleep(1.5)  # it looks once a second
    while "97" not in (answer := answered(client["owner"], f"How often is the {part} of the NV-110 changed?"))["text"]:
        assert time.monotonic() < until, answer
        time.sleep(0.2)


def test_a_sync_elsewhere_is_told_and_what_failed_is_read_again_only_when_asked(client, served_folder):
    with exclusive(served_folder / ".metier" / "sync.lock"):
        assert "another sync is running on this expert" in synced(client["chief"])

    def read_at():
        with Expert.open(served_folder) as expert:
            return next(item.synced_at for item in expert.items() if item.uri.endswith("broken.pdf"))

    before = read_at()
    time.sleep(1.1)
    synced(client["chief"])
    assert read_at() == before
    synced(client["chief"], retry="true")
    assert read_at() > before


def test_a_share_that_is_away_keeps_its_documents_until_the_page_is_told_to_let_go(client, served_folder):
    docs, away = served_folder.parent / "docs", served_folder.parent / "away"

    def cited():
        sentences = answered(client["owner"], OIL)["sentences"]
        return {each["document"].split("/")[0] for sentence in sentences for each in sentence["citations"]}

    docs.rename(away)
    docs.mkdir()
    try:
        page = synced(client["chief"])
        assert "out of reach, or empty" in page
        assert 'name="allow_empty"' in page
        assert "allow_empty" not in shown(client["reader"], "/sources")
        assert cited() == {"docs"}
        assert "is done" in synced(client["chief"], allow_empty="true")
        assert "docs" not in cited()
    finally:
        docs.rmdir()
        away.rename(docs)
        synced(client["chief"])
    assert cited() == {"docs"}


def test_before_any_comparison_the_report_is_what_the_rules_say(client):
    page = shown(client["chief"], "/report")
    assert "metier compare" in page
    assert "/report.json" not in page
    assert client["chief"].get("/report.json").status_code == 404
    assert "What the rules advise" in client["chief"].get("/report/full").text


def test_the_report_is_shut_in_and_in_the_language_of_the_page(client, served_folder):
    result = sample(20)
    path = result_store.save(served_folder / ".metier", ComparisonResult.from_json(result))
    try:
        assert client["chief"].get("/report.json").json() == result
        assert "Another adapter" not in shown(client["chief"], "/report")
        full = client["chief"].get("/report/full", headers={"Accept-Language": "bn"})
        assert '<html lang="bn"' in full.text
        policy = full.headers["content-security-policy"]
        for rule in ("default-src 'none'", "script-src 'sha256-", "frame-ancestors 'self'", "sandbox allow-scripts"):
            assert rule in policy
        assert "allow-same-origin" not in policy
        assert full.headers["x-frame-options"] == "SAMEORIGIN"
    finally:
        path.unlink()


def test_a_correction_passes_through_its_states(client, served_folder):
    question = "How often are the hub seals of the NV-110 changed?"
    form = {"question": question, "answer": "Every 38 months.", "document": "hub-seals.md", "why": "কারণ আছে"}
    made = client["workshop"].post("/corrections", data=form)
    assert (made.status_code, made.headers["location"]) == (303, "/corrections?state=queued&said=queued")
    page = shown(client["workshop"], "/corrections")
    assert "Every 38 months." in page
    assert "কারণ আছে" in page
    assert 'name="verb"' not in page
    identity = re.search(r'<li id="([0-9a-f]{8})"', page)[1]
    said = {}
    for verb in ("dismiss", "undo", "accept", "undo", "accept"):
        decided = client["chief"].post("/corrections/decide", data={"correction": identity, "verb": verb, "why": "ঠিক"})
        assert decided.status_code == 303
        said.setdefault(verb, []).append(decided.headers["location"].partition("said=")[2])
    assert said == {"dismiss": ["dismissed"], "undo": ["reopened", "undone"], "accept": ["in_force", "in_force"]}
    again = client["chief"].post(
        "/corrections/decide", data={"correction": identity, "verb": "dismiss", "why": "zu spät", "state": "accepted"}
    )
    assert again.status_code == 400
    assert "is accepted, so it cannot be dismissed" in again.text
    assert 'value="zu spät"' in again.text
    other = client["chief"].post("/corrections", data=form | {"answer": "Never.", "at_once": "true"})
    assert other.status_code == 400
    assert f"correction {identity} answers this question already" in other.text
    assert "Never." in other.text
    assert client["chief"].post(
        "/corrections/decide", data={"correction": "ffffffff", "verb": "undo"}
    ).status_code == 404  # fmt: skip


def test_corrections_and_thumbs_show_what_one_may_read(client, served_folder):
    with Expert.open(served_folder) as expert:
        safe = expert.search("Vargmyr safe")[0].passage
        answer = expert.ask(SAFE)
        expert.corrections.give_feedback("down", SAFE, answer.text, mode="rag", citations=answer.citations, who="board")
        expert.corrections.give_feedback("down", "Who has the key to the vault?", "Nobody.", mode="base", who="board")
    form = {"question": SAFE, "answer": "Ask the chief.", "passage": safe.id}
    assert "4711" in shown(client["board"], "/corrections", passage=safe.id)
    assert client["board"].post("/corrections", data=form).status_code == 303
    page = shown(client["board"], "/corrections")
    assert "Ask the chief." in page
    assert "Who has the key to the vault?" not in page  # it cites nothing, so nobody knows who may read it
    identity = next(
        each for each in re.findall(r'<li id="([0-9a-f]{8})"', page) if "Ask the chief" in page.split(each, 1)[1][:400]
    )
    for path in ("/corrections?state=all", f"/corrections?passage={safe.id}"):
        page = shown(client["workshop"], path)
        assert not any(word in page for word in ("4711", "Ask the chief", "Vargmyr", "vault"))
    unknown = client["workshop"].post("/corrections", data=form | {"passage": "0" * 16})
    hidden = client["workshop"].post("/corrections", data=form)
    assert hidden.status_code == unknown.status_code == 400
    assert "there is no passage" in hidden.text
    assert client["workshop"].post(
        "/corrections/decide", data={"correction": identity, "verb": "dismiss"}
    ).status_code == 403  # fmt: skip
    hide = {"change": "hide", "passage": safe.id, "at_once": "true", "why": "no"}
    assert client["chief"].post("/corrections", data=hide).status_code == 303
    assert "4711" in shown(client["chief"], "/corrections?state=accepted")
    page = shown(client["board"], "/corrections?state=accepted")
    assert "Hides a passage of:" in page
    assert "4711" not in page


def test_a_message_is_one_of_those_there_are(client):
    page = shown(client["owner"], "/corrections", said="in_force")
    assert "The correction is in force" in page
    for path in ("/corrections", "/adapters", "/sources"):
        assert "pay up" not in shown(client["owner"], path, said="<b>pay up</b>")
