"""The day that a document is of, as its name, its title and its metadata tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import regex

from metier.text.dates import TimeMention

_NOTED = ("date", "created", "corrected_at")  # metadata
# What programs write where nobody gave a day: epochs, and those of templates and reproducible files.
_NO_DAY = tuple(map(date.fromisoformat, ("1601-01-01", "1970-01-01", "1980-01-01", "2000-01-01", "2013-12-23")))
_DATE = regex.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?(?!\d)")
_YEAR = regex.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")


def days_of(name: str, title: str, metadata: Mapping[str, str]) -> tuple[date, date] | None:
    """First and last day that a document may be of: those in its file's `name` or `title`; where these give only a
    year, or nothing, the date in its metadata, if it lies in that year."""
    noted = [days for key in _NOTED if (days := _days(metadata.get(key, ""))) and days[0] not in _NO_DAY]
    named = [days for text in (name, title) if (days := _days(text))]
    exact = [days for days in named if days[0].month == days[1].month]
    if exact or not named:
        return next(iter([*exact, *noted]), None)
    within = (days for days in noted if named[0][0] <= days[0] <= days[1] <= named[0][1])
    return next(within, named[0])


def told(days: tuple[date, date] | None) -> str:
    """A day, a month or a year in ISO 8601, "" where none is known."""
    if days is None:
        return ""
    first, last = days
    if first == last:
        return first.isoformat()
    return first.strftime("%Y-%m") if first.month == last.month else f"{first.year:04}"


def _days(text: str) -> tuple[date, date] | None:
    if match := _DATE.search(text):
        year, month = int(match[1]), int(match[2])
        day = int(match[3]) if match[3] else None
        try:
            mention = TimeMention((0, 0), "date", 0, year, month, day)
            period = mention.period(date(year, month, 1))
        except ValueError:
            return None
        return (period.start, period.end) if period.start and period.end else None
    if match := _YEAR.search(text):
        return date(int(match[1]), 1, 1), date(int(match[1]), 12, 31)
    return None
