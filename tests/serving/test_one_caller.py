"""One caller does not stop the rest: what is too large, too slow, too much or never ends, against a running server."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from generation.bad_endpoint import bad_endpoint

from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from .scripted import answered_by
from .servers import QUESTION, Server, sample_expert

pytestmark = pytest.mark.slow

SERVING = "timeout_seconds = 4\nqueue = 8\nclient_seconds = 2\nconnections = 40\n"


@pytest.fixture(scope="module")
def endpoint():
    """Of a model that never ends: it sends a comment every tenth of a second, and not a word."""

    def comment(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while not over.wait(0.1):
            connection.sendall(b": still there\n\n")

    with bad_endpoint(comment) as address:
        yield address


class _At:
    """What `answered_by` needs of an endpoint."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.fixture(scope="module")
def server(tmp_path_factory, endpoint):
    folder = sample_expert(tmp_path_factory.mktemp("shared"), SERVING)
    running = Server(answered_by(_At(endpoint), folder))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def keys(server):
    opened = Keys(server.folder / ".metier" / STATE_FILE)
    made = [opened.create(name, (), ("ask",))[1] for name in ("greedy", "modest")]
    opened.close()
    return [{"Authorization": f"Bearer {secret}"} for secret in made]


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.address)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def received(connection: socket.socket) -> bytes:
    """All until the server closes it; fails where that takes more than 10 s."""
    data, until = b"", time.monotonic() + 10
    while time.monotonic() < until:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece
    raise AssertionError("the server holds the connection open")


def health(server: Server) -> float:
    """Seconds that /health takes."""
    began = time.monotonic()
    assert httpx.get(f"{server.address}/health", timeout=30).status_code == 200
    return time.monotonic() - began


# --- too large -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "parts", "input": ["word " * 5000]}),
        ("/v1/embeddings", {"model": "parts", "input": ["word"] * 3000}),
        ("/v1/embeddings", {"model": "parts", "input": ["word " * 3000] * 40}),
        ("/v1/completions", {"model": "parts", "prompt": "word " * 5000}),
        ("/v1/chat/completions", {"model": "parts", "messages": [{"role": "user", "content": "word " * 5000}]}),
        (
            "/v1/chat/completions",
            {"model": "parts", "messages": [{"role": "user", "content": "word " * 3900}] * 12},
        ),
        (
            "/v1/chat/completions",
            {"model": "parts", "messages": [
                {"role": "system", "content": "a" * 300_000}, {"role": "user", "content": QUESTION}
            ]},
        ),
        ("/v1/embeddings", {"model": "parts", "input": "a" * 8_000_000}),
        ("/v1/chat/completions", {"model": "parts", "messages": [], "more": [[]] * 200_000}),
    ],
)  # fmt: skip
def test_more_than_one_request_may_ask_for_is_refused_at_once(server, path, body):
    began = time.monotonic()
    answer = httpx.post(f"{server.address}{path}", json=body, timeout=60)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"]
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "options",
    [
        {"stop": ["x" * 5000]}, {"max_tokens": 0}, {"seed": 10**30}, {"model": "m" * 5000},
        {"messages": [{"role": "user", "content": "a"}] * 2000},
    ],
)  # fmt: skip
def test_numbers_and_lists_without_end_are_refused(server, options):
    body = {"model": "parts", "messages": [{"role": "user", "content": QUESTION}]} | options
    answer = httpx.post(f"{server.address}/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"]


