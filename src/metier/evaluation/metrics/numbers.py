"""Numbers of a text with their units, and whether the numbers of an answer stand in another text.

    840 Nm    0.84 kNm    ৮৪০ নিউটন মিটার    1.234,5 mm    ½ h    10-12 °C    -5 %    $3.2 million    3.2万元

Digits of every script are read, thousands and decimals as the language writes them. Two quantities are the same where
they are equal in the base unit of their kind, so 60 min is 1 h. Codes (`NV-110`, `E217`, `10W-40`) are names and no
numbers. Not read: numbers in words (thirty, ত্রিশ, 三十), Roman ones, and a unit that stands in another cell of a table.

`text.quantities` reads numbers, too, and its words are the same, those of the languages' files. It is another reader on
purpose. It serves support, which must not call a right answer wrong: a number that can be read in two ways has both
values there, dates and page numbers are none, words are, and what a number is told for ("a day") counts. An exam must
give one figure for an answer, whatever the support of answers learns to read: one value a number, dates by their parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import regex

from metier.text import compound_units as units
from metier.text.compound_units import Powers, UnitDefinition
from metier.text.language import Language, in_any_language, known_languages, single_words
from metier.text.normalization import CODE, fold, plain_number
from metier.text.phrases import UNSPACED, any_of

_SPACED_THOUSANDS = regex.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?!\d)")
_NUMBER = regex.compile(r"\d+(?:[.,]\d+)*|(?<![\p{L}\p{M}\d])\.\d+")
_ALPHABETIC = r"[\p{Latin}\p{Greek}\p{Cyrillic}_]"  # scripts that names with digits are made of
_IN_NAME = regex.compile(rf"(?:{_ALPHABETIC}|(?<!\p{{Ll}})[\p{{L}}\p{{M}}_][-./])$")
_NAME_GOES_ON = regex.compile(_ALPHABETIC)
_YEAR = regex.compile(r"[12]\d{3}")
_YEARS = regex.compile(r"s(?!\p{L})|年")  # the 1990s, 2010年
_FRACTION = regex.compile(r"(?<!/)(\d+)/(\d+)(?![\d/]|[.,]\d)")
_FRACTION_AFTER = regex.compile(r"[^\S\n]+(\d+)/(\d+)(?![\d/]|[.,]\d)")
_LARGEST_DENOMINATOR = 100
_POWER_OF_TEN = regex.compile(r"(?:[^\S\n]?[x×*·][^\S\n]?10\^|[eE])([-+]?\d{1,2})(?!\d)")
_POWER = regex.compile(r"\^([-+]?\d{1,2})(?!\d)")
_UNSPACED = regex.compile(f"[{UNSPACED}]")
_SAME = 1e-6  # relative; more than any exact conversion loses


@dataclass(frozen=True, slots=True)
class NumberWithUnit:
    """`number`: as it is written. `value`: in base units, `number` where there is no unit. `powers`: the base units
    and their powers, empty without a unit."""

    number: float
    value: float
    powers: Powers = ()

    def agrees(self, other: NumberWithUnit) -> bool:
        """Whether both say the same. Where one leaves its unit out, the number must be the same as it is written."""
        if self.powers and other.powers:
            return self.powers == other.powers and math.isclose(self.value, other.value, rel_tol=_SAME)
        return math.isclose(self.number, other.number, rel_tol=_SAME)


@dataclass(frozen=True, slots=True)
class _Found:
    number: float
    unit: UnitDefinition | None
    start: int
    end: int

    def quantity(self) -> NumberWithUnit:
        if self.unit is None:
            return NumberWithUnit(self.number, self.number)
        return NumberWithUnit(self.number, self.unit.base(self.number), self.unit.powers)


def numbers(text: str, language: str = "en") -> list[NumberWithUnit]:
    """The quantities of a text, in order. In a range (`10-12 mm`) the first number has the unit of the second."""
    text = fold(text)
    if Language.of(language).thousands == " ":
        text = _SPACED_THOUSANDS.sub(lambda match: match.group().replace(" ", ""), text)
    text = CODE.sub("", text)
    found: list[_Found] = []
    at = 0
    while (match := _NUMBER.search(text, at)) is not None:
        found += _read(text, match, found[-1].end if found else 0, language)
        at = max(match.end(), found[-1].end if found else 0)
    return [each.quantity() for each in _with_units_of_ranges(text, found)]


def numbers_match(text: str, answers: Sequence[str], language: str = "en") -> float | None:
    """Share of the quantities of an accepted answer that stand in the text, the best over the answers, 0..1; None where
    no accepted answer has a quantity. `language`: of both, for how numbers are written."""
    wanted = [quantities for answer in answers if (quantities := numbers(answer, language))]
    if not wanted:
        return None
    said = numbers(text, language)
    return max(sum(any(each.agrees(other) for other in said) for each in one) / len(one) for one in wanted)


def _read(text: str, match: regex.Match[str], ended: int, language: str) -> list[_Found]:
    """What one run of digits, commas and points says: a quantity, nothing (part of a name), or the parts of a date.
    `ended`: where the quantity before it ends, so that `10mm-20mm` is no name."""
    start, end = match.span()
    before, begin = units.read_before(text, start) or (None, start)
    if begin < ended:
        before, begin = None, start
    if before is None and _IN_NAME.search(text, max(ended, start - 2), start):
        return []
    digits = plain_number(match.group(), language)
    if digits is None:
        return [_Found(float(part), None, start, end) for part in regex.findall(r"\d+", match.group())]
    number, end = _worked_out(text, float(digits), start, end)
    unit = before
    if _YEAR.fullmatch(digits) and (years := _YEARS.match(text, end)):
        end = years.end()
    elif ordinal := _ordinal(language).match(text, end):
        end = ordinal.end()
    elif read := units.read(text, end):
        unit, end = read
    elif _NAME_GOES_ON.match(text, end):
        return []
    if minus := _minus().search(text, max(ended, begin - 8), begin):
        number, begin = -number, minus.start()
    return [_Found(number, unit, begin, end)]


def _worked_out(text: str, number: float, start: int, end: int) -> tuple[float, int]:
    """The number with the fraction, the power or the multiplier that is written with it, and where that ends."""
    if (whole := _FRACTION_AFTER.match(text, end)) and (part := _proper(whole[1], whole[2])) and number == int(number):
        return number + part, whole.end()
    if (fraction := _FRACTION.match(text, start)) and (part := _proper(fraction[1], fraction[2])):
        return part, fraction.end()
    if number and (power := _POWER.match(text, end)):
        number, end = number ** int(power[1]), power.end()
    elif power := _POWER_OF_TEN.match(text, end):
        number, end = number * 10.0 ** int(power[1]), power.end()
    if times := _multiplier().match(text, end):
        number, end = number * _scales()[times[1].casefold()], times.end()
    return number, end


def _proper(over: str, under: str) -> float | None:
    """A proper fraction; 24/7 and 10/2012 are none."""
    if not 0 < int(over) < int(under) <= _LARGEST_DENOMINATOR:
        return None
    return int(over) / int(under)


def _with_units_of_ranges(text: str, found: list[_Found]) -> list[_Found]:
    for i in range(len(found) - 2, -1, -1):
        first, second = found[i], found[i + 1]
        if first.unit is None and second.unit is not None and _is_range(text, first, second):
            found[i] = replace(first, unit=second.unit)
        elif second.unit is None and first.unit is not None and _range().fullmatch(text, first.end, second.start):
            found[i + 1] = replace(second, unit=first.unit)  # $10-12
    return found


def _is_range(text: str, first: _Found, second: _Found) -> bool:
    if _range().fullmatch(text, first.end, second.start):
        return True
    begins = _between().search(text, max(0, first.start - 12), first.start)
    return bool(begins and _and().fullmatch(text, first.end, second.start))


# --- words of all languages ----------------------------------------------------------------------------------


def _any(words: Iterable[str]) -> str:
    return any_of(map(fold, words))


@lru_cache(maxsize=1)
def _scales() -> dict[str, float]:
    return {fold(word).casefold(): times for each in known_languages() for word, times in each.scales.items()}


@lru_cache(maxsize=1)
def _multiplier() -> regex.Pattern[str]:
    return regex.compile(rf"[^\S\n]?((?i:{_any(_scales())}))(?:(?<=\p{{Han}})|(?![\p{{L}}\p{{M}}]))")


@lru_cache(maxsize=32)
def _ordinal(language: str) -> regex.Pattern[str]:
    """The language's own and the English: in others, `5e` may be a power."""
    words = _any(word for code in (language, "en") for word in Language.of(code).listed("numbers", "ordinal"))
    return regex.compile(rf"(?:{words})(?![\p{{L}}\p{{M}}])")


@lru_cache(maxsize=1)
def _minus() -> regex.Pattern[str]:
    words = _any(in_any_language("numbers", "minus"))
    return regex.compile(rf"(?:(?<![\p{{N}}\p{{L}}\p{{M}})\]%°])[-–]|(?<!\p{{Latin}})(?:{words})[^\S\n]?)$")


@lru_cache(maxsize=1)
def _range() -> regex.Pattern[str]:
    words = in_any_language("numbers", "to")
    unspaced = _any(filter(_UNSPACED.match, words))
    spaced = _any(word for word in words if not _UNSPACED.match(word))
    return regex.compile(rf"[^\S\n]?(?:-|–|—|~|±|x|×|\+/-|\.{{2,3}}|{unspaced})[^\S\n]?\+?|[^\S\n](?:{spaced})[^\S\n]")


@lru_cache(maxsize=1)
def _between() -> regex.Pattern[str]:
    return regex.compile(rf"\b(?:{_any(in_any_language('numbers', 'between'))})[^\S\n]$")


@lru_cache(maxsize=1)
def _and() -> regex.Pattern[str]:
    return regex.compile(rf"[^\S\n](?:{_any(single_words('words', 'conjunction'))})[^\S\n]?")
