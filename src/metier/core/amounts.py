"""Counts as a person writes them: `5000`, `20k`, `1.5M`, `2B`; and shares: `30%`."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_COUNT = re.compile(r"(\d+(?:[ _,]\d{3})*|\d+)(\.\d+)? ?([kmb]?)", re.IGNORECASE)
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
_MOST = 10**15


def count_of(text: str) -> float:
    """A whole number, but for `0.5`-like ones without a unit, such as questions a second. Raises `ValueError` that says
    how one is written."""
    match = _COUNT.fullmatch(text.strip())
    value = float(re.sub(r"[ _,]", "", match[1]) + (match[2] or "")) * _UNITS[match[3].lower()] if match else 0.0
    if not match or not 0 < value <= _MOST:
        raise ValueError(f"{text!r} is no count: write it as 5000, 20k, 1.5M or 2B")
    return value


def share_of(text: str) -> float:
    """`30%` is 0.3. Raises `ValueError` that says how one is written."""
    match = _SHARE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is no share: write it as 30%")
    return float(match[1]) / 100
