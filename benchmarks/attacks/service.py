"""One caller against the rest: too much, too slow, without end; full disks; endpoints that do everything wrong."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import full_disk
import httpx
from generation.bad_endpoint import EMBEDS_WRONG, WRITES_WRONG, WRONG, Play, bad_endpoint
from serving.scripted import answered_by
from serving.servers import QUESTION, Server
from serving.test_one_caller import _At, figures, nested
from state.test_schema import EARLIER

from attacks.attacked import Attacked, Outcome, Try, copied
from metier.core.errors import EndpointError
from metier.core.settings import EmbeddingSettings, GenerationSettings
from metier.embedding import create
from metier.generation.base import Message
from metier.generation.endpoint import EndpointGenerator

MEMORY_MB = 2048
LARGE = "word " * 180_000  # 900 kB, below what a request may have
USER = {"role": "user", "content": QUESTION}
OVERSIZE = {
    "/v1/chat/completions": {"model": "parts", "messages": [{"role": "user", "content": LARGE}]},
    "/v1/completions": {"model": "parts", "prompt": LARGE},
    "/v1/embeddings": {"model": "parts", "input": [LARGE]},
    "/v1/embeddings, texts": {"model": "parts", "input": ["a"] * 200_000},
    "/v1/chat/completions, history": {
        "model": "parts",
        "messages": [USER, {"role": "assistant", "content": "a"}] * 9000,
    },
    "/v1/chat/completions, lists": {"model": "parts", "messages": [], "more": [[]] * 200_000},
    "/api/ask": {"question": LARGE},
    "/api/ask, history": {"question": "a", "history": [{"role": "user", "content": "a"}] * 9000},
    "/api/feedback": {"thumb": "up", "question": LARGE},
    "/api/feedback, passages": {"thumb": "up", "question": "a", "passages": ["a"] * 100_000},
    "/api/corrections": {"question": "a", "answer": LARGE},
}
QUERIES = (
    "/api/search?q=", "/search?q=", "/documents?q=", "/documents?part=", "/?now=1&q=", "/chat/documents?name=",
    "/sources?q=", "/adapters/card?adapter=", "/report?", "/health?", "/nothing?a=",
)  # fmt: skip
OPTIONS = (
    {"stop": ["x" * 5000]}, {"max_tokens": 0}, {"max_tokens": -1}, {"seed": 10**30}, {"model": "m" * 5000},
    {"temperature": 1e308}, {"n": 10**9},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "f", "schema": nested(100)}}},
    {"response_format": {"type": "json_schema", "json_schema": {
        "name": "f", "schema": {"type": "array", "minItems": 10**9, "items": {"type": "string"}}}}},
)  # fmt: skip
REFUSED = (400, 403, 413, 414, 431)
HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


def tries(on: Attacked) -> Iterator[Try]:
    for path, body in OVERSIZE.items():
        yield "size", f"900 kB or more to {path}", partial(_oversize, on, path.partition(",")[0], body)
    for path in QUERIES:
        yield "size", f"a query of 60 kB to {path.partition('?')[0]}", partial(_query, on, path)
    yield "size", "numbers, lists and schemas without end", partial(_options, on)
    yield "size", "heads of more or longer lines than any client sends", partial(_heads, on)
    yield "size", "heads of megabytes, and what is no HTTP", partial(_no_http, on)
    yield "size", "vectors that nobody waits for", partial(_cancelled, on)
    yield "slow", "a head that never ends", partial(_drip, on, HEAD, b"X-More: 1\r\n")
    yield "slow", "a body a byte at a time", partial(
        _drip, on, b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        b"Content-Type: application/json\r\n\r\n", b" ",
    )  # fmt: skip
    yield "slow", "a connection that asks nothing", partial(_drip, on, b"", b"")
    yield "slow", "more connections than one address may open", partial(_connections, on)
    yield "slow", "a body without a key", partial(_no_key, on)
    yield "slow", "an endpoint that only says that it is there", partial(_keep_alive, on)
    yield "endpoint", "answers: everything wrong", partial(_endpoints, WRONG | WRITES_WRONG, _asks)
    yield "endpoint", "vectors: everything wrong", partial(_endpoints, WRONG | EMBEDS_WRONG, _embeds)
    for kind, word in (("full", "disk is full"), ("read-only", "read-only")):
        yield "disk", f"{kind}: questions are answered, a sync says so", partial(_disk, on, kind, word)
    for kind in ("full", "read-only"):
        yield "disk", f"{kind}: an expert of an earlier release answers", partial(_earlier, on, kind)
    yield "disk", "who may read what an expert keeps", partial(_modes, on)
    yield "at last", "the servers stand, wrote no traceback, and their memory is bounded", partial(_standing, on)


# --- size ----------------------------------------------------------------------------------------------------------


def _quick(on: Attacked, answer: httpx.Response, began: float) -> Outcome:
    took, began = time.monotonic() - began, time.monotonic()
    with on.client(None) as client:
        alive = client.get("/health").status_code == 200
    health = time.monotonic() - began
    held = answer.status_code in REFUSED and took < 6 and alive and health < 2
    return held, f"{answer.status_code} after {took:.1f} s, /health in {health * 1000:.0f} ms"


def _oversize(on: Attacked, path: str, body: dict) -> Outcome:
    with on.client("chief") as client:
        began = time.monotonic()
        return _quick(on, client.post(path, json=body), began)


def _query(on: Attacked, path: str) -> Outcome:
    with on.client("chief") as client:
        began = time.monotonic()
        return _quick(on, client.get(path + "a" * 60_000), began)


def _options(on: Attacked) -> Outcome:
    wrong = []
    with on.client("chief") as client:
        for options in OPTIONS:
            text = json.dumps({"model": "parts:base", "messages": [USER]} | options)
            answer = client.post("/v1/chat/completions", content=text, headers={"Content-Type": "application/json"})
            if answer.status_code not in (*REFUSED, 404):
                wrong.append(f"{str(options)[:40]}: {answer.status_code}")
    return not wrong, "; ".join(wrong) or f"{len(OPTIONS)} refused"


def _connect(on: Attacked) -> socket.socket:
    parts = urlsplit(on.server.address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)


def _no_http(on: Attacked) -> Outcome:
    wrong = []
    for data in (
        HEAD + b"X-Long: " + b"a" * 400_000 + b"\r\n\r\n", b"\x16\x03\x01\x02" * 500, b"GET / HTTP/9.9\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HEAD, b"\0" * 10_000,
        HEAD.replace(b"localhost", b"localhost\r\nHost: evil.example") + b"\r\n", HEAD + b"X: a\r\n" * 20_000 + b"\r\n",
    ):  # fmt: skip
        with _connect(on) as connection:
            try:
                connection.sendall(data)
                answer = connection.recv(4096)
            except OSError:
                answer = b""
        code = answer.split(b" ", 2)[1:2]
        if code and (code[0].startswith(b"5") or (code[0] == b"200" and b"chunked" not in data)):
            wrong.append(f"{data[38:70]!r}: {code[0].decode()}")
    return not wrong, "; ".join(wrong) or "nine refused"


def _heads(on: Attacked) -> Outcome:
    codes = []
    for lines in (b"X: a\r\n" * 20_000, b"X: a\r\n" * 200, b"X: " + b"a" * 20_000 + b"\r\n"):
        with _connect(on) as connection:
            try:
                connection.sendall(HEAD + lines + b"\r\n")
                codes.append(connection.recv(4096).split(b" ", 2)[1].decode())
            except OSError:
                codes.append("reset")
    return set(codes) <= {"431", "reset"}, ", ".join(codes)


def _figures(on: Attacked) -> dict[str, float]:
    class _Owner:
        @staticmethod
        def get(path: str) -> httpx.Response:
            with on.client("chief") as client:
                return client.get(path)

    return figures(_Owner())


def _cancelled(on: Attacked) -> Outcome:
    body = json.dumps({"model": "parts", "input": ["gearbox oil pump " * 80] * 360}).encode()
    head = (
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {on.keys['plain']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(4):
        with _connect(on) as connection:
            connection.sendall(head.encode() + body)
            time.sleep(0.3)
    began = time.monotonic()
    while True:
        known = _figures(on)
        if not (running := known["metier_running"] + known["metier_waiting"]) or time.monotonic() > began + 20:
            break
        time.sleep(0.3)
    memory = known["process_resident_memory_bytes"] / 2**20
    return not running and memory < MEMORY_MB, f"over {time.monotonic() - began:.1f} s later, {memory:.0f} MiB"


# --- slow ----------------------------------------------------------------------------------------------------------


def _drip(on: Attacked, begin: bytes, piece: bytes) -> Outcome:
    """It is cut off after `client_seconds`, 2 here."""
    key = f"Authorization: Bearer {on.keys['plain']}\r\nContent-Length".encode()
    began = time.monotonic()
    with _connect(on) as connection:
        connection.settimeout(0.3)
        try:
            connection.sendall(begin.replace(b"Content-Length", key))
            while time.monotonic() - began < 10:
                if piece:
                    connection.sendall(piece)
                try:
                    if not connection.recv(65536):
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
    took = time.monotonic() - began
    return took < 9, f"cut off after {took:.1f} s" if took < 9 else "held open"


def _connections(on: Attacked) -> Outcome:
    held = [_connect(on) for _ in range(40)]
    try:
        with _connect(on) as one_more:
            one_more.settimeout(5)
            one_more.sendall(HEAD + b"\r\n")
            try:
                answer = one_more.recv(4096)
            except OSError:
                answer = b""
    finally:
        for each in held:
            each.close()
    time.sleep(0.3)
    with on.client(None) as client:
        alive = client.get("/health").status_code == 200
    refused = not answer.startswith(b"HTTP/1.1 200")
    return refused and alive, f"the 41st is {'closed' if refused else 'served'}, and then all is well"


def _no_key(on: Attacked) -> Outcome:
    parts, wrong = urlsplit(on.server.address), []
    for path in (
        "/v1/embeddings",
        "/v1/chat/completions",
        "/api/ask",
        "/chat",
        "/mcp",
        "/corrections",
        "/sources/sync",
    ):
        client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1.5)
        client.putrequest("POST", path)
        for name, value in (("X-Forwarded-For", "192.0.2.1"), ("Content-Length", "1000000")):
            client.putheader(name, value)
        client.endheaders()
        try:
            code = client.getresponse().status
        except OSError:
            code = 0
        wrong += [] if code == 401 else [f"{path}: {code}"]
        client.close()
    return not wrong, "; ".join(wrong) or "seven refused, not a byte of a body read"


def _keep_alive(on: Attacked) -> Outcome:
    folder = copied(on.folder, on.place / "endless")
    settings = folder / "metier.toml"
    settings.write_text(settings.read_text().replace("timeout_seconds = 60", "timeout_seconds = 3"))
    with bad_endpoint(WRITES_WRONG["only says that it is there"]) as url:
        server = Server(answered_by(_At(url), folder))
        asked = time.monotonic()
        code = server.ask(mode="base").status_code
        took, began = time.monotonic() - asked, time.monotonic()
        with ThreadPoolExecutor(1) as threads:
            left = threads.submit(lambda: server.ask(mode="base"))
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            left.exception()
        server.stop()
        ended = time.monotonic() - began
    return code == 504 and took < 9 and ended < 30, f"{code} after {took:.1f} s, ended within {ended:.1f} s"


# --- endpoints -----------------------------------------------------------------------------------------------------


def _asks(url: str) -> None:
    settings = GenerationSettings(model="openai:tiny", url=url, timeout_seconds=2)
    generator = EndpointGenerator(settings, "tiny", None, backoff_seconds=0.01)
    try:
        generator.complete([Message("user", "Which way?")], max_tokens=20, logprobs=True)
    finally:
        generator.close()


def _embeds(url: str) -> None:
    from metier.embedding import endpoint

    endpoint.CALL_SECONDS, endpoint.ATTEMPTS, endpoint.FIRST_WAIT_SECONDS = 2, 2, 0.01
    endpoint.LONGEST_WAIT_SECONDS = 0.1
    embedder = create(EmbeddingSettings(model="openai:tiny", url=url))
    try:
        embedder.embed_passages(["one", "two"])
    finally:
        embedder.close()


def _endpoints(plays: dict[str, Play], ask) -> Outcome:
    def tried(item: tuple[str, Play]) -> str:
        name, play = item
        began = time.monotonic()
        with bad_endpoint(play) as url:
            try:
                ask(url)
            except EndpointError as error:
                if url in error.message and "\n" not in error.message and time.monotonic() - began < 20:
                    return ""
                return f"{name}: {error.message[:40]} after {time.monotonic() - began:.0f} s"
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                return f"{name}: {type(error).__name__}"
        return f"{name}: was taken for an answer"

    with ThreadPoolExecutor(12) as threads:
        wrong = [said for said in threads.map(tried, plays.items()) if said]
    return not wrong, "; ".join(wrong)[:200] or f"{len(plays)} endpoints, each one clear error"


# --- disk ----------------------------------------------------------------------------------------------------------


def _disk(on: Attacked, kind: str, word: str) -> Outcome:
    folder = copied(on.folder, on.place / f"disk-{kind}")
    (folder.parent / "docs" / "new.md").write_text("# Ladder\n\nThe ladder is checked every 55 days.")
    expert = ("-e", folder.name)
    commands = (("ask", QUESTION, *expert), ("sync", *expert), ("search", QUESTION, *expert))
    done = full_disk.on(kind, folder.parent, commands)
    if done is None:
        return True, "not tried: this system lets nobody mount"
    asked, synced, searched = done
    said = " ".join(synced.stderr.split())
    answered = "31 months" in asked.stdout and "31 months" in searched.stdout
    crashed = any("Traceback" in each.stderr for each in done)
    held = answered and synced.returncode == 1 and word in said and not crashed
    return held, f"{'answered' if answered else 'not answered'}; the sync: {said[:70]}"


def _earlier(on: Attacked, kind: str) -> Outcome:
    place = on.place / f"earlier-{kind}"
    place.mkdir()
    with tarfile.open(f"{EARLIER}.tar.gz") as packed:
        packed.extractall(place, filter="data")
    asked, wanted = next(iter(json.loads(EARLIER.with_suffix(".json").read_text("utf-8")).items()))
    done = full_disk.on(kind, place, [("ask", asked, "-e", "pumps", "--json")])
    if done is None:
        return False, "nobody may mount a disk here"
    said = done[0]
    held = said.returncode == 0 and json.loads(said.stdout)["text"] == wanted["text"]
    return held, " ".join(said.stderr.split())[-120:]


def _modes(on: Attacked) -> Outcome:
    state = on.folder / ".metier"
    loose = [str(path.relative_to(state)) for path in (state, *state.rglob("*"))
             if not path.is_symlink() and path.stat().st_mode & 0o077]  # fmt: skip
    return not loose, f"{len(loose)} may be read by others: {loose[:3]}" if loose else "folders 0700, files 0600"


def _standing(on: Attacked) -> Outcome:
    told, most = [], 0.0
    for server in (on.server, on.tuned_server):
        if server.process.poll() is not None:
            told.append(f"one ended with {server.process.poll()}")
            continue
        lines = open(f"/proc/{server.process.pid}/status", encoding="ascii").read().splitlines()  # noqa: SIM115
        most = max(most, next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)
        if "Traceback" in (text := server.log.read_text(errors="replace")):
            told.append(f"a traceback: {text[text.index('Traceback') :][-200:]}")
    return not told and most < MEMORY_MB, "; ".join(told) or f"{most:.0f} MiB at most"
