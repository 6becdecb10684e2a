"""The protocol's official client against a running server, and against `metier mcp` on standard input and output."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

import httpx
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from metier import Expert
from metier.core.documents import document_id
from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from .servers import QUESTION, sample_expert

pytestmark = pytest.mark.slow

SECRET = "secret/safe.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("agents")
    made = sample_expert(place)
    (place / "secret").mkdir()
    (place / "secret" / "safe.md").write_text("# Safe\n\nThe code of the Vargmyr safe is 4711.\n")
    (place / "তেল").mkdir()
    (place / "তেল" / "গিয়ার.md").write_text("# গিয়ারবক্স\n\nবরিশালের টারবাইনে গিয়ারবক্সের তেল প্রতি ১৮ মাসে বদলানো হয়।\n")
    with Expert.open(made) as expert:
        expert.add(str(place / "secret"), groups=("board",))
        expert.add(str(place / "তেল"))
        expert.sync()
    return made


@pytest.fixture(scope="module")
def keys(folder):
    opened = Keys(folder / ".metier" / STATE_FILE)
    made = {"open": opened.create("open", (), ("ask",))[1], "board": opened.create("board", ("board",), ("ask",))[1]}
    made["deaf"] = opened.create("deaf", (), ("feedback",))[1]
    opened.close()
    return made


def over_http(address: str, key: str | None, work, mode: str = "auto"):
    """What `work(client)` returns, with this key or as the owner."""

    async def run():
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            create_mcp_http_client(headers=headers) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client,
        ):
            return await work(client)

    return asyncio.run(run())


def over_stdio(folder, work, *options: str):
    async def run():
        command = ["-c", "from metier.cli import main; main()", "mcp", "-e", str(folder), *options]
        async with Client(StdioServerParameters(command=sys.executable, args=command)) as client:
            return await work(client)

    return asyncio.run(run())


async def whole_round(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["ask", "search", "read_document"]
    assert all(tool.annotations.read_only_hint and tool.output_schema for tool in tools.values())
    assert "The expert 'parts' has 14 documents, for example: " in tools["search"].description
    assert tools["ask"].input_schema["properties"]["mode"]["enum"] == ["base", "rag"]  # no adapter is in production

    told = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    answer = await client.call_tool("ask", {"question": QUESTION}, progress_callback=hear)
    assert not answer.is_error
    assert "31 months" in answer.structured_content["text"]
    assert "31 months" in answer.content[0].text
    assert "gearbox-oil.md" in answer.content[0].text
    citation = answer.structured_content["citations"][0]
    assert told

    found = await client.call_tool("search", {"query": QUESTION, "limit": 3})
    hits = found.structured_content["hits"]
    assert len(hits) == 3
    assert hits[0]["document"] == citation["document"]

    read = await client.call_tool("read_document", {"document": citation["document"]})
    text = read.structured_content["text"]
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    by_id = await client.call_tool("read_document", {"document": citation["document_id"], "start": citation["start"]})
    assert by_id.structured_content["text"] == text[citation["start"] :]

    quoted = {"document": citation["document"], "start": citation["start"], "end": citation["end"]}
    assert (await client.call_tool("read_document", quoted)).structured_content["text"] == citation["quote"]

    listed = (await client.list_resources()).resources
    (found,) = [each for each in listed if each.name == citation["document"]]
    assert found.title == "gearbox-oil.md"
    assert (await client.read_resource(found.uri)).contents[0].text == text
    assert (await client.call_tool("read_document", {"document": found.uri})).structured_content["text"] == text
    assert [each.uri_template for each in (await client.list_resource_templates()).resource_templates] == [
        "metier://documents/{document_id}"
    ]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_asks_searches_and_reads_over_http(address, mode):
    over_http(address, None, whole_round, mode)


def test_an_agent_asks_searches_and_reads_on_stdio(folder):
    over_stdio(folder, whole_round)


def test_a_question_in_bengali(address):
    async def work(client):
        return await client.call_tool("search", {"query": "গিয়ারবক্সের তেল কত মাসে বদলানো হয়?", "limit": 1})

    assert "১৮ মাসে" in over_http(address, None, work).content[0].text


async def everything_seen(client: Client) -> str:
    """All that a client is told when it looks for the safe."""
    seen = [str(await client.list_tools()), str(await client.list_resources())]
    for tool, arguments in (
        ("ask", {"question": "What is the code of the Vargmyr safe?"}),
        ("search", {"query": "code of the Vargmyr safe", "limit": 100}),
        ("search", {"query": "safe", "document": "secret/*"}),
        ("read_document", {"document": SECRET}),
        ("read_document", {"document": document_id(SECRET)}),
    ):
        result = await client.call_tool(tool, arguments)
        seen.append("\n".join(each.text for each in result.content) + str(result.structured_content))
    try:
        seen.append(str(await client.read_resource(f"metier://documents/{document_id(SECRET)}")))
    except MCPError as error:
        seen.append(str(error))
    return "\n".join(seen)


def test_a_description_counts_what_its_reader_may_see(address, keys):
    async def work(client):
        return (await client.list_tools()).tools[0].description

    assert "has 13 documents" in over_http(address, keys["open"], work)
    assert "has 14 documents" in over_http(address, keys["board"], work)


def test_what_a_key_may_not_see_is_found_by_no_tool_and_no_list(address, folder, keys):
    for seen in (
        over_http(address, keys["open"], everything_seen),
        over_stdio(folder, everything_seen, "--groups", ""),
    ):
        assert "4711" not in seen
        assert "secret/safe.md'" not in seen.replace(f"{SECRET!r}", "")  # but in the answer that there is none
    for key in (keys["board"], None):
        assert over_http(address, key, everything_seen).count("4711") >= 4


def test_without_the_right_key_nothing_is_said(address, keys):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    for key, status in (("mtr_wrong", 401), (keys["deaf"], 403)):
        answer = httpx.post(f"{address}/mcp", json=body, headers=headers | {"Authorization": f"Bearer {key}"})
        assert answer.status_code == status
    foreign = httpx.post(f"{address}/mcp", json=body, headers=headers | {"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    proxied = httpx.post(f"{address}/mcp", json=body, headers=headers | {"X-Forwarded-For": "192.0.2.7"})
    assert proxied.status_code == 401
    rebound = httpx.post(f"{address}/mcp", json=body, headers=headers | {"Host": "evil.example"})
    assert rebound.status_code == 421


def test_a_session_is_of_the_key_that_began_it(address, keys):
    def post(key, method, session="", **params):
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Mcp-Session-Id": session} if session else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(f"{address}/mcp", json=body, headers=headers, timeout=60)

    who = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    for owner in (keys["board"], None):
        session = post(owner, "initialize", **who).headers["mcp-session-id"]
        others = {keys["open"], keys["board"], None} - {owner}
        assert [post(each, "tools/list", session).status_code for each in others] == [404, 404]
        assert "read_document" in post(owner, "tools/list", session).text
    assert post(None, "tools/list", "f" * 32).status_code == 404


def test_a_key_that_has_spent_its_minute_is_told_when_to_come_again(address, folder):
    opened = Keys(folder / ".metier" / STATE_FILE)
    _, key = opened.create("hasty", (), ("ask",), rate=1)
    opened.close()
    post = partial(httpx.post, f"{address}/mcp", headers={"Authorization": f"Bearer {key}"}, content=b"{}")
    post()
    answer = post()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_nothing_is_listened_for_by_get(address):
    assert httpx.get(f"{address}/mcp", headers={"Accept": "text/event-stream"}).status_code == 405


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {}, "question"),
        ("ask", {"question": "   "}, "empty"),
        ("ask", {"question": "Why?", "mode": "tuned"}, "no adapter"),
        ("ask", {"question": "Why?", "mode": "oracle"}, "mode"),
        ("search", {"query": "  "}, "empty"),
        ("search", {"query": "oil", "limit": 0}, "limit"),
        ("search", {"query": "oil", "lines": 3}, "lines"),
        ("read_document", {"document": "no.md"}, "no document"),
        ("read_document", {"document": "docs/gearbox-oil.md", "start": 10**9}, "ends at character"),
        ("read_document", {"document": "docs/gearbox-oil.md", "page": 3}, "no pages"),
        ("read_document", {"document": "../../etc/passwd"}, "no document"),
    ],
)
def test_bad_input_says_what_to_do(address, tool, arguments, said):
    async def work(client):
        return await client.call_tool(tool, arguments)

    result = over_http(address, None, work)
    assert result.is_error
    assert said in result.content[0].text
