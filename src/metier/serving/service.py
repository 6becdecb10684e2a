"""Where questions come in: one expert, kept open, and how much it does at once.

The adapter in production may change while questions are answered, here (`promote`, `rollback`) or by another process.
The model has to be started again for that. Where memory allows, the new one is started beside the old one, which ends
with the last answer that it writes; else what runs is finished first, and what comes meanwhile waits. Either way each
answer is from one adapter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from fastapi import Request

from metier.answering.answer import Answer, OnSentence, OnText, Sentence
from metier.core.bounded_http import CallStopped
from metier.core.errors import EndpointError, InputError
from metier.core.modes import MODES, WITH_ADAPTER
from metier.expert import Expert
from metier.generation.base import Message
from metier.retrieval.retriever import Hit
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import Caller
from metier.serving.document_access import DocumentAccess
from metier.serving.http import memory
from metier.serving.http.request_context import AnswerRecord, note_asked, note_told
from metier.serving.job_queue import JobQueue, Stop
from metier.serving.page_images import PageImages
from metier.serving.request_sizes import RequestSizes, in_batches

if TYPE_CHECKING:  # importing it takes time that an expert without adapters does not need
    from metier.tuning.adapters import Card

T = TypeVar("T")
Hear = Callable[[Stop], tuple[OnText, OnSentence | None]]


@dataclass(frozen=True, slots=True)
class Embedded:
    """`vectors`: float32, one row a text. `tokens`: of all texts, without special ones."""

    vectors: np.ndarray
    model: str
    tokens: int


class ExpertService:
    """An open expert that several people ask at once."""

    def __init__(self, expert: Expert) -> None:
        settings = expert.settings.serving
        self.expert = expert
        self.name = expert.settings.name
        self.started = int(time.time())
        self.reading = DocumentAccess(expert)
        self.pictures = PageImages(self.reading, expert.settings.parsing)
        self.sizes = RequestSizes(settings)
        self.work = JobQueue(settings.parallel, settings.queue, settings.timeout_seconds)
        self._changing = asyncio.Lock()

    def warm(self) -> None:
        warm(self.expert)

    def modes(self, caller: Caller) -> list[str]:
        """Those that this caller can ask for now: the tuned ones only while an adapter for them is in production."""
        tuned = self.expert.adapters.production(caller.groups) is not None
        return [mode for mode in MODES if tuned or mode not in WITH_ADAPTER]

    # --- questions -------------------------------------------------------------------------------------------

    async def answer(self, caller: Caller, asked: AskRequest) -> Answer:
        return await self._run(caller, asked, lambda stop: (lambda text: stop(), None))

    async def written(self, caller: Caller, asked: AskRequest) -> AsyncGenerator[str | Sentence | Answer, None]:
        """Pieces of text as they are written, each sentence with what carries it as it ends, and at last the answer.
        The pieces together are its text. Closing the iterator stops the writing."""
        loop, heard = asyncio.get_running_loop(), asyncio.Queue[str | Sentence | None]()

        def hear(stop: Stop) -> tuple[OnText, OnSentence]:
            def on_text(piece: str) -> bool:
                if piece:
                    loop.call_soon_threadsafe(heard.put_nowait, piece)
                return stop()

            def on_sentence(sentence: Sentence) -> None:
                loop.call_soon_threadsafe(heard.put_nowait, sentence)

            return on_text, on_sentence

        running = asyncio.ensure_future(self._run(caller, asked, hear))
        running.add_done_callback(lambda _: heard.put_nowait(None))
        trimmed = _Trimmed()
        try:
            while (part := await heard.get()) is not None:
                if isinstance(part, Sentence):
                    yield part
                elif piece := trimmed.feed(part):
                    yield piece
            answer = await running
            if rest := trimmed.rest(answer.text):
                yield rest
            yield answer
        finally:
            running.cancel()

    async def _run(self, caller: Caller, asked: AskRequest, hear: Hear) -> Answer:
        self.sizes.check_asked(asked)
        note_asked(asked)
        first = partial(self._follow_production, caller) if asked.mode in WITH_ADAPTER else None
        return await self.work.run(lambda stop: self._ask(caller, asked, *hear(stop)), first, share=caller.share)

    def _ask(self, caller: Caller, asked: AskRequest, on_text: OnText, on_sentence: OnSentence | None) -> Answer:
        if not asked.question.strip():
            raise InputError("the question is empty", hint="Send a question.")
        began, first = time.time_ns(), None

        def hear(piece: str) -> bool | None:
            nonlocal first
            first = first or (time.time_ns() if piece else None)
            return on_text(piece)

        answer = self.expert.ask(
            asked.question, mode=asked.mode, where=caller.document_filter(), history=asked.history, system=asked.system,
            sampling=asked.sampling, on_text=hear, on_sentence=on_sentence, as_of=asked.as_of,
        )  # fmt: skip
        note_told(AnswerRecord(answer, began, first, time.time_ns()))
        if caller.may("admin"):
            return answer
        # It counts what others with the same groups have asked before.
        return replace(answer, usage=replace(answer.usage, cached_tokens=0))

    async def search(
        self, caller: Caller, question: str, limit: int, uri: str | None = None, as_of: str | None = None
    ) -> list[Hit]:
        """As `DocumentAccess.search`, as one of the jobs."""
        self.sizes.check_text("question", question)

        def search(_stop: Stop) -> list[Hit]:
            return self.reading.search(caller, question, limit, uri, as_of)

        return await self.work.run(search, share=caller.share)

    async def embedded(self, caller: Caller, texts: Sequence[str], *, as_questions: bool) -> Embedded:
        """Vectors of texts, as one of the jobs."""
        self.sizes.check_texts(texts)
        return await self.work.run(lambda stop: self._embed(texts, as_questions, stop), share=caller.share)

    def _embed(self, texts: Sequence[str], as_questions: bool, stop: Stop) -> Embedded:
        embedder = self.expert.runtime.embedder
        embed = embedder.embed_queries if as_questions else embedder.embed_passages
        vectors, tokens = [], 0
        for batch in in_batches(texts):
            if stop():
                raise CallStopped
            vectors.append(embed(batch))
            tokens += sum(embedder.count_tokens(batch))
        return Embedded(np.concatenate(vectors) if vectors else embed([]), embedder.name, tokens)

    # --- adapters --------------------------------------------------------------------------------------------

    async def promote(self, reference: str) -> Card:
        """Put an adapter into production while questions are answered. It is loaded before anything is written down,
        so one that cannot be leaves everything as it was. A caller that goes away does not stop it.
        Raises as `AdapterService.promote`."""

        async def change() -> Card:
            card = await asyncio.to_thread(self.expert.adapters.registry.get, reference)
            await self._load(card)
            return await asyncio.to_thread(self.expert.adapters.promote, card.reference)

        return await self._one_at_a_time(change())

    async def rollback(self, caller: Caller) -> Card | None:
        """Back to the adapter that was in production before, while questions are answered; None = the base alone, which
        is all that a caller sees who may not use that adapter. Raises `InputError` where none is in production for
        them."""

        async def change() -> Card | None:
            card = await asyncio.to_thread(self.expert.adapters.rollback, caller.groups)
            if card is None:
                return None
            await self._load(card)
            return card if await asyncio.to_thread(self.expert.adapters.may_use, card, caller.groups) else None

        return await self._one_at_a_time(change())

    async def _follow_production(self, caller: Caller) -> None:
        """Load what is in production now for this caller, whoever put it there."""

        async def change() -> None:
            card = await asyncio.to_thread(self.expert.adapters.registry.production)
            if card is not None:
                await self._load(card)

        card = await asyncio.to_thread(self.expert.adapters.production, caller.groups)
        if card is not None and not self.expert.adapters.has_loaded(card):
            await self._one_at_a_time(change())

    async def _load(self, card: Card) -> None:
        if self.expert.adapters.has_loaded(card):
            return
        settings = self.expert.settings.generation
        if settings.behind_endpoint or (not settings.gpu_layers and memory.has_room_for_as_much_again()):
            await asyncio.to_thread(self.expert.adapters.load, card, beside=True)
        else:
            await self.work.alone(lambda: self.expert.adapters.load(card))

    async def _one_at_a_time(self, change: Coroutine[None, None, T]) -> T:
        async def changed() -> T:
            async with self._changing:
                return await change

        return await asyncio.shield(asyncio.ensure_future(changed()))


class _Trimmed:
    """Pieces of a text without the white space around it: what ends a piece is kept back until more follows."""

    def __init__(self) -> None:
        self._sent = self._kept = ""

    def feed(self, piece: str) -> str:
        piece = self._kept + piece if self._sent else piece.lstrip()
        now = piece.rstrip()
        self._kept = piece[len(now) :]
        self._sent += now
        return now

    def rest(self, text: str) -> str:
        """What of the whole `text` was not sent, such as a refusal that no model wrote."""
        return text[len(self._sent) :] if text.startswith(self._sent) else ""


def warm(expert: Expert) -> None:
    """Load everything a question needs, so that the first one does not wait, and no two load it at once. An endpoint
    that is not there yet stops nobody from searching."""
    with suppress(EndpointError):  # asked again with the first question for it; the others need none
        if expert.adapters.registry.production() is not None:
            expert.adapters.in_use()
        expert.adapters.for_sql()
    expert.runtime.answerer.find("?")
    expert.runtime.generator.count_tokens([Message("user", "?")])


async def while_wanted(request: Request, answering: Awaitable[T]) -> T:
    """What `answering` returns; it is cancelled when the client goes away, and with whoever waits for it."""
    running = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
        return await running
    finally:
        running.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(0.2)
