r"""One line for each request, and the server's own messages in the same form, on stderr.

text  12:03:04 INFO POST /v1/chat/completions 200 1.243 s rag 512+24 tokens id=9f… key=k3…
json  {"time": "2031-05-04T12:03:04.120Z", "level": "INFO", "event": "request", "method": "POST", …}

Nothing that a client sends can begin a line of its own or reach a terminal: what is not printable is written as an
escape, and of a path only its template is there. The question is left out unless the settings ask for it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Literal

from metier.serving.http import request_context
from metier.serving.http.middleware import went_well
from metier.serving.http.request_context import RequestContext

Form = Literal["auto", "text", "json", "off"]
_QUIET = ("/health", "/ready", "/metrics")  # asked every few seconds; a line only where it fails
_REQUESTS = "metier.serving.requests"
_LOGGERS = ("metier", "uvicorn", "opentelemetry", "mcp")
_FAILED = 500


class Logs:
    """`form`: "auto" is text on a terminal, else JSON; "off" leaves only what went wrong in the server."""

    def __init__(self, form: Form, *, with_questions: bool) -> None:
        self._with_questions = with_questions
        self._requests = logging.getLogger(_REQUESTS)
        if form == "auto":
            form = "text" if sys.stderr.isatty() else "json"
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Json() if form == "json" else _Text())
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [handler], False
            logger.setLevel(logging.WARNING)
        self._requests.setLevel(logging.ERROR if form == "off" else logging.INFO)

    def observe(self, made: RequestContext) -> None:
        if made.route in _QUIET and went_well(made):
            return
        level = logging.ERROR if made.status >= _FAILED or made.is_unexpected else logging.INFO
        if not self._requests.isEnabledFor(level):
            return
        told = made.status == _FAILED or made.is_unexpected
        trace = (type(made.error), made.error, made.traceback) if told and made.error is not None else None
        self._requests.log(level, "request", extra={"fields": self._fields(made)}, exc_info=trace)

    def _fields(self, made: RequestContext) -> dict[str, Any]:
        fields = {
            "request_id": made.request_id, "method": made.method, "route": made.route, "status": made.status,
            "seconds": round(made.seconds, 4), "key": made.caller.key_id if made.caller else None,
        }  # fmt: skip
        if made.asked is not None:
            fields["mode"] = made.asked.mode
        if made.told:
            answers = [told.answer for told in made.told]
            fields["refused"] = answers[-1].abstained
            fields["adapter"] = answers[-1].adapter
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens"):
                fields[name] = sum(getattr(answer.usage, name) for answer in answers)
        if made.error is not None:
            fields["error"] = type(made.error).__name__
        if made.trace_id:
            fields["trace_id"] = made.trace_id
        if self._with_questions and made.asked is not None:
            fields["question"] = made.asked.question
        return fields


class _Json(logging.Formatter):
    def format(self, entry: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(entry.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": time, "level": entry.levelname}
        if fields := getattr(entry, "fields", None):
            line |= {"event": "request"} | fields
        else:
            line |= {"event": "message", "logger": entry.name, "message": entry.getMessage()} | _request_id()
        if entry.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*entry.exc_info))
        return _escaped(json.dumps(line, ensure_ascii=False), lambda character: json.dumps(character)[1:-1])


class _Text(logging.Formatter):
    def format(self, entry: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(entry.created).strftime("%H:%M:%S")
        if fields := getattr(entry, "fields", None):
            said = _plain(_brief(fields))
        else:
            said = " ".join([f"{entry.name}:", *(f"id={each}" for each in _request_id().values()), entry.getMessage()])
        if entry.exc_info:
            said = "\n".join([said, *traceback.format_exception(*entry.exc_info)])
        first, *others = f"{time} {entry.levelname} {said}".splitlines()
        # What follows is indented, so that no line of it looks like one of ours.
        return "\n".join([_plain(first), *(f"    {_plain(line)}" for line in others)])


def _brief(fields: dict[str, Any]) -> str:
    words = [fields["method"], fields["route"], str(fields["status"]), f"{fields['seconds']:.3f} s"]
    words += [fields["mode"]] if "mode" in fields else []
    if "prompt_tokens" in fields:
        words.append(f"{fields['prompt_tokens']}+{fields['completion_tokens']} tokens")
    words += ["refused"] if fields.get("refused") else []
    words += [fields["error"]] if "error" in fields else []
    named = {"id": fields["request_id"], "key": fields["key"], "trace": fields.get("trace_id")}
    words += [f"{name}={value}" for name, value in named.items() if value]
    words += [json.dumps(fields["question"], ensure_ascii=False)] if "question" in fields else []
    return " ".join(words)


def _request_id() -> dict[str, str]:
    made = request_context.current()
    return {"request_id": made.request_id} if made is not None and made.request_id else {}


def _plain(text: str) -> str:
    return _escaped(text, lambda character: repr(character)[1:-1])


def _escaped(text: str, escape: Any) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else escape(character) for character in text)
