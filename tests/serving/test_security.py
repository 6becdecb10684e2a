from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.testclient import TestClient

from metier.serving.http import errors
from metier.serving.http.security import BodyLimit, secured

LIMIT = 1000


class Text(BaseModel):
    text: str


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI(docs_url=None, redoc_url=None)
    made.add_exception_handler(errors.HTTPException, errors.as_json)

    @made.get("/id")
    def request_id(request: Request) -> str:
        return request.state.request_id

    @made.get("/own")
    def own() -> JSONResponse:
        return JSONResponse(None, headers={"Cache-Control": "max-age=60", "Content-Security-Policy": "default-src *"})

    @made.get("/broken")
    def broken() -> None:
        raise RuntimeError

    @made.post("/json")
    def read_json(text: Text) -> int:
        return len(text.text)

    @made.post("/raw")
    async def read_raw(request: Request) -> int:
        return len(await request.body())

    @made.post("/form")
    async def read_form(request: Request) -> int:
        return len((await request.form())["text"])

    @made.post("/swallows")
    async def swallows(request: Request) -> str:
        with suppress(Exception):  # as some application does
            return f"{len(await request.body())}"
        return "all is well"

    @made.post("/insists")
    async def insists(request: Request) -> str:
        for _ in range(3):
            with suppress(Exception):
                return f"{len(await request.body())}"
        return "all is well"

    @made.post("/streams")
    async def streams(request: Request) -> StreamingResponse:
        async def sizes():
            async for piece in request.stream():
                yield f"{len(piece)} "

        return StreamingResponse(sizes())

    return made


def client_of(app, *, host: str = "127.0.0.1", names=(), base: str = "http://localhost:8000", **options) -> TestClient:
    return TestClient(secured(app, host=host, names=names, limit=LIMIT), base, **options)


# --- headers and ids -------------------------------------------------------------------------------------------


def policy(response) -> dict[str, str]:
    given = response.headers["content-security-policy"]
    return {name: value for name, _, value in (part.strip().partition(" ") for part in given.split(";"))}


@pytest.mark.parametrize("path", ["/id", "/nowhere", "/broken"])
def test_every_answer_has_the_headers(app, path):
    response = client_of(app, raise_server_exceptions=False).get(path)
    assert policy(response) == {
        "default-src": "'self'", "img-src": "'self' data:", "object-src": "'none'", "base-uri": "'none'",
        "form-action": "'self'", "frame-ancestors": "'none'",
    }  # fmt: skip
    expected = {
        "referrer-policy": "no-referrer", "x-content-type-options": "nosniff", "x-frame-options": "DENY",
        "cross-origin-resource-policy": "same-origin", "cache-control": "no-store",
    }  # fmt: skip
    assert expected.items() <= dict(response.headers).items()
    assert "microphone=()" in response.headers["permissions-policy"]
    assert "strict-transport-security" not in response.headers
    assert response.headers["x-request-id"]


def test_refusals_have_them_too(app):
    client = client_of(app)
    for response in (client.get("/id", headers={"host": "evil.example"}), client.post("/raw", content=b"x" * 2000)):
        assert response.status_code in (413, 421)
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["x-request-id"]


def test_https_only_where_it_is_https(app):
    response = client_of(app, base="https://localhost").get("/id")
    assert re.fullmatch(r"max-age=\d{8,}", response.headers["strict-transport-security"])


def test_what_the_application_set_stays(app):
    response = client_of(app).get("/own")
    assert response.headers.get_list("cache-control") == ["max-age=60"]
    assert response.headers.get_list("content-security-policy") == ["default-src *"]


def test_request_ids(app):
    client = client_of(app)
    sane = "0d9b8a6e-5f8e-4c0b-9d5a-b6b9b1d0c4aa"
    response = client.get("/id", headers={"X-Request-ID": sane})
    assert response.json() == response.headers["x-request-id"] == sane
    made = set()
    for given in (
        "",
        "short",
        "x" * 129,
        "new\tline!",
        "<script>alert(1)</script>",
        "১২৩৪৫৬৭৮".encode(),
        "a b c d e f",
    ):
        response = client.get("/id", headers={"X-Request-ID": given})
        assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
        assert response.json() == response.headers["x-request-id"]
        made.add(response.json())
    assert len(made) == 7


