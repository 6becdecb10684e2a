"""Sentences checked while the model goes on writing: a thread beside the one that writes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import regex

from metier.answering.answer import OnSentence, Sentence

if TYPE_CHECKING:
    from metier.answering.support.base import Checking

_MAY_END = regex.compile(r"[\p{P}\n]")


class LiveChecks:
    """Feed it the pieces of one answer. `on_sentence` is called from the checking thread, in order; what it raises
    comes out of `finish`."""

    def __init__(self, checking: Checking, on_sentence: OnSentence | None) -> None:
        self._checking = checking
        self._on_sentence = on_sentence
        self._text = ""
        self._checked: dict[tuple[int, int], Future[Sentence]] = {}
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="metier-check")

    def feed(self, piece: str) -> None:
        self._text += piece
        if _MAY_END.search(piece):
            for span in self._checking.spans(self._text)[:-1]:  # the last one may go on
                self._check(span)

    def finish(self, text: str) -> tuple[Sentence, ...]:
        """All sentences of the finished `text`, which begins with what was fed."""
        try:
            self._text = text
            spans = self._checking.spans(text)
            for span in spans:
                self._check(span)
            return tuple(self._checked[span].result() for span in spans)
        finally:
            self._beside.shutdown(cancel_futures=True)

    def _check(self, span: tuple[int, int]) -> None:
        if span not in self._checked:
            self._checked[span] = self._beside.submit(self._one, self._text, span)

    def _one(self, text: str, span: tuple[int, int]) -> Sentence:
        sentence = self._checking.check(text, span)
        if self._on_sentence is not None:
            self._on_sentence(sentence)
        return sentence
