"""The figures of a running server, read as Prometheus reads them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from parts import PARTS
from prometheus_client.parser import text_string_to_metric_families

from metier.serving.http.metrics import Metrics
from metier.serving.http.request_context import RequestContext

from .servers import Server, sample_expert

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(sample_expert(tmp_path_factory.mktemp("measured"), "queue = 1", ("board",)))
    yield running
    running.stop()


def figures(server, **options) -> dict[tuple, float]:
    """Value by name and labels."""
    answer = server.get("/metrics", **options)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(before: dict, after: dict) -> dict[tuple, float]:
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def test_what_the_expert_is(server):
    told = figures(server)
    assert told["metier_documents",] == len(PARTS)
    assert told["metier_passages",] >= len(PARTS)
    assert 0 < time.time() - told["metier_last_sync_timestamp_seconds",] < 600
    assert told["metier_adapter_info", ("adapter", "")] == 1
    assert told["process_resident_memory_bytes",] > 50 * 2**20
    assert (told["metier_running",], told["metier_waiting",]) == (0, 0)


def test_questions_are_counted_by_what_became_of_them(server):
    before = figures(server)
    server.ask()
    server.ask("Who was the first emperor of Rome?")
    usage = server.ask("Tell a story.", "base").json()["usage"]
    server.ask(" ")
    more = grown(before, figures(server))
    route = ("route", "/v1/chat/completions")
    assert more["metier_requests_total", ("method", "POST"), route, ("status", "200")] == 3
    assert more["metier_requests_total", ("method", "POST"), route, ("status", "400")] == 1
    assert more["metier_request_seconds_count", route] == 4
    assert more["metier_answers_total", ("mode", "rag"), ("outcome", "answered")] == 1
    assert more["metier_answers_total", ("mode", "rag"), ("outcome", "refused")] == 1
    assert more["metier_answers_total", ("mode", "base"), ("outcome", "answered")] == 1
    assert more["metier_searches_total", ("found", "something")] == 2
    assert ("metier_searches_total", ("found", "nothing")) not in more
    for kind in ("prompt", "completion"):
        assert more["metier_tokens_total", ("kind", kind), ("mode", "base")] == usage[f"{kind}_tokens"] > 0
        assert ("metier_tokens_total", ("kind", kind), ("mode", "rag")) not in more  # a source was quoted
    for stage, count in (("retrieval", 2), ("total", 2)):
        assert more["metier_stage_seconds_count", ("mode", "rag"), ("stage", stage)] == count
        assert 0 < more["metier_stage_seconds_sum", ("mode", "rag"), ("stage", stage)] < 60
    assert more["metier_stage_seconds_count", ("mode", "base"), ("stage", "first_token")] == 1


def test_a_search_that_finds_nothing_is_counted(server, call_metier):
    """That of a reader whose groups open no document here."""
    made = call_metier("keys", "create", "k", "--groups", "others", "-e", str(server.folder), "--json").stdout
    headers = {"Authorization": f"Bearer {json.loads(made)['secret']}"}
    before = figures(server)
    assert server.ask(headers=headers).json()["metier"]["abstained"]
    more = grown(before, figures(server))
    assert more["metier_searches_total", ("found", "nothing")] == 1


def test_those_who_are_turned_away_are_counted(server):
    before = figures(server)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: server.ask(f"Tell story {n}.", "base").status_code, range(8)))
    more = grown(before, figures(server))
    assert more["metier_rejected_total",] == answers.count(429) > 0
    rejected = ("metier_requests_total", ("method", "POST"), ("route", "/v1/chat/completions"), ("status", "429"))
    assert more[rejected] == answers.count(429)


def test_only_those_who_may_administrate_see_figures(server, call_metier):
    def key(*options):
        made = call_metier("keys", "create", "k", "-e", str(server.folder), *options, "--json").stdout
        return {"Authorization": f"Bearer {json.loads(made)['secret']}"}

    assert server.get("/metrics", headers=key()).status_code == 403
    assert server.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 401
    assert ("metier_documents",) in figures(server, headers=key("--scopes", "admin"))


def test_nothing_that_is_sent_makes_a_new_series(server):
    figures(server)  # its own route is counted by now
    known = set(figures(server))
    for number in range(20):
        server.get(f"/no/such/page/{number}")
        server.get(f"/v1/models/gpt-{number}")
        server.get(f"/documents/{number:016x}")
        server.get(f"/static/{number}.css")
    first = set(figures(server)) - known
    assert first  # of four routes
    for number in range(20, 40):
        server.get(f"/no/such/page/{number}")
        server.get(f"/v1/models/gpt-{number}")
        server.get(f"/documents/{number:016x}")
        server.get(f"/static/{number}.css")
    assert set(figures(server)) - known == first


def test_two_applications_count_apart():
    one, other = Metrics(), Metrics()
    one.observe(RequestContext("GET", {}, "/health", 200, 0.1))
    labels = {"method": "GET", "route": "/health", "status": "200"}
    assert one.registry.get_sample_value("metier_requests_total", labels) == 1
    assert other.registry.get_sample_value("metier_requests_total", labels) is None
