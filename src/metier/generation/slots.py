"""Which of llama.cpp's slots writes an answer, and whether it may go on from what it read before.

A slot keeps its last prompt, and skips what the next one begins with as well. How much that is shows in the time to the
first token, so it would tell one reader, digit by digit, what another one's documents say. A slot is reused only for
those who may read the same (`core.reading`); for others it reads the whole prompt.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from metier.core.reading import Groups

_WORTH = 0.1  # share of a prompt that must be known, else the slot that was used least lately is taken


@dataclass(slots=True)
class _Slot:
    """`last`: when it was used, in requests; 0: never."""

    number: int
    is_free: bool = True
    last: int = 0
    readers: Groups = None
    prompt: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def known(self, prompt: np.ndarray) -> int:
        """How many tokens of `prompt` it has read."""
        length = min(len(self.prompt), len(prompt))
        differs = np.flatnonzero(self.prompt[:length] != prompt[:length])
        return int(differs[0]) if len(differs) else length


class Slots:
    """Safe to ask from any thread; `count` of them."""

    def __init__(self, count: int) -> None:
        self._slots = [_Slot(number) for number in range(count)]
        self._free = threading.Condition()
        self._requests = 0

    @contextmanager
    def take(self, tokens: Sequence[int], readers: Groups) -> Iterator[tuple[int, bool]]:
        """The number of a slot, for as long as the context is open, and whether what it read may be reused. Waits where
        none is free."""
        prompt = np.asarray(tokens, dtype=np.int64)
        with self._free:
            self._free.wait_for(lambda: any(slot.is_free for slot in self._slots))
            chosen = self._choose(prompt, readers)
            may_reuse = chosen.last > 0 and chosen.readers == readers
            self._requests += 1
            chosen.is_free, chosen.last, chosen.readers, chosen.prompt = False, self._requests, readers, prompt
        try:
            yield chosen.number, may_reuse
        finally:
            with self._free:
                chosen.is_free = True
                self._free.notify()

    def _choose(self, prompt: np.ndarray, readers: Groups) -> _Slot:
        free = [slot for slot in self._slots if slot.is_free]
        own = [slot for slot in free if slot.last and slot.readers == readers]
        best = max(own, key=lambda slot: slot.known(prompt), default=None)
        if best is not None and best.known(prompt) >= _WORTH * len(prompt):
            return best
        return min(free, key=lambda slot: slot.last)
