"""What agents do to a server, or to `metier mcp`, while an answer is written: wait, cancel, go away, and end it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from metier import Expert
from metier.serving.auth.access import OWNER
from metier.serving.mcp.server import server_for
from metier.serving.service import ExpertService

from .servers import COMMAND, QUESTION, Server, sample_expert

pytestmark = pytest.mark.slow

LONG = {"question": "Repeat the word oil a thousand times.", "mode": "base"}  # some seconds of writing
SOON = 2.0  # seconds, in which no such answer is finished
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = sample_expert(tmp_path_factory.mktemp("work"), "queue = 0\n")
    settings = made / "metier.toml"
    text = settings.read_text().replace("parallel = 2", "parallel = 1").replace("max_tokens = 24", "max_tokens = 350")
    settings.write_text(text)
    return made


@pytest.fixture(scope="module")
def server(folder):
    started = Server(folder)
    yield started
    started.stop()


def running(server: Server) -> bool:
    return re.search(r"^metier_running (\S+)", server.get("/metrics").text, re.MULTILINE)[1] != "0.0"


async def until(server: Server, state: bool) -> float:
    """Seconds until the server works, or does not."""
    began = time.monotonic()
    while await asyncio.to_thread(running, server) is not state:
        await asyncio.sleep(0.02)
        assert time.monotonic() - began < 30
    return time.monotonic() - began


def call(id: int, method: str, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_question_that_is_cancelled_frees_its_place(server, mode):
    async def scene():
        async with Client(streamable_http_client(f"{server.address}/mcp"), mode=mode) as client:
            asking = asyncio.ensure_future(client.call_tool("ask", LONG))
            await until(server, True)
            busy = await client.call_tool("ask", {"question": QUESTION})
            asking.cancel()
            freed = await until(server, False)
            return busy, freed, await client.call_tool("ask", {"question": QUESTION})

    busy, freed, answer = asyncio.run(scene())
    assert busy.is_error
    assert "too many questions are waiting" in busy.content[0].text
    assert re.search(r"Come again in \d+ s", busy.content[0].text)
    assert freed < SOON
    assert "31 months" in answer.content[0].text


def test_a_client_that_goes_away_frees_its_place(server):
    with httpx.Client(base_url=server.address, headers=HEADERS) as client:
        session = client.post("/mcp", json=call(1, "initialize", **HELLO)).headers["mcp-session-id"]
        with pytest.raises(httpx.ReadTimeout):
            client.post(
                "/mcp", json=call(2, "tools/call", name="ask", arguments=LONG), headers={"Mcp-Session-Id": session},
                timeout=0.7,
            )  # fmt: skip
    assert asyncio.run(until(server, False)) < SOON
    assert "Traceback" not in server.log.read_text()


def test_a_question_on_stdio_can_be_cancelled(folder):
    async def scene():
        command = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp", "-e", str(folder)])
        async with Client(command, mode="legacy") as client:
            await client.call_tool("ask", {"question": QUESTION})  # the model is loaded
            with pytest.raises(MCPError, match="timed out"):
                await client.call_tool("ask", LONG, read_timeout_seconds=0.5)
            began = time.monotonic()
            while (answer := await client.call_tool("ask", {"question": QUESTION})).is_error:
                await asyncio.sleep(0.05)
            return answer, time.monotonic() - began

    answer, seconds = asyncio.run(scene())
    assert "31 months" in answer.content[0].text
    assert seconds < SOON


@pytest.mark.parametrize(("end", "code"), [("close", 0), ("interrupt", 130)])
def test_stdio_says_nothing_but_the_protocol_and_ends_at_once(folder, end, code):
    began = time.monotonic()
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([*COMMAND, "mcp", "-e", str(folder)], text=True, bufsize=1, **pipes) as process:
        said = []
        for message in (
            call(1, "initialize", **HELLO),
            call(2, "tools/call", name="search", arguments={"query": "oil"}),
        ):
            process.stdin.write(json.dumps(message) + "\n")
            said.append(json.loads(process.stdout.readline()))
        assert [each["id"] for each in said] == [1, 2]
        assert not said[1]["result"]["isError"]
        assert "torch" not in Path(f"/proc/{process.pid}/maps").read_text()
        process.stdin.write(json.dumps(call(3, "tools/call", name="ask", arguments=LONG)) + "\n")
        if end == "interrupt":
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            process.wait(10)  # with its input still open
        out, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert "Traceback" not in errors
    assert time.monotonic() - began < 15


def test_resources_come_in_pages(folder, monkeypatch):
    monkeypatch.setattr("metier.serving.mcp.server._PAGE", 5)

    async def scene():
        with Expert.open(folder) as expert:
            service = ExpertService(expert)
            async with Client(server_for("parts", lambda _context: (service, OWNER))) as client:
                pages, cursor = [], None
                while cursor or not pages:
                    listed = await client.list_resources(cursor=cursor)
                    pages.append([each.name for each in listed.resources])
                    cursor = listed.next_cursor
                with pytest.raises(MCPError, match="from no list"):
                    await client.list_resources(cursor="LTU=")
            await service.work.close(0)
            return pages, list(service.reading.documents(OWNER))

    pages, known = asyncio.run(scene())
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [name for page in pages for name in page] == known


def test_what_breaks_in_the_server_is_told_without_its_place(server, folder):
    async def work():
        async with Client(streamable_http_client(f"{server.address}/mcp")) as client:
            return await client.call_tool("search", {"query": "oil"})

    store = folder / ".metier" / "store"
    store.rename(store.with_name("away"))
    try:
        said = asyncio.run(work())
    finally:
        store.with_name("away").rename(store)
    assert said.is_error
    assert str(folder) not in said.content[0].text
    assert "The server's log says more under" in said.content[0].text
    assert "Traceback" in server.log.read_text()


def test_an_answer_that_is_written_is_finished_before_the_server_ends(server):
    """The last test of this server."""
    said = len(server.log.read_text())
    with httpx.Client(base_url=server.address, headers=HEADERS, timeout=60) as client:
        session = client.post("/mcp", json=call(1, "initialize", **HELLO)).headers["mcp-session-id"]
        client.headers["Mcp-Session-Id"] = session
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(client.post, "/mcp", json=call(2, "tools/call", name="ask", arguments=LONG))
            asyncio.run(until(server, True))
            server.process.send_signal(signal.SIGTERM)
            answer = asked.result()
    (event,) = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    assert json.loads(event[6:])["result"]["structuredContent"]["usage"]["completion_tokens"] > 100
    assert server.process.wait(10) in (0, -signal.SIGTERM)
    assert "Traceback" not in server.log.read_text()[said:]
