"""The contract of a checker: it tells, sentence by sentence, how far the sources that were shown carry an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from metier.answering.answer import Sentence
from metier.documents import Passage


class Checking(Protocol):
    """One answer held against one set of shown passages."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """(start, end) of the sentences, list items, table rows and blocks of code of an answer. Text that is appended
        changes the last one only."""
        ...

    def check(self, text: str, span: tuple[int, int]) -> Sentence:
        """How far the sources carry one of them. What stands before it in `text` may give it meaning."""
        ...


class Checker(Protocol):
    def over(self, shown: Sequence[Passage], question: str, language: str) -> Checking:
        """`shown`: what the model read; `language`: of the question."""
        ...
