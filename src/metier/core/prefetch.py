"""Work on several things at once, with results in the order of the things."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

_WINDOW = 2  # things looked at before their turn, times what is done at once: not every thing makes work
T = TypeVar("T")
R = TypeVar("R")


def ahead(
    things: Iterable[T], work: Callable[[T], R], wants: Callable[[T], bool], parallel: int
) -> Iterator[tuple[T, Callable[[], R] | None]]:
    """Each thing with a call that gives `work` of it, or raises what it raised; None where `wants` says no, which is
    asked before the thing's turn. `parallel`: 1 = the call itself works; more = so many threads work on things whose
    turn is still to come. Whoever stops in the middle, or ends the program, does not wait for what is unfinished."""
    if parallel == 1:
        yield from ((thing, partial(work, thing) if wants(thing) else None) for thing in things)
        return
    limit = threading.Semaphore(parallel)
    waiting: deque[tuple[T, Future[R] | None]] = deque()
    try:
        for thing in things:
            waiting.append((thing, _begun(work, thing, limit) if wants(thing) else None))
            if len(waiting) > _WINDOW * parallel:
                yield _told(*waiting.popleft())
        while waiting:
            yield _told(*waiting.popleft())
    finally:
        for _, future in waiting:
            if future is not None:
                future.cancel()


def _told(thing: T, future: Future[R] | None) -> tuple[T, Callable[[], R] | None]:
    return thing, None if future is None else future.result


def _begun(work: Callable[[T], R], thing: T, limit: threading.Semaphore) -> Future[R]:
    """On a thread that ends with the program; those of a pool would be waited for."""
    future: Future[R] = Future()

    def run() -> None:
        with limit:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(thing))
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                future.set_exception(error)

    threading.Thread(target=run, name="ahead", daemon=True).start()
    return future
