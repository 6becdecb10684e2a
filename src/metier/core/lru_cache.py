"""What was made last, remembered: for what is dear to make, made many at once, and depends on nothing but its key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """The values that were needed last, at most `most`. Several threads may ask at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, keys: Sequence[Key], make: Callable[[list[int]], Sequence[Value]]) -> list[Value]:
        """The value of each key. `make` gives those that are missing, from their places in `keys`, each key once."""
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
            for key in found:
                self._known.move_to_end(key)
        missing = {key: place for place, key in enumerate(keys) if key not in found}
        if missing:
            made = dict(zip(missing, make(list(missing.values())), strict=True))
            found |= made
            self._keep(made)
        return [found[key] for key in keys]

    def _keep(self, made: dict[Key, Value]) -> None:
        with self._lock:
            self._known.update(made)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
