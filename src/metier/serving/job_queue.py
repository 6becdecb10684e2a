"""How much is done at once: a few answers together, some that wait, and a word to those beyond.

    request ─▶ fewer than `parallel` running?  ─▶ a thread, until it ends
                       └─ fewer than `queue` waiting?  ─▶ waits          └─ else  ─▶ `Busy`, with when to come again

No caller stops the rest. Each job has a `share`, which is the key of its caller. Free places go to the share with the
fewest, then to the one that was served longest ago. While others have asked within the last minute, a share runs in at
most half of the places. Where no more may wait, the newest of the share that waits most gives way to one that has less.

What must not run beside a job (`alone`) queues as a job does: what came before it is finished, what comes after waits.

A job is told when nobody wants its answer any more: the client went away, its time is up, the server stops. It looks at
that between two tokens or batches. Its caller is answered by the clock, whether it looks or not. Until it ends it keeps
its place, since the machine is still busy; but one that does not look in some seconds is stuck, and as many as there
are places are replaced by other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import TypeVar

from metier.core.bounded_http import CallStopped, stopped_by
from metier.core.errors import MetierError

T = TypeVar("T")
Outcome = tuple[T | None, BaseException | None]  # of a job: what it returned, or what it raised
_FIRST_GUESS = 2.0  # seconds an answer takes, before any was measured
_SMOOTHING = 0.1
_RECENT = 60.0  # seconds for which a place is kept free for a share that has asked
_NAME = "metier-answer"
_PATIENCE = 5.0  # seconds in which a job that is told to stop looks at it, else it is stuck


class Busy(MetierError):
    """Too many are waiting. `retry_after`: seconds, by when a place should be free."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many questions are waiting", hint=f"Come again in {retry_after} s.")
        self.retry_after = retry_after


class OutOfTime(MetierError):
    """A job took longer than is allowed."""


class Stopping(MetierError):
    """The server takes no more questions because it ends."""

    def __init__(self) -> None:
        super().__init__("the server is ending", hint="Ask again in a moment.")


