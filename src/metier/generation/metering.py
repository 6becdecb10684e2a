"""What a model reads and writes for one question, whatever it is asked for on the way: the question in its stand-alone
form, queries to tables, notes on a long document, and the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from metier.generation.base import Completion, Generator, Message, takes_grammar

_metered: ContextVar[list[Completion] | None] = ContextVar("_metered", default=None)


@contextmanager
def metered() -> Iterator[list[Completion]]:
    """Collects what a `MeteredGenerator` completes in this thread while it is open."""
    done: list[Completion] = []
    token = _metered.set(done)
    try:
        yield done
    finally:
        _metered.reset(token)


class MeteredGenerator:
    """A generator (`metier.generation.base`) whose completions are told to whoever has opened `metered`."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    @property
    def name(self) -> str:
        return self._generator.name

    @property
    def fingerprint(self) -> str:
        return self._generator.fingerprint

    @property
    def context_tokens(self) -> int:
        return self._generator.context_tokens

    @property
    def parameters(self) -> int | None:
        return self._generator.parameters

    @property
    def takes_grammar(self) -> bool:
        return takes_grammar(self._generator)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._generator.count_tokens(messages)

    def complete(self, messages: Sequence[Message], *, max_tokens: int, **options: Any) -> Completion:
        """With the options that it was given, and no others: another package's generator need not know them all."""
        done = self._generator.complete(messages, max_tokens=max_tokens, **options)
        if (told := _metered.get()) is not None:
            told.append(done)
        return done

    def close(self) -> None:
        self._generator.close()
