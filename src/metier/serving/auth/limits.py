"""How often a key may call: a token bucket for each, which fills evenly and holds one minute's worth.

A key that was quiet may spend its minute at once; after that it gets `rate` requests a minute. All servers of an expert
share the bucket (`state.token_leases`). A server takes some tokens at a time, at most a twentieth of a minute's worth,
and those that it has not spent when as many have flowed in are void: so the state is asked some twenty times a minute
and key, and what is let in is the rate to within that twentieth. Where the state cannot be asked, a server counts by
itself.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from metier.core.errors import StoreError
from metier.state.token_leases import MINUTE, TokenLeases

_WHOLE = 1 - 1e-9  # a token, refilled in parts that do not quite add up
_LEASES = 20  # a minute's worth is taken in so many parts


@dataclass(slots=True)
class _Bucket:
    """`tokens`, `at`: as this server counts by itself. `leased`: tokens that may be spent until `until`; `closed`:
    until when there is none. Seconds of the clock."""

    tokens: float
    at: float
    leased: int = 0
    until: float = 0.0
    closed: float = 0.0


class RateLimiter:
    """`clock`: seconds that only grow. `remembered`: keys, at most; the one that was quiet for longest is forgotten
    first, whose bucket is the fullest anyway. `shared`: where all servers take from, None = this process is alone. Any
    number of threads may use it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        remembered: int = 10_000,
        shared: TokenLeases | None = None,
    ) -> None:
        self._clock, self._remembered, self._shared = clock, remembered, shared
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key_id: str, rate: int) -> int:
        """Count one request of a key that has `rate` a minute. Returns 0, or after how many whole seconds (at least 1)
        it may come again; a request that is turned away is not counted."""
        bucket = self._bucket(key_id, rate)
        if self._shared is not None:
            try:
                return self._take_leased(self._shared, bucket, key_id, rate)
            except StoreError:
                pass
        with self._lock:
            now = self._clock()
            bucket.tokens = min(rate, bucket.tokens + (now - bucket.at) * rate / MINUTE)
            bucket.at = now
            if bucket.tokens >= _WHOLE:
                bucket.tokens -= 1
                return 0
            return max(1, math.ceil((_WHOLE - bucket.tokens) * MINUTE / rate))

    def _take_leased(self, shared: TokenLeases, bucket: _Bucket, key_id: str, rate: int) -> int:
        with self._lock:
            now = self._clock()
            if bucket.leased and now < bucket.until:
                bucket.leased -= 1
                return 0
            if now < bucket.closed:
                return max(1, math.ceil(bucket.closed - now))
        taken, wait = shared.take(key_id, rate, max(1, rate // _LEASES))
        with self._lock:
            if not taken:
                bucket.closed = now + wait
                return max(1, math.ceil(wait))
            bucket.leased = taken - 1 + (bucket.leased if now < bucket.until else 0)
            bucket.until = now + taken * MINUTE / rate
        return 0

    def _bucket(self, key_id: str, rate: int) -> _Bucket:
        with self._lock:
            bucket = self._buckets.setdefault(key_id, _Bucket(rate, self._clock()))
            self._buckets.move_to_end(key_id)
            if len(self._buckets) > self._remembered:
                self._buckets.popitem(last=False)
            return bucket

    def close(self) -> None:
        if self._shared is not None:
            self._shared.close()