class Stop:
    """Tells a job whether to give up."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._event = threading.Event()

    def __call__(self) -> bool:
        return self._event.is_set() or time.monotonic() > self._until

    def request(self) -> None:
        self._event.set()

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self._until - time.monotonic())

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._until


class _Ticket:
    """A job from when it comes until its thread ends. `number`: its turn, once it waits for nothing but a place."""

    def __init__(self, share: str | None, seconds: float) -> None:
        self.share, self.stop = share, Stop(seconds)
        self.place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.number = math.inf
        self.is_overdue = False

    def refuse(self, error: MetierError) -> None:
        if not self.place.done():
            self.place.set_exception(error)
            self.place.exception()  # seen, also where its caller is gone


class JobQueue:
    """`parallel`: jobs at once; `queue`: how many may wait; `seconds`: how long one may take, waiting included;
    `patience`: seconds in which a job that is told to stop should end."""

    def __init__(self, parallel: int, queue: int, seconds: float, *, patience: float = _PATIENCE) -> None:
        self._parallel, self._queue, self._seconds, self._patience = parallel, queue, seconds, patience
        self._mean = _FIRST_GUESS
        self._waiting: list[_Ticket] = []  # in the order in which they came
        self._running: set[_Ticket] = set()
        self._stuck: set[_Ticket] = set()
        self._alone: deque[_Ticket] = deque()  # the first of them may run
        self._asked: dict[str | None, float] = {}  # when a share asked last
        self._served: dict[str | None, int] = {}
        self._turns = 0
        self._closing = False
        self.rejected = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def stuck(self) -> int:
        """Threads that were told to stop, did not, and were replaced."""
        return len(self._stuck)

    async def run(
        self,
        job: Callable[[Stop], T],
        first: Callable[[], Awaitable[None]] | None = None,
        *,
        share: str | None = None,
    ) -> T:
        """What `job` returns; it runs in a thread and looks at the `Stop` it is given, as its calls of endpoints do.
        Cancelling stops it. `first`: what is waited for before the job gets its place. `share`: whose it is. Raises
        `Busy`, `Stopping`, `OutOfTime`, and what those do."""
        ticket = self._enter(share)
        try:
            async with asyncio.timeout(self._seconds):
                await self._placed(ticket, first)
        except TimeoutError:
            self._leave(ticket)
            raise self._busy() from None
        except BaseException:
            self._leave(ticket)
            raise
        done = self._begun(ticket, job)
        try:
            await asyncio.wait({done}, timeout=ticket.stop.left)
        except asyncio.CancelledError:
            self._give_up(ticket)
            raise
        if not done.done():
            self._give_up(ticket)
        if not done.done() or ticket.stop.is_late:
            raise OutOfTime(
                f"no answer within {self._seconds:g} s",
                hint="Ask a shorter question, or raise [serving] timeout_seconds.",
            )
        try:
            return _result(done)
        except CallStopped:
            raise Stopping from None

    async def alone(self, job: Callable[[], T]) -> T:
        """What `job` returns, which runs in a thread while nothing else does. Once it waits it is not cancelled with
        its caller. Raises `Stopping`, and what the job raises."""
        self._refuse_at_the_end()
        return await asyncio.shield(asyncio.ensure_future(self._run_alone(job)))

    async def close(self, seconds: float) -> int:
        """Take nothing more, wait for what runs, after `seconds` stop it, and return when it has stopped or should
        have. Returns how many threads have not."""
        self._closing = True
        await self._until_idle(seconds)
        for ticket in (*self._waiting, *self._alone):
            ticket.refuse(Stopping())
        for ticket in self._running:
            ticket.stop.request()
        await self._until_idle(self._patience)
        return len(self._running) + len(self._stuck)

    async def _until_idle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (self._waiting or self._alone or self._running) and time.monotonic() < until:
            await asyncio.sleep(0.02)

    def _refuse_at_the_end(self) -> None:
        if self._closing:
            raise Stopping

    # --- who waits -------------------------------------------------------------------------------------------

    def _enter(self, share: str | None) -> _Ticket:
        self._refuse_at_the_end()
        now = time.monotonic()
        self._asked = {each: at for each, at in self._asked.items() if now - at < _RECENT} | {share: now}
        self._served = {each: turn for each, turn in self._served.items() if each in self._asked}
        free = 0 if self._alone else max(0, self._parallel - len(self._running))
        if len(self._waiting) >= self._queue + free:
            self._make_room(share)
        ticket = _Ticket(share, self._seconds)
        self._waiting.append(ticket)
        return ticket

    def _make_room(self, share: str | None) -> None:
        """Turn away the newest of the share that waits most. Raises `Busy` where that has no more than this one."""
        held = Counter(ticket.share for ticket in self._waiting)
        most = max(held, key=held.__getitem__, default=share)
        if held[most] <= held[share] + 1:
            raise self._busy()
        last = next(ticket for ticket in reversed(self._waiting) if ticket.share == most)
        self._waiting.remove(last)
        last.refuse(self._busy())

    async def _placed(self, ticket: _Ticket, first: Callable[[], Awaitable[None]] | None) -> None:
        if first is not None:
            await first()
        self._take_turn(ticket)
        await ticket.place

    def _take_turn(self, ticket: _Ticket) -> None:
        self._turns += 1
        ticket.number = self._turns
        self._hand_out()

    def _leave(self, ticket: _Ticket) -> None:
        """Of one that has not begun."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        self._running.discard(ticket)
        self._hand_out()

    # --- who runs --------------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        """Give the free places away."""
        while (ticket := self._next()) is not None:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._served[ticket.share] = self._turns = self._turns + 1
            self._running.add(ticket)
            ticket.place.set_result(None)

    def _next(self) -> _Ticket | None:
        alone = self._alone[0] if self._alone else None
        if alone in self._running or len(self._running) >= self._parallel:
            return None
        before = math.inf if alone is None else alone.number
        ready = [each for each in self._waiting if each.number < before and not each.place.done()]
        if ready:
            running = Counter(each.share for each in self._running)
            able = [each for each in ready if running[each.share] < self._most(each.share)]
            return min(
                able, key=lambda each: (running[each.share], self._served.get(each.share, 0), each.number), default=None
            )
        return alone if not self._running and alone is not None and not alone.place.done() else None

    def _most(self, share: str | None) -> int:
        """Places that a share may have now."""
        now = time.monotonic()
        others = any(each != share and now - at < _RECENT for each, at in self._asked.items())
        return (self._parallel + 1) // 2 if others else self._parallel

    def _begun(self, ticket: _Ticket, job: Callable[[Stop], T]) -> asyncio.Future[Outcome[T]]:
        """What comes of the job in a thread: its result, or its error. No thread of a pool: an interpreter that ends
        would wait for those, stuck or not."""
        loop, context, began = asyncio.get_running_loop(), copy_context(), time.monotonic()
        done: asyncio.Future[Outcome[T]] = loop.create_future()

        def work() -> None:
            outcome: Outcome[T]
            try:
                with stopped_by(ticket.stop):
                    outcome = job(ticket.stop), None
            except BaseException as error:  # noqa: BLE001  # it is the caller's
                outcome = None, error
            with contextlib.suppress(RuntimeError):  # the loop has ended without waiting any longer
                loop.call_soon_threadsafe(self._ended, ticket, began, done, outcome)

        threading.Thread(target=context.run, args=(work,), name=_NAME, daemon=True).start()
        return done

    def _ended(self, ticket: _Ticket, began: float, done: asyncio.Future[T], outcome: T) -> None:
        self._running.discard(ticket)
        self._stuck.discard(ticket)
        self._mean += _SMOOTHING * (time.monotonic() - began - self._mean)
        if not done.done():
            done.set_result(outcome)
        self._replace_stuck()

    def _give_up(self, ticket: _Ticket) -> None:
        """Stop a job that nobody waits for."""
        ticket.stop.request()
        asyncio.get_running_loop().call_later(self._patience, self._look_at, ticket)

    def _look_at(self, ticket: _Ticket) -> None:
        ticket.is_overdue = True
        self._replace_stuck()

    def _replace_stuck(self) -> None:
        """Give away the places of threads that do not end, up to as many threads as there are places."""
        for ticket in [each for each in self._running if each.is_overdue]:
            if len(self._stuck) < self._parallel:
                self._running.discard(ticket)
                self._stuck.add(ticket)
        self._hand_out()

    async def _run_alone(self, job: Callable[[], T]) -> T:
        ticket = _Ticket(None, math.inf)
        self._alone.append(ticket)
        try:
            self._take_turn(ticket)
            await ticket.place
            done = self._begun(ticket, lambda _stop: job())
            await asyncio.wait({done})
            return _result(done)
        finally:
            self._alone.remove(ticket)
            self._running.discard(ticket)
            self._hand_out()

    def _busy(self) -> Busy:
        self.rejected += 1
        return Busy(max(1, math.ceil((self.waiting + 1) * self._mean / self._parallel)))


def threads_left() -> int:
    """How many threads of jobs still run in this process."""
    return sum(thread.name == _NAME for thread in threading.enumerate())


def _result(done: asyncio.Future[Outcome[T]]) -> T:
    result, error = done.result()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where T is
