"""The contract of a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """`pictures`: PNG, JPEG, GIF or WebP, which only a model behind an endpoint sees."""

    role: Literal["system", "user", "assistant"]
    content: str
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote. Times in seconds, without loading the model. `finish_reason`: "stop", or "length" when
    `max_tokens` cut it. `logprobs`: log-probabilities of the written tokens, fewer than there are where a character
    takes several tokens, empty where they were not asked for or the backend does not tell."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    first_token_seconds: float
    seconds: float
    finish_reason: str
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn, as a caller asks for it; None = as the settings say. `response_format`: as OpenAI's
    API has it, {"type": "json_object"} or {"type": "json_schema", "json_schema": {...}}."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    response_format: Mapping[str, object] | None = None


class Generator(Protocol):
    """A chat model. Light to construct; weights are loaded at the first call that needs them.

    `context_tokens`: prompt and completion together must fit. `fingerprint` changes with the weights. `parameters`:
    number of weights, None where it cannot be known, as behind an endpoint.
    Retrieved text is data: control tokens of the chat template inside message content are never interpreted.
    Raises `ModelError` (or `EndpointError`) with what to do.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def context_tokens(self) -> int: ...

    @property
    def parameters(self) -> int | None: ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the whole prompt, chat template included."""
        ...

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
        """One completion. `on_text` gets each new piece of text as it is written, and "" now and then while the model
        reads or thinks; returning True stops early.
        `adapter`: name of a fine-tuned adapter that the generator was made with, None = the base alone. `fresh`: read
        the whole prompt again, which takes longer, so that the same prompt gives the same text whatever was asked
        before; where a model is elsewhere it may not be had. `logprobs`: whether they are wanted; a small model writes
        some 4% slower with them. `response_format`: see `Sampling`. `grammar`: GBNF that the text keeps to; it is
        given only to a generator that says `takes_grammar`, and another package's need not know it."""
        ...

    def close(self) -> None: ...


def takes_grammar(generator: Generator) -> bool:
    """Whether it keeps to a grammar, as far as it tells by an attribute of that name."""
    return bool(getattr(generator, "takes_grammar", False))