# --- hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "names", "right", "wrong"),
    [
        (
            "127.0.0.1", (),
            ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"],
            ["evil.example", "localhost.evil.example", "evil.example:8000", "192.0.2.7", "", "localhost@evil.example"],
        ),
        ("localhost", ("Expert.example",), ["localhost", "expert.example:443"], ["other.example", "192.0.2.7"]),
        ("192.0.2.7", (), ["192.0.2.7:8000"], ["localhost", "evil.example", "192.0.2.8"]),
        ("192.0.2.7", ("expert.example",), ["192.0.2.7", "expert.example"], ["localhost", "evil.example"]),
        ("0.0.0.0", (), ["localhost", "expert.example:80", "192.0.2.7", "[2001:db8::1]:80"], ["", "a b", "a:b:c"]),
        ("::", ("expert.example",), ["localhost", "expert.example", "192.0.2.7", "[2001:db8::1]"], ["evil.example"]),
    ],
)  # fmt: skip
def test_only_the_host_it_is(app, host, names, right, wrong):
    client = client_of(app, host=host, names=names)
    for header in right:
        assert client.get("/id", headers={"host": header}).status_code == 200, header
    for header in wrong:
        response = client.get("/id", headers={"host": header})
        assert response.status_code == 421, header
        assert response.json()["error"]["code"] == "unknown_host"


def call(app, headers: list[tuple[bytes, bytes]], messages: list[dict], path: str = "/raw") -> tuple[list[dict], int]:
    """One request, message by message. Returns what was sent, and how many messages were taken."""
    sent, left = [], list(messages)
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip

    async def receive() -> dict:
        return left.pop(0)

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent, len(messages) - len(left)


def piece(size: int, more: bool = True) -> dict:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


def test_two_hosts_or_none_are_refused(app):
    guarded = secured(app, host="127.0.0.1", limit=LIMIT)
    for headers in ([], [(b"host", b"localhost"), (b"host", b"evil.example")]):
        sent, taken = call(guarded, headers, [piece(1, more=False)])
        assert (sent[0]["status"], taken) == (421, 0)


# --- bodies ----------------------------------------------------------------------------------------------------


