"""What waits for a worker of the cluster, and what they have taken: an actor of the driver's node.

Ray Data gives each task a place, a number; the worker takes with it the next parcel of the kind that it has a hand free
for. A task that Ray runs again, since its worker was lost, has the same place and so is given the same parcel. From
the second time on the worker says which piece it begins with, and does it alone: one with which workers were lost twice
is given up, so that it stops nobody. Where they are lost again and again while they load their models, all work ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_MOST_LOST = 1  # workers with one piece, beside the first, of which nobody knows what it was at
_MOST_LOADING = 5  # workers with one parcel that were loading their models
LOADING = -1  # what a worker is at before the first piece


@dataclass(slots=True)
class Parcel:
    """`content`: reference to the pieces, in a list, so that Ray hands on the reference. `tries`: how often it was
    taken. `begun`: the piece that a worker is at, or `LOADING`; None = nobody said. `lost`: workers by that."""

    number: int
    kind: str
    content: list[Any]
    tries: int = 0
    begun: int | None = None
    lost: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Taken:
    """A parcel as a worker is given it. `given_up`: pieces of it that are not tried again."""

    number: int
    kind: str
    content: list[Any]
    tries: int
    given_up: frozenset[int]


class WorkQueue:
    """An async actor: its methods are called by the driver and all workers, and never run at the same time."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Parcel]] = defaultdict(deque)
        self._taken: dict[int, Parcel] = {}  # by place
        self._finished: set[int] = set()  # places whose parcel is delivered
        self._places: dict[int, int] = {}  # number of a parcel to its place
        self._changed = asyncio.Condition()
        self._is_closed = False
        self._ended: BaseException | None = None  # why nothing more comes
        self._workers = 0  # that have come

    async def put(self, number: int, kind: str, content: list[Any]) -> None:
        async with self._changed:
            self._waiting[kind].append(Parcel(number, kind, content))
            self._changed.notify_all()

    async def came(self) -> None:
        """A worker is there."""
        self._workers += 1

    async def workers(self) -> int:
        """How many workers have come, those that came again included."""
        return self._workers

    async def taken(self, place: int) -> Taken | None:
        """The parcel that this place has been given before, to a worker that was lost with it."""
        parcel = self._taken.get(place)
        if parcel is None:
            return None
        if parcel.begun is not None:
            parcel.lost[parcel.begun] += 1
            parcel.begun = None
        if (lost := parcel.lost[LOADING]) >= _MOST_LOADING:
            await self.fail(
                RuntimeError(f"{lost} workers were lost while they loaded the models: is memory too small?")
            )
            return None
        return self._given(parcel)

    async def take(self, place: int, kind: str) -> Taken | None:
        """The next parcel of that kind, once there is one. None: nothing more comes."""

        def is_ready() -> bool:
            return self._is_closed or place in self._taken or bool(self._waiting[kind])

        if place in self._finished:
            return None
        async with self._changed:
            await self._changed.wait_for(is_ready)
            if self._is_closed:
                return None
            if (parcel := self._taken.get(place)) is None:
                parcel = self._taken[place] = self._waiting[kind].popleft()
                self._places[parcel.number] = place
            self._changed.notify_all()  # one that was lost while it waited here waits on, beside the next at its place
            return self._given(parcel)

    def _given(self, parcel: Parcel) -> Taken:
        parcel.tries += 1
        lost = parcel.lost.items()
        given_up = frozenset(piece for piece, times in lost if piece != LOADING and times >= _MOST_LOST)
        return Taken(parcel.number, parcel.kind, parcel.content, parcel.tries, given_up)

    async def begin(self, place: int, piece: int | None) -> None:
        """A worker is at this piece of what it took, or `LOADING`; None: at none."""
        if (parcel := self._taken.get(place)) is not None:  # else it came twice, and the driver has it
            parcel.begun = piece

    async def finish(self, numbers: Sequence[int]) -> None:
        """The driver has what became of these parcels."""
        for number in numbers:
            place = self._places.pop(number, None)
            if place is not None:
                self._finished.add(place)
                del self._taken[place]

    async def begin_round(self) -> None:
        """Places are given anew from here on. What was taken and not delivered waits again, first in line."""
        async with self._changed:
            for parcel in sorted(self._taken.values(), key=lambda each: -each.number):
                self._waiting[parcel.kind].appendleft(parcel)
            self._taken.clear()
            self._places.clear()
            self._finished.clear()
            self._changed.notify_all()

    async def fail(self, error: BaseException) -> None:
        """Nothing more comes, for this reason."""
        self._ended = self._ended or error
        await self.close()

    async def close(self) -> None:
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()
