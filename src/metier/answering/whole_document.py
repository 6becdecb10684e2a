"""Questions about a whole document: it is read from its first to its last passage. One that is longer than the model's
window is read in parts; of each the model notes what bears on the question, and it answers from the notes (map-reduce).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from metier.answering import context, prompt
from metier.answering.answer import Answer
from metier.answering.request import Found, Request
from metier.answering.style import TokenLimits
from metier.answering.written import AnswerWriter
from metier.core.documents import Passage
from metier.generation.base import Sampling

_NOTE_TOKENS = 300
_NOTES = (
    "You read one part of a document. Write down, in short notes, all that it says which bears on the request: facts, "
    "names, numbers with units, dates, decisions. Write only notes. If nothing bears on it, write: nothing."
)
_FROM_NOTES = "The source below is a set of notes that you made on a document too long to be shown whole."


Counter = Callable[[Sequence[Passage]], Callable[[str], int]]  # texts like these to tokens of a text


class WholeDocument:
    """Answers about documents that are read as a whole."""

    def __init__(self, writer: AnswerWriter, limits: TokenLimits, counter: Counter) -> None:
        self._counter = counter
        self._writer = writer
        self._limits = limits

    def answer(self, request: Request, passages: Sequence[Passage], language: str) -> Answer:
        """`passages`: of the documents, in reading order."""
        began, count = time.monotonic(), self._counter(passages)
        parts = context.parts(passages, self._limits.sources, count)
        read = tuple(passage for part in parts for passage in part)
        found = Found((request.question,), (), read, (), read, {}, time.monotonic() - began)
        if len(parts) < 2:
            return self._writer.answer(request, found, language)
        notes = self._notes(request, parts, count)
        return self._writer.answer(request, found, language, _FROM_NOTES, notes, began)

    def _notes(
        self, request: Request, parts: Sequence[Sequence[Passage]], count: Callable[[str], int]
    ) -> list[Passage]:
        """Notes on each part, as passages; notes that are too long themselves are noted again."""
        notes = [self._note(request, part) for part in parts]
        while len(notes) > 1 and sum(count(note.text) for note in notes) > self._limits.sources:
            before = len(notes)
            notes = [self._note(request, part) for part in context.parts(notes, self._limits.sources, count)]
            if len(notes) >= before:
                break
        return notes

    def _note(self, request: Request, part: Sequence[Passage]) -> Passage:
        asked = prompt.messages(request.question, part, _NOTES)
        alone = replace(request, sampling=Sampling())
        completion = self._writer.complete(asked, _NOTE_TOKENS, alone, lambda _: _stopped(request))
        first = part[0]
        return replace(first, text=completion.text.strip(), headings=first.headings[:1], start=first.start)


def _stopped(request: Request) -> bool:
    """Whether the listener wants the writing to end: it is asked with an empty piece."""
    return bool(request.on_text("")) if request.on_text is not None else False
