"""llama.cpp in this process: any GGUF model, on the CPU or a GPU, with its own chat template."""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from metier.core.errors import InputError, ModelError
from metier.core.reading import readers_groups
from metier.core.settings import GenerationSettings
from metier.generation import gguf_file
from metier.generation.base import Completion, Message
from metier.generation.chat_prompt import prompt_tokens
from metier.generation.llama_server import LOG_VARIABLE, LlamaServer
from metier.generation.response_format import schema_of
from metier.generation.slots import Slots

_BILLION = 10**9
# Tokens of prompt and answer where the settings do not say: each takes 0.4 MB in Phi-3 mini, for every answer that is
# written at the same time. A small model reads a few sentences only.
_CONTEXT, _CONTEXT_OF_A_SMALL_ONE = 8192, 4096


class LlamaGenerator:
    """`locate` gives the GGUF file, downloading it if it must; it is called when the model is first needed.

    Several threads may call `complete` at once: up to `parallel` answers are written together, the others wait.
    `adapters`: LoRA files (GGUF) by name; each request says which one it wants, and the base stays loaded.
    """

    takes_grammar = True

    def __init__(
        self,
        settings: GenerationSettings,
        locate: Callable[[], Path],
        *,
        parallel: int = 1,
        adapters: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self.name = settings.model
        self._settings = settings
        self._locate = locate
        self._parallel = parallel
        self._adapters = dict(adapters)
        self._lock = threading.Lock()
        self._server: LlamaServer | None = None
        self._finalizer: weakref.finalize[[], LlamaGenerator] | None = None
        self._slots = Slots(parallel)
        self._last_prompt: tuple[tuple[Message, ...], list[int]] = ((), [])

    @cached_property
    def fingerprint(self) -> str:
        return gguf_file.fingerprint(self._path)

    @cached_property
    def context_tokens(self) -> int:
        """What the settings say, else as much as memory allows; but no more than the model was trained for."""
        allowed = self._settings.context_tokens
        if allowed is None:
            allowed = _CONTEXT if self._header.parameters >= _BILLION else _CONTEXT_OF_A_SMALL_ONE
        return min(allowed, self._header.context_tokens or allowed)

    @cached_property
    def parameters(self) -> int:
        return self._header.parameters

    @cached_property
    def _path(self) -> Path:
        return self._locate()

    @cached_property
    def _header(self) -> gguf_file.GgufHeader:
        return gguf_file.read_header(self._path)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Exactly the tokens that `complete` would send for `messages`."""
        return len(self._prompt(messages))

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
        """See `Generator`. Loading the model is not part of the times.

        `logprobs`: where a character is written in several tokens (emoji, rarer scripts), llama.cpp tells the
        log-probability of its last token only.
        """
        server = self._loaded()
        writing = _Writing(on_text)
        prompt = self._prompt(messages)
        room = self.context_tokens - len(prompt)
        if room < 1:
            raise ModelError(
                f"the prompt has {len(prompt)} tokens and the context only {self.context_tokens}",
                where=self.name,
                hint="Show fewer passages, or raise generation.context_tokens if the model allows it.",
            )
        body: dict[str, object] = {
            "prompt": prompt,
            "max_tokens": min(max_tokens, room),
            "temperature": temperature,
            "top_p": top_p,
            "seed": seed,
            "stop": [word for word in stop if word],
            "timings_per_token": True,
        }
        if logprobs:
            body["logprobs"] = 1
        schema = schema_of(response_format)
        if schema is not None:
            body["json_schema"] = schema
        elif grammar:
            body["grammar"] = grammar
        if self._adapters:
            body["lora"] = self._switches(adapter)
        elif adapter is not None:
            raise ModelError(f"the adapter {adapter!r} is not loaded", where=self.name)
        with self._slots.take(prompt, readers_groups()) as (slot, may_reuse):
            body["id_slot"] = slot
            body["cache_prompt"] = may_reuse and not fresh  # sums over other batches differ in the last bits
            server.complete(body, writing.take)
        if schema is not None and writing.ended_by_itself:
            _check_json(writing.text)
        return writing.completion(len(prompt))

    def _switches(self, adapter: str | None) -> list[dict[str, float]]:
        """All adapters by their place, the one that is wanted at full strength, the others off."""
        if adapter is not None and adapter not in self._adapters:
            raise ModelError(f"the adapter {adapter!r} is not loaded", where=self.name)
        return [{"id": n, "scale": float(name == adapter)} for n, name in enumerate(self._adapters)]

    def close(self) -> None:
        """Free the model. A later call loads it again."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()
            self._server = self._finalizer = None

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        key = tuple(messages)
        known, ids = self._last_prompt  # prompts are counted until they fit, then sent: the last one comes twice
        if known != key or not ids:
            server = self._loaded()
            ids = prompt_tokens(key, lambda m: _render(server, m), lambda *a: _tokenize(server, *a))
            self._last_prompt = (key, ids)
        return ids

    def _loaded(self) -> LlamaServer:
        with self._lock:
            if self._server is None:
                _ = self._header  # refuses a broken file before llama.cpp reads it
                for file in self._adapters.values():
                    gguf_file.read_header(file)
                self._server = LlamaServer(
                    self._path,
                    context_tokens=self.context_tokens,
                    threads=self._settings.threads or _cores(),
                    gpu_layers=self._settings.gpu_layers,
                    slots=self._parallel,
                    adapters=list(self._adapters.values()),
                )
                # Threads of C++ that outlive the interpreter crash it: a program that forgets to close is closed here.
                self._finalizer = weakref.finalize(self, self._server.close)
            return self._server


class _Writing:
    """Collects the events of one completion."""

    def __init__(self, on_text: Callable[[str], bool | None] | None) -> None:
        self._on_text = on_text
        self._started = time.perf_counter()
        self._first: float | None = None
        self._texts: list[str] = []
        self._logprobs: list[float] = []
        self._finish = ""
        self._timings: dict[str, Any] = {}
        self._stopped = False

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def ended_by_itself(self) -> bool:
        return self._finish == "stop" and not self._stopped

    def take(self, event: dict[str, Any]) -> bool:
        if "prompt_progress" in event:  # the prompt is read in batches: between two of them it can be stopped
            return self._tell("")
        self._timings = event.get("timings") or self._timings
        for choice in event.get("choices", ()):
            if choice["finish_reason"]:
                self._finish = choice["finish_reason"]
            tokens = (choice.get("logprobs") or {}).get("content") or ()
            self._logprobs.extend(token["logprob"] for token in tokens)
            if text := choice["text"]:
                self._first = self._first or time.perf_counter()
                self._texts.append(text)
                if self._tell(text):
                    return True
        return False

    def _tell(self, text: str) -> bool:
        if self._on_text is not None and self._on_text(text):
            self._finish, self._stopped = "stop", True
        return self._stopped

    def completion(self, prompt_tokens: int) -> Completion:
        if not self._finish:
            raise ModelError("llama.cpp ended without saying why", hint=f"Set {LOG_VARIABLE}=4 to see more.")
        now = time.perf_counter()
        return Completion(
            text=self.text,
            prompt_tokens=prompt_tokens,
            completion_tokens=self._timings.get("predicted_n", 0),
            cached_tokens=self._timings.get("cache_n", 0),
            first_token_seconds=(self._first or now) - self._started,
            seconds=now - self._started,
            finish_reason=self._finish,
            logprobs=tuple(self._logprobs),
        )


def _cores() -> int:
    """The cores this process may use, fewer than the machine has where it runs under `taskset` or in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_json(text: str) -> None:
    """llama.cpp writes freely, without a word, where it cannot use a schema."""
    try:
        json.loads(text)
    except ValueError:
        raise InputError(
            "llama.cpp cannot keep to the schema of this response_format", hint="Is it valid? Can it be simpler?"
        ) from None


def _render(server: LlamaServer, messages: Sequence[Message]) -> str:
    plain = [{"role": message.role, "content": message.content} for message in messages]
    prompt: str = server.post("/apply-template", {"messages": plain})["prompt"]
    return prompt


def _tokenize(server: LlamaServer, text: str, control: bool, begin: bool) -> list[int]:
    body = {"content": text, "parse_special": control, "add_special": begin}
    ids: list[int] = server.post("/tokenize", body)["tokens"]
    return ids
