"""A document of another group, looked for in every way the server has. Each way finds it for the owner, so that none of
them passes by being broken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from metier import Expert
from metier.documents import document_id
from metier.serving.keys import FILE_NAME, Keys

from .servers import Server, sample_expert

SECRET = "4711"
URI = "secret/safe.md"
IDENTITY = document_id(URI)
ASKED = "What is the code of the Vargmyr safe?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a restricted document, and what its readers have said about it: a thumb and two corrections."""
    place = tmp_path_factory.mktemp("ways")
    made = sample_expert(place)
    (place / "secret").mkdir()
    (place / "secret" / "safe.md").write_text(
        f"# Safe\n\nThe code of the Vargmyr safe is {SECRET}.\n\n"
        f"## Spare\n\nThe spare code of the Vargmyr safe is {SECRET}9.\n"
    )
    with Expert.open(made) as expert:
        expert.add(str(place / "secret"), groups=("board",))
        expert.sync()
        hit = expert.search("spare code of the Vargmyr safe")[0].passage
        expert.replace(hit.id, f"The spare code of the Vargmyr safe is {SECRET}8.", who="chair", why="changed")
        expert.pin(ASKED, next(p.id for p in expert.store.passages(IDENTITY) if p.id != hit.id), who="chair")
        answer = expert.ask(ASKED)
        assert SECRET in answer.text
        expert.give_feedback("up", ASKED, answer.text, citations=answer.citations, who="chair")
    return made


@pytest.fixture(scope="module")
def keys(folder):
    opened = Keys(folder / ".metier" / FILE_NAME)
    made = {
        "outsider": opened.create("outsider", (), ("ask", "feedback"))[1],
        "other": opened.create("other", ("service",), ("ask", "feedback"))[1],
        "member": opened.create("member", ("board",), ("ask", "feedback"))[1],
    }
    opened.close()
    return made


@pytest.fixture(scope="module")
def address(folder, keys):
    server = Server(folder)
    yield server.address
    server.stop()


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


def by_agent(client: httpx.Client) -> str:
    async def run() -> str:
        async with (
            create_mcp_http_client(headers=dict(client.headers)) as http,
            Client(
                streamable_http_client(f"{client.base_url}/mcp".replace("//mcp", "/mcp"), http_client=http)
            ) as agent,
        ):
            said = [await agent.call_tool("ask", {"question": ASKED})]
            said.append(await agent.call_tool("search", {"query": ASKED, "limit": 100}))
            said.append(await agent.call_tool("read_document", {"document": URI}))
            said.append(await agent.list_resources())
            said.append(await agent.list_tools())
            return "\n".join(map(str, said))

    return asyncio.run(run())


WAYS = {
    "a question": chat,
    "a question, streamed": streamed,
    "a follow-up": follow_up,
    "asking on the page": lambda client: client.get("/", params={"q": ASKED}).text,
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
    "an agent's tools and resources": by_agent,
}  # fmt: skip


def found(text: str) -> bool:
    """Whether a way led to the document: its content, or its name where nobody has named it."""
    return SECRET in text or "safe.md" in text.replace(f"{URI!r}", "").replace(f"“{URI}”", "")


@pytest.mark.parametrize("way", WAYS)
def test_who_may_not_see_a_document_does_not_find_it(address, keys, way):
    for name in ("outsider", "other"):
        with caller(address, keys[name]) as client:
            assert not found(WAYS[way](client)), f"{name}, by {way}"
    for key in (keys["member"], None):
        with caller(address, key) as client:
            assert found(WAYS[way](client)), f"nobody finds it by {way}"


def test_what_is_not_there_and_what_is_not_for_one_are_told_alike(address, keys):
    unknown = document_id("no/such.md")
    with caller(address, keys["outsider"]) as client:
        for path in ("/documents/{}", "/api/documents/{}", "/api/documents/{}/passages", "/documents/{}/pages/1.png"):
            answers = [client.get(path.format(identity)) for identity in (IDENTITY, unknown)]
            said = [answer.text.replace(IDENTITY, "ID").replace(unknown, "ID") for answer in answers]
            assert [answer.status_code for answer in answers] == [404, 404], path
            assert said[0] == said[1], path
