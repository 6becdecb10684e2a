"""Whether a passage speaks of another time, or another numbered thing, than the one that a question names.

"prices in 2019"             a passage of the price list of 2024 does; one that names no year does not
"the values of 9 March"      a report with 10 February and 24 February does
"who chaired it in 1995"     "chair from 1993 to 2001" does not: the two dates are a period
"the night shift of week 14" a roster of week 11 does
"the oil of the NV-130"      a page on the NV-110 does; one that names neither does not
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath

import regex

from metier.answering.support.agreement import agrees
from metier.answering.support.names import Name, form_of, keys, names, stands_in
from metier.core.documents import Passage
from metier.text.analyzer import ascii_digits
from metier.text.language import Language, all_languages
from metier.text.phrases import fold
from metier.text.quantities import Quantity, Reading, quantities

_NUMBERED = regex.compile(r"([\p{L}\p{M}]{2,})[ -](\d{1,4})(?![\d.,:/-]*\d|\p{L})")
_SEASON = regex.compile(r"(?<![\d-])((?:19|20)\d\d)[-–/](\d\d|(?:19|20)\d\d)(?![\d-])")
_BETWEEN = 60  # characters between two dates that are the ends of a period: "closes on … and opens again on"
_APART = regex.compile(r"[.!?。！？]\s|\n\s*\n|[|;]")  # what ends a period between two dates
_NO_LETTERS = regex.compile(r"[-_.]+")


def at_another_time(question: str, passages: Sequence[Passage], language: str) -> list[bool]:
    """For each passage: it has dates as exact as one of the question, in its text, headings, title or file name, and
    none of them is it."""
    wanted, seasons = _dates(question, language), _seasons(question)
    if not wanted and not seasons:
        return [False] * len(passages)
    return [_elsewhen(wanted, passage, language) or _of_another_season(seasons, passage) for passage in passages]


def _seasons(text: str) -> set[tuple[int, int]]:
    """Years that are named with the next one: 2025-26, 2025/2026."""
    pairs = ((int(first), int(second)) for first, second in _SEASON.findall(ascii_digits(text)))
    return {(first, first + 1) for first, second in pairs if second % 100 == (first + 1) % 100}


def _of_another_season(wanted: set[tuple[int, int]], passage: Passage) -> bool:
    """Those nearest to the passage count: a sheet of last year's prices in the file of this year's."""
    if not wanted:
        return False
    for text in (passage.text, *reversed(passage.headings), passage.title, passage.uri):
        if given := _seasons(text):
            return wanted.isdisjoint(given)
    return False


def days_missing(question: str, passages: Sequence[Passage], language: str) -> tuple[int, int]:
    """How many days a question names, and how many of them none of the passages does, nor a period that they are in."""
    wanted = [date for date in _dates(question, language) if date.dates[0][2] is not None]
    if not wanted:
        return 0, 0
    given, periods = [], []
    for passage in passages:
        own = _dates(passage.indexed_text, passage.language or language)
        given += own + _named(passage, language)
        periods += _periods(passage.indexed_text, own)
    missing = [date for date in wanted if not any(agrees(date, other) for other in given)]
    return len(wanted), sum(not _is_within(date, periods) for date in missing)


def of_another_number(question: str, passages: Sequence[Passage], language: str) -> list[bool]:
    """For each passage: an identifier of the question, or a word with its number ("week 14"), is not in its text,
    headings, title or file name, while others of the same form are. Of several of one form one is enough."""
    named = [name for name in names(question, language) if name.identifier]
    common = Language.of(language).function_words
    pairs = [(fold(word), number) for word, number in _NUMBERED.findall(ascii_digits(question))]
    pairs = [(word, number) for word, number in pairs if word not in common and word not in _months()]
    if not named and not pairs:
        return [False] * len(passages)
    return [_is_of_another(named, pairs, passage) for passage in passages]


def _is_of_another(named: Sequence[Name], pairs: Sequence[tuple[str, str]], passage: Passage) -> bool:
    text = f"{passage.indexed_text}\n{passage.title}\n{passage.uri}"
    held = keys(text)
    shapes = {form_of(key) for key in held if any(map(str.isdigit, key)) and not key.isdecimal()}
    for shape in shapes & {form_of(name.key) for name in named}:
        if not any(stands_in(name, held) for name in named if form_of(name.key) == shape):
            return True
    folded = fold(ascii_digits(text))
    for word in dict.fromkeys(word for word, _ in pairs):
        numbers = set(regex.findall(rf"(?<!\p{{L}}){regex.escape(word)}[ _-]0*(\d+)", folded))
        if numbers and numbers.isdisjoint(number.lstrip("0") for other, number in pairs if other == word):
            return True
    return False


def _elsewhen(wanted: Sequence[Quantity], passage: Passage, language: str) -> bool:
    if not wanted:
        return False
    own = _dates(passage.indexed_text, passage.language or language)
    given = [*own, *_named(passage, language)]
    periods = _periods(passage.indexed_text, own)
    return any(_is_missing(date, given, periods) for date in wanted)


def _is_missing(date: Quantity, given: Sequence[Quantity], periods: Sequence[tuple[Reading, Reading]]) -> bool:
    level = _level(date.dates[0])
    comparable = [other for other in given if any(_has(reading, level) for reading in other.dates)]
    if not comparable or any(agrees(date, other) for other in comparable):
        return False
    return not _is_within(date, periods)


def _is_within(date: Quantity, periods: Sequence[tuple[Reading, Reading]]) -> bool:
    """Whether a date lies in one of the periods; where it has no year, in any year of them."""
    year, month, day = date.dates[0]
    for first, last in periods:
        years = (year,) if year is not None else (first[0], last[0])
        if any(_ordered(first) <= _ordered((each, month, day)) <= _ordered(last) for each in years):
            return True
    return False


def _named(passage: Passage, language: str) -> list[Quantity]:
    """Dates of a passage's title and file name."""
    stem = _NO_LETTERS.sub(" ", PurePosixPath(passage.uri).stem)
    own = passage.language or language
    return [*_dates(passage.title, own), *_dates(stem, own)]


def _dates(text: str, language: str) -> list[Quantity]:
    return [quantity for quantity in quantities(text, language) if quantity.dates]


def _periods(text: str, dates: Sequence[Quantity]) -> list[tuple[Reading, Reading]]:
    near = [
        (a, b) for a, b in pairwise(dates) if b.start - a.end <= _BETWEEN and not _APART.search(text[a.end : b.start])
    ]
    return [_in_one_year(a.dates[0], b.dates[0]) for a, b in near]


def _in_one_year(first: Reading, last: Reading) -> tuple[Reading, Reading]:
    """The year of one of them is the other's, where that one has none."""
    if first[0] is None or last[0] is not None:
        return first, last
    return first, (first[0], *last[1:])


def _level(date: Reading) -> tuple[bool, ...]:
    """Which of year, month and day are said; of a day the year may be left out."""
    year, month, day = (part is not None for part in date)
    return (year and not month, month, day)


def _has(date: Reading, level: tuple[bool, ...]) -> bool:
    return all(part is not None for part, needed in zip(date, level, strict=True) if needed)


def _ordered(date: Reading) -> tuple[int, ...]:
    return tuple(part or 0 for part in date)


@lru_cache(maxsize=1)
def _months() -> frozenset[str]:
    return frozenset(fold(name) for language in all_languages() for month in language.months for name in month)
