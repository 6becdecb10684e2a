"""`echo:N`: says the first N sentences of the last message of the user."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from metier.core.errors import ModelError, SettingsError
from metier.core.settings import GenerationSettings
from metier.generation.base import Completion, Message

_SENTENCE = re.compile(r"\S[^\n]*?[.!?](?=\s|$)")
_TOKEN = re.compile(r"\S+\s*")  # what counts as one here
_CONTEXT = 8192


class EchoGenerator:
    """See `metier.generation.base.Generator`."""

    parameters = 0

    def __init__(self, settings: GenerationSettings, sentences: int) -> None:
        self.name = settings.model
        self.fingerprint = f"echo-1-{sentences}"  # the 1 is raised when the same prompt gets another answer
        self.context_tokens = settings.context_tokens or _CONTEXT
        self._sentences = sentences

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(_TOKEN.findall(message.content)) for message in messages)

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
        if adapter is not None:
            raise ModelError("takes no adapters", where=self.name, hint="Ask in the mode base or rag.")
        if response_format is not None and response_format.get("type") != "text":
            raise ModelError("cannot write JSON", where=self.name, hint="Choose another model for this.")
        began = time.monotonic()
        said = next((message.content for message in reversed(messages) if message.role == "user"), "")
        text = " ".join(_SENTENCE.findall(said)[: self._sentences])
        for mark in filter(None, stop):
            text = text.partition(mark)[0]
        tokens = _TOKEN.findall(text)
        first = time.monotonic() - began
        written: list[str] = []
        for token in tokens[:max_tokens]:
            written.append(token)
            if on_text is not None and on_text(token):
                break
        is_cut = len(written) == max_tokens < len(tokens)
        return Completion(
            text="".join(written),
            prompt_tokens=self.count_tokens(messages),
            completion_tokens=len(written),
            cached_tokens=0,
            first_token_seconds=first,
            seconds=time.monotonic() - began,
            finish_reason="length" if is_cut else "stop",
        )

    def close(self) -> None:
        pass


def create(
    settings: GenerationSettings, name: str, *, folder: Path, parallel: int, adapters: Mapping[str, Path]
) -> EchoGenerator:
    """`name`: how many sentences. `folder`: the expert's, for names that are files. `parallel`: how many may ask at the
    same time. `adapters`: LoRA files by the name under which they are asked for."""
    if not name.isdecimal() or int(name) < 1:
        raise SettingsError(f"{name!r} is no number of sentences", where="generation.model", hint="Write echo:1.")
    return EchoGenerator(settings, int(name))
