"""What the cells of a column hold: numbers with their unit, days, or words.

A column is judged as a whole: what one cell leaves open (is `1.234` a thousand, is `03/04/2026` in March?) others of
the same column often tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import regex

from metier.text.analyzer import ascii_digits
from metier.text.language import Language, all_languages, words_in_any_language, words_of
from metier.text.names import apart
from metier.text.quantities import number_readings, quantities
from metier.text.units import scale_of, unit_of

_SHARE = 0.8  # of a column's cells that are not empty must be of a type, for the column to be of it
_LONGEST = 40  # characters of a cell that may be a number or a day
_UNIT_WORDS = 3
_LOOKED_AT = 2000  # cells by which the type of a column is judged
_SAME_UNIT = 0.7  # share of a column's numbers that have its unit

_NUMBER = regex.compile(
    r"^(?P<open>\()?\s*(?P<sign>[-−–+])?\s*(?P<before>(?:US\$|\p{Sc}|\b(?:[A-Z]{3}|Rs\.?|Rp\.?|Tk\.?|Fr\.?|R\$))\s*)?"
    r"(?P<inside>\()?(?P<inner>[-−–])?"
    r"(?P<number>\d+(?:[.,'’\u00a0\u2009\u202f ]\d{2,3})*(?:[.,]\d+)?|[.,]\d+)"
    r"\s*(?P<close>\))?\s*(?P<after>[^\d\s][^\d]{0,24})?$"
)
_NOUGHT = regex.compile(r"^0\d+$")
_YEAR = regex.compile(r"^(?:1[5-9]|20|21)\d\d$")
_OTHER_MARK = {",": ".", ".": ","}
_ISO = regex.compile(r"^(\d{4})-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d:\d\d(?::\d\d)?)\S*)?)?$")
_SLASHED = regex.compile(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})$")
_DAY = regex.compile(rf"(?:{_ISO.pattern})|(?:{_SLASHED.pattern})")
_CENTURY, _PIVOT = 100, 70  # two digits of a year: 26 is 2026, 85 is 1985
_TICKS, _CROSSES = ("x", "y", "✓", "✔", "✅", "☑"), ("n", "✗", "✘", "❌", "☐")


class ColumnType(StrEnum):
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """`values`: of each cell a float, an ISO day ("2026-11-19", "2026-11") or the cell's words, None where it is empty
    or of no such type. `unit`: as it is written ("€", "%", "kg"), "" where its numbers have none."""

    type: ColumnType
    values: tuple[float | str | None, ...]
    unit: str = ""


def typed(name: str, cells: Sequence[str], language: str) -> TypedColumn:
    """The cells of one column, "" where one is empty. `name`: of the column; `language`: of the document."""
    looked_at = [cell for cell in cells if _says_something(cell)][:_LOOKED_AT]
    if looked_at and not _names_things(name, looked_at):
        day_first = _day_first(looked_at)
        if _most([_DAY.match(ascii_digits(cell.strip())) for cell in looked_at], looked_at):
            return TypedColumn(ColumnType.DATE, tuple(_day(cell, language, day_first) for cell in cells))
        point = _decimal_mark(looked_at, language)
        numbers = [_number(cell, point) for cell in looked_at]
        if _most(numbers, looked_at) and (unit := _unit_of_column(numbers)) is not None:
            return TypedColumn(ColumnType.NUMBER, tuple(_in_unit(_number(c, point), unit) for c in cells), unit)
        if _most([_day(cell, language, day_first) for cell in looked_at], looked_at):
            return TypedColumn(ColumnType.DATE, tuple(_day(cell, language, day_first) for cell in cells))
    return TypedColumn(ColumnType.TEXT, tuple(cell or None for cell in cells))


@lru_cache(maxsize=1)
def noes() -> frozenset[str]:
    """What a cell says that has nothing, in any language: "no" under "Certificate"."""
    words = [word for language in all_languages() for word in language.no]
    words += [*_CROSSES, *words_in_any_language("tables", "empty")]
    return frozenset(said for word in words for said in (word, word.capitalize(), word.upper()))


@lru_cache(maxsize=1)
def _yeses() -> frozenset[str]:
    return frozenset(_TICKS).union(*(language.yes for language in all_languages()))


def say_yes_or_no(values: Sequence[float | str | None], language: str) -> bool:
    """Whether the cells of a column tell nothing but whether something is so; that some are empty says no, too."""
    said = {value.casefold() if isinstance(value, str) else "" for value in values if value is not None}
    is_axes = len(said.intersection(_TICKS)) > 1  # x and y name two things
    if _initial(language, "yes") in said and said <= {_initial(language, "yes"), _initial(language, "no"), ""}:
        return True  # "O" and "N" in French
    return not is_axes and not said.isdisjoint(_yeses()) and said <= _yeses() | noes()


def saying_no(values: Sequence[float | str | None], language: str) -> list[str]:
    """Each of them once that says no."""
    words = {value for value in values if isinstance(value, str)}
    known = noes() | {_initial(language, "no")}
    return sorted(word for word in words if word in known or word.casefold() in known)


def _initial(language: str, answer: str) -> str:
    known = Language.of(language)
    words = known.yes if answer == "yes" else known.no
    return words[0][:1] if words else "-"


def _most(found: Sequence[object], cells: Sequence[str]) -> bool:
    return sum(each is not None for each in found) >= _SHARE * len(cells)


def _says_something(cell: str) -> bool:
    return any(map(str.isalnum, cell)) and cell.casefold() not in words_in_any_language("tables", "empty")


def _names_things(name: str, cells: Sequence[str]) -> bool:
    """Whether its numbers are names (of articles, telephones) that no sum is of: the last word of the column's name
    says so, or the first and all have as many digits, or one begins with a nought. Years are numbers all the same."""
    if all(_YEAR.match(cell) for cell in cells):
        return False
    words, known = words_of(apart(name)), words_in_any_language("tables", "number_name")
    if any(_NOUGHT.match(cell) for cell in cells) or (words and words[-1] in known):
        return True
    return bool(words) and words[0] in known and len({len(c) for c in cells}) == 1 and len(set(cells)) == len(cells)


_SYMBOLS = frozenset(("kg", "km", "cm", "mm", "ml", "cl", "hl", "kWh"))  # that are no words


def unit_in_name(name: str) -> str:
    """The unit that the name of a column tells: in brackets, at its end, as a whole, or what it is for each of
    something ("Price (€)", "hall RH %", "length_km", "Milliseconds", "€/day")."""
    bracketed = regex.search(r"[(\[]([^()\[\]]{1,12})[)\]]\s*$", name)
    last = name.split()[-1:] if len(name.split()) > 1 else []
    joined = name.strip().rpartition("_")
    per = joined[0].rpartition("_")[2].casefold() in words_in_any_language("words", "per")  # `price_per_m2` is a price
    last += [joined[2]] if joined[0] and not per else []
    last = [word for word in last if not word.isalpha() or word == joined[2] or word in _SYMBOLS]
    of_each = regex.match(r"\s*([^\s/]{1,4})/\p{L}", name)
    candidates = ([bracketed[1]] if bracketed else []) + last + [name.strip()] + ([of_each[1]] if of_each else [])
    return next((each for each in candidates if unit_of(each) is not None), "")


# --- numbers -------------------------------------------------------------------------------------------------


def _decimal_mark(cells: Sequence[str], language: str) -> str:
    """What the column's own numbers tell, else what its language says."""
    told: Counter[str] = Counter()
    thousands: Counter[str] = Counter()
    for cell in cells:
        if (match := _NUMBER.match(ascii_digits(cell))) is None:
            continue
        marks = regex.sub(r"[^.,]", "", match["number"])
        tail = len(match["number"]) - 1 - max(match["number"].rfind("."), match["number"].rfind(","))
        if marks and (len(set(marks)) > 1 or (len(marks) == 1 and tail != 3)):
            told[marks[-1]] += 1
        elif len(marks) > 1:
            told[_OTHER_MARK[marks[-1]]] += 1
        elif marks and match["before"] and unit_of(match["before"].strip()) is not None:
            thousands[_OTHER_MARK[marks]] += 1  # no price has three decimals
    told = told or thousands
    return told.most_common(1)[0][0] if told else Language.of(language).decimal


