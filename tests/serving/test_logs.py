"""What a server writes to stderr, and what nobody can make it write."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from metier import Expert
from metier.answering.answer import Answer, Usage
from metier.serving.app import create_app
from metier.serving.ask_request import AskRequest
from metier.serving.auth.keys import Keys
from metier.serving.http.logs import Logs
from metier.serving.http.request_context import AnswerRecord, RequestContext
from metier.serving.service import ExpertService

from .servers import QUESTION, Server, sample_expert

pytestmark = pytest.mark.slow

FORGED = '2031-01-01 "}\r\n{"time": "forged", "event": "request"}\x1b[2J\x9b31m\u2028\u202e'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = sample_expert(tmp_path_factory.mktemp("logged"), 'log = "auto"')
    toml = folder / "metier.toml"
    toml.write_text(toml.read_text().replace("max_tokens = 24", "max_tokens = 150"))  # time to go away in
    running = Server(folder)
    yield running
    running.stop()


def lines(server) -> list[dict]:
    """Every line there is, each of which must be JSON and printable."""
    whole = server.log.read_text(encoding="utf-8").splitlines()
    assert all(line.isprintable() for line in whole)
    return [json.loads(line) for line in whole]


def line_of(server, answer) -> dict:
    """The one line with the id of this answer; it is written after the answer has gone."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = [each for each in lines(server) if each.get("request_id") == answer.headers["x-request-id"]]
        if found:
            (line,) = found
            return line
        time.sleep(0.02)
    raise AssertionError("no line")


def test_an_answer_is_one_line_without_its_question(server):
    answer = server.ask(headers={"X-Request-ID": "from-the-client-7"})
    line = line_of(server, answer)
    assert line["request_id"] == "from-the-client-7"
    wanted = {"event": "request", "level": "INFO", "method": "POST", "status": 200, "mode": "rag", "refused": False}
    assert wanted.items() <= line.items()
    assert (line["route"], line["key"], line["adapter"]) == ("/v1/chat/completions", None, None)
    usage = answer.json()["usage"]
    assert all(line[name] == usage[name] for name in ("prompt_tokens", "completion_tokens"))
    assert 0 < line["seconds"] < 60
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
    assert "gearbox" not in server.log.read_text()