def chunks(size: int, of: int = 100):
    return (b"x" * of for _ in range(size // of))


def test_bodies_up_to_the_limit_pass(app):
    client = client_of(app)
    assert client.post("/raw", content=b"x" * LIMIT).json() == LIMIT
    assert client.post("/raw", content=chunks(LIMIT)).json() == LIMIT
    assert client.post("/json", json={"text": "ক" * 100}).json() == 100
    assert client.post("/form", data={"text": "a" * 900}).json() == 900
    assert client.post("/raw").json() == 0


@pytest.mark.parametrize("path", ["/raw", "/json", "/form", "/swallows", "/nowhere"])
def test_a_length_that_is_too_much_is_refused_at_once(app, path):
    response = client_of(app).post(path, content=b"x" * (LIMIT + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("path", ["/raw", "/json", "/form", "/swallows"])
def test_a_body_without_length_is_refused_when_it_is_too_much(app, path):
    headers = {"content-type": {"/form": "application/x-www-form-urlencoded"}.get(path, "application/json")}
    response = client_of(app).post(path, content=chunks(LIMIT + 100), headers=headers)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


def test_a_multipart_body_without_length(app):
    head = b'--b\r\nContent-Disposition: form-data; name="text"; filename="a"\r\n\r\n'
    content = iter([head, *chunks(LIMIT + 100), b"\r\n--b--\r\n"])
    response = client_of(app).post(
        "/form", content=content, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert response.status_code == 413


def test_no_more_is_read_than_the_limit(app):
    guarded, host = secured(app, host="127.0.0.1", limit=LIMIT), (b"host", b"localhost")
    for path in ("/raw", "/swallows", "/insists"):
        sent, taken = call(guarded, [host], [piece(400)] * 50, path)
        assert (sent[0]["status"], taken) == (413, 3)
        assert json.loads(sent[1]["body"])["error"]["code"] == "request_too_large"
        assert len(sent) == 2
    for announced in (b"1001", b"9" * 18, b"9" * 5000):
        sent, taken = call(guarded, [host, (b"content-length", announced)], [piece(400)] * 50)
        assert (sent[0]["status"], taken) == (413, 0)


def test_a_length_that_lies_does_not_help(app):
    guarded, host = secured(app, host="127.0.0.1", limit=LIMIT), (b"host", b"localhost")
    for announced in (b"10", b"-5", b"x", b"", "٣".encode(), b"+1", b"1e9"):
        sent, taken = call(guarded, [host, (b"content-length", announced)], [piece(400)] * 50)
        assert (sent[0]["status"], taken) == (413, 3), announced


def test_an_answer_that_has_begun_ends_there(app):
    guarded = secured(app, host="127.0.0.1", limit=LIMIT)
    sent, taken = call(guarded, [(b"host", b"localhost")], [piece(400)] * 50, "/streams")
    assert taken == 3
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [200]
    assert b"".join(message.get("body", b"") for message in sent) == b"400 400 "


def test_errors_of_the_application_are_its_own():
    async def wrong(scope, receive, send) -> None:
        await receive()
        raise LookupError

    with pytest.raises(LookupError):
        call(BodyLimit(wrong, LIMIT), [], [piece(10, more=False)])


def test_what_the_application_wraps_the_refusal_in_does_not_matter():
    async def wraps(scope, receive, send) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(receive())

    sent, _ = call(BodyLimit(wraps, LIMIT), [], [piece(2000)])
    assert sent[0]["status"] == 413


def test_a_client_that_goes_away_is_heard_of():
    heard = []

    async def listens(scope, receive, send) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])
        await JSONResponse(None)(scope, receive, send)

    call(BodyLimit(listens, LIMIT), [], [piece(10, more=False), {"type": "http.disconnect"}])
    assert heard == ["http.request", "http.disconnect"]


def test_starting_and_ending_pass_through():
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append(scope["type"])

    guarded = secured(app, host="127.0.0.1", limit=LIMIT)
    asyncio.run(guarded({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


def test_pages_of_named_sites_alone_may_read_what_is_answered(app):
    site, other = "https://intranet.example", "https://elsewhere.example"
    client = TestClient(secured(app, host="127.0.0.1", origins=[site], limit=LIMIT), base_url="http://127.0.0.1")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = client.options("/json", headers={"Origin": site, **asked})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, site)
    assert "access-control-allow-credentials" not in allowed.headers
    assert client.options("/json", headers={"Origin": other, **asked}).status_code == 400
    assert client.get("/id", headers={"Origin": site}).headers["access-control-allow-origin"] == site
    assert "access-control-allow-origin" not in client.get("/id", headers={"Origin": other}).headers
    plain = TestClient(secured(app, host="127.0.0.1", limit=LIMIT), base_url="http://127.0.0.1")
    assert "access-control-allow-origin" not in plain.get("/id", headers={"Origin": site}).headers


# --- slow and deep bodies ----------------------------------------------------------------------------------------


def test_a_body_that_comes_too_slowly_is_refused_by_the_clock():
    """A byte at a time puts nothing off."""

    async def reads(scope, receive, send):
        while (await receive()).get("more_body"):
            pass

    sent = []

    async def receive():
        await asyncio.sleep(0.02)
        return piece(1)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(asyncio.wait_for(BodyLimit(reads, LIMIT * 100, 0.2)(scope, receive, send), 5))
    assert sent[0]["status"] == 408


def test_a_body_of_lists_alone_is_refused_as_too_much(app):
    said = b'{"text": "' + b"[" * 60_000 + b'"}'
    client = TestClient(secured(app, host="127.0.0.1", limit=10**6), "http://localhost:8000")
    answer = client.post("/json", content=said, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_whether_the_client_is_gone_is_waited_for_without_a_clock():
    """An answer may take longer to write than its question to come."""
    heard = []

    async def listens(scope, receive, send):
        heard.extend([await receive(), await receive()])

    messages = iter([piece(10, more=False), {"type": "http.disconnect"}])

    async def receive():
        message = next(messages)
        if message["type"] == "http.disconnect":
            await asyncio.sleep(0.3)
        return message

    async def send(message):
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(asyncio.wait_for(BodyLimit(listens, LIMIT, 0.1)(scope, receive, send), 5))
    assert heard[1]["type"] == "http.disconnect"