@lru_cache(maxsize=16_384)
def _number(cell: str, point: str) -> tuple[float, str] | None:
    """Value and unit as it is written; None where the whole cell is no number."""
    if len(cell) > _LONGEST or not any(map(str.isdigit, cell)):
        return None
    match = _NUMBER.match(ascii_digits(cell.strip()))
    if match is None:
        return None
    value = _value(match["number"], point)
    before, after = (match["before"] or "").strip(), (match["after"] or "").strip(" .")
    closed = bool(match["close"])
    if bool(match["open"] or match["inside"]) != closed or (before.isalpha() and unit_of(before) is None):
        return None
    if len(after.split()) > _UNIT_WORDS:
        return None
    scale, _, rest = after.partition(" ")
    if factor := scale_of(scale):
        value, after = value * factor, rest
    negative = closed or match["sign"] in ("-", "−", "–") or match["inner"]
    return (-value if negative else value), before or after


def _value(written: str, point: str) -> float:
    """`point`: the decimal mark of the column."""
    bare = regex.sub(r"['’\u00a0\u2009\u202f ]", "", written)
    marks = [character for character in bare if character in ".,"]
    if len(marks) == 1 and marks[0] == point:
        return float(bare.replace(",", "."))
    return number_readings(written if written[0].isdigit() else f"0{written}", point)[0][0]


