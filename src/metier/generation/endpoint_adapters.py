"""LoRA adapters at a server that speaks OpenAI's API, each by the name under which it is asked for, NAME@VERSION.

    vLLM         has an adapter as a model of that name: by `--lora-modules turbines@2=PATH`, or loaded while it runs
                 (`POST /v1/load_lora_adapter`, where VLLM_ALLOW_RUNTIME_LORA_UPDATING is set)
    llama.cpp    has a list of files (`--lora-scaled …/turbines/2/adapter.gguf:0`), which a request
                 switches on by number

What a server loaded while it ran it forgets with its end; so who is told that it is not there looks again, once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import PureWindowsPath

import httpx

from metier.core.addresses import masked
from metier.core.bounded_http import Encoded, ResponseTooLarge, read, within
from metier.core.errors import EndpointError
from metier.core.settings import GenerationSettings
from metier.generation import endpoint_context
from metier.generation.endpoint_events import error_text

_LOADING_SECONDS = 300.0  # a server reads gigabytes from a disk of another machine
_TIMEOUT = httpx.Timeout(_LOADING_SECONDS, connect=5)
_MOST_BYTES = 2**20
_LLAMA_OWNER = "llamacpp"


class EndpointAdapters:
    """Those of the servers that answer at `url`: itself, or `generation.adapter_urls` behind it."""

    def __init__(self, client: httpx.Client, settings: GenerationSettings, url: str, model: str) -> None:
        self._client, self._model = client, model
        self._folder = settings.adapter_folder
        self._servers = tuple(each.rstrip("/") for each in settings.adapter_urls) or (url,)
        self._fields: dict[str, dict[str, object]] = {}

    def __contains__(self, reference: str) -> bool:
        """Whether it was found at all servers."""
        return reference in self._fields

    def fields(self, reference: str | None) -> Mapping[str, object]:
        """What a request says that wants this adapter, None = the base alone."""
        return self._base_alone if reference is None else self._fields.get(reference, {"model": reference})

    @cached_property
    def _base_alone(self) -> Mapping[str, object]:
        """llama.cpp goes on with what it read of a prompt by an adapter (seen in xllamacpp 2026.10), unless a request
        for the base says that none is wanted."""
        server = self._servers[0]
        if endpoint_context.owner(self._client, server, self._model) != _LLAMA_OWNER:
            return {}
        try:
            off = [{"id": each["id"], "scale": 0.0} for each in self._files(server) if "id" in each]
        except EndpointError:
            return {}
        return {"lora": off} if off else {}

    def require(self, reference: str) -> None:
        """Find the adapter at every server, and load it where it is not and `generation.adapter_folder` says from
        where. Raises `EndpointError` where a server cannot be asked, has no such adapter, refuses to load it, or has it
        beside another base."""
        self._fields.pop(reference, None)
        found: dict[str, object] = {"model": reference}
        for server in self._servers:
            found = self._at(server, reference)
        self._fields[reference] = found

    def _at(self, server: str, reference: str) -> dict[str, object]:
        listed = self._listed(server)
        if any(each.get("owned_by") == _LLAMA_OWNER for each in listed):
            return self._of_llama(server, reference)
        entry = _named(listed, reference)
        if entry is None and self._folder is not None:
            self._load(server, reference)
            entry = _named(self._listed(server), reference)
        elif entry is None and listed:  # a server that lists nothing is believed to have it
            raise _error(server, f"has no adapter {reference}", _how_to_serve(reference))
        parent, own = entry.get("parent") if entry else None, _named(listed, self._model)
        above = _named(listed, parent) if isinstance(parent, str) else None
        if above and own and above is not own and above.get("root") != own.get("root"):  # no other name of the same
            raise _error(
                server,
                f"has {reference} beside its model {parent!r}, and this expert answers with {self._model!r}",
                "Set generation.model to the base that the adapter was trained on.",
            )
        return {"model": reference}

    def _load(self, server: str, reference: str) -> None:
        name, _, version = reference.partition("@")
        path = f"{(self._folder or '').rstrip('/')}/{name}/{version}"
        body = {"lora_name": reference, "lora_path": path}
        try:
            with (
                within(_LOADING_SECONDS),
                self._client.stream("POST", f"{server}/load_lora_adapter", json=body, timeout=_TIMEOUT) as response,
            ):
                status, said = response.status_code, _said(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(server, error) from None
        # Another process may have loaded it meanwhile; vLLM answers that with an error.
        if status == 200 or _named(self._listed(server), reference) is not None:
            return
        if status in (404, 405) and reference not in said and path not in said:
            what = f"loads no adapters while it runs ({status} for /load_lora_adapter)"
            hint = (
                "Start vLLM with `--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True; or with "
                f"`--lora-modules {reference}={path}`, and remove generation.adapter_folder."
            )
        elif status in (401, 403):
            what = f"lets this key load no adapters ({status}: {said})"
            hint = "Check the key in the environment variable that generation.api_key_env names."
        else:
            what = f"refused to load {reference} from {path} ({status}: {said})"
            hint = (
                "Is generation.adapter_folder the expert's .metier/adapters as that server sees it? "
                "Was it started with `--enable-lora`, a `--max-lora-rank` that is large enough, and the adapter's base?"
            )
        raise _error(server, what, hint, status)

    def _of_llama(self, server: str, reference: str) -> dict[str, object]:
        """llama.cpp's server names no adapter: it is known by its file."""
        adapters = self._files(server)
        if any(each.get("scale") for each in adapters):
            raise _error(
                server,
                "applies an adapter to whatever is asked, the base too",
                "Start llama.cpp's server with `--lora-scaled FILE:0` in the place of `--lora FILE`.",
            )
        for each in adapters:
            if _is_file_of(str(each.get("path", "")), reference) and isinstance(each.get("id"), int):
                return {"model": self._model, "lora": [{"id": each["id"], "scale": 1.0}]}
        name, _, version = reference.partition("@")
        raise _error(
            server,
            f"has no adapter {reference}",
            f"Start llama.cpp's server with `--lora-scaled …/adapters/{name}/{version}/adapter.gguf:0`.",
        )

    def _files(self, server: str) -> list[Mapping[str, object]]:
        """What llama.cpp says of its adapters. Raises `EndpointError`."""
        try:
            said = endpoint_context.get(self._client, f"{server.removesuffix('/v1')}/lora-adapters")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(server, error) from None
        return endpoint_context.mappings(said)

    def _listed(self, server: str) -> list[Mapping[str, object]]:
        """What the server says of its models. Raises `EndpointError` where it cannot be asked."""
        try:
            return endpoint_context.models(self._client, server)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(server, error) from None