@pytest.mark.parametrize("mode", ["rag", "base"])
def test_a_stream_is_one_line_when_it_has_ended(server, mode):
    answer = server.ask(mode=mode, stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    line = line_of(server, answer)
    assert (line["status"], line["mode"]) == (200, mode)
    if mode == "base":  # what is quoted may need no model
        assert line["prompt_tokens"] > line["completion_tokens"] > 0


def test_a_refusal_and_an_error_are_told(server):
    assert line_of(server, server.ask("Who was the first emperor of Rome?"))["refused"] is True
    line = line_of(server, server.ask("  "))
    assert (line["status"], line["error"], line["level"]) == (400, "InputError", "INFO")
    assert "traceback" not in line


def test_paths_are_templates_and_what_is_asked_every_second_is_not_told(server):
    for path in ("/ready", "/health"):
        answer = server.get(path)
        assert answer.status_code == 200
    line = line_of(server, server.get("/v1/models/parts:rag"))
    assert line["route"] == "/v1/models/{model}"
    assert line_of(server, server.get("/no/such/path"))["route"] == "unmatched"
    assert line_of(server, server.get("/static/frame.css"))["route"] == "/static/*"
    assert not {"/ready", "/health"} & {each.get("route") for each in lines(server)}


def test_who_goes_away_is_no_error_of_the_server(server):
    before = len(lines(server))
    headers = {"X-Request-ID": "nobody-waits"}
    with pytest.raises(httpx.ReadTimeout):
        server.ask("Tell the long story of a ship.", "base", headers=headers, timeout=0.03)
    line = line_of(server, httpx.Response(200, headers=headers))
    assert (line["status"], line["mode"], line["level"]) == (499, "base", "INFO")
    assert [each["event"] for each in lines(server)[before:]] == ["request"]


def test_nothing_that_is_sent_forges_a_line(server):
    """Bytes that no client library would send: in path, headers, method, and what is no HTTP at all."""
    place = urlsplit(server.address)
    evil = FORGED.encode()
    head = b"Host: %b\r\nConnection: close\r\n" % place.netloc.encode()
    before = len(lines(server))
    for sent in (
        b"GET /%0a%0d%1b[2J/" + evil.replace(b"\r\n", b"") + b" HTTP/1.1\r\n" + head + b"\r\n",
        b"GET /v1/models/%0a{%22time%22:1}%1b%5B2J HTTP/1.1\r\n" + head + b"\r\n",
        b"GET /health HTTP/1.1\r\n" + head + b"X-Request-ID: id-id-id-\x1b[2J\x9b\r\nUser-Agent: \x1b[2J\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: \x1b[2J\r\nX-Request-ID: " + evil + b"\r\n\r\n",
        b"\x1b[2JEVIL /health HTTP/1.1\r\n" + head + b"\r\n",
        b"EVILMETHOD /health HTTP/1.1\r\n" + head + b"\r\n",
        evil + b"\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n" + head + b"\r\n",
    ):
        with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
            connection.sendall(sent)
            connection.recv(65536)
    line_of(server, server.get("/v1/models"))
    told = lines(server)[before:]
    assert len(told) >= 5
    assert all(datetime.fromisoformat(each["time"]) for each in told)
    assert {each["method"] for each in told if each["event"] == "request"} <= {"GET", "OTHER"}
    assert not re.search("forged|EVIL", json.dumps(told))


def test_what_fails_in_the_server_can_be_found_by_its_id(server):
    """The catalog is damaged while the server runs."""
    catalog = server.folder / ".metier" / "catalog.sqlite"
    kept = catalog.read_bytes()
    catalog.write_bytes(b"\x00no database" * 500)
    try:
        answer = server.get("/metrics")
        page = server.get("/metrics", headers={"Accept": "text/html"})
    finally:
        catalog.write_bytes(kept)
    for failed in (answer, page):
        assert failed.status_code == 500
        assert failed.headers["x-request-id"] in failed.text
        assert "catalog" not in failed.text
        line = line_of(server, failed)
        assert (line["level"], line["route"], line["error"]) == ("ERROR", "/metrics", "StoreError")
        assert "Traceback" in line["traceback"]
        assert "metier/state/" in line["traceback"]


def test_what_nobody_expected_is_told_with_its_id(server, monkeypatch):
    """In this process, where a fault can be put in."""

    def broken(_service, _caller):
        return 1 / 0

    monkeypatch.setattr(ExpertService, "modes", broken)
    folder, seen = server.folder, []
    app = create_app(
        Expert.open(folder), Keys(folder / ".metier" / "other.sqlite"), host="::1", observers=[seen.append]
    )
    with TestClient(app, "http://localhost", client=("127.0.0.1", 1)) as client:
        for accept in ("*/*", "text/html"):
            answer = client.get("/v1/models", headers={"Accept": accept})
            assert answer.status_code == 500
            assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
            assert answer.headers["x-content-type-options"] == "nosniff"
    (first, _) = seen
    assert (first.is_unexpected, type(first.error), first.route) == (True, ZeroDivisionError, "/v1/models")
    assert first.request_id != seen[1].request_id


# --- without a server ------------------------------------------------------------------------------------------------


@pytest.fixture
def told(capsys):
    """What a form of the log says of a request."""
    kept = {name: vars(logging.getLogger(name)).copy() for name in ("metier", "uvicorn", "opentelemetry")}

    def told(form: str, made: RequestContext, with_questions: bool = False) -> str:
        Logs(form, with_questions=with_questions).observe(made)
        return capsys.readouterr().err

    yield told
    for name, before in kept.items():
        vars(logging.getLogger(name)).update(before)


def record(question: str = QUESTION, **changes) -> RequestContext:
    answer = Answer(question, "x", False, 0.9, "rag", "tiny", None, (), {"total": 1.0}, Usage(500, 480, 20, 3))
    made = RequestContext("POST", {"request_id": "0123456789"}, "/v1/chat/completions", 200, 1.25, AskRequest(question))
    made.told.append(AnswerRecord(answer, 0, None, 0))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_text_is_one_short_line(told):
    line = told("text", record())
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d INFO POST /v1/chat/completions 200 1\.250 s rag 500\+20 tokens id=0123456789\n", line
    )


def test_the_question_stands_there_when_it_is_asked_for(told):
    bengali = "গিয়ারবক্সের তেল কবে বদলাই?"
    assert bengali in told("text", record(bengali), with_questions=True)
    assert json.loads(told("json", record(bengali), with_questions=True))["question"] == bengali


def test_off_tells_only_what_went_wrong(told):
    assert told("off", record()) == ""
    failed = told("off", record(status=500, error=ZeroDivisionError("no"), is_unexpected=True))
    assert "ZeroDivisionError" in failed


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_cannot_forge_a_line(told, form):
    failed = record(status=500, error=ValueError(f"bad\n12:00:00 INFO forged\n{FORGED}"), is_unexpected=True)
    first, *others = told(form, failed).rstrip("\n").split("\n")
    assert "ValueError" in first
    assert first.isprintable()
    assert all(line.startswith("    ") and line.isprintable() for line in others)
    assert bool(others) is (form == "text")


@given(st.text(), st.sampled_from(["text", "json"]))
def test_any_question_is_one_printable_line(question, form):
    """Formatted by the very formatters, without the set-up of each example."""
    from metier.serving.http.logs import _Json, _Text

    entry = logging.makeLogRecord({"levelname": "INFO", "name": "x"})
    entry.fields = Logs._fields(_WithQuestions, record(question))
    line = {"text": _Text, "json": _Json}[form]().format(entry)
    assert line.isprintable()
    if form == "json" and not re.search("[\ud800-\udfff]", question):
        assert json.loads(line)["question"] == question


class _WithQuestions:
    _with_questions = True
