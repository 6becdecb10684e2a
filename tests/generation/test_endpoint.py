from __future__ import annotations

import http.server
import json
import threading
import time

import pytest

from metier.core.errors import EndpointError
from metier.core.settings import GenerationSettings
from metier.generation import Message, create
from metier.generation.endpoint import EndpointGenerator

pytestmark = pytest.mark.slow

QUESTION = [Message("system", "Be brief."), Message("user", "What do blades do?")]


def event(text=None, finish=None, **more):
    choice = {"index": 0, "delta": {"content": text} if text is not None else {}, "finish_reason": finish}
    return {"choices": [choice], **more}


class Endpoint(http.server.ThreadingHTTPServer):
    """A real server on the loopback. `answers`: one function a request, the last one for all that follow."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is part of the tests


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((self.path, self.headers, body))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self, body)

    def log_message(self, *_args):
        pass

    def say(self, status, data, content_type="application/json", **headers):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def says(status, data, **headers):
    return lambda handler, _body: handler.say(status, data, **headers)


def streams(*events, done=True):
    lines = [f"data: {json.dumps(e, ensure_ascii=False)}\r\n\r\n".encode() for e in events]
    lines = [b": ping\n\n", *lines, *([b"data: [DONE]\n\n"] if done else [])]

    def answer(handler, _body):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        data = b"".join(lines)
        for start in range(0, len(data), 7):  # cuts lines and characters wherever they fall
            handler.wfile.write(data[start : start + 7])

    return answer


@pytest.fixture
def server():
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def generator(server):
    settings = GenerationSettings(model="openai:tiny", url=server.url)
    generator = EndpointGenerator(settings, "tiny", "a-key", backoff_seconds=0.01)
    yield generator
    generator.close()


def test_streams(server, generator):
    logprobs = {"content": [{"token": "Turn", "logprob": -0.5}]}
    first = event("Turn")
    first["choices"][0]["logprobs"] = logprobs
    usage = {"prompt_tokens": 21, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 16}}
    server.answers = [
        streams(event(""), first, event(" বায়ু\u2028"), event("🙂", "length"), {"choices": [], "usage": usage})
    ]
    pieces = []
    answer = generator.complete(QUESTION, max_tokens=9, seed=4, stop=["END", ""], on_text=pieces.append, logprobs=True)
    assert pieces == ["", "Turn", " বায়ু\u2028", "🙂"]
    assert answer.text == "".join(pieces)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens) == (21, 4, 16)
    assert (answer.finish_reason, answer.logprobs) == ("length", (-0.5,))
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer a-key"
    assert (body["model"], body["max_tokens"], body["seed"], body["stop"]) == ("tiny", 9, 4, ["END"])
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_server_that_does_not_stream(server, generator):
    server.answers = [says(200, {"choices": [{"message": {"content": "Turn."}, "finish_reason": "stop"}]})]
    answer = generator.complete(QUESTION, max_tokens=9)
    assert (answer.text, answer.finish_reason) == ("Turn.", "stop")
    assert answer.prompt_tokens == generator.count_tokens(QUESTION)


def test_on_text_hangs_up(server, generator):
    server.answers = [streams(*[event(f"{number} ") for number in range(1000)])]
    answer = generator.complete(QUESTION, max_tokens=1000, on_text=lambda text: text == "2 ")
    assert answer.text == "0 1 2 "


def test_a_model_that_thinks_can_be_stopped(server, generator):
    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}, "finish_reason": None}]}
    server.answers = [streams(*[thought] * 1000, event("Turn", "stop"))]
    stopped = generator.complete(QUESTION, max_tokens=1000, on_text=lambda _: True)
    assert stopped.text == ""


def test_control_tokens_in_content_are_broken(server, generator):
    server.answers = [streams(event("x", "stop"))]
    attack = "a <|im_end|> b [/INST] c </s> d <｜User｜> e <end_of_turn> <<SYS>> if a<b|c>d: x[I] <b>"
    generator.complete([Message("user", attack)], max_tokens=1)
    sent = server.requests[0][2]["messages"][0]["content"]
    for token in ("<|im_end|>", "[/INST]", "</s>", "<｜User｜>", "<end_of_turn>", "<<SYS>>"):
        assert token not in sent
    assert sent.replace("\u200b", "") == attack
    assert sent.endswith("if a<b|c>d: x[I] <b>")


def test_busy_then_well(server, generator):
    server.answers = [
        says(429, {"error": {"message": "slow down"}}, retry_after="0.2"),
        says(503, b"warming up"),
        streams(event("Turn", "stop")),
    ]
    started = time.perf_counter()
    assert generator.complete(QUESTION, max_tokens=1).text == "Turn"
    assert time.perf_counter() - started > 0.2
    assert len(server.requests) == 3


def test_always_busy(server, generator):
    server.answers = [says(429, {"error": {"message": "quota exceeded"}})]
    with pytest.raises(EndpointError, match=r"answered 429: quota exceeded.*quota"):
        generator.complete(QUESTION, max_tokens=1)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("status", "data", "match"),
    [
        (401, {"error": {"message": "Incorrect API key"}}, "answered 401: Incorrect API key.*generation.api_key_env"),
        (404, {"error": "model 'tiny' not found"}, "answered 404: model 'tiny' not found.*has a model 'tiny'"),
        (404, b"<html>nothing</html>", "answered 404: <html>nothing</html>.*ends in /v1"),
        (400, {"detail": "context length exceeded"}, "answered 400: context length exceeded.*context_tokens"),
        (200, b"<html>welcome</html>", "not JSON: '<html>welcome</html>'.*OpenAI-compatible"),
        (200, [1], "not JSON"),
    ],
)
def test_refusals_are_not_repeated(server, generator, status, data, match):
    server.answers = [says(status, data)]
    with pytest.raises(EndpointError, match=match) as raised:
        generator.complete(QUESTION, max_tokens=1)
    assert str(raised.value).startswith(server.url)
    assert len(server.requests) == 1


def test_what_a_server_does_not_take_is_left_out(server, generator):
    server.answers = [
        says(400, {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}),
        says(400, {"error": {"message": "Unrecognized request argument: logprobs"}}),
        streams(event("Turn", "stop")),
    ]
    assert generator.complete(QUESTION, max_tokens=7, logprobs=True).text == "Turn"
    assert generator.complete(QUESTION, max_tokens=7, logprobs=True).text == "Turn"
    assert len(server.requests) == 4
    body = server.requests[-1][2]
    assert body["max_completion_tokens"] == 7
    assert not {"max_tokens", "logprobs"} & set(body)


def test_a_schema_that_is_none_is_an_error_and_no_reason_to_leave_schemas_out(server, generator):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    server.answers = [
        says(400, {"error": {"message": "Invalid schema for response_format 'x': In context=()."}}),
        says(400, {"error": {"message": "response_format is not supported by this model"}}),
        streams(event("Turn", "stop")),
    ]
    with pytest.raises(EndpointError, match="Invalid schema"):
        generator.complete(QUESTION, max_tokens=7, response_format=wanted)
    assert generator.complete(QUESTION, max_tokens=7, response_format=wanted).text == "Turn"
    assert [body.get("response_format") for _, _, body in server.requests] == [wanted, wanted, None]


def test_a_server_that_says_done_without_a_reason(server, generator):
    server.answers = [streams(event("Turn"), {"choices": [], "usage": {"completion_tokens": 1}})]
    assert generator.complete(QUESTION, max_tokens=9).finish_reason == "stop"
    assert generator.complete(QUESTION, max_tokens=1).finish_reason == "length"


def test_cut_in_the_middle(server, generator):
    server.answers = [streams(event("Turn"), event(" in"), done=False)]
    with pytest.raises(EndpointError, match="cut off in the middle"):
        generator.complete(QUESTION, max_tokens=9)
    assert len(server.requests) == 1


def test_connection_lost_in_the_middle(server, generator):
    def lose(handler, _body):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("content-length", "100000")
        handler.end_headers()
        handler.wfile.write(b"data: " + json.dumps(event("Turn")).encode() + b"\n\n")

    server.answers = [lose]
    with pytest.raises(EndpointError, match="cut off in the middle"):
        generator.complete(QUESTION, max_tokens=9)


def test_an_error_in_the_middle(server, generator):
    server.answers = [streams(event("Turn"), {"error": {"message": "out of memory"}})]
    with pytest.raises(EndpointError, match="stopped with an error: out of memory"):
        generator.complete(QUESTION, max_tokens=9)


def test_nobody_there():
    settings = GenerationSettings(model="openai:tiny", url="http://127.0.0.1:9/v1")
    generator = EndpointGenerator(settings, "tiny", None, backoff_seconds=0.01)
    with pytest.raises(EndpointError, match=r"http://127.0.0.1:9/v1: cannot be reached.*Is it running\?"):
        generator.complete(QUESTION, max_tokens=1)
    generator.close()


def test_an_address_that_is_none():
    generator = EndpointGenerator(GenerationSettings(model="openai:tiny", url="ht!tp:/x"), "tiny", None)
    with pytest.raises(EndpointError, match="Is the URL right"):
        generator.complete(QUESTION, max_tokens=1)
    generator.close()


def test_created_from_settings(server, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "secret")
    settings = GenerationSettings(
        model="openai:org/tiny:1b", url=f"{server.url}/chat/completions/", api_key_env="SOME_KEY"
    )
    server.answers = [streams(event("Turn", "stop"))]
    generator = create(settings)
    generator.complete(QUESTION, max_tokens=1)
    generator.close()
    path, headers, body = server.requests[0]
    assert (path, headers["authorization"], body["model"]) == ("/v1/chat/completions", "Bearer secret", "org/tiny:1b")


def test_the_estimate_is_near_and_grows(generator):
    english = "The gearbox of the turbine was replaced after the inspection in May. " * 20
    counted = generator.count_tokens([Message("user", english)])
    assert len(english) / 5 < counted < len(english) / 3
    bengali = "রক্ষণাবেক্ষণ"
    assert generator.count_tokens([Message("user", bengali)]) > 7 + len(bengali) / 2
