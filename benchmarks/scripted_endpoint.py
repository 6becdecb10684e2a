"""A stand-in for a capable language model: an HTTP server that speaks OpenAI's API and says what a script has for each
question.

    with ScriptedEndpoint([Script("What colour are the slings?", "Orange.")]) as endpoint:
        print(endpoint.url)     # http://127.0.0.1:PORT/v1: /chat/completions (streamed or not) and /models

It understands nothing. The question is found by its words in the last user message; the answer is streamed token by
token, after a time of thinking. What an instruction asks for beside an answer (a follow-up rewritten, a question split)
gets its scripted reply too. A request whose question stands in no script gets an empty answer, and is counted.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import regex

MODEL = "scripted"
# What an instruction asks for beside an answer. Looked for in the system message alone: passages may hold any word.
_REWRITING = regex.compile(r"(?i)\brewrit|\bstand[- ]?alone|without the conversation")
_SPLITTING = regex.compile(r"(?i)\bsplit|sub-?questions?|separate questions|one (?:question )?(?:per|a) line")
_QUERYING = regex.compile(r"(?i)\bSQL(?:ite)? query\b")
_ANSWERING = regex.compile(r"(?i)^\W*answer\b")
# A rough tokeniser: up to five letters with the space before them, digits in threes, anything else one by one.
_TOKEN = regex.compile(r"\s*(?:[\p{L}\p{M}]{1,5}|\p{N}{1,3}|[^\s\p{L}\p{M}\p{N}])|\s+")


@dataclass(frozen=True, slots=True)
class Script:
    """`standalone`: the question as it reads without the conversation. `parts`: what it is split into. `queries`: what
    is written where a query over tables is asked for, the second after something was wrong with the first."""

    question: str
    answer: str
    standalone: str = ""
    parts: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


@dataclass(slots=True)
class Asked:
    """Requests so far, by what they wanted: answer, query, rewriting, splitting, unknown. `last`: messages of the
    latest; `queries`: of all that wanted a query."""

    counts: Counter[str] = field(default_factory=Counter)
    queries: list[list[dict[str, Any]]] = field(default_factory=list)
    last: list[dict[str, Any]] = field(default_factory=list)


class ScriptedEndpoint:
    """`first_token`: seconds until the first token. `tokens_per_second`: of those after it; 0 = at once.
    `context_tokens`: what /models says the window is."""

    def __init__(
        self,
        scripts: Iterable[Script],
        *,
        first_token: float = 0.4,
        tokens_per_second: float = 25.0,
        context_tokens: int = 8192,
    ) -> None:
        self.first_token = first_token
        self.tokens_per_second = tokens_per_second
        self.context_tokens = context_tokens
        self.asked = Asked()
        self._scripts = list(scripts)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"endpoint": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def play(self, scripts: Iterable[Script]) -> None:
        """Say these from now on."""
        self._scripts = list(scripts)

    def reply(self, messages: list[dict[str, Any]]) -> str:
        """What the script has for these messages; counts the request."""
        wanted, text = self._reply(messages)
        with self._lock:
            self.asked.counts[wanted] += 1
            self.asked.last = messages
            if wanted == "query":
                self.asked.queries.append(messages)
        return text

    def _reply(self, messages: list[dict[str, Any]]) -> tuple[str, str]:
        said = [_content(m) for m in messages if m.get("role") == "user"]
        system = "\n".join(_content(m) for m in messages if m.get("role") == "system")
        querying = bool(said and _QUERYING.search(system))
        script = self.find((said[0] if querying else said[-1]) if said else "")
        if script is None:
            return "unknown", ""
        if querying:
            return "query", script.queries[min(len(said), len(script.queries)) - 1] if script.queries else "NO"
        if _ANSWERING.search(system):
            return "answer", script.answer
        if _REWRITING.search(system):
            return "rewriting", script.standalone or script.question
        if _SPLITTING.search(system):
            return "splitting", "\n".join(script.parts) or script.standalone or script.question
        return "answer", script.answer

    def find(self, message: str) -> Script | None:
        """The script whose question ends the message, or stands in it last; of several the longest."""
        message = " ".join(message.split())
        best: tuple[int, int] = (0, 0)
        found = None
        for script in self._scripts:
            for words in filter(None, (script.question, script.standalone)):
                plain = " ".join(words.split())
                if (start := message.rfind(plain)) >= 0:
                    place = (start + len(plain), len(plain))
                    if place > best:
                        best, found = place, script
        return found


class _Handler(BaseHTTPRequestHandler):
    """`endpoint`: set by the class that is bound to one."""

    endpoint: ScriptedEndpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a benchmark prints its own lines."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") != "/v1/models":
            self._send({"error": {"message": f"there is no {self.path}"}}, 404)
            return
        model = {"id": MODEL, "object": "model", "owned_by": "a script", "max_model_len": self.endpoint.context_tokens}
        self._send({"object": "list", "data": [model]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path.rstrip("/") != "/v1/chat/completions":
            self._send({"error": {"message": f"there is no {self.path}"}}, 404)
            return
        messages = body.get("messages") or []
        pieces = _TOKEN.findall(self.endpoint.reply(messages))
        most = body.get("max_tokens") or body.get("max_completion_tokens") or len(pieces)
        finish = "length" if len(pieces) > most else "stop"
        pieces = pieces[:most]
        prompt_tokens = sum(len(_TOKEN.findall(_content(m))) for m in messages)
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(pieces)}
        if body.get("stream"):
            self._stream(pieces, finish, usage)
            return
        time.sleep(self.endpoint.first_token)
        choice = {"index": 0, "message": {"role": "assistant", "content": "".join(pieces)}, "finish_reason": finish}
        self._send({"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage})

    def _stream(self, pieces: list[str], finish: str, usage: dict[str, int]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        pace = 1 / self.endpoint.tokens_per_second if self.endpoint.tokens_per_second else 0.0
        due = time.monotonic() + self.endpoint.first_token
        try:
            for piece in pieces:
                time.sleep(max(0.0, due - time.monotonic()))
                self._event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
                due += pace
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
            self._event({"choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            return  # the reader has stopped

    def _event(self, event: dict[str, Any]) -> None:
        event = {"id": "scripted-1", "object": "chat.completion.chunk", "model": MODEL, **event}
        self.wfile.write(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")
        self.wfile.flush()

    def _send(self, answer: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _content(message: dict[str, Any]) -> str:
    """The text of a message; of one in parts, that of its text parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
