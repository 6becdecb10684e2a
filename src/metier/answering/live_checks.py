"""Sentences checked while the model goes on writing: a thread beside the one that writes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

import regex

from metier.answering.answer import OnSentence, Sentence

if TYPE_CHECKING:
    from metier.answering.support.base import Checking

T = TypeVar("T")
_MAY_END = regex.compile(r"[\p{P}\n]")


class LiveChecks:
    """Feed it the pieces of one answer. Everything is done in the checking thread, so that neither the model nor who
    reads waits for it: `begin` reads the sources, `on_sentence` hears of each sentence, in order. What either raises
    comes out of `finish`."""

    def __init__(self, begin: Callable[[], Checking], on_sentence: OnSentence | None) -> None:
        self._on_sentence = on_sentence
        self._text = ""
        self._checked: dict[tuple[int, int], Sentence] = {}
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="metier-check")
        self._checking = self._submit(begin)
        self._looks: list[Future[None]] = []

    def feed(self, piece: str) -> None:
        self._text += piece
        if _MAY_END.search(piece):
            going = [look for look in self._looks if not look.done() or look.exception()]
            self._looks = [*going, self._submit(self._look)]

    def finish(self, text: str) -> tuple[Sentence, ...]:
        """All sentences of the finished `text`, which begins with what was fed."""
        try:
            for look in self._looks:
                look.result()
            return self._submit(self._all, text).result()
        finally:
            self._beside.shutdown(cancel_futures=True)

    def _submit(self, work: Callable[..., T], *given: object) -> Future[T]:
        """In the checking thread, for the reader that this one is for."""
        return self._beside.submit(copy_context().run, work, *given)

    def _look(self) -> None:
        text = self._text
        for span in self._checking.result().spans(text)[:-1]:  # the last one may go on
            self._check(text, span)

    def _all(self, text: str) -> tuple[Sentence, ...]:
        """One that was flagged is looked at again: a sum behind it may give its number."""
        checking = self._checking.result()
        sentences = [self._check(text, span) for span in checking.spans(text)]
        return tuple(checking.check(text, each.span) if each.flagged else each for each in sentences)

    def _check(self, text: str, span: tuple[int, int]) -> Sentence:
        if span not in self._checked:
            self._checked[span] = self._checking.result().check(text, span)
            if self._on_sentence is not None:
                self._on_sentence(self._checked[span])
        return self._checked[span]
