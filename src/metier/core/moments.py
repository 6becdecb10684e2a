"""Moments as a person writes them: a day, or a day and a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from metier.core.errors import InputError

AsOf = str | date | datetime
"""A day, or a moment."""
_HOW = "Write a day, 2026-10-01, or a moment, 2026-10-01T15:00."


def moment_of(given: AsOf) -> datetime:
    """In UTC; of a day its end, in the zone of this machine, or now where it is today. Raises `InputError` where it is
    no moment, or one that is still to come."""
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given) if len(given) <= len("2026-10-01") else datetime.fromisoformat(given)
        except ValueError:
            raise InputError(f"{given!r} is no day", hint=_HOW) from None
    now = datetime.now(UTC)
    if type(given) is date and given == now.astimezone().date():
        return now
    try:
        moment = (given if isinstance(given, datetime) else datetime.combine(given, time.max)).astimezone(UTC)
    except (OverflowError, OSError, ValueError):  # of the year 1, or 9999, in another zone
        raise InputError(f"{given} is no day that is reckoned with", hint=_HOW) from None
    if moment > now:
        raise InputError(f"{given} is still to come", hint=_HOW)
    return moment
