"""Any server that speaks OpenAI's /chat/completions: OpenAI, vLLM, Ollama, llama.cpp, and many more."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import httpx
import numpy as np

from metier.core.addresses import masked
from metier.core.bounded_http import Encoded, ResponseTooLarge, chunks, httpx_client, pause, time_left, within
from metier.core.errors import EndpointError
from metier.core.settings import GenerationSettings
from metier.generation import endpoint_context
from metier.generation.base import Completion, Message
from metier.generation.endpoint_adapters import EndpointAdapters
from metier.generation.endpoint_events import AnswerReading, BadAnswer, error_text, events
from metier.generation.response_format import schema_of

_OPENAI = "https://api.openai.com/v1"
_TIMEOUT = httpx.Timeout(30, connect=10, read=300)  # a large model on a CPU reads a long prompt for minutes
# A new connection costs the first token of an answer two or three round trips.
_LIMITS = httpx.Limits(max_keepalive_connections=20, keepalive_expiry=60)
_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60
_LONGEST_ERROR = 64 * 2**10  # bytes of what is said of an error
_RETRIED = {408, 429, 500, 502, 503, 504}
# Not every server takes these; what it refuses by name is left out.
_OPTIONAL = (
    "logprobs",
    "stream_options",
    "seed",
    "temperature",
    "top_p",
    "response_format",
    "grammar",
    "structured_outputs",
)
# Who keeps to a grammar, and how it is said.
_GRAMMARS: Mapping[str, Callable[[str], tuple[str, object]]] = {
    "llamacpp": lambda grammar: ("grammar", grammar),
    "vllm": lambda grammar: ("structured_outputs", {"grammar": grammar}),
}
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
        self._client = httpx_client(headers=headers, timeout=_TIMEOUT, limits=_LIMITS)
        self.adapters = EndpointAdapters(self._client, settings, self._url, model)
        self._seconds = settings.timeout_seconds
        self._backoff = backoff_seconds
        self._refused: set[str] = set()

    @property
    def context_tokens(self) -> int:
        """What the settings say, else the server; it is asked once, and again only where it was not there."""
        if self._context_tokens is None:
            self._context_tokens = endpoint_context.context_tokens(self._client, self._url, self._model)
        return self._context_tokens or endpoint_context.UNKNOWN

    @cached_property
    def takes_grammar(self) -> bool:
        """Whether the server is one of those that do; it is asked once."""
        return self._owner in _GRAMMARS

    @cached_property
    def _owner(self) -> str:
        return endpoint_context.owner(self._client, self._url, self._model)

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
        grammar: str = "",
    ) -> Completion:
        """See `Generator`. Token counts are estimates where the server does not send `usage`. See
        `EndpointAdapters` for how an adapter is asked for. `fresh` is up to the server."""
        body: dict[str, object] = {
            "model": self._model,
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
        elif grammar and self.takes_grammar:
            name, value = _GRAMMARS[self._owner](grammar)
            body[name] = value
        if stop := [word for word in stop if word]:
            body["stop"] = stop
        with within(self._seconds):
            response = self._open_adapted(body, adapter)
            try:
                reading = self._read(response, AnswerReading(on_text, max_tokens))
                return reading.completion(self.count_tokens(messages), _estimate)
            except BadAnswer as bad:
                raise self._error(bad.what, bad.hint) from None
            finally:
                response.close()

    def close(self) -> None:
        self._client.close()

    def _read(self, response: httpx.Response, reading: AnswerReading) -> AnswerReading:
        """All that comes. Once the end of the text was seen, nothing that goes wrong behind it matters."""
        try:
            for event in events(response):
                if reading.take(event):
                    return reading
        except httpx.HTTPError as error:
            if not reading.ended:
                raise self._broken("the answer was cut off in the middle", error) from None
        except (ResponseTooLarge, Encoded) as error:
            raise self._error(f"the answer cannot be used: {error}", "Is this an OpenAI-compatible endpoint?") from None
        if not reading.ended:
            raise self._error("the answer was cut off in the middle", "Ask again.")
        return reading

    def _broken(self, what: str, error: Exception) -> EndpointError:
        """Of a call that broke, or whose time is up."""
        if time_left() <= 0:
            return self._error(
                f"gave no whole answer within {self._seconds:g} s",
                "Is it overloaded? generation.timeout_seconds is how long it may take.",
            )
        return self._error(f"{what} ({_said(error)})", "Ask again.")

    def _open_adapted(self, body: Mapping[str, object], adapter: str | None) -> httpx.Response:
        if adapter is not None and adapter not in self.adapters:
            self.adapters.require(adapter)
        try:
            return self._open({**body, **self.adapters.fields(adapter)})
        except EndpointError as error:
            if adapter is None or error.status != 404:
                raise
        self.adapters.require(adapter)  # a server that was started again has lost what it loaded
        return self._open({**body, **self.adapters.fields(adapter)})

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
                pause(self._backoff * 2 ** (attempt - 1))
                continue
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt == 1 and isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
                    continue  # a connection that was kept, and that the server closed at this moment
                if time_left() <= 0:
                    raise self._broken("", error) from None
                raise self._error(f"gave no answer ({_said(error)})", "Is the URL right? Is it overloaded?") from None
            if response.status_code == 200:
                return response
            said = self._message(response)
            if response.status_code in (400, 422) and self._learns(said, sent):
                attempt -= 1
            elif response.status_code in _RETRIED and attempt < _ATTEMPTS:
                pause(_retry_after(response) or self._backoff * 2 ** (attempt - 1))
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

    def _message(self, response: httpx.Response) -> str:
        data = b""
        try:
            for chunk in chunks(response, _LONGEST_ERROR):
                data += chunk
        except httpx.HTTPError as error:
            return _said(error)
        except (ResponseTooLarge, Encoded):
            pass  # its beginning will do
        finally:
            response.close()
        try:
            answer = json.loads(data)
            return error_text(answer.get("error") or answer.get("detail") or answer)
        except (ValueError, AttributeError, RecursionError):
            return " ".join(data[:200].decode("utf-8", "replace").split()) or response.reason_phrase

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            return "Check the key in the environment variable that generation.api_key_env names."
        if status == 404:
            return f"Check the URL (it often ends in /v1) and that the server has a model {self._model!r}."
        if status == 429:
            return "Wait a while, or raise the quota there."
        return "Look at the server's log." if status >= 500 else "Check generation.model and generation.context_tokens."

    def _error(self, what: str, hint: str) -> EndpointError:
        return EndpointError(what, where=masked(self._url), hint=hint)


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
        except (ValueError, OverflowError):
            return 0
    return min(max(seconds, 0), _LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else 0


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