def nested(levels: int) -> dict:
    return {"type": "array", "items": nested(levels - 1)} if levels else {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**9, "items": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "string", "maxLength": 10**400}}},
        {"type": "object", "properties": {f"field {n}": {"type": "string"} for n in range(5000)}},
        nested(100),
    ],
)
def test_a_schema_that_would_take_a_runtime_minutes_is_refused(server, schema):
    form = {"type": "json_schema", "json_schema": {"name": "form", "schema": schema}}
    body = {"model": "parts", "messages": [{"role": "user", "content": QUESTION}], "response_format": form}
    answer = httpx.post(f"{server.address}/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == 400
    assert "response_format" in answer.json()["error"]["message"]


def test_a_question_of_a_megabyte_on_the_page_is_refused(server):
    body = {"question": "a" * 900_000, "history": [], "mode": "rag"}
    assert httpx.post(f"{server.address}/api/ask", json=body, timeout=60).status_code == 400
    assert health(server) < 1


@pytest.mark.parametrize(
    "path",
    ["/documents?q=", "/documents?part=", "/search?q=", "/sources?q=", "/?again=", "/chat/documents?name=",
     "/adapters/card?reference=", "/documents/none?start=", "/report?", "/health?", "/metrics?a=", "/nothing?",
     "/api/search?q=", "/api/items?state=", "/v1/models?", "/static/none.css?", "/documents?q=%E0%A6%95&q="],
)  # fmt: skip
def test_no_route_takes_a_parameter_longer_than_a_question(server, path):
    answer = httpx.get(f"{server.address}{path}{'a' * 20_001}")
    assert answer.status_code in (400, 413), answer.text[:200]
    assert httpx.get(f"{server.address}/health?{'a' * 20_000}").status_code == 200


def test_a_head_of_more_or_longer_lines_than_any_client_sends_is_refused(server):
    def status(lines: list[str]) -> bytes:
        with connect(server) as connection:
            connection.sendall("\r\n".join(["GET /health HTTP/1.1", "Host: localhost", *lines, "", ""]).encode())
            try:
                return connection.recv(100).split(b" ", 2)[1]
            except ConnectionResetError:
                return b"reset"  # what it did not read any more

    assert status(["X: a"] * 20_000) in (b"431", b"reset")
    assert status(["X: a"] * 200) == b"431"
    assert status(["X: " + "a" * 20_000]) == b"431"
    assert status(["X: " + "a" * 8_000] * 12) == b"431"
    assert status([f"X-{number}: {'a' * 100}" for number in range(60)]) == b"200"


def test_embeddings_that_nobody_waits_for_end(server):
    """Each is as much as one request may ask for."""
    body = json.dumps({"model": "parts", "input": ["gearbox oil pump " * 80] * 360}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"  # noqa: E501
    for _ in range(4):
        with connect(server) as connection:
            connection.sendall(head.encode() + body)
            time.sleep(0.3)
    until = time.monotonic() + 15
    while (running := running_jobs(server)) and time.monotonic() < until:
        time.sleep(0.2)
    assert running == 0
    assert memory(server) < 2 * 2**30


def figures(server: Server) -> dict[str, float]:
    lines = server.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def running_jobs(server: Server) -> float:
    return figures(server)["metier_running"] + figures(server)["metier_waiting"]


def memory(server: Server) -> float:
    return figures(server)["process_resident_memory_bytes"]


# --- too slow ------------------------------------------------------------------------------------------------------


def is_given_up(connection: socket.socket, piece: bytes) -> bool:
    """Whether the server closes a connection on which a piece of a request comes every third of a second."""
    until = time.monotonic() + 8
    try:
        while time.monotonic() < until:
            connection.sendall(piece)
            time.sleep(0.3)
    except OSError:
        pass
    return time.monotonic() < until


def is_told_or_reset(connection: socket.socket) -> bool:
    """Whether what came last is a 408; nothing comes where the connection was reset meanwhile."""
    said = received(connection)
    return not said or said.startswith(b"HTTP/1.1 408 ")


def test_a_head_that_never_ends_is_given_up(server):
    with connect(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        assert is_given_up(connection, b"X-More: 1\r\n")
        assert is_told_or_reset(connection)


def test_a_connection_that_asks_nothing_is_given_up(server):
    with connect(server) as connection:
        began = time.monotonic()
        assert received(connection) == b""
        assert time.monotonic() - began < 6


def test_a_body_that_comes_a_byte_at_a_time_is_given_up(server):
    with connect(server) as connection:
        connection.sendall(
            b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100000\r\n\r\n"
        )
        assert is_given_up(connection, b" ")
        assert is_told_or_reset(connection)


def test_what_follows_an_answer_does_not_hold_the_connection(server):
    """A route that needs no body answers at once; the rest of what was announced never comes."""
    with connect(server) as connection:
        connection.sendall(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        assert is_given_up(connection, b" ")


def test_more_connections_than_one_address_may_open_are_closed(server):
    held = [connect(server) for _ in range(40)]
    try:
        with connect(server) as one_more:
            assert received(one_more) == b""
    finally:
        for each in held:
            each.close()
    time.sleep(0.3)
    assert health(server) < 1


# --- never ends ----------------------------------------------------------------------------------------------------


def test_an_endpoint_that_only_says_that_it_is_there_is_given_up_by_the_clock(server):
    began = time.monotonic()
    answer = server.ask(mode="base")
    assert answer.status_code == 504
    assert time.monotonic() - began < 8
    until = time.monotonic() + 5
    while running_jobs(server) and time.monotonic() < until:
        time.sleep(0.1)
    assert running_jobs(server) == 0


def test_health_and_the_files_of_the_page_never_wait(server):
    with ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(server.ask, mode="base") for _ in range(10)]
        asked += [threads.submit(server.get, "/documents") for _ in range(6)]
        time.sleep(0.3)
        took = sorted(health(server) for _ in range(20))
        css = server.get("/static/frame.css")
        assert css.status_code == 200
        assert server.get("/static/frame.css", headers={"If-None-Match": css.headers["etag"]}).status_code == 304
        statuses = {each.result().status_code for each in asked}
    assert took[10] < 0.5
    assert statuses <= {200, 429, 504}


def test_a_key_that_fills_the_queue_does_not_keep_another_out(server, keys):
    """The answer of the other is found by search, which no model is asked for."""
    greedy, modest = keys
    server.get("/api/search?q=oil", headers=modest)
    with ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(server.ask, mode="base", headers=greedy) for _ in range(14)]
        time.sleep(0.5)
        began = time.monotonic()
        found = server.get("/api/search?q=gearbox+oil", headers=modest)
        seconds = time.monotonic() - began
        statuses = [each.result().status_code for each in asked]
    assert found.status_code == 200
    assert seconds < 2.5
    assert set(statuses) <= {429, 504}


def test_an_answer_that_nobody_takes_does_not_hold_the_connection(server):
    """Requests on connections of whose answers not a byte is read: from what the system's own buffers hold, over what
    is left for the server to keep, to more than it keeps."""
    held = [(count, connect_unread(server, count)) for count in (1, 60, *range(200, 380, 5), 1000)]
    until = time.monotonic() + 30
    while held and time.monotonic() < until:
        time.sleep(3)
        held = [(count, connection) for count, connection in held if not is_closed(connection)]
    assert not [count for count, _ in held]
    assert health(server) < 1


def connect_unread(server: Server, count: int) -> socket.socket:
    """`count` requests at once, as far as the server reads them; a window of 4 KiB for the answers."""
    parts, connection = urlsplit(server.address), socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((parts.hostname, parts.port))
    connection.settimeout(0.2)
    with contextlib.suppress(OSError):
        connection.sendall(b"GET /static/chat.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * count)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """By the other side: it says so at the second byte at the latest."""
    try:
        for _ in range(2):
            connection.sendall(b"X")
            time.sleep(0.05)
    except TimeoutError:
        return False
    except OSError:
        connection.close()
        return True
    return False


def test_an_agents_sessions_are_limited_for_each_key(server, keys):
    """Sessions of agents that speak the protocol as it was before July 2026."""
    opening = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
        },
    }  # fmt: skip
    wanted = {"Accept": "application/json, text/event-stream"}

    def begin(client: httpx.Client, key: dict[str, str]) -> int:
        return client.post(f"{server.address}/mcp", json=opening, headers=wanted | key).status_code

    greedy, modest = keys
    with httpx.Client(timeout=30) as client:
        statuses = [begin(client, greedy) for _ in range(201)]
        assert statuses == [200] * 200 + [503]
        assert begin(client, modest) == 200


# --- no key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/embeddings", "/v1/chat/completions", "/api/ask", "/chat", "/mcp", "/corrections"]
)
def test_without_a_key_no_byte_of_a_body_is_read(server, path):
    """An address of another machine asks: the body is announced and never sent, and the answer is there."""
    parts = urlsplit(server.address)
    client = http.client.HTTPConnection(parts.hostname, parts.port, timeout=1.5)
    client.putrequest("POST", path)
    for name, value in (("X-Forwarded-For", "192.0.2.1"), ("Content-Type", "application/json")):
        client.putheader(name, value)
    client.putheader("Content-Length", "1000000")
    client.endheaders()
    answer = client.getresponse()
    assert answer.status == 401
    assert answer.headers["connection"] == "close"
    client.close()


def test_signing_in_takes_no_megabyte(server):
    answer = httpx.post(f"{server.address}/sign-in", data={"key": "m" * 1_000_000}, timeout=30)
    assert answer.status_code == 413


# --- the end -------------------------------------------------------------------------------------------------------


def test_a_server_ends_though_an_endpoint_does_not(tmp_path, endpoint):
    folder = sample_expert(tmp_path, "timeout_seconds = 2\n")
    server = Server(answered_by(_At(endpoint), folder))
    with ThreadPoolExecutor(2) as threads:
        asked = threads.submit(server.ask, mode="base")
        time.sleep(0.5)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert asked.result().status_code == 504
    assert server.process.wait(20) in (0, -signal.SIGTERM)
    server.stop()
    assert time.monotonic() - began < 12
    assert not re.search("Traceback", server.log.read_text())
