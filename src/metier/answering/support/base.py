"""The contract of what tells a reader how far to trust an answer.

checker = support.create(settings, embedder, analyser, weigh, folder)
checking = checker.over(shown, question, language)
for span in checking.spans(text):
    sentence = checking.check(text, span)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from metier.answering.answer import Sentence
from metier.core.documents import Passage


class Checking(Protocol):
    """Checks one answer against one set of shown passages, sentence by sentence."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The sentences, list items, table rows and blocks of code of an answer; text that is appended changes the last
        one only."""
        ...

    def check(self, text: str, span: tuple[int, int]) -> Sentence:
        """How far what was shown carries `text[span[0]:span[1]]`. What stands before it in `text` is read as well (the
        lead-in of a list, the head of a table)."""
        ...


class Checker(Protocol):
    """Light to construct; models are loaded when they are first needed. Several threads may use it."""

    def over(self, shown: Sequence[Passage], question: str, language: str) -> Checking:
        """`shown`: what the model read; `language`: BCP-47 code of the question."""
        ...
