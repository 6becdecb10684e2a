"""Traces for an OpenTelemetry collector, over OTLP/HTTP: a span for the request, below it the search and the writing.

    [serving] traces = "http://collector:4318"     or "env": what OTEL_EXPORTER_OTLP_ENDPOINT and its kin say

A client's own trace (`traceparent`, W3C) is continued. Neither questions nor answers nor addresses with ids are sent,
only times and counts. Nothing here is imported where traces are off.
"""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

from metier import __version__
from metier.core.errors import SettingsError
from metier.core.settings import GenerationSettings
from metier.generation.base import Sampling
from metier.serving.http.request_context import AnswerRecord, RequestContext

_PATH = "/v1/traces"
_TIMEOUT = 5  # seconds for a collector to take what is sent
_ENVIRONMENT = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NANOSECONDS = 1e9
_FAILED = 500


class Tracing:
    """`endpoint`: address of the collector, or "env". `model`: what writes the answers."""

    def __init__(self, endpoint: str, name: str, model: GenerationSettings) -> None:
        if endpoint == "env":
            if not any(os.environ.get(variable) for variable in _ENVIRONMENT):
                raise SettingsError(
                    f"{_ENVIRONMENT[-1]} is not set", where="serving.traces", hint="Export it, or name the collector."
                )
            exporter = OTLPSpanExporter(timeout=_TIMEOUT)
        else:
            address = endpoint.rstrip("/").removesuffix(_PATH) + _PATH
            exporter = OTLPSpanExporter(endpoint=address, timeout=_TIMEOUT)
        resource = Resource.create({"service.name": "metier", "service.version": __version__, "metier.expert": name})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("metier", __version__)
        self._parent = TraceContextTextMapPropagator()
        self._model = model

    def begin(self, made: RequestContext, scope: Scope) -> Span:
        parent = self._parent.extract(Headers(scope=scope))
        span = self._tracer.start_span(made.method, parent, SpanKind.SERVER)
        made.trace_id = f"{span.get_span_context().trace_id:032x}"
        return span

    def end(self, span: Span, made: RequestContext) -> None:
        span.update_name(f"{made.method} {made.route}")
        span.set_attributes(
            {
                "http.request.method": made.method, "http.route": made.route,
                "http.response.status_code": made.status, "metier.request_id": made.request_id,
            }
        )  # fmt: skip
        if made.asked is not None:
            span.set_attribute("metier.mode", made.asked.mode)
        for told in made.told:
            span.set_attribute("metier.refused", told.answer.abstained)
            self._search(span, told)
            self._writing(span, told, made.asked.sampling if made.asked is not None else None)
        if made.error is not None:
            span.set_attribute("error.type", type(made.error).__name__)
        if made.status >= _FAILED:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what is left; at most as long as the collector may take."""
        self._provider.shutdown()

    def _search(self, parent: Span, told: AnswerRecord) -> None:
        timings = told.answer.timings
        if "retrieval" not in timings:
            return
        # A follow-up is put into words first; `total` runs from the search on.
        began = max(told.began, told.ended - _nanoseconds(timings["total"]))
        attributes = {"gen_ai.operation.name": "retrieval", "metier.retrieval.hits": len(told.answer.hits)}
        self._child(parent, "retrieval", attributes, began, began + _nanoseconds(timings["retrieval"]))

    def _writing(self, parent: Span, told: AnswerRecord, sampling: Sampling | None) -> None:
        """What the model took is known when it has ended; when it began follows from its first piece of text."""
        answer = told.answer
        if told.first is None or "generation" not in answer.timings:
            return
        began = told.first - _nanoseconds(answer.timings["first_token"])
        is_remote = self._model.behind_endpoint
        wanted = sampling or Sampling()
        most = wanted.max_tokens or self._model.max_tokens
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai" if is_remote else "llama.cpp",
            "gen_ai.request.model": answer.model,
            "gen_ai.request.temperature": (
                self._model.temperature if wanted.temperature is None else wanted.temperature
            ),
            "gen_ai.response.finish_reasons": (answer.finish_reason,),
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.cache_read.input_tokens": answer.usage.cached_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
            "metier.first_token_seconds": answer.timings["first_token"],
        }
        attributes |= {"metier.adapter": answer.adapter} if answer.adapter else {}
        attributes |= {"gen_ai.request.max_tokens": most} if most else {}
        ended = began + _nanoseconds(answer.timings["generation"])
        self._child(parent, f"chat {answer.model}", attributes, began, ended, SpanKind.CLIENT)

    def _child(
        self, parent: Span, name: str, attributes: dict[str, Any], began: int, ended: int,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:  # fmt: skip
        span = self._tracer.start_span(name, set_span_in_context(parent), kind, attributes, start_time=began)
        span.end(ended)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