def _unreachable(server: str, error: Exception) -> EndpointError:
    said = str(error) or type(error).__name__
    return _error(server, f"cannot be asked for its adapters ({said})", "Is it running?")


def _error(server: str, what: str, hint: str, status: int | None = None) -> EndpointError:
    error = EndpointError(what, where=masked(server), hint=hint)
    error.status = status
    return error


def _how_to_serve(reference: str) -> str:
    name, _, version = reference.partition("@")
    return (
        f"Start vLLM with `--enable-lora --lora-modules {reference}=…/.metier/adapters/{name}/{version}`; or set "
        "generation.adapter_folder to .metier/adapters as the server sees it, and it is loaded from there."
    )


def _named(listed: list[Mapping[str, object]], name: str) -> Mapping[str, object] | None:
    return next((each for each in listed if each.get("id") == name), None)


def _is_file_of(path: str, reference: str) -> bool:
    """Whether a server's file is that of the adapter: NAME/VERSION/….gguf, as in the registry, or NAME@VERSION.gguf."""
    parts = PureWindowsPath(path).parts  # which takes / and \\
    return bool(parts) and (parts[-1] == f"{reference}.gguf" or parts[-3:-1] == tuple(reference.split("@")))


def _said(response: httpx.Response) -> str:
    """What the server says went wrong, in a line."""
    try:
        data = read(response, _MOST_BYTES)
    except (ResponseTooLarge, Encoded):
        return response.reason_phrase
    try:
        answer = json.loads(data)
        said = error_text(answer.get("error") or answer.get("detail") or answer)
    except (ValueError, AttributeError, RecursionError):
        said = data.decode("utf-8", "replace")
    return " ".join(said.split())[:300] or response.reason_phrase
