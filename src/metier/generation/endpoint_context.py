"""How long a prompt and its answer may be at a server that speaks OpenAI's API, as far as it tells.

OpenAI's /models has no field for it; most other servers have one, each with a name of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import httpx

from metier.core.bounded_http import Encoded, ResponseTooLarge, read, within

UNKNOWN = 8192  # where a server does not tell
_TIMEOUT = httpx.Timeout(3, connect=2)
_LARGEST = 2**31
_SECONDS, _MOST_BYTES = 5.0, 8 * 2**20
# vLLM, SGLang; OpenRouter, Together; Groq; Mistral, LM Studio. Of llama.cpp: `meta.n_ctx`, older ones only what the
# model was trained for, of which the server may hold less.
_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
_LLAMA = ("n_ctx", "n_ctx_train")
# Ollama cuts longer prompts without a word. This is its default on machines without a large GPU.
_OLLAMA_OWNER, _OLLAMA = "library", 4096


def context_tokens(client: httpx.Client, url: str, model: str) -> int | None:
    """Tokens of prompt and answer together that the server at `url` (".../v1") allows for `model`; `UNKNOWN` where it
    does not tell, None where it could not be asked."""
    try:
        entry = _entry(_get(client, f"{url}/models"), model)
        root = url.removesuffix("/v1")
        told = next(_numbers(entry, _FIELDS), None)
        if told is None and isinstance(meta := entry.get("meta"), Mapping):
            settings = _get(client, f"{root}/props").get("default_generation_settings")
            told = min([*_numbers(settings, ("n_ctx",)), *_numbers(meta, _LLAMA)], default=None)
        if told is None and entry.get("owned_by") == _OLLAMA_OWNER:
            loaded = _entry({"data": _get(client, f"{root}/api/ps").get("models")}, model, name="model")
            told = next(_numbers(loaded, ("context_length",)), _OLLAMA)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return told or UNKNOWN


def owner(client: httpx.Client, url: str, model: str) -> str:
    """What a server says of who owns `model`, which most fill with their own name; "" where it does not tell or could
    not be asked."""
    try:
        said = _entry(_get(client, f"{url}/models"), model).get("owned_by")
    except (httpx.HTTPError, httpx.InvalidURL):
        return ""
    return said if isinstance(said, str) else ""


def models(client: httpx.Client, url: str) -> list[Mapping[str, object]]:
    """What the server at `url` says of each of its models; empty where it does not tell. Raises `httpx.HTTPError` where
    it cannot be asked."""
    return mappings(_get(client, f"{url}/models").get("data"))


def mappings(listed: object) -> list[Mapping[str, object]]:
    """Those in a list that may be anything."""
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def get(client: httpx.Client, url: str) -> object:
    """JSON; None where the server has no such route, or says something else there. Raises `httpx.HTTPError`."""
    with within(_SECONDS), client.stream("GET", url, timeout=_TIMEOUT) as response:
        try:
            return json.loads(read(response, _MOST_BYTES)) if response.status_code == 200 else None
        except (ValueError, RecursionError, ResponseTooLarge, Encoded):
            return None


def _get(client: httpx.Client, url: str) -> Mapping[str, object]:
    said = get(client, url)
    return said if isinstance(said, Mapping) else {}


def _entry(said: Mapping[str, object], model: str, *, name: str = "id") -> Mapping[str, object]:
    """What a list says of `model`; a server of one model may know it by another name."""
    entries = mappings(said.get("data"))
    known = {each.get(name): each for each in entries if isinstance(each.get(name), str)}
    if model in known:
        return known[model]
    return entries[0] if len(entries) == 1 else {}


def _numbers(values: object, names: Iterable[str]) -> Iterator[int]:
    if isinstance(values, Mapping):
        for name in names:
            value = values.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST:
                yield value
