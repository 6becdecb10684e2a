"""Figures of a running server, in Prometheus' format at /metrics, for the owner and for keys that may `admin`.

    metier_requests_total{method, route, status}     metier_request_seconds{route}
    metier_answers_total{mode, outcome}              answered or refused
    metier_stage_seconds{stage, mode}                retrieval, first_token, generation, total
    metier_tokens_total{kind, mode}                  prompt (cached ones among them), cached, completion
    metier_searches_total{found}                     empty searches are found="nothing"
    metier_running, metier_waiting, metier_stuck, metier_rejected_total
    metier_documents, metier_passages, metier_last_sync_timestamp_seconds, metier_adapter_info{adapter}
    process_resident_memory_bytes and others of the process

Labels take values from the code only, never from what somebody sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, service_of
from metier.serving.http.request_context import RequestContext
from metier.serving.service import ExpertService

router = APIRouter()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOKENS = (("prompt", "prompt_tokens"), ("cached", "cached_tokens"), ("completion", "completion_tokens"))


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "metier_requests", "Requests that ended.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "metier_request_seconds", "Until the answer was sent.", ("route",), registry=registry, buckets=_SECONDS
        )
        self._answers = Counter(
            "metier_answers", "Questions answered and refused.", ("mode", "outcome"), registry=registry
        )
        self._stages = Histogram(
            "metier_stage_seconds", "Stages of an answer.", ("stage", "mode"), registry=registry, buckets=_SECONDS
        )
        self._tokens = Counter("metier_tokens", "Tokens of the model.", ("kind", "mode"), registry=registry)
        self._searches = Counter("metier_searches", "Searches, and what they found.", ("found",), registry=registry)
        ProcessCollector(registry=registry)

    def watch(self, service: ExpertService) -> None:
        """From now on the state of this service is told, too."""
        self.registry.register(_State(service))

    def observe(self, made: RequestContext) -> None:
        self._requests.labels(made.method, made.route, str(made.status)).inc()
        self._seconds.labels(made.route).observe(made.seconds)
        for found in made.searches:
            self._searches.labels("something" if found else "nothing").inc()
        for answer in (told.answer for told in made.told):
            self._answers.labels(answer.mode, "refused" if answer.abstained else "answered").inc()
            for stage, seconds in answer.timings.items():
                self._stages.labels(stage, answer.mode).observe(seconds)
            for kind, name in _TOKENS:
                self._tokens.labels(kind, answer.mode).inc(getattr(answer.usage, name))


class _State(Collector):
    """What is looked up when it is asked for."""

    def __init__(self, service: ExpertService) -> None:
        self._service = service

    def describe(self) -> list[Metric]:
        """Nothing is looked up when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        work, expert = self._service.work, self._service.expert
        yield GaugeMetricFamily("metier_running", "Jobs that run.", work.running)
        yield GaugeMetricFamily("metier_waiting", "Questions that wait for a place.", work.waiting)
        yield GaugeMetricFamily("metier_stuck", "Threads that did not end when they were told to.", work.stuck)
        yield CounterMetricFamily("metier_rejected", "Questions told to come again.", work.rejected)
        documents, passages = expert.runtime.store.counts()
        yield GaugeMetricFamily("metier_documents", "Documents in the store.", documents)
        yield GaugeMetricFamily("metier_passages", "Passages in the store.", passages)
        if syncs := expert.syncs():
            ended = datetime.fromisoformat(syncs[-1].ended_at).timestamp()
            yield GaugeMetricFamily("metier_last_sync_timestamp_seconds", "When the last sync ended.", ended)


@router.get("/metrics", tags=["State"], response_class=PlainTextResponse)
def metrics(
    request: Request,
    service: Annotated[ExpertService, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_for("admin"))],
) -> PlainTextResponse:
    """Figures of the server for Prometheus."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    adapter = service.expert.adapters.production(caller.groups)
    told = _WithAdapter(request.app.state.metrics.registry, adapter.reference if adapter else "")
    return PlainTextResponse(encode(told), headers={"Content-Type": media_type})


class _WithAdapter:
    """What a registry collects, and the adapter that this caller may know of."""

    def __init__(self, registry: Collector, adapter: str) -> None:
        self._registry, self._adapter = registry, adapter

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield InfoMetricFamily("metier_adapter", "In production.", {"adapter": self._adapter})