def _unit_of_column(numbers: Sequence[tuple[float, str] | None]) -> str | None:
    """ "" where its numbers have none; None where they have many, and cannot be compared."""
    units = Counter(number[1] for number in numbers if number is not None)
    told = Counter({unit: count for unit, count in units.items() if unit})
    if not told:
        return ""
    unit, _ = told.most_common(1)[0]
    alike = sum(count for other, count in units.items() if not other or other == unit or _comparable(other, unit))
    return unit if alike >= _SAME_UNIT * sum(units.values()) else None


def _comparable(one: str, other: str) -> bool:
    first, second = unit_of(one), unit_of(other)
    return first is not None and second is not None and first.dimension == second.dimension


def _in_unit(number: tuple[float, str] | None, unit: str) -> float | None:
    """The value in the unit of its column; None where it has another dimension."""
    if number is None:
        return None
    value, own = number
    if not own or own == unit:
        return value
    first, second = unit_of(own), unit_of(unit)
    if first is None or second is None or first.dimension != second.dimension or first.dimension == "temperature":
        return None
    return value if first == second else first.in_base(value) / second.factor


# --- days ----------------------------------------------------------------------------------------------------


def _day_first(cells: Sequence[str]) -> bool:
    """Whether `03/04/2026` is in April: unless a cell has a month in its first place only."""
    matches = [match for cell in cells if (match := _SLASHED.match(ascii_digits(cell)))]
    return not any(int(match[2]) > 12 for match in matches) or any(int(match[1]) > 12 for match in matches)


@lru_cache(maxsize=16_384)
def _day(cell: str, language: str, day_first: bool) -> str | None:
    """As ISO 8601 has it: a day, a month with its year, or a day with a time."""
    plain = ascii_digits(cell.strip())
    if len(plain) > _LONGEST or not any(map(str.isdigit, plain)):
        return None
    if _ISO.match(plain):
        return day_in(plain)
    if match := _SLASHED.match(plain):
        year = int(match[3])
        year += 0 if year >= _CENTURY else 1900 if year >= _PIVOT else 2000
        day, month = (int(match[1]), int(match[2])) if day_first else (int(match[2]), int(match[1]))
        return _iso(year, month, day)
    said = quantities(cell, language)
    if len(said) != 1 or not said[0].dates or len(cell) - len(said[0].text) > len("Wednesday, "):
        return None
    year_, month_, day_ = said[0].dates[0]
    return _iso(year_, month_, day_) if year_ and month_ else None


def day_in(cell: str) -> str | None:
    """Of a cell that is a day as ISO 8601 has it, perhaps with a time; None for any other."""
    match = _ISO.match(cell)
    if match is None:
        return None
    day = _iso(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
    return f"{day} {match[4]}" if day and match[4] and set(match[4]) - set("0:") else day


def _iso(year: int, month: int, day: int | None) -> str | None:
    try:
        made = date(year, month, day or 1)
    except ValueError:
        return None
    return made.isoformat() if day else f"{made:%Y-%m}"
