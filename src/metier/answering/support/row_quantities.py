"""The numbers of a table row, each with what stands elsewhere in the table and belongs to it.

Weight (kg): 850                                    the unit of its column's name
Rental (in thousands of euro) | 2025: 241.6         that of the row's name, and by what it is multiplied
Day: Thu 19        below "Schedule, November 2026"  the month and the year of the heading
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import regex

from metier.text.language import in_any_language, single_words
from metier.text.phrases import any_of, compose, fold
from metier.text.quantities import Quantity, quantities
from metier.text.units import UnitOfMeasure

CELL_TEXT = regex.compile(r"[^|]+")
COLUMN = regex.compile(r"^\s*([^:|]{1,60}):\s+")
_IN_BRACKETS = regex.compile(r"[(\[]\s*(?:in\s+)?([^)\]]{1,24}?)\s*[)\]]|(?:,|\bin)\s+(\S{1,8})$")
_WORDS_OF_A_RATE = 3  # "€ per day" at the end of a column's name
_DAY = regex.compile(r"\s*(\p{L}[\p{L}\p{M}]+)\.?,?\s+(\p{Nd}{1,2})\.?\s*")
_DAYS_OF_A_MONTH = 31

Measure = tuple[UnitOfMeasure | None, tuple[UnitOfMeasure, ...], float]  # unit, what it is told for, a factor


def row_quantities(row: str, language: str, around: Sequence[Quantity] = ()) -> tuple[Quantity, ...]:
    """`around`: dates and numbers of the headings and the title over the row."""
    found: list[Quantity] = []
    label = ""
    for number, cell in enumerate(CELL_TEXT.finditer(row)):
        column = COLUMN.match(cell[0])
        value = column.end() if column else 0
        if not number:
            label = cell[0][value:]
            if day := _day(label, around):
                found.append(replace(day, start=cell.start() + value, end=cell.end()))
                continue
        measure = (column and measure_of(column[1], language)) or (number and _in_brackets(label, language))
        for quantity in quantities(cell[0], language):
            inside = quantity.start < value
            moved = replace(quantity, start=quantity.start + cell.start(), end=quantity.end + cell.start())
            found.append(moved if inside or not measure else _measured_by(moved, *measure))
    return tuple(found)


def _measured_by(said: Quantity, unit: UnitOfMeasure | None, per: tuple[UnitOfMeasure, ...], factor: float) -> Quantity:
    if said.unit is not None or said.dates:
        return replace(said, per=said.per or per)
    values = dict.fromkeys((*said.values, *(value * factor for value in said.values)))
    return replace(said, unit=unit, per=per, values=tuple(values))


def measure_of(name: str, language: str) -> Measure | None:
    """What the numbers of a column are told in: "Weight (kg)", "Rent (€/day)", "Price EUR per m²"."""
    if measure := _in_brackets(name, language):
        return measure
    words = name.split()
    tails = (" ".join(words[first:]) for first in range(max(1, len(words) - _WORDS_OF_A_RATE), len(words)))
    return next((measure for tail in tails if len(tail) > 1 and (measure := _measure(tail, language))), None)


def _in_brackets(name: str, language: str) -> Measure | None:
    """What a name measures in brackets, or at its end behind "in" or a comma."""
    found = (match[1] or match[2] for match in _IN_BRACKETS.finditer(name))
    return next((measure for text in found if (measure := _measure(text, language))), None)


def _measure(text: str, language: str) -> Measure | None:
    """What `text` measures where it is nothing but a unit, with what it is multiplied by ("thousands of euro")."""
    plain = _of().sub(" ", text.replace(".", "").strip())
    found = quantities(f"1 {plain}", language)
    if len(found) == 1 and found[0].unit is not None and found[0].end == len(plain) + 2:
        return found[0].unit, found[0].per, max(found[0].values)
    return None


@lru_cache(maxsize=1)
def _of() -> regex.Pattern[str]:
    return regex.compile(rf"\s+(?:{any_of(single_words('numbers', 'of'))})\s+", regex.IGNORECASE)


def _day(label: str, around: Sequence[Quantity]) -> Quantity | None:
    """The date of a row that is named by its day of the week and of the month, where one month is told over it."""
    match = _DAY.fullmatch(label)
    months = {(year, month) for q in around for year, month, day in q.dates if month is not None and day is None}
    if match is None or len(months) != 1 or not 1 <= int(match[2]) <= _DAYS_OF_A_MONTH:
        return None
    word = fold(compose(match[1]))
    if not any(day.startswith(word) for day in _weekdays()):
        return None
    ((year, month),) = months
    return Quantity(0, 0, label.strip(), dates=((year, month, int(match[2])),))


@lru_cache(maxsize=1)
def _weekdays() -> tuple[str, ...]:
    """Names of the days of the week in any language, of which a table has the first letters."""
    return tuple(_spellings(in_any_language("calendar", "weekdays")))


def _spellings(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield from (fold(compose(each)).rstrip("*") for each in name.split("|"))
