"""What an endpoint sends for one completion, checked before it is believed: its types, its size, and its end.

    for event in events(response):          # the lines of a stream, or the one answer of a server that does not stream
        if reading.take(event): break
    reading.completion(…)

Whatever is wrong is a `BadAnswer`, which says what. No more is held of a stream than a line and the text.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx

from metier.core.bounded_http import ResponseTooLarge, chunks, read, shorten, within
from metier.generation.base import Completion

T = TypeVar("T")
_MIB = 2**20
MOST_STREAMED, MOST_WHOLE, LONGEST_LINE = 64 * _MIB, 8 * _MIB, _MIB  # bytes
# Text beyond this is more than was asked for, whatever the tokeniser: an endpoint that does not count.
_CHARACTERS_A_TOKEN, _CHARACTERS_MORE = 64, 4096
_LARGEST = 2**53  # of a number of tokens
_REST_SECONDS = 5.0  # for what follows the end of the text: usage, and the end of the stream
_REST_BYTES = 64 * 2**10
_KINDS = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object", bool: "true or false"}


class BadAnswer(Exception):
    """`what`: is wrong with it; `hint`: what to do."""

    def __init__(self, what: str, hint: str = "Is this an OpenAI-compatible endpoint?") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The `data:` lines of a server-sent event stream, or the one answer of a server that does not stream. What says
    that it is done is {}. Raises `BadAnswer`, and what `chunks` does."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        yield parsed(read(response, MOST_WHOLE))
        return
    # Split at line feeds by hand: str.splitlines would also cut at U+2028 inside the JSON.
    rest, pieces = bytearray(), chunks(response, MOST_STREAMED)
    for piece in pieces:
        rest += piece
        if b"\n" in piece:
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            for line in lines:
                if line.startswith(b"data:"):
                    data = bytes(line[5:].strip())
                    if data == b"[DONE]":
                        _read_to_the_end(pieces)
                        yield {}
                        return
                    yield parsed(data)
        if len(rest) > LONGEST_LINE:
            raise BadAnswer(f"sent a line of more than {LONGEST_LINE // _MIB} MiB")


def parsed(data: bytes) -> dict[str, Any]:
    """One JSON object. Raises `BadAnswer` for anything else, and where it tells of an error."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise BadAnswer(f"sent something that is not JSON: {data[:80].decode('utf-8', 'replace')!r}")
    if error := event.get("error"):
        raise BadAnswer(f"stopped with an error: {error_text(error)}", "Ask again.")
    return event


def error_text(error: object) -> str:
    """What an error says, in one line."""
    text = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(text or error)[:300].split())


class AnswerReading:
    """Collects the events of one completion. `ended`: its end was seen."""

    def __init__(self, on_text: Callable[[str], bool | None] | None, max_tokens: int) -> None:
        self.ended = False
        self._finish = ""
        self._on_text = on_text
        self._max_tokens = max_tokens
        self._left = max_tokens * _CHARACTERS_A_TOKEN + _CHARACTERS_MORE
        self._started = time.perf_counter()
        self._first: float | None = None
        self._texts: list[str] = []
        self._logprobs: list[float] = []
        self._usage: dict[str, Any] = {}

    def take(self, event: Mapping[str, Any]) -> bool:
        """Returns True where no more is wanted. Raises `BadAnswer`."""
        self._usage = _of(dict, event, "usage") or self._usage
        self._end(not event)
        for choice in _of(list, event, "choices") or ():
            if not isinstance(choice, dict):
                raise BadAnswer(f"sent a choice that is {_kind(choice)}, not an object")
            if choice.get("index") in (None, 0) and self._take_choice(choice):
                return True
        return False

    def _take_choice(self, choice: Mapping[str, Any]) -> bool:
        self._finish = _of(str, choice, "finish_reason") or self._finish
        if self._finish == "content_filter":
            raise BadAnswer("its content filter cut the answer off", "Ask in other words, or change the filter there.")
        self._end(bool(self._finish))
        self._logprobs.extend(_logprobs(choice))
        said = _of(dict, choice, "delta") or _of(dict, choice, "message") or {}
        text = _clean(_of(str, said, "content") or "")[: self._left]
        if text:
            self._first = self._first or time.perf_counter()
            self._texts.append(text)
            self._left -= len(text)
        is_told = bool(text) or not self.ended
        if is_told and self._on_text is not None and self._on_text(text):
            return True
        if not self._left:
            self._finish, self.ended = "length", True
        return not self._left

    def _end(self, is_end: bool) -> None:
        if is_end and not self.ended:
            self.ended = True
            shorten(_REST_SECONDS)

    def completion(self, estimated_prompt_tokens: int, estimate: Callable[[str], int]) -> Completion:
        """`estimate`: tokens of a text, where the server does not tell. Raises `BadAnswer`."""
        text, now = "".join(self._texts), time.perf_counter()
        written = _count(self._usage, "completion_tokens")
        is_cut = self._finish == "length" or (not self._finish and written == self._max_tokens)
        return Completion(
            text=text,
            prompt_tokens=_count(self._usage, "prompt_tokens") or estimated_prompt_tokens,
            completion_tokens=written or len(self._logprobs) or estimate(text),
            cached_tokens=_count(_of(dict, self._usage, "prompt_tokens_details") or {}, "cached_tokens"),
            first_token_seconds=(self._first or now) - self._started,
            seconds=now - self._started,
            finish_reason="length" if is_cut else "stop",
            logprobs=tuple(self._logprobs),
        )


def _read_to_the_end(pieces: Iterator[bytes]) -> None:
    """Read to its end, a connection can be used again; but not for ever."""
    count = 0
    with contextlib.suppress(httpx.HTTPError, ResponseTooLarge), within(_REST_SECONDS):
        for piece in pieces:
            count += len(piece)
            if count > _REST_BYTES:
                return


def _of(kind: type[T], values: Mapping[str, Any], name: str) -> T | None:
    """A field that may be missing or null. Raises `BadAnswer` where it is of another type."""
    value = values.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadAnswer(f"sent a {name} that is {_kind(value)}, not {_KINDS[kind]}")
    return value


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise BadAnswer(f"sent {name} that are no number of tokens: {str(value)[:40]}")
    return value


def _logprobs(choice: Mapping[str, Any]) -> Iterator[float]:
    for token in _of(list, _of(dict, choice, "logprobs") or {}, "content") or ():
        value = token.get("logprob") if isinstance(token, dict) else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise BadAnswer("sent logprobs that are no numbers")
        yield float(value)


def _clean(text: str) -> str:
    """Without what no store and no other program takes: halves of characters, and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
