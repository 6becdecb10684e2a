"""When an item is tried again that failed for a reason that may pass: it was out of reach, took too long, was locked.

    within a sync    twice, after a short pause, once all others are read
    the next syncs   at once, then after longer and longer, and after some days not again by itself

One that is damaged is read again when it changes, as one that gave up is. `metier sync --retry` reads both at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from metier.state.catalog import ItemState

PAUSES = (0.2, 1.0)  # seconds, before each new try within a sync
DELAYS = (0, 60, 300, 1_800, 7_200, 21_600, 86_400)  # seconds until the next try, after each sync that failed
LEFT_ALONE = 3  # items of one source that fail again in a row, after which the others are left for the next sync


def next_try(tries: int, now: datetime) -> str:
    """When an item is tried again after `tries` syncs in which it failed, ISO 8601 in UTC; "" = it gave up."""
    if tries > len(DELAYS):
        return ""
    return (now + timedelta(seconds=DELAYS[tries - 1])).astimezone(UTC).isoformat(timespec="seconds")


def is_waiting(state: ItemState, now: datetime) -> bool:
    """Whether an item that failed is not to be tried now."""
    if state.state != "failed" or not state.tries:
        return False
    return not state.next_try or state.next_try > now.astimezone(UTC).isoformat(timespec="seconds")


def earliest(states: Iterable[ItemState]) -> str:
    """When the first of these is tried again, "" where none is."""
    return min((state.next_try for state in states if state.state == "failed" and state.next_try), default="")
