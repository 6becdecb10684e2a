"""Lengths of time as a person writes them: `90s`, `15min`, `1h`, `2d`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_INTERVAL = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(s|min|h|d)")


def seconds_of(interval: str) -> float:
    """Raises `ValueError` that says how one is written."""
    match = _INTERVAL.fullmatch(interval.strip())
    if match is None or not float(match[1]):
        raise ValueError(f"{interval!r} is no length of time: write it as 90s, 15min, 1h or 2d")
    return float(match[1]) * _UNITS[match[2]]


def _checked(interval: str) -> str:
    seconds_of(interval)
    return interval


Interval = Annotated[str, AfterValidator(_checked)]
