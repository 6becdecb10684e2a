"""Clocks that a test sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Begins at noon; `now` for keys, `seconds` for sessions and limits, both the same time."""

    def __init__(self) -> None:
        self.time = datetime(2031, 5, 4, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def seconds(self) -> float:
        return self.time.timestamp()

    def go_on(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
