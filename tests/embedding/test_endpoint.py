"""The endpoint backend against a small real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from metier.core.errors import EndpointError
from metier.core.settings import EmbeddingSettings
from metier.embedding import create, endpoint
from metier.embedding.endpoint import BATCH_TEXTS, BATCH_TOKENS, estimate_tokens


class Server:
    """Answers /v1/embeddings with vectors that tell which text they are of; `refusals` are given out first."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.size = 8
        self.change: Callable[[dict], dict] = lambda answer: answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.headers.append(dict(self.headers))
                if self.path != "/v1/embeddings":
                    return self.answer(404, {"error": "no such path"})
                if outer.refusals:
                    status, headers = outer.refusals.pop(0)
                    return self.answer(status, {"error": "refused"}, headers)
                outer.requests.append(body)
                size = body.get("dimensions", outer.size)
                rows = [
                    {"index": index, "embedding": [3.0, *[float(len(text))] * (size - 1)]}
                    for index, text in enumerate(body["input"])
                ]
                return self.answer(200, outer.change({"data": rows[::-1]}))

            def answer(self, status: int, body: dict, headers: dict[str, str] | None = None) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would have been slept, in seconds."""
    slept: list[float] = []
    monkeypatch.setattr(endpoint.time, "sleep", slept.append)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    return slept


@pytest.fixture
def make(server: Server) -> Iterator[Callable]:
    made = []

    def build(model: str = "openai:text-embedding-3-small", **settings):
        made.append(create(EmbeddingSettings(model=model, **{"url": server.url} | settings)))
        return made[-1]

    yield build
    for embedder in made:
        embedder.close()


def test_vectors_in_order_and_normalised(server: Server, make: Callable) -> None:
    embedder = make()
    vectors = embedder.embed_passages(["a", "bbb", ""])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 8) == (3, embedder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert vectors[1, 1] > vectors[0, 1]
    assert server.requests[0]["input"] == ["a", "bbb", " "]
    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert embedder.embed_queries([]).shape == (0, 8)
    assert embedder.count_tokens(["four char"]) == [3]


def test_batches_by_count_and_tokens(server: Server, make: Callable) -> None:
    embedder = make(dimension=4)
    assert embedder.embed_passages([str(number) for number in range(BATCH_TEXTS + 1)]).shape == (BATCH_TEXTS + 1, 4)
    assert [len(request["input"]) for request in server.requests] == [BATCH_TEXTS, 1]
    assert server.requests[0]["dimensions"] == 4
    server.requests.clear()
    embedder.embed_passages(["long " * 6000] * 8)
    assert len(server.requests) > 1
    assert all(sum(map(estimate_tokens, request["input"])) <= BATCH_TOKENS for request in server.requests)
    server.requests.clear()
    embedder.embed_passages(["字" * 200_000])
    assert len(server.requests[0]["input"][0]) <= embedder.max_tokens


def test_waits_as_told_and_tries_again(server: Server, make: Callable, waits: list[float]) -> None:
    server.refusals = [(429, {"Retry-After": "7"}), (503, {}), (429, {"Retry-After": "9999"})]
    assert make().embed_queries(["a"]).shape == (1, 8)
    assert waits[0] == 7
    assert 0.5 < waits[1] < 2
    assert waits[2] == endpoint.LONGEST_WAIT_SECONDS


def test_gives_up_in_the_end(server: Server, make: Callable, waits: list[float]) -> None:
    server.refusals = [(429, {})] * 20
    with pytest.raises(EndpointError, match="429"):
        make().embed_queries(["a"])
    assert len(waits) == endpoint.ATTEMPTS - 1


def test_a_wrong_key_is_not_tried_twice(server: Server, make: Callable, waits: list[float]) -> None:
    server.refusals = [(401, {})]
    with pytest.raises(EndpointError, match="MY_KEY"):
        make(api_key_env="MY_KEY").embed_queries(["a"])
    assert waits == []
    assert "Authorization" not in server.headers[0]


def test_a_wrong_address(server: Server, make: Callable) -> None:
    with pytest.raises(EndpointError, match="404"):
        make(url=server.url + "/v2").embed_queries(["a"])


def test_nobody_there(make: Callable) -> None:
    with pytest.raises(EndpointError, match="does not answer"):
        make(url="http://127.0.0.1:9/v1").embed_queries(["a"])


def test_wrong_dimension(server: Server, make: Callable) -> None:
    embedder = make(dimension=16)
    server.change = lambda answer: {"data": [row | {"embedding": row["embedding"][:5]} for row in answer["data"]]}
    with pytest.raises(EndpointError, match="5 numbers instead of 16"):
        embedder.embed_queries(["a"])


@pytest.mark.parametrize(
    "answer", [{"data": []}, {"oops": 1}, {"data": [{"index": 0, "embedding": ["x"]}]}, {"data": 3}]
)
def test_answers_that_make_no_sense(server: Server, make: Callable, answer: dict) -> None:
    server.change = lambda _: answer
    with pytest.raises(EndpointError, match="embeddings"):
        make().embed_queries(["a"])


def test_jina_is_told_what_the_text_is_for(server: Server, make: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINA_API_KEY", "jina-secret")
    embedder = make("jina:jina-embeddings-v3")
    embedder.embed_queries(["a"])
    embedder.embed_passages(["a"])
    assert [request["task"] for request in server.requests] == ["retrieval.query", "retrieval.passage"]
    assert server.headers[0]["Authorization"] == "Bearer jina-secret"


def test_fingerprint_needs_what_changes_vectors(make: Callable) -> None:
    same, other, short = make(), make("openai:text-embedding-3-large"), make(dimension=4)
    assert same.fingerprint == make().fingerprint
    assert len({same.fingerprint, other.fingerprint, short.fingerprint}) == 3
