"""How often a key may call: a token bucket for each, which fills evenly and holds one minute's worth.

A key that was quiet may spend its minute at once; after that it gets `rate` requests a minute. The buckets live in
this process: two servers of one expert count apart.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MINUTE = 60.0  # seconds
_WHOLE = 1 - 1e-9  # a token, refilled in parts that do not quite add up


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float  # seconds of the clock, when `tokens` was right


class RateLimiter:
    """`clock`: seconds that only grow. `remembered`: keys, at most; the one that was quiet for longest is forgotten
    first, whose bucket is the fullest anyway. Any number of threads may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, remembered: int = 10_000) -> None:
        self._clock, self._remembered = clock, remembered
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key_id: str, rate: int) -> int:
        """Count one request of a key that has `rate` a minute. Returns 0, or after how many whole seconds (at least 1)
        it may come again; a request that is turned away is not counted."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(key_id, _Bucket(rate, now))
            self._buckets.move_to_end(key_id)
            if len(self._buckets) > self._remembered:
                self._buckets.popitem(last=False)
            bucket.tokens = min(rate, bucket.tokens + (now - bucket.at) * rate / _MINUTE)
            bucket.at = now
            if bucket.tokens >= _WHOLE:
                bucket.tokens -= 1
                return 0
            return max(1, math.ceil((_WHOLE - bucket.tokens) * _MINUTE / rate))
