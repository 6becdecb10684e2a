"""Whether a passage speaks of another time than the one that a question names.

"prices in 2019"             a passage of the price list of 2024 does; one that names no year does not
"the values of 9 March"      a report with 10 February and 24 February does
"who chaired it in 1995"     "chair from 1993 to 2001" does not: the two dates are a period
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath

import regex

from metier.answering.support.agreement import agrees
from metier.documents import Passage
from metier.text.quantities import Quantity, Reading, quantities

_BETWEEN = 14  # characters between two dates that are the ends of a period
_NO_LETTERS = regex.compile(r"[-_.]+")


def at_another_time(question: str, passages: Sequence[Passage], language: str) -> list[bool]:
    """For each passage: it has dates as exact as one of the question, in its text, headings, title or file name, and
    none of them is it."""
    wanted = _dates(question, language)
    return [bool(wanted) and _elsewhen(wanted, passage, language) for passage in passages]


def days_missing(question: str, passages: Sequence[Passage], language: str) -> tuple[int, int]:
    """How many days a question names, and how many of them none of the passages does."""
    wanted = [date for date in _dates(question, language) if date.dates[0][2] is not None]
    if not wanted:
        return 0, 0
    given = [date for passage in passages for date in _told(passage, language)]
    return len(wanted), sum(not any(agrees(date, other) for other in given) for date in wanted)


def _elsewhen(wanted: Sequence[Quantity], passage: Passage, language: str) -> bool:
    given = _told(passage, language)
    periods = _periods(passage.indexed_text, _dates(passage.indexed_text, passage.language or language))
    return any(_is_missing(date, given, periods) for date in wanted)


def _is_missing(date: Quantity, given: Sequence[Quantity], periods: Sequence[tuple[Reading, Reading]]) -> bool:
    level = _level(date.dates[0])
    comparable = [other for other in given if any(_has(reading, level) for reading in other.dates)]
    if not comparable or any(agrees(date, other) for other in comparable):
        return False
    return not any(_ordered(first) <= _ordered(date.dates[0]) <= _ordered(last) for first, last in periods)


def _told(passage: Passage, language: str) -> list[Quantity]:
    """Dates of a passage's text, headings, title and file name."""
    stem = _NO_LETTERS.sub(" ", PurePosixPath(passage.uri).stem)
    own = passage.language or language
    return [date for text in (passage.indexed_text, passage.title, stem) for date in _dates(text, own)]


def _dates(text: str, language: str) -> list[Quantity]:
    return [quantity for quantity in quantities(text, language) if quantity.dates]


def _periods(text: str, dates: Sequence[Quantity]) -> list[tuple[Reading, Reading]]:
    near = [(a, b) for a, b in pairwise(dates) if b.start - a.end <= _BETWEEN and "\n" not in text[a.end : b.start]]
    return [(a.dates[0], b.dates[0]) for a, b in near]


def _level(date: Reading) -> tuple[bool, ...]:
    """Which of year, month and day are said; of a day the year may be left out."""
    year, month, day = (part is not None for part in date)
    return (year and not month, month, day)


def _has(date: Reading, level: tuple[bool, ...]) -> bool:
    return all(part is not None for part, needed in zip(date, level, strict=True) if needed)


def _ordered(date: Reading) -> tuple[int, ...]:
    return tuple(part or 0 for part in date)
