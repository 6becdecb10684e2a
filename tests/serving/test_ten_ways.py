"""A document of another group, looked for in every way the server has. Each way finds it for the owner, so that none of
them passes by being broken."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError
from parsing.samples import pdf

from metier import Expert
from metier.core.documents import document_id
from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from .servers import sample_expert

pytestmark = pytest.mark.slow

SECRET = "4711"
URI = "secret/safe.md"
IDENTITY = document_id(URI)
PLAN = document_id("secret/plan.pdf")
ASKED = "What is the code of the Vargmyr safe?"
EXAM = {"id": "safe", "question": ASKED, "answers": [SECRET], "document": "safe.md", "split": "exam"}
EVERYTHING = ("ask", "feedback", "admin")


def with_secrets(place: Path, made: Path, groups: Sequence[str] = ()) -> Path:
    """The expert `made` in `place` with documents for `groups`, what their readers have said about one, a thumb and two
    corrections, and a comparison that asks for it."""
    (place / "secret").mkdir()
    (place / "secret" / "safe.md").write_text(
        f"# Safe\n\nThe code of the Vargmyr safe is {SECRET}.\n\n"
        f"## Spare\n\nThe spare code of the Vargmyr safe is {SECRET}9.\n"
    )
    (place / "secret" / "plan.pdf").write_bytes(pdf([[(72, 700, 12, f"The vault of Skovlund opens with {SECRET}.")]]))
    (place / "questions.jsonl").write_text(json.dumps(EXAM))
    with Expert.open(made) as expert:
        expert.add(str(place / "secret"), groups=tuple(groups))
        expert.sync()
        expert.exam.import_file(place / "questions.jsonl")
        hit = expert.search("spare code of the Vargmyr safe")[0].passage
        expert.corrections.replace(
            hit.id, f"The spare code of the Vargmyr safe is {SECRET}8.", who="chair", why="changed"
        )
        expert.corrections.pin(
            ASKED, next(p.id for p in expert.runtime.store.passages(IDENTITY) if p.id != hit.id), who="chair"
        )
        answer = expert.ask(ASKED)
        assert SECRET in answer.text
        expert.corrections.give_feedback("up", ASKED, answer.text, citations=answer.citations, who="chair")
        expert.evaluation.compare(["rag"], calibrate=False, measure_memory=False)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("ways")
    return with_secrets(place, sample_expert(place), ("board",))


@pytest.fixture(scope="module")
def keys(folder):
    opened = Keys(folder / ".metier" / STATE_FILE)
    made = {
        "outsider": opened.create("outsider", (), ("ask", "feedback"))[1],
        "other": opened.create("other", ("service",), ("ask", "feedback"))[1],
        "member": opened.create("member", ("board",), ("ask", "feedback"))[1],
        "janitor": opened.create("janitor", (), EVERYTHING)[1],
        "chief": opened.create("chief", None, EVERYTHING)[1],
    }
    opened.close()
    return made


def caller(address: str, key: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=address, headers=headers, timeout=60, follow_redirects=True)


def chat(client: httpx.Client, question: str = ASKED, **more: Any) -> str:
    turns = [*more.pop("history", []), {"role": "user", "content": question}]
    return client.post("/v1/chat/completions", json={"model": "parts", "messages": turns, **more}).text


def follow_up(client: httpx.Client) -> str:
    history = [
        {"role": "user", "content": "Is there a safe in Vargmyr?"},
        {"role": "assistant", "content": "There is a safe in Vargmyr, and it has a code."},
    ]
    return chat(client, f"And {ASKED[0].lower()}{ASKED[1:]}", history=history)


def streamed(client: httpx.Client) -> str:
    text = chat(client, stream=True)
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    written = "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ()))
    return text + written


def agent(work: Callable[[Client], Awaitable[Any]]) -> Callable[[httpx.Client], str]:
    async def run(client: httpx.Client) -> str:
        async with (
            create_mcp_http_client(headers=dict(client.headers)) as http,
            Client(streamable_http_client(str(client.base_url.join("/mcp")), http_client=http)) as connected,
        ):
            try:
                return str(await work(connected))
            except MCPError as error:
                return str(error)

    return lambda client: asyncio.run(run(client))


def tool(name: str, **arguments: Any) -> Callable[[httpx.Client], str]:
    return agent(lambda connected: connected.call_tool(name, arguments))


WAYS = {
    "a question": chat,
    "a question, streamed": streamed,
    "a follow-up": follow_up,
    "asking on the page": lambda client: client.get("/", params={"q": ASKED, "now": 1}).text,
    "searching on the page": lambda client: client.get("/search", params={"q": ASKED}).text,
    "the list of documents": lambda client: client.get("/documents", params={"q": "safe"}).text,
    "the document itself": lambda client: client.get(f"/documents/{IDENTITY}", params={"start": 0, "end": 50}).text,
    "its name among what is suggested": lambda client: client.get("/chat/documents").text,
    "corrections of it": lambda client: client.get("/corrections", params={"state": "all"}).text,
    "the sources": lambda client: client.get("/sources").text,
    "searching by the API": lambda client: client.get("/api/search", params={"q": ASKED, "limit": 100}).text,
    "its name as a filter": lambda client: client.get("/api/search", params={"q": "code", "document": "secret/*"}).text,
    "asking by the API": lambda client: client.post("/api/ask", json={"question": ASKED}).text,
    "the API's list": lambda client: client.get("/api/documents", params={"limit": 100}).text,
    "the API's document": lambda client: client.get(f"/api/documents/{IDENTITY}").text,
    "the API's passages": lambda client: client.get(f"/api/documents/{IDENTITY}/passages").text,
    "the API's corrections": lambda client: client.get("/api/corrections").text,
    "the API's feedback": lambda client: client.get("/api/feedback").text,
    "the API's items": lambda client: client.get("/api/items").text,
    "asking in all ways on the page": lambda client: client.get("/", params={"q": ASKED, "mode": "all", "now": 1}).text,
    "the tool ask": tool("ask", question=ASKED),
    "the tool search": tool("search", query=ASKED, limit=100),
    "the tool search, with its name": tool("search", query="code", document="secret/*"),
    "the tool read_document, by name": tool("read_document", document=URI),
    "the tool read_document, by id": tool("read_document", document=IDENTITY),
    "the resources": agent(lambda connected: connected.list_resources()),
    "the resource itself": agent(lambda connected: connected.read_resource(f"metier://documents/{IDENTITY}")),
}  # fmt: skip


# Only who may read all documents can be told of these, because they cannot be cut.
WHOLE = ("/report", "/report/full", "/report.json", "/api/comparison?answers=true")


def found(text: str) -> bool:
    """Whether a way led to a document: its content, or its name where nobody has named it."""
    unnamed = text.replace(f"{URI!r}", "").replace(f"“{URI}”", "")
    said = re.search(rf"(?<![\d.]){SECRET}(?!\d)", text)  # not as digits of a time
    return bool(said) or "safe.md" in unnamed or "plan.pdf" in unnamed


def check_way(address: str, keys: Mapping[str, str], way: str) -> None:
    """Only who may see the document finds it."""
    for name in ("outsider", "other", "janitor"):
        with caller(address, keys[name]) as client:
            assert not found(WAYS[way](client)), f"{name}, by {way}"
    for key in (keys["member"], None):
        with caller(address, key) as client:
            assert found(WAYS[way](client)), f"nobody finds it by {way}"


@pytest.mark.parametrize("way", WAYS)
def test_who_may_not_see_a_document_does_not_find_it(address, keys, way):
    check_way(address, keys, way)


def test_what_holds_texts_of_all_documents_is_for_those_who_may_read_them_all(address, keys):
    for name, status in (("outsider", 403), ("member", 403), ("janitor", 403), ("chief", 200)):
        with caller(address, keys[name]) as client:
            answers = [client.get(path) for path in WHOLE]
        assert [answer.status_code for answer in answers] == [status] * len(WHOLE), name
        assert any(found(answer.text) for answer in answers) is (name == "chief")


def test_a_comparison_says_whom_it_is_for(folder, call_metier):
    expert = ("-e", str(folder))
    with Expert.open(folder) as opened:
        assert opened.evaluation.advise().to_json()["groups"] == [["board"]]
    assert json.loads(call_metier("report", *expert, "--json").stdout)["groups"] == [["board"]]
    assert "it is for who holds board" in call_metier("report", "--out", str(folder / "report.html"), *expert).stdout
    assert ">board<" in (folder / "report.html").read_text()


def test_a_page_is_drawn_for_those_who_may_see_it(address, keys):
    for name, status in (("outsider", 404), ("janitor", 404), ("member", 200)):
        with caller(address, keys[name]) as client:
            drawn = client.get(f"/documents/{PLAN}/pages/1.png")
        assert drawn.status_code == status, name
        assert drawn.content.startswith(b"\x89PNG") is (status == 200)


def test_what_is_not_there_and_what_is_not_for_one_are_told_alike(address, keys):
    unknown = document_id("no/such.md")
    with caller(address, keys["outsider"]) as client:
        for path in ("/documents/{}", "/api/documents/{}", "/api/documents/{}/passages", "/documents/{}/pages/1.png"):
            answers = [client.get(path.format(identity)) for identity in (PLAN, unknown)]
            said = [answer.text.replace(PLAN, "ID").replace(unknown, "ID") for answer in answers]
            assert [answer.status_code for answer in answers] == [404, 404], path
            assert said[0] == said[1], path


@pytest.mark.parametrize(
    ("path", "field", "more"),
    [
        ("/api/corrections", "document", {"answer": f"It is {SECRET}.", "why": "checked"}),
        ("/api/corrections", "passage", {"change": "hide", "why": "old"}),
        ("/api/feedback", "passages", {"thumb": "up"}),
    ],
)
def test_nothing_is_learned_by_saying_something_about_it(address, keys, path, field, more):
    with caller(address, keys["member"]) as client:
        there = client.get(f"/api/documents/{IDENTITY}/passages").json()[0]["passage_id"]
        name, unknown = (URI, "no/such.md") if field == "document" else (there, there[::-1])
        question = f"Is {field} of the safe in {path} right?"

        def send(client: httpx.Client, value: str) -> httpx.Response:
            given = [value] if field == "passages" else value
            return client.post(path, json={"question": question, field: given, **more})

        with caller(address, keys["outsider"]) as stranger:
            answers = [(each, send(stranger, each)) for each in (name, unknown)]
            assert not found(stranger.get("/corrections", params={"passage": there}).text)
        assert {answer.status_code for _, answer in answers} == {400}
        one, other = (answer.text.replace(each, "NAME") for each, answer in answers)
        assert one == other
        assert send(client, name).status_code == 201
