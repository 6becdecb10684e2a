"""Numbers of a text with their units, and whether the numbers of an answer stand in another text.

    840 Nm    0.84 kNm    ৮৪০ নিউটন মিটার    1.234,5 mm    ½ h    10-12 °C    -5 %    $3.2 million    3.2万元

Digits of every script are read, thousands and decimals as the language writes them. Two quantities are the same where
they are equal in the base unit of their kind, so 60 min is 1 h. Codes (`NV-110`, `E217`, `10W-40`) are names and no
numbers. Not read: numbers in words (thirty, ত্রিশ, 三十), Roman ones, and what a unit in the next cell of a table means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import regex

from metier.evaluation import units
from metier.evaluation.folding import fold, plain_number
from metier.evaluation.units import Unit

# Languages that part thousands by a space (CLDR); elsewhere `120 300` are two cells of a table.
_SPACED = frozenset(
    ["bg", "cs", "et", "fi", "fr", "hu", "kk", "lt", "lv", "nb", "nn", "no", "pl", "ru", "sk", "sq", "sv", "uk"]
)
_SPACED_THOUSANDS = regex.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?!\d)")
_NUMBER = regex.compile(r"(?:\d+(?:[.,]\d+)*|(?<![\p{L}\p{M}\d])\.\d+)")
_GRADE = regex.compile(r"(?<![\p{L}\d])\d+\p{Latin}-\d+(?![\p{L}\d])")  # 10W-40
_IN_NAME = regex.compile(
    r"(?:[\p{Latin}\p{Greek}\p{Cyrillic}_#]|[\p{L}\p{M}\p{N}][\p{L}\p{M}][-./]|(?<!\p{L})\p{L}[-./])$"
)
_GLUED = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}_]")
_ORDINAL = regex.compile(r"(?:st|nd|rd|th)(?!\p{L})|s(?!\p{L})")  # 2nd, the 1990s
_MINUS = regex.compile(r"(?:(?<![\p{N}\p{L}\p{M})\]%°])[-–]|(?:\bminus|মাইনাস|سالب|ناقص|负|負|零下)[^\S\n]?)$")
_FRACTION = regex.compile(r"/(\d+)(?![\d/]|[.,]\d)")
_AFTER_WHOLE = regex.compile(r"[^\S\n]+(\d+)/(\d+)(?![\d/]|[.,]\d)")
_POWER = regex.compile(r"(?:[^\S\n]?[x×*·][^\S\n]?10\^?|[eE](?=[-+]?\d))([-+]?\d+)")
_TEN = regex.compile(r"\^([-+]?\d+)")
_LARGEST_POWER = 30
_MULTIPLIERS = {
    1e2: "hundred", 1e3: "thousand tausend mille mil ribu elfu হাজার الف الاف 千",
    1e4: "万 萬 만", 1e5: "lakh lakhs লাখ লক্ষ",
    1e6: "million millions millionen milioni juta mio মিলিয়ন مليون ملايين 百万",
    1e7: "crore crores কোটি 千万", 1e8: "亿 億 억", 1e9: "billion billions milliard milliarden mrd miliar مليار বিলিয়ন",
}  # fmt: skip
_TIMES = {fold(word): factor for factor, words in _MULTIPLIERS.items() for word in words.split()}
_SPACED_TIMES = "|".join(rf"{word}(?![\p{{L}}\p{{M}}])" for word in sorted(_TIMES, key=len, reverse=True))
_MULTIPLIER = regex.compile(
    r"[^\S\n]?(?i:((?=[\p{Han}\p{Hangul}])(?:百万|千万|千|万|萬|만|亿|億|억)|" + _SPACED_TIMES + "))"
)
_RANGE = regex.compile(
    r"[^\S\n]?(?:-|–|—|~|～|±|x|×|\+/-)[^\S\n]?|[^\S\n](?:to|till|until|bis|à|hingga|sampai|থেকে|হতে|الي|حتي)[^\S\n]"
    r"|[^\S\n]?(?:至|到|から|থেকে)[^\S\n]?"
)
_SAME = 1e-6  # relative; what an exact conversion may lose


@dataclass(frozen=True, slots=True)
class Quantity:
    """`number`: as it is written, multiplied out. `unit`: None without one. `start`, `end`: characters of the folded
    text."""

    number: float
    unit: Unit | None
    start: int
    end: int

    @property
    def value(self) -> float:
        """In base units; the number itself where there is no unit."""
        return self.unit.base(self.number) if self.unit else self.number

    def agrees(self, other: Quantity) -> bool:
        """Whether both say the same. Where one leaves its unit out, the number must be the same as written."""
        if self.unit and other.unit:
            return self.unit.powers == other.unit.powers and _same(self.value, other.value)
        return _same(self.number, other.number)


def numbers(text: str, language: str = "en") -> list[Quantity]:
    """The quantities of a text, in order. In a range (`10-12 mm`) the first number has the unit of the second."""
    text = fold(text)
    if language.split("-")[0] in _SPACED:
        text = _SPACED_THOUSANDS.sub(lambda match: match.group().replace(" ", ""), text)
    found: list[Quantity] = []
    grades = [match.span() for match in _GRADE.finditer(text) if not _is_range(text, *match.span())]
    at = 0
    while (match := _NUMBER.search(text, at)) is not None:
        at = match.end()
        if any(start <= match.start() < end for start, end in grades):
            continue
        ended = found[-1].end if found else 0
        read = _read(text, match, ended, language)
        found += read
        at = max([at, *(quantity.end for quantity in read)])
    return _units_of_ranges(text, found)


def numbers_match(text: str, answers: Sequence[str], language: str = "en") -> float | None:
    """Share of the quantities of an accepted answer that stand in the text, the best over the answers, 0..1; None where
    no accepted answer has a quantity."""
    wanted = [quantities for answer in answers if (quantities := numbers(answer, language))]
    if not wanted:
        return None
    said = numbers(text, language)
    return max(sum(any(q.agrees(other) for other in said) for q in each) / len(each) for each in wanted)


def _read(text: str, match: regex.Match, ended: int, language: str) -> list[Quantity]:
    """The quantities of one run of digits, commas and points: one, none (part of a name), or the parts of a date."""
    start, end = match.span()
    before = units.read_before(text, start)
    begin = before[1] if before is not None and before[1] >= ended else start
    if begin == start and _is_in_name(text, start, ended):
        return []
    digits = plain_number(match.group(), language)
    if digits is None:
        return [Quantity(float(part), None, start, end) for part in regex.findall(r"\d+", match.group())]
    number, end = _worked_out(text, float(digits), start, end)
    if times := _MULTIPLIER.match(text, end):
        number, end = number * _TIMES[times[1].casefold()], times.end()
    unit, after = None, end
    if (ordinal := _ORDINAL.match(text, end)) is not None and (ordinal.group() != "s" or _is_year(digits)):
        after = ordinal.end()
    elif (read := units.read(text, end)) is not None and not _is_date(text, digits, end):
        unit, after = read
    elif _GLUED.match(text, end):
        return []
    if minus := _MINUS.search(text, max(0, begin - 8), begin):
        number, begin = -number, minus.start()
    if unit is None and begin < start and before is not None:
        unit = before[0]
    return [Quantity(number, unit, begin, after)]


def _is_in_name(text: str, start: int, ended: int) -> bool:
    """Whether the digits belong to a name. What a quantity ended in (`10mm-20mm`) is no name."""
    return bool(_IN_NAME.search(text, max(ended, start - 3), start))


def _worked_out(text: str, number: float, start: int, end: int) -> tuple[float, int]:
    """The number with the fraction or the power that is written with it, and where that ends."""
    if (whole := _AFTER_WHOLE.match(text, end)) and (part := _fraction(whole[1], whole[2])) and number == int(number):
        return number + part, whole.end()
    outside = text[start - 1 : start] != "/"
    if outside and (under := _FRACTION.match(text, end)) and (part := _fraction(text[start:end], under[1])):
        return part, under.end()
    if power := _TEN.match(text, end) or _POWER.match(text, end):
        exponent = int(power[1])
        if abs(exponent) <= _LARGEST_POWER:
            return (number**exponent if power.re is _TEN else number * 10.0**exponent) if number else 0.0, power.end()
    return number, end


def _fraction(over: str, under: str) -> float | None:
    """A proper fraction of small numbers; 24/7 and 10/2012 are none."""
    if not over.isdigit() or not 0 < int(over) < int(under) <= 1000:
        return None
    return int(over) / int(under)


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[0] in "12"


def _is_date(text: str, digits: str, end: int) -> bool:
    """`2010年` names a year and `1990 s` none: what follows is no unit."""
    return _is_year(digits) and text[end : end + 1] == "年"


def _is_range(text: str, start: int, end: int) -> bool:
    """Whether `10m-20` is a range: its second number has a unit, too."""
    return units.read(text, end) is not None


def _units_of_ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    for i in range(len(found) - 2, -1, -1):
        first, second = found[i], found[i + 1]
        if first.unit is None and second.unit and _RANGE.fullmatch(text, first.end, second.start):
            found[i] = replace(first, unit=second.unit)
    return found


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME)
