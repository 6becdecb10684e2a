"""Where questions come in: one expert, kept open, and how much it does at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi import Request

from metier.answering.answerer import FROM_DOCUMENTS, MODES, WITH_ADAPTER, Answer
from metier.errors import InputError
from metier.expert import Expert
from metier.generation.base import Message
from metier.serving.access import Caller
from metier.serving.reading import Reading
from metier.serving.work import Stop, Work


@dataclass(frozen=True, slots=True)
class Asked:
    """`history`: earlier turns, oldest first."""

    question: str
    mode: str = "rag"
    history: tuple[Message, ...] = ()


class Desk:
    """An open expert that several people ask at once."""

    def __init__(self, expert: Expert) -> None:
        settings = expert.settings.serving
        self.expert = expert
        self.name = expert.settings.name
        self.started = int(time.time())
        self.reading = Reading(expert)
        self.work = Work(settings.parallel, settings.queue, settings.timeout_seconds)

    def warm(self) -> None:
        """Load everything a question needs, so that the first one does not wait, and no two load it at once."""
        if self.expert.adapters.production() is not None:
            self.expert.adapter()
        self.expert.answerer.find("?")
        self.expert.generator.count_tokens([Message("user", "?")])

    def modes(self) -> list[str]:
        """Those that can be asked for now: the tuned ones only while an adapter is in production."""
        tuned = self.expert.adapters.production() is not None
        return [mode for mode in MODES if tuned or mode not in WITH_ADAPTER]

    async def answer(self, caller: Caller, asked: Asked) -> Answer:
        return await self.work.run(lambda stop: self._ask(caller, asked, stop, lambda text: stop()))

    async def written(self, caller: Caller, asked: Asked) -> AsyncIterator[str | Answer]:
        """Pieces of text as they are written, and at last the answer. Closing the iterator stops the writing."""
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[str | None]()

        def hear(stop: Stop) -> Callable[[str], bool]:
            def on_text(piece: str) -> bool:
                if asked.mode not in FROM_DOCUMENTS:  # those are checked against the documents first
                    loop.call_soon_threadsafe(pieces.put_nowait, piece)
                return stop()

            return on_text

        running = asyncio.ensure_future(self.work.run(lambda stop: self._ask(caller, asked, stop, hear(stop))))
        running.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            yield await running
        finally:
            running.cancel()

    def _ask(self, caller: Caller, asked: Asked, stop: Stop, on_text: Callable[[str], bool]) -> Answer:
        if not asked.question.strip():
            raise InputError("the question is empty", hint="Send a question.")
        return self.expert.ask(
            asked.question, mode=asked.mode, where=caller.filter(), history=asked.history, on_text=on_text
        )


async def while_wanted(request: Request, answering: asyncio.Future | object) -> object:
    """What `answering` returns; it is cancelled when the client goes away."""
    running = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
        return await running
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(0.2)
