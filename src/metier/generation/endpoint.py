"""Any server that speaks OpenAI's /chat/completions: OpenAI, vLLM, Ollama, llama.cpp, and many more."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import numpy as np

from metier.core.errors import EndpointError
from metier.core.settings import GenerationSettings
from metier.generation import endpoint_context
from metier.generation.base import Completion, Message
from metier.generation.response_format import schema_of

_OPENAI = "https://api.openai.com/v1"
_TIMEOUT = httpx.Timeout(30, connect=10, read=300)  # a large model on a CPU reads a long prompt for minutes
# A new connection costs the first token of an answer two or three round trips.
_LIMITS = httpx.Limits(max_keepalive_connections=20, keepalive_expiry=60)
_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60
_RETRIED = {408, 429, 500, 502, 503, 504}
# Not every server takes these; what it refuses by name is left out.
_OPTIONAL = ("logprobs", "stream_options", "seed", "temperature", "top_p", "response_format")
# It may also be named because of its value, such as a schema that is none.
_UNSUPPORTED = re.compile(
    r"(?i)unsupported|n[o']t (?:\w+ )?(?:support|permit|allow|accept|recogni|implement)|unrecogni|unknown|unexpected"
    r"|extra"
)

# Spellings of control tokens and turn marks. Other servers tokenise content and template as one string.
_CONTROL = re.compile(
    r"[<\[](?=[|｜][^<>|｜]{1,40}[|｜]>|/?(?:s|bos|eos|pad|unk|(?:start|end)_of_(?:turn|text))>|</?SYS>>|/?[A-Z_]{4,30}\])"
)
_ZERO_WIDTH_SPACE = "\u200b"


class EndpointGenerator:
    """`model`: the server's name for it. `backoff_seconds`: wait before the second attempt, doubled each time.

    `fingerprint` covers address and model name: what weights a server holds is not to be seen from here.
    """

    parameters: int | None = None

    def __init__(
        self, settings: GenerationSettings, model: str, key: str | None, *, backoff_seconds: float = 0.5
    ) -> None:
        self.name = settings.model
        self._context_tokens = settings.context_tokens
        self._model = model
        self._url = (settings.url or _OPENAI).rstrip("/").removesuffix("/chat/completions")
        self.fingerprint = hashlib.sha256(f"{self._url}\0{model}".encode()).hexdigest()[:16]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # What is compressed comes in blocks, not in tokens.
        headers["Accept-Encoding"] = "identity"
        self._client = httpx.Client(headers=headers, timeout=_TIMEOUT, limits=_LIMITS)
        self._backoff = backoff_seconds
        self._refused: set[str] = set()

    @property
    def context_tokens(self) -> int:
        """What the settings say, else the server; it is asked once, and again only where it was not there."""
        if self._context_tokens is None:
            self._context_tokens = endpoint_context.context_tokens(self._client, self._url, self._model)
        return self._context_tokens or endpoint_context.UNKNOWN

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate, meant to be too high rather than too low: the tokeniser is on the other side."""
        return 3 + sum(4 + _estimate(message.content) for message in messages)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        on_text: Callable[[str], bool | None] | None = None,
        adapter: str | None = None,
        fresh: bool = False,
        logprobs: bool = False,
        top_p: float = 1.0,
        response_format: Mapping[str, object] | None = None,
    ) -> Completion:
        """See `Generator`. Token counts are estimates where the server does not send `usage`. An adapter is asked for
        as a model of its name, which is how vLLM serves them. `fresh` is up to the server."""
        body: dict[str, object] = {
            "model": adapter or self._model,
            "messages": [{"role": message.role, "content": _content(message)} for message in messages],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if logprobs:
            body["logprobs"] = True
        if top_p != 1.0:  # some servers take only one of this and temperature
            body["top_p"] = top_p
        if response_format is not None and schema_of(response_format) is not None:
            body["response_format"] = dict(response_format)
        if stop := [word for word in stop if word]:
            body["stop"] = stop
        reading = _Reading(on_text)
        response = self._open(body)
        try:
            for event in self._events(response):
                if reading.take(event):
                    break
            else:
                if not reading.ended:
                    raise self._error("the answer was cut off in the middle", "Ask again.")
        except httpx.HTTPError as error:
            raise self._error(f"the answer was cut off in the middle ({_said(error)})", "Ask again.") from None
        finally:
            response.close()
        return reading.completion(self.count_tokens(messages), max_tokens)

    def close(self) -> None:
        self._client.close()

    def _open(self, body: dict[str, object]) -> httpx.Response:
        """The response with its headers read and its body to come. Retries until then, never after."""
        attempt = 0
        while True:
            attempt += 1
            sent = self._accepted(body)
            request = self._client.build_request("POST", f"{self._url}/chat/completions", json=sent)
            try:
                response = self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if attempt == _ATTEMPTS:
                    raise self._error(
                        f"cannot be reached ({_said(error)})", "Is it running? Is the URL right?"
                    ) from None
                time.sleep(self._backoff * 2 ** (attempt - 1))
                continue
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt == 1 and isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
                    continue  # a connection that was kept, and that the server closed at this moment
                raise self._error(f"gave no answer ({_said(error)})", "Is the URL right? Is it overloaded?") from None
            if response.status_code == 200:
                return response
            said = self._message(response)
            if response.status_code in (400, 422) and self._learns(said, sent):
                attempt -= 1
            elif response.status_code in _RETRIED and attempt < _ATTEMPTS:
                time.sleep(_retry_after(response) or self._backoff * 2 ** (attempt - 1))
            else:
                failure = self._error(f"answered {response.status_code}: {said}", self._advice(response.status_code))
                failure.status = response.status_code
                raise failure

    def _accepted(self, body: dict[str, object]) -> dict[str, object]:
        accepted = {name: value for name, value in body.items() if name not in self._refused}
        if "max_tokens" in self._refused:  # OpenAI's reasoning models know it by the newer name only
            accepted["max_completion_tokens"] = body["max_tokens"]
        return accepted

    def _learns(self, said: str, sent: dict[str, object]) -> bool:
        """True where the server names a setting of `sent` that it does not take, and that can be left out."""
        refused = {name for name in (*_OPTIONAL, "max_tokens") if name in sent and re.search(rf"\b{name}\b", said)}
        if not _UNSUPPORTED.search(said):
            refused.discard("response_format")
        self._refused |= refused
        return bool(refused)

    def _events(self, response: httpx.Response) -> Iterator[dict[str, Any]]:
        """The `data:` lines of a server-sent event stream, or the one answer of a server that does not stream. What
        says that it is done is {}."""
        if "text/event-stream" not in response.headers.get("content-type", ""):
            yield self._parsed(response.read())
            return
        # Split at line feeds by hand: str.splitlines would also cut at U+2028 inside the JSON.
        rest, chunks = b"", response.iter_bytes()
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    data = line[5:].strip()
                    if data == b"[DONE]":
                        with contextlib.suppress(httpx.HTTPError):
                            for _ in chunks:  # read to its end, a connection can be used again
                                pass
                        yield {}
                        return
                    yield self._parsed(data)

    def _parsed(self, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            shown = data[:80].decode("utf-8", "replace")
            raise self._error(f"sent something that is not JSON: {shown!r}", "Is this an OpenAI-compatible endpoint?")
        if error := event.get("error"):
            raise self._error(f"stopped with an error: {_error_text(error)}", "Ask again.")
        return event

    def _message(self, response: httpx.Response) -> str:
        try:
            data = response.read()
        except httpx.HTTPError as error:
            return _said(error)
        finally:
            response.close()
        try:
            answer = json.loads(data)
            return _error_text(answer.get("error") or answer.get("detail") or answer)
        except (ValueError, AttributeError):
            return data[:200].decode("utf-8", "replace").strip() or response.reason_phrase

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            return "Check the key in the environment variable that generation.api_key_env names."
        if status == 404:
            return f"Check the URL (it often ends in /v1) and that the server has a model {self._model!r}."
        if status == 429:
            return "Wait a while, or raise the quota there."
        return "Look at the server's log." if status >= 500 else "Check generation.model and generation.context_tokens."

    def _error(self, what: str, hint: str) -> EndpointError:
        return EndpointError(what, where=self._url, hint=hint)


class _Reading:
    """Collects the events of one completion."""

    def __init__(self, on_text: Callable[[str], bool | None] | None) -> None:
        self.ended = False
        self._finish = ""
        self._on_text = on_text
        self._started = time.perf_counter()
        self._first: float | None = None
        self._texts: list[str] = []
        self._logprobs: list[float] = []
        self._usage: dict[str, Any] = {}

    def take(self, event: dict[str, Any]) -> bool:
        self._usage = event.get("usage") or self._usage
        self.ended = self.ended or not event
        for choice in event.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            self.ended = self.ended or bool(self._finish)
            tokens = (choice.get("logprobs") or {}).get("content") or ()
            self._logprobs.extend(token["logprob"] for token in tokens)
            text = (choice.get("delta") or choice.get("message") or {}).get("content") or ""
            if text:
                self._first = self._first or time.perf_counter()
                self._texts.append(text)
            is_told = bool(text) or not self.ended
            if is_told and self._on_text is not None and self._on_text(text):
                return True
        return False

    def completion(self, estimated_prompt_tokens: int, max_tokens: int) -> Completion:
        text, now = "".join(self._texts), time.perf_counter()
        is_cut = self._finish == "length" or (not self._finish and self._usage.get("completion_tokens") == max_tokens)
        return Completion(
            text=text,
            prompt_tokens=self._usage.get("prompt_tokens") or estimated_prompt_tokens,
            completion_tokens=self._usage.get("completion_tokens") or len(self._logprobs) or _estimate(text),
            cached_tokens=(self._usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
            first_token_seconds=(self._first or now) - self._started,
            seconds=now - self._started,
            finish_reason="length" if is_cut else "stop",
            logprobs=tuple(self._logprobs),
        )


_ASCII = np.array([0.25 if chr(n).isalpha() or chr(n) == " " else 0.5 for n in range(0x80)])
_FIRST_RARE = 0x530  # from here on, Armenian, scripts are rare in what tokenisers were made from


_PICTURES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))


def _content(message: Message) -> str | list[dict[str, object]]:
    """The text, alone or before the pictures of the message."""
    text = _harmless(message.content)
    if not message.pictures:
        return text
    parts: list[dict[str, object]] = [{"type": "text", "text": text}]
    for picture in message.pictures:
        kind = next((name for begin, name in _PICTURES if picture.startswith(begin)), "png")
        url = f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _harmless(text: str) -> str:
    """Control tokens broken by a zero-width space after their first character, so that no tokeniser sees them."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda found: found[0] + _ZERO_WIDTH_SPACE, text)


def _estimate(text: str) -> int:
    """About 4 characters a token in English prose, 2.5 in other European scripts, 1.6 elsewhere; 2 in punctuation."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    near, far = points[points < len(_ASCII)], points[points >= len(_ASCII)]
    return int(_ASCII[near].sum() + np.where(far < _FIRST_RARE, 0.4, 0.6).sum()) + 1


def _retry_after(response: httpx.Response) -> float:
    """Seconds the server asks to wait, from either form of the header (RFC 9110, 10.2.3); 0 where it does not say."""
    value = response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0
    return min(max(seconds, 0), _LONGEST_WAIT_SECONDS)


def _error_text(error: object) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or error)[:300].strip()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
