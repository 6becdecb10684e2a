"""How much is done at once: a few answers together, some that wait, and a word to those beyond.

    request ─▶ fewer than `parallel` running?  ─▶ a thread, until it ends
                       └─ fewer than `queue` waiting?  ─▶ waits          └─ else  ─▶ `Busy`, with when to come again

What must not run beside a job (`alone`) queues as a job does: what came before it is finished, what comes after waits.

A job is told when nobody wants its answer any more: the client went away, its time is up, the server stops. It looks at
that between two tokens, so its place is free again soon after; until then it keeps it, since the model is still busy.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from metier.core.errors import MetierError

T = TypeVar("T")
_FIRST_GUESS = 2.0  # seconds an answer takes, before any was measured
_SMOOTHING = 0.1


class Busy(MetierError):
    """Too many are waiting. `retry_after`: seconds, by when a place should be free."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many questions are waiting", hint=f"Come again in {retry_after} s.")
        self.retry_after = retry_after


class OutOfTime(MetierError):
    """A job took longer than is allowed."""


class Stopping(MetierError):
    """The server takes no more questions because it ends."""


class Stop:
    """Tells a job whether to give up. `reason`: "" while it should go on."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._event = threading.Event()

    def __call__(self) -> bool:
        return self._event.is_set() or time.monotonic() > self._until

    def request(self) -> None:
        self._event.set()

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._until


class JobQueue:
    """`parallel`: jobs at once; `queue`: how many may wait; `seconds`: how long one may take, waiting included."""

    def __init__(self, parallel: int, queue: int, seconds: float) -> None:
        self._places = asyncio.Semaphore(parallel)
        self._turn = asyncio.Lock()  # held by the first of those that wait
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="metier-answer")
        self._parallel, self._queue, self._seconds = parallel, queue, seconds
        self._mean = _FIRST_GUESS
        self._stops: set[Stop] = set()
        self._closing = False
        self.waiting = 0
        self.rejected = 0

    @property
    def running(self) -> int:
        return len(self._stops) - self.waiting

    async def run(self, job: Callable[[Stop], T], first: Callable[[], Awaitable[None]] | None = None) -> T:
        """What `job` returns; it runs in a thread and looks at the `Stop` it is given. Cancelling stops it. `first`:
        what is waited for before the job gets its place. Raises `Busy`, `Stopping`, `OutOfTime`, and what those do."""
        self._refuse_at_the_end()
        is_full = self._places.locked() or self._turn.locked()
        if self.waiting >= self._queue + (0 if is_full else self._parallel):
            raise self._busy()
        stop = Stop(self._seconds)
        self._stops.add(stop)  # from here on an end waits for it
        try:
            await self._place(first)
        except BaseException:
            self._stops.discard(stop)
            raise
        began = time.monotonic()
        running = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, job, stop)
        running.add_done_callback(lambda done: self._ended(stop, began, done))
        try:
            result = await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.request()
            raise
        if stop.is_late:
            raise OutOfTime(
                f"no answer within {self._seconds:g} s",
                hint="Ask a shorter question, or raise [serving] timeout_seconds.",
            )
        return result

    async def alone(self, job: Callable[[], T]) -> T:
        """What `job` returns, which runs in a thread while nothing else does. Once it waits it is not cancelled with
        its caller. Raises `Stopping`, and what the job raises."""
        self._refuse_at_the_end()
        return await asyncio.shield(asyncio.ensure_future(self._alone(job)))

    async def close(self, seconds: float) -> None:
        """Take nothing more, wait for what runs, and after `seconds` stop it."""
        self._closing = True
        until = time.monotonic() + seconds
        while self._stops and time.monotonic() < until:
            await asyncio.sleep(0.05)
        for stop in self._stops:
            stop.request()
        await asyncio.to_thread(self._threads.shutdown)

    def _refuse_at_the_end(self) -> None:
        if self._closing:
            raise Stopping("the server is ending", hint="Ask again in a moment.")

    async def _alone(self, job: Callable[[], T]) -> T:
        stop = Stop(math.inf)
        self._stops.add(stop)
        try:
            async with self._turn:
                for _ in range(self._parallel):
                    await self._places.acquire()
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, job)
            finally:
                for _ in range(self._parallel):
                    self._places.release()
        finally:
            self._stops.discard(stop)

    async def _place(self, first: Callable[[], Awaitable[None]] | None) -> None:
        self.waiting += 1
        try:
            await asyncio.wait_for(self._taken(first), self._seconds)
        except TimeoutError:
            raise self._busy() from None
        finally:
            self.waiting -= 1

    async def _taken(self, first: Callable[[], Awaitable[None]] | None) -> None:
        if first is not None:
            await first()
        async with self._turn:
            await self._places.acquire()

    def _ended(self, stop: Stop, began: float, done: asyncio.Future[T]) -> None:
        self._stops.discard(stop)
        self._places.release()
        self._mean += _SMOOTHING * (time.monotonic() - began - self._mean)
        if not done.cancelled():
            done.exception()  # seen, also where the client is gone and nobody else looks

    def _busy(self) -> Busy:
        self.rejected += 1
        return Busy(self._when_free())

    def _when_free(self) -> int:
        return max(1, math.ceil((self.waiting + 1) * self._mean / self._parallel))
