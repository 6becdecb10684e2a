"""Questions and answers in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypedDict, Unpack

from metier.answering.answer import Answer, OnSentence, OnText
from metier.core.moments import AsOf
from metier.generation.base import Message, Sampling
from metier.store.base import Filter


class AskOptions(TypedDict, total=False):
    """Those of `Expert.ask` but `history`."""

    mode: str
    where: Filter | None
    on_text: OnText | None
    on_sentence: OnSentence | None
    abstain: bool | None
    without: frozenset[str]
    adapter: str | None
    fresh: bool
    system: str
    sampling: Sampling | None
    as_of: AsOf | None


class Ask(Protocol):
    """`Expert.ask`."""

    def __call__(self, question: str, *, history: Sequence[Message], **options: Unpack[AskOptions]) -> Answer: ...


class Conversation:
    """Questions and answers in turn; a follow-up is looked up in its standalone form."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.turns: list[Message] = []

    def ask(self, question: str, **options: Unpack[AskOptions]) -> Answer:
        """As `Expert.ask`, with the conversation so far as history."""
        answer = self._ask(question, history=tuple(self.turns), **options)
        self.turns += [Message("user", question), Message("assistant", answer.text)]
        return answer
