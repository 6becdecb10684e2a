"""Traces as a collector gets them: over OTLP/HTTP, decoded from protobuf."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from paced_scripted_endpoint import scripted_endpoint

from metier.core import settings
from metier.core.errors import SettingsError

from .scripted import WRITTEN, answered_by
from .servers import COMMAND, Server, sample_expert

pytestmark = pytest.mark.slow

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans on a port of this machine."""

    def __init__(self) -> None:
        self.spans, self.resources = [], []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                if handler.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                self.take(handler.path, body)
                handler.send_response(200)
                handler.end_headers()

            def log_message(handler, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append({each.key: each.value.string_value for each in group.resource.attributes})
            self.spans += [span for scope in group.scope_spans for span in scope.spans]

    def of(self, trace: str, count: int) -> dict:
        """The spans of a trace by name, as soon as there are so many."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = [span for span in self.spans if span.trace_id.hex() == trace]
            if len(found) >= count:
                assert len(found) == count
                return {span.name: span for span in found}
            time.sleep(0.05)
        raise AssertionError(f"{len(found)} spans")

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def collector():
    running = Collector()
    yield running
    running.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_expert(tmp_path_factory.mktemp("traced"))


@pytest.fixture(scope="module")
def server(folder, collector):
    with_setting(folder, collector.address)
    running = Server(folder, OTEL_BSP_SCHEDULE_DELAY="100")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def written(tmp_path_factory, collector):
    """One whose answers a scripted endpoint writes."""
    with scripted_endpoint(WRITTEN, pace=0.002) as endpoint:
        folder = sample_expert(tmp_path_factory.mktemp("written"), f'traces = "{collector.address}"')
        running = Server(answered_by(endpoint, folder), OTEL_BSP_SCHEDULE_DELAY="100")
        yield running
        running.stop()


def with_setting(folder, traces: str | None) -> None:
    path = folder / "metier.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("traces")]
    path.write_text("\n".join([*kept, f'traces = "{traces}"' if traces else ""]))


def attributes(span) -> dict:
    values = {each.key: each.value for each in span.attributes}
    return {name: getattr(value, value.WhichOneof("value")) for name, value in values.items()}


def parent(trace: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{PARENT}-01"}


def test_a_question_is_a_request_a_search_and_a_writing(written, collector):
    answer = written.ask(headers=parent(TRACE) | {"X-Request-ID": "traced-request"}).json()["metier"]
    spans = collector.of(TRACE, 3)
    request, search, writing = (
        spans[name] for name in ("POST /v1/chat/completions", "retrieval", "chat openai:scripted")
    )
    assert request.parent_span_id.hex() == PARENT
    assert {search.parent_span_id, writing.parent_span_id} == {request.span_id}
    assert request.start_time_unix_nano <= search.start_time_unix_nano < search.end_time_unix_nano
    assert search.end_time_unix_nano <= writing.start_time_unix_nano + 50_000_000  # clocks are read apart
    assert writing.end_time_unix_nano <= request.end_time_unix_nano
    took = (writing.end_time_unix_nano - writing.start_time_unix_nano) / 1e9
    assert took == pytest.approx(answer["timings"]["generation"], abs=1e-3)
    told = attributes(request)
    assert (told["http.route"], told["http.response.status_code"]) == ("/v1/chat/completions", 200)
    assert (told["metier.request_id"], told["metier.mode"], told["metier.refused"]) == ("traced-request", "rag", False)
    told = attributes(writing)
    assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "openai")
    assert told["gen_ai.request.model"] == "openai:scripted"
    assert told["gen_ai.usage.input_tokens"] == answer["usage"]["prompt_tokens"]
    assert told["gen_ai.usage.output_tokens"] == answer["usage"]["completion_tokens"]
    assert attributes(search)["gen_ai.operation.name"] == "retrieval"
    assert {"service.name": "metier", "metier.expert": "parts"}.items() <= collector.resources[-1].items()
    assert b"gearbox" not in b"".join(span.SerializeToString() for span in spans.values())


def test_what_is_not_asked_of_the_model_has_no_writing(server, collector):
    trace = "5" * 32
    server.ask("Who was the first emperor of Rome?", headers=parent(trace))
    spans = collector.of(trace, 2)
    assert set(spans) == {"POST /v1/chat/completions", "retrieval"}
    assert attributes(spans["POST /v1/chat/completions"])["metier.refused"] is True


def test_errors_and_pages_have_spans_with_templates(server, collector):
    trace = "6" * 32
    server.get("/v1/models/gpt-4", headers=parent(trace))
    server.get("/no/such/page", headers=parent(trace))
    spans = collector.of(trace, 2)
    assert attributes(spans["GET /v1/models/{model}"])["error.type"] == "UnknownModel"
    assert attributes(spans["GET unmatched"])["http.response.status_code"] == 404


def test_a_broken_parent_begins_a_trace_of_its_own(server, collector):
    before = len(collector.spans)
    assert server.get("/v1/models", headers={"traceparent": "00-" + "9" * 5000}).status_code == 200
    assert server.get("/v1/models", headers={"traceparent": "00-zz-zz-zz"}).status_code == 200
    until = time.monotonic() + 20
    while len(collector.spans) == before and time.monotonic() < until:
        time.sleep(0.05)
    assert collector.spans[-1].parent_span_id == b""
    assert any('"trace_id"' in line for line in server.log.read_text().splitlines())


def test_what_is_left_is_sent_at_the_end_to_what_the_environment_says(folder, collector):
    with_setting(folder, "env")
    running, trace = Server(folder, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address), "7" * 32
    running.get("/v1/models", headers=parent(trace))
    running.stop()
    assert set(collector.of(trace, 1)) == {"GET /v1/models"}


def test_a_collector_that_is_away_hinders_nobody(folder):
    with_setting(folder, "http://127.0.0.1:9")
    running = Server(folder)
    assert running.ask().status_code == 200
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 25


def test_off_imports_nothing_that_makes_or_sends_spans(folder):
    with_setting(folder, None)
    code = "import sys, metier.serving.http.server; print([n for n in sys.modules if n.startswith('opentelemetry.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "opentelemetry.sdk" not in done.stdout
    assert "opentelemetry.exporter" not in done.stdout


@pytest.mark.parametrize(
    ("traces", "block", "said"),
    [
        ("http://127.0.0.1:9", True, 'pip install "metier[tracing]"'),
        ("env", False, "OTEL_EXPORTER_OTLP_ENDPOINT is not set"),
    ],
)
def test_what_is_missing_is_said(folder, traces, block, said):
    with_setting(folder, traces)
    missing = "import sys; sys.modules['opentelemetry.exporter'] = None; " if block else ""
    command = [*COMMAND[:-1], missing + COMMAND[-1]]
    done = subprocess.run(
        [*command, "serve", "-e", str(folder), "--port", "0"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in (1, 2)
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_no_address_is_refused(tmp_path):
    (tmp_path / "metier.toml").write_text('[serving]\ntraces = "collector:4318"')
    with pytest.raises(SettingsError, match="neither env nor an address"):
        settings.load(tmp_path)
