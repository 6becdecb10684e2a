"""What a reader may not see shows in nothing else that they are told: no score, no order, no count, no word."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from mcp import Client

from metier import Expert
from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from .servers import Server, sample_expert
from .test_ten_ways import agent, caller

pytestmark = pytest.mark.slow

# In words of the open documents and of its own: both change how rare those words are.
SECRET = "# Vargmyr\n\n" + "\n\n".join(
    f"## Part {n}\n\nThe gearbox oil of the NV-110 in Vargmyr is changed in October 2027, and every month after it. "
    * 3
    for n in range(8)
)
QUESTIONS = (
    "How often is the gearbox oil of the NV-110 changed?", "When is the oil of Vargmyr changed?", "Vargmyr",
    "vargmir gearbox", "What is new in October 2027?", "Which documents are there?",
    "How tight are the nuts and bolts?",
)  # fmt: skip
PATHS = (
    "/api/documents",
    "/api/sources",
    "/api/items",
    "/api/syncs",
    "/",
    "/documents",
    "/sources",
    "/api",
    "/v1/models",
)
_CHANGING = {"timings", "id", "created", "seconds", "synced_at", "at", "time", "when", "began"}


def plain(value: Any) -> Any:
    """Without what is another each time: times and the ids of answers."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name not in _CHANGING}
    return [plain(each) for each in value] if isinstance(value, list) else value


def shown(answer: httpx.Response) -> Any:
    said = answer.text.replace(str(answer.request.url.netloc.decode()), "")  # each server has a port of its own
    if answer.headers["content-type"].startswith("application/json"):
        return answer.status_code, plain(json.loads(said))
    text = re.sub(r'csrf_token" (?:value|content)="\w*"|data-token="\w*"|\d+\.\d+ s\b', "", said)
    text = re.sub(r'<time.*?</time>|value="[0-9a-f]{64}"|"[0-9a-f]{64}"', "", text, flags=re.DOTALL)
    return answer.status_code, text


def of_agent(client: httpx.Client) -> Any:
    async def work(connected: Client) -> str:
        said = [await connected.call_tool("search", {"query": each, "limit": 5}) for each in QUESTIONS[:3]]
        said.append(await connected.list_tools())
        said.append(await connected.list_resources())
        return json.dumps([each.model_dump(mode="json") for each in said])

    return plain(json.loads(agent(work)(client)))


def everything(client: httpx.Client) -> dict[str, Any]:
    told: dict[str, Any] = {path: shown(client.get(path)) for path in PATHS}
    for question in QUESTIONS:
        told[f"search {question}"] = shown(client.get("/api/search", params={"q": question, "limit": 20}))
        told[f"page {question}"] = shown(client.get("/search", params={"q": question}))
        told[f"ask {question}"] = shown(client.post("/api/ask", json={"question": question}))
        chat = {"model": "parts", "messages": [{"role": "user", "content": question}]}
        told[f"chat {question}"] = shown(client.post("/v1/chat/completions", json=chat))
    return told | {"agent": of_agent(client)}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """By reader, what they are told before and after the owner gives the board a document."""
    place = tmp_path_factory.mktemp("channels")
    folder = sample_expert(place)
    (place / "ours").mkdir()
    (place / "ours" / "road.md").write_text("# Road\n\nThe road to Vargmyr is closed in winter.\n")
    with Expert.open(folder) as expert:
        expert.add(str(place / "ours"), groups=("service",))
        expert.sync()
    opened = Keys(folder / ".metier" / STATE_FILE)
    groups = {"public": (), "service": ("service",), "board": ("board",)}
    keys = {name: opened.create(name, held, ("ask",))[1] for name, held in groups.items()}
    opened.close()
    rounds = []
    for is_secret in (False, True):
        if is_secret:
            (place / "secret").mkdir()
            (place / "secret" / "plan.md").write_text(SECRET)
            with Expert.open(folder) as expert:
                expert.add(str(place / "secret"), groups=("board",))
                expert.sync()
        server = Server(folder)
        try:
            told = {}
            for name, key in keys.items():
                with caller(server.address, key) as client:
                    told[name] = everything(client)
            rounds.append(told)
        finally:
            server.stop()
    return rounds


@pytest.mark.parametrize("reader", ["public", "service"])
def test_a_document_of_others_changes_nothing_that_a_reader_is_told(told, reader):
    before, after = (each[reader] for each in told)
    for way in before:
        assert before[way] == after[way], way


def test_its_readers_are_told(told):
    before, after = (each["board"] for each in told)
    assert before["search Vargmyr"] != after["search Vargmyr"]
    assert before["/api/documents"] != after["/api/documents"]


def test_what_the_cache_held_is_told_to_who_looks_after_the_server(tmp_path):
    folder = sample_expert(tmp_path)
    opened = Keys(folder / ".metier" / STATE_FILE)
    reader, admin = (
        opened.create(name, (), ("ask", *more))[1] for name, more in (("reader", ()), ("admin", ("admin",)))
    )
    opened.close()
    server = Server(folder)
    try:
        for key, is_told in ((reader, False), (reader, False), (admin, True)):
            chat = {"model": "parts:base", "messages": [{"role": "user", "content": QUESTIONS[0]}]}
            with caller(server.address, key) as client:
                usage = client.post("/v1/chat/completions", json=chat).json()["usage"]
                own = client.post("/api/ask", json={"question": QUESTIONS[0], "mode": "base"}).json()["usage"]
            assert (usage["prompt_tokens_details"]["cached_tokens"] > 0) == is_told
            assert (own["cached_tokens"] > 0) == is_told
    finally:
        server.stop()
