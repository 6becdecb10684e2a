"""Answers in the model's own words: it reads as much as its window allows and writes, whole and in its own form. What
it writes leaves at once and is never taken back; each sentence is checked against what was read as it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from metier.answering import prompt
from metier.answering.answer import Answer, Sentence, Style, Support, Usage
from metier.answering.live_checks import LiveChecks
from metier.answering.loop_guard import Loop
from metier.answering.refusal_messages import declines
from metier.answering.request import Found, Request
from metier.answering.style import TokenLimits
from metier.answering.support.base import Checker
from metier.core.documents import Passage
from metier.core.settings import Settings
from metier.generation.base import Completion, Generator, Message

_NEAREST = 3
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Writing:
    """What a model wrote, with its prompt's passages. `text` has no white space around it."""

    text: str
    completion: Completion
    shown: tuple[Passage, ...]


class Stream:
    """Between a generator and whoever listens: leading white space is left out, so that offsets count from the first
    character that was sent; a model that falls into a loop is stopped."""

    def __init__(self, *listeners: Callable[[str], bool | None]) -> None:
        self._listeners = listeners
        self._loop = Loop()
        self._begun = False

    def __call__(self, piece: str) -> bool:
        if not self._begun:
            piece = piece.lstrip()
            self._begun = bool(piece)
        stops = [bool(listener(piece)) for listener in self._listeners]
        return any(stops) or self._loop.feed(piece)


class AnswerWriter:
    """Writes answers with one generator."""

    def __init__(self, settings: Settings, generator: Generator, checker: Checker, limits: TokenLimits) -> None:
        self._settings = settings
        self._generator = generator
        self._checker = checker
        self._limits = limits

    def answer(
        self,
        request: Request,
        found: Found,
        language: str,
        note: str = "",
        notes: Sequence[Passage] | None = None,
        began: float | None = None,
    ) -> Answer:
        """From what was found. `note`: what the model should know of the sources. `notes`: what it reads in place of
        what was found, which its answer is checked against all the same. `began`: on the monotonic clock, where more
        than the search was done before."""
        began = time.monotonic() - found.seconds if began is None else began
        checks = LiveChecks(lambda: self._checker.over(found.shown, request.question, language), request.on_sentence)
        writing = self.write(request, found.shown if notes is None else notes, note, checks.feed)
        if notes is not None:
            writing = replace(writing, shown=found.shown)
        sentences = checks.finish(writing.text)
        return self._made(request, found, writing, sentences, began)

    def alone(self, request: Request, style: Style) -> Answer:
        """What the model says by itself: nothing is looked up, so nothing is cited."""
        began = time.monotonic()
        writing = self.write(request, (), style=style)
        completion = writing.completion
        timings = {"first_token": completion.first_token_seconds, "generation": completion.seconds}
        return Answer(
            question=request.question,
            text=writing.text,
            abstained=False,
            confidence=None,
            mode=request.mode,
            model=self._generator.name,
            adapter=request.writer.adapter,
            sentences=(),
            timings=timings | {"total": time.monotonic() - began},
            usage=Usage(),
            style=style,
            notes=notes_of(completion, 0, pinned=False),
            finish_reason=completion.finish_reason,
        )

    def write(
        self,
        request: Request,
        passages: Sequence[Passage],
        note: str = "",
        also: Callable[[str], bool | None] = lambda _: None,
        style: Style = Style.WRITTEN,
    ) -> Writing:
        """Let the model write. `also` hears what is written, beside the request's own listener. `style`: whose
        instruction it gets."""
        override = self._settings.answering.instruction
        system = prompt.instruction(style, from_documents=bool(passages), override=override, added=request.system)

        def build(kept: Sequence[Passage], turns: Sequence[Message]) -> list[Message]:
            return prompt.messages(request.whole, kept, system, turns, style, note)

        wanted = request.sampling.max_tokens or self._limits.answer
        most = min(wanted, max(1, self._generator.context_tokens // 2))
        messages, shown = prompt.fit(build, passages, request.history, self._generator, most)
        listeners = [request.on_text] if request.on_text is not None else []
        completion = self.complete(messages, most, request, Stream(*listeners, also))
        return Writing(completion.text.strip(), completion, tuple(passages[:shown]))

    def complete(
        self, messages: Sequence[Message], max_tokens: int, request: Request, on_text: Callable[[str], bool | None]
    ) -> Completion:
        generation, sampling = self._settings.generation, request.sampling

        def asked(value: _T | None, default: _T) -> _T:
            return default if value is None else value

        return self._generator.complete(
            messages,
            max_tokens=max_tokens,
            temperature=asked(sampling.temperature, generation.temperature),
            top_p=asked(sampling.top_p, generation.top_p),
            seed=asked(sampling.seed, generation.seed),
            stop=sampling.stop,
            response_format=sampling.response_format,
            on_text=on_text,
            adapter=request.writer.adapter,
            fresh=request.writer.fresh,
        )

    def _made(
        self, request: Request, found: Found, writing: Writing, sentences: tuple[Sentence, ...], began: float
    ) -> Answer:
        """The whole answer. A model that says itself that the documents do not say has refused, in its own words."""
        completion = writing.completion
        declined = not found.pinned and declines(writing.text)
        timings = {
            "retrieval": found.seconds,
            "first_token": completion.first_token_seconds,
            "generation": completion.seconds,
            "total": time.monotonic() - began,
        }
        return Answer(
            question=request.question,
            text=writing.text,
            abstained=declined,
            confidence=_confidence(sentences),
            mode=request.mode,
            model=self._generator.name,
            adapter=request.writer.adapter,
            sentences=sentences,
            timings=timings,
            usage=Usage(passages=len(writing.shown)),
            style=Style.WRITTEN,
            notes=notes_of(completion, found.dropped + len(found.shown) - len(writing.shown), found.pinned),
            hits=found.hits,
            shown=writing.shown,
            nearest=nearest(found) if declined else (),
            searched_for=found.searched_for,
            finish_reason=completion.finish_reason,
            features=found.features,
        )


def nearest(found: Found) -> tuple[Passage, ...]:
    """The best places of different documents, a figure that is described beside the text of its own."""
    best: dict[tuple[str, bool], Passage] = {}
    for hit in found.hits:
        best.setdefault((hit.passage.document_id, hit.passage.described), hit.passage)
    return tuple(best.values())[:_NEAREST]


def notes_of(completion: Completion | None, dropped: int, pinned: bool) -> tuple[str, ...]:
    notes = []
    if pinned:
        notes.append("Somebody said where this question is answered, so that alone was read.")
    if dropped:
        notes.append(f"{dropped} passage(s) did not fit into the model's context and were left out.")
    if completion is not None and completion.finish_reason == "length":
        notes.append("The answer was cut at [generation] max_tokens.")
    return tuple(notes)


def _confidence(sentences: Sequence[Sentence]) -> float | None:
    """How far the sources carry what is stated, on average; None where nothing is."""
    stated = [sentence.score for sentence in sentences if sentence.support is not Support.NONE]
    return sum(stated) / len(stated) if stated else None
