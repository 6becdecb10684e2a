"""Numbers of a text with their units, and dates, however they are written.

    1,234 · 1 234 · 1.234,5 · ১২৩ · 1,23,456     one number; where a spelling can be read in two ways both are kept
    840 Nm · 0.84 kNm · $5 million · 12 %        with a unit, see units.toml
    three, drei, তিন                             number words from two upwards
    3 March 2026 · 2026-03-03 · ৩ মার্চ · 3月3日  dates; a date says what it leaves open (the year)
    14:30 · 2 p.m.                               times of a day

What looks like a number and is none is left out: names (`NV-110`, `M36`), marks such as [1], section numbers (3.2.1),
and numbers that point at a place (page 4, step 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import regex

from metier.text.analyzer import ascii_digits
from metier.text.language import Language, all_languages, single_words, words_in_any_language, words_of
from metier.text.measures import SPACE, measure_at, scale_at, told_for
from metier.text.phrases import SPACED_SIGN, UNSPACED, any_of, fold
from metier.text.units import MONEY, UnitOfMeasure, scale_of, unit_names, unit_of

Reading = tuple[int | None, int | None, int | None]  # year, month, day


@dataclass(frozen=True, slots=True)
class Quantity:
    """`values`: what the number may be (more than one where its spelling is open). `decimals`: digits behind the point.
    `unit`: None where it has none. `word`: written as a word. `dates`: of a date, what it may be. `start`, `end`:
    characters of the text, unit included. `per`: what it is told for, as dimension and size of each ("€ a day",
    "ml/kg/h"); empty where nothing is said."""

    start: int
    end: int
    text: str
    values: tuple[float, ...] = ()
    decimals: int = 0
    unit: UnitOfMeasure | None = None
    word: bool = False
    dates: tuple[Reading, ...] = ()
    per: tuple[UnitOfMeasure, ...] = ()

    @property
    def dimension(self) -> str:
        return "date" if self.dates else self.unit.dimension if self.unit else ""

    @property
    def digits(self) -> int:
        """How many it is written with; a short number may come out by chance."""
        return sum(c.isdigit() for c in self.text)

    def in_base(self) -> tuple[float, ...]:
        return tuple(self.unit.in_base(value) for value in self.values) if self.unit else self.values


_MARK = regex.compile(r"\[\^?\p{N}{1,3}(?:\s*[,;–-]\s*\p{N}{1,3})*\]|https?://\S+|\bwww\.\S+|【[^】]*】")
_GROUPED = (
    r"\d{1,3}(?:[,.'’\u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?|\d{1,3}(?: \d{3})+(?:[.,]\d+)?"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?"
)
_NUMBER = rf"(?:{_GROUPED}(?![\d])|\d+(?:[.,]\d+)?)"
_COMPOUND = regex.compile(rf"(?V1){SPACED_SIGN}+(?:(?:[\-‐‑–/._+]|(?<=\p{{N}})[,'’](?=\p{{N}})){SPACED_SIGN}+)*")
_UNIT = (
    r"(?:US\$|[$€£¥₹৳₽%‰٪°]\p{L}?"
    rf"|[\p{{L}}µμΩ°][\p{{L}}\p{{M}}µμΩ²³]*(?:[/·*][\p{{L}}µ]+[²³]?\d?)*(?:\(A\))?(?:(?<![{UNSPACED}])\d)?)"
)
_FOUND = regex.compile(
    rf"(?<before>(?:US\$|[$€£¥₹৳₽]|\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|BDT|Rs\.?|Rp\.?|SEK|NOK|DKK|KES|TZS|TSh|Ksh)){SPACE}?)?"
    rf"(?<![\d./])(?<!(?![{UNSPACED}])\p{{L}})(?<number>{_NUMBER})"
    rf"(?:{SPACE}?[-‐‑]?{SPACE}?(?<unit>{_UNIT}))?(?:{SPACE}(?<second>{_UNIT}))?"
)
_CODE = regex.compile(
    r"(?!\d{4}[-/]\d\d?[-/]\d\d?$)(?!\d\d?[-/]\d\d?[-/]\d{2,4}$)(?:0\d+(?:[-/]\d+)*|\d+(?:[-/]\d+){2,}|\d{3,}[-/]\d{5,}|\d{5,}[-/]\d{3,})"
)
_LEADING = regex.compile(_NUMBER)
_TO = regex.compile(r"^[-–]\d+(?:[.,]\d+)?")
_ADJECTIVE = regex.compile(r"[-‐‑][\p{Ll}\p{M}]{3,}(?:[-‐‑][\p{Ll}\p{M}]+)*")
_UNSPACED = regex.compile(r"[-‐‑]?[^\p{Latin}\p{Greek}\p{Cyrillic}\p{N}\p{P}]")
SPACES = regex.compile(r"[ '’\u00a0\u2009\u202f]")
_UNIT_BEHIND = regex.compile(rf"{SPACE}?[-‐‑]?({_UNIT})")
_MONEY_BEFORE = regex.compile(r"(?:[$€£¥₹]|USD|EUR|GBP|Rs\.?)\s?$")
_SECTION = regex.compile(r"(?<![\d\p{L}])(?!\d{1,3}(?:\.\d{3})+(?![\d.]))\d+(?:\.\d+){2,}(?![\d])")
_ISO = regex.compile(r"(?<![\d-])(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?:T[\d:.]+Z?)?(?![\d-])")
_NUMERIC = regex.compile(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-])")
# "04.03." where a comma is the decimal mark; elsewhere it may be a number at the end of a sentence.
_DAY_AND_MONTH = regex.compile(r"(?<![\d.,/-])(\d{1,2})\.(\d{1,2})\.(?![\d\p{L}])")
_EASTERN = regex.compile(r"(?:(\d{4})\s*年)?\s*(\d{1,2})\s*月(?:\s*(\d{1,2})\s*[日号號])?")
_YEAR = regex.compile(r"(?<![\d.,/-])(1[6-9]\d\d|20\d\d|21\d\d)(?:s\b)?(?![\d/]|[.,]\d|-\d)")
_CENTURY = 100


def quantities(text: str, language: str = "en") -> list[Quantity]:
    """Numbers, dates and times of `text`, in order."""
    plain = ascii_digits(text)
    hidden = list(plain)
    found: list[Quantity] = []

    def hide(start: int, end: int) -> None:
        hidden[start:end] = "\x00" * (end - start)

    for match in _MARK.finditer(plain):
        hide(*match.span())
    for match in _pointing().finditer("".join(hidden)):
        hide(*match.span("place"))
    for finder in (partial(_dates, language=language), _clocks):
        for quantity in finder("".join(hidden), text):
            found.append(quantity)
            hide(quantity.start, quantity.end)
    for match in _SECTION.finditer("".join(hidden)):
        hide(*match.span())
    for match in _COMPOUND.finditer("".join(hidden)):
        if (_is_name(match[0]) or is_code(match[0])) and unit_of(match[0]) is None:
            hide(*match.span())
    found.extend(_numbers("".join(hidden), text, language))
    spans = [(quantity.start, quantity.end) for quantity in found]
    found.extend(q for q in _words(text, language) if not any(a <= q.start < b for a, b in spans))  # "5 thousand"
    return _ranges(sorted(found, key=lambda quantity: quantity.start), text)


@lru_cache(maxsize=1)
def _pointing() -> regex.Pattern[str]:
    """A number that points at a place, and what says so."""
    joints = any_of((*single_words("words", "conjunction"), *single_words("numbers", "to")))
    mark = any_of(single_words("numbers", "number_mark"))
    return regex.compile(
        rf"(?:§+\s*|\b(?:{any_of(single_words('numbers', 'place'))})\.?\s*(?:(?:{mark})\.?\s*|#\s*)?)"
        rf"(?<place>\d+(?:\.\d+)*(?:\s*(?:,|–|-|&|{joints})\s*\d+(?:\.\d+)*)*)(?![\p{{L}}\d]|[.,]\d)",
        regex.IGNORECASE,
    )


@lru_cache(maxsize=1)
def _clock() -> regex.Pattern[str]:
    said = any_of(single_words("numbers", "clock"))
    return regex.compile(
        rf"(?<![\d:])(\d{{1,2}})(?:[:h](\d{{2}})(?::\d{{2}})?(?![\d:])|\.(\d{{2}})(?=\s*(?:{said})))"
        rf"\s*(?:([ap])\.?m\b\.?|{said})?|(?<![\d.,:])(\d{{1,2}})\s*([ap])\.?m\b\.?",
        regex.IGNORECASE,
    )


@lru_cache(maxsize=1)
def _between() -> regex.Pattern[str]:
    """Between the two numbers of a range or of a choice."""
    words = any_of((*single_words("numbers", "to"), *single_words("words", "conjunction", "alternative")))
    return regex.compile(rf"\s*(?:[-–—~/x×]|{words})\s*")


@lru_cache(maxsize=1)
def _ordinal() -> regex.Pattern[str]:
    return regex.compile(any_of(single_words("numbers", "ordinal")))


def _ranges(found: list[Quantity], text: str) -> list[Quantity]:
    """Gives the first number of "5–10 mm" the unit of the second, and of "16 and 17 November" its month."""
    followed: set[int] = set()  # numbers that got the month of the one behind them
    for index in range(len(found) - 2, -1, -1):
        first, second = found[index], found[index + 1]
        joint = text[first.end : second.start].lstrip(".")
        if not first.values or first.unit or not (_between().fullmatch(joint) or (second.dates and joint == ", ")):
            continue
        if second.unit and not (second.unit.dimension in MONEY and joint.strip() in "x×/"):  # "2 × € 49"
            found[index] = replace(first, unit=second.unit, per=second.per)
        elif index + 1 in followed or (second.text[:1].isdigit() and any(map(str.isalpha, second.text))):
            days = tuple((y, m, int(first.values[0])) for y, m, day in second.dates if day is not None)
            if days and first.values[0] in range(1, 32) and not first.word:
                found[index] = replace(first, values=(), dates=days)
                followed.add(index)
    return found


def is_identifier(token: str) -> bool:
    """Whether a token with digits names something (`NV-110`, `M36`, `10W-40`) and measures nothing (`40Nm`)."""
    return _is_name(ascii_digits(token))


def is_code(token: str) -> bool:
    """Whether digits alone name something: a telephone number or an article number, which begins with a nought (`0231`)
    or has three groups and more (`4115-22-08`)."""
    plain = ascii_digits(token)
    return bool(_CODE.fullmatch(plain))


def _is_name(token: str) -> bool:
    if not any(c.isdecimal() for c in token) or not any(c.isalpha() for c in token):
        return False
    number = _LEADING.match(token)
    if number is None:
        return True
    rest = token[number.end() :]
    if not rest or _ordinal().fullmatch(rest):
        return False
    rest = _TO.sub("", rest)
    if not rest or unit_of(rest.lstrip("-‐‑")) or scale_of(rest) or rest in ("s", "x"):
        return False
    if _ADJECTIVE.fullmatch(rest):
        return False
    # Where a script writes no spaces, or an ending follows a number at once, letters behind it are words.
    return not _UNSPACED.match(rest)


def _numbers(plain: str, text: str, language: str) -> Iterator[Quantity]:
    point = Language.of(language).decimal
    for match in _FOUND.finditer(plain):
        values, decimals = number_readings(match["number"], point)
        end, unit = match.end("number"), None
        if match["before"]:
            unit = unit_of(match["before"].strip())
        scaled = 0.0
        for group in ("unit", "second"):
            word = match[group]
            if not word:
                break
            if group == "unit" and not scaled and (scaled := scale_at(word)):
                end = match.end(group)
                continue
            measured, length = measure_at(text, match.start(group), word)
            if measured is None or (unit is not None and unit.dimension in MONEY and measured.dimension not in MONEY):
                break
            if group == "second" and not scaled:
                break
            unit, end = measured, match.start(group) + length
            break
        per, end = told_for(text, end, language) if unit is not None else ((), end)
        if scaled:
            values = tuple(dict.fromkeys([value * scaled for value in values] + list(values)))
        start = match.start("before") if match["before"] else match.start("number")
        yield Quantity(start, end, text[start:end].strip(), values, decimals, unit, per=per)


def number_readings(written: str, point: str) -> tuple[tuple[float, ...], int]:
    """What a number may be, and how many decimals it has as it is most likely meant. `point`: the decimal mark of the
    language. Where it is a comma, a mark before three digits is read both ways: English is around everywhere."""
    bare = SPACES.sub("", written)
    marks = [c for c in bare if c in ".,"]
    if not marks:
        return (float(bare),), 0
    last = max(bare.rfind("."), bare.rfind(","))
    tail = len(bare) - last - 1
    whole = float(bare.replace(",", "").replace(".", ""))
    decimal = float(bare[:last].replace(",", "").replace(".", "") + "." + bare[last + 1 :])
    if len(set(marks)) == 2:
        return (decimal,), tail
    if len(marks) > 1:
        return (whole,), 0
    if tail != 3 or bare.startswith("0") or last > 3:
        return (decimal,), tail
    if point == ".":
        return ((decimal,), tail) if bare[last] == "." else ((whole,), 0)
    return ((whole, decimal), 0) if bare[last] == "." else ((decimal, whole), tail)


# --- dates ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """Names of the months in every language that is known, folded. Short forms that are words as well are left out."""
    found: dict[str, int] = {}
    for language in all_languages():
        for number, names in enumerate(language.months, start=1):
            for name in names:
                found.setdefault(fold(name), number)
    return found


@lru_cache(maxsize=1)
def _dated() -> regex.Pattern[str]:
    names = "|".join(sorted(map(regex.escape, _months()), key=len, reverse=True)) or r"(?!)"
    name = rf"(?<![\p{{L}}\p{{M}}])(?<month>{names})(?:[\p{{M}}\p{{Bengali}}\p{{Devanagari}}]{{0,3}})(?![\p{{L}}])\.?"
    day = rf"(?<day>\d{{1,2}})(?:\.|{any_of(single_words('numbers', 'ordinal'))})?(?![\d])"
    of = any_of(single_words("numbers", "of"))
    share = any_of(unit_names("only_graded")["%"])
    year = r"(?<year>\d{4})"
    return regex.compile(
        rf"(?<!\d){day}\s*(?:{of}|,)?\s*{name}(?:\s*,?\s*(?:{of})?\s*{year})?(?!\d)"
        rf"|{name}\s*{day}(?!\s?(?:%|{share}))(?:\s*,?\s*{year})?(?!\d)"
        rf"|{name}\s*(?:,|{of})?\s*{year}(?!\d)|{year}\s+{name}(?:\s+{day})?"
        rf"|{name}",
        regex.IGNORECASE,
    )


def _dates(plain: str, text: str, language: str) -> Iterator[Quantity]:
    taken: list[tuple[int, int]] = []
    digits = any(c.isdigit() for c in plain)

    def made(match: regex.Match[str], readings: Iterable[Reading]) -> Iterator[Quantity]:
        start, end = match.span()
        valid = tuple(r for r in dict.fromkeys(readings) if _possible(r))
        if valid and not any(a < end and start < b for a, b in taken):
            taken.append((start, end))
            yield Quantity(start, end, text[start:end].strip().rstrip("."), dates=valid)

    def number(written: str | None) -> int | None:
        return int(written) if written else None

    for match in _ISO.finditer(plain) if digits else ():
        yield from made(match, [(int(match[1]), int(match[2]), number(match[3]))])
    for match in _NUMERIC.finditer(plain):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        year += 2000 if year < _CENTURY else 0
        yield from made(match, [(year, second, first), (year, first, second)])
    for match in _DAY_AND_MONTH.finditer(plain) if Language.of(language).decimal == "," else ():
        yield from made(match, [(None, int(match[2]), int(match[1]))])
    for match in _EASTERN.finditer(plain):
        yield from made(match, [(number(match[1]), int(match[2]), number(match[3]))])
    folded = fold(plain)
    for match in _dated().finditer(folded):
        month = _months()[match["month"]]
        if not match["day"] and not match["year"] and not _alone(match["month"], plain[match.start("month")]):
            continue
        yield from made(match, [(number(match["year"]), month, number(match["day"]))])
    for match in _YEAR.finditer(plain):
        after = _UNIT_BEHIND.match(plain, match.end())
        before = _MONEY_BEFORE.search(plain, max(0, match.start() - 5), match.start())
        if not before and not (after and (unit_of(after[1]) or scale_at(after[1]))):
            yield from made(match, [(int(match[1]), None, None)])


def _alone(name: str, first: str) -> bool:
    """Whether the name of a month is one without a day or a year: "may" and "march" are words, and so is "mar"."""
    return (
        len(name) > 3
        and (first.isupper() or not first.islower())
        and name not in words_in_any_language("numbers", "no_month")
    )


def _possible(reading: Reading) -> bool:
    _, month, day = reading
    return (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31)


def _clocks(plain: str, text: str) -> Iterator[Quantity]:
    for match in _clock().finditer(plain):
        hour, minute = int(match[1] or match[5]), int(match[2] or match[3] or 0)
        half = (match[4] or match[6] or "").lower()
        if hour > 24 or minute > 59:
            continue
        hours = {hour % 12 + (12 if half == "p" else 0)} if half else {hour} | ({hour + 12} if hour < 12 else set())
        start, end = match.span()
        minutes = tuple(float(each * 60 + minute) for each in sorted(hours))
        yield Quantity(start, end, text[start:end].strip(), minutes, 0, UnitOfMeasure("clock", 1.0))


def _words(text: str, language: str) -> Iterator[Quantity]:
    known = Language.of(language)
    numbers = {word: value for word, value in known.numbers.items() if value >= 2}
    if not numbers or not known.spaced:
        return
    folded = fold(text)
    at = 0
    for word in words_of(text):
        at = folded.find(word, at)
        if at < 0:
            return
        end = at + len(word)
        value = numbers.get(word)
        if value is None and "-" in word:
            tens, _, ones = word.partition("-")
            if numbers.get(tens, 0) >= 20 and ones in known.numbers:
                value = numbers[tens] + known.numbers[ones]
            elif tens in numbers:  # a three-year term
                value, end = numbers[tens], at + len(tens)
        if value is not None:
            after = _UNIT_BEHIND.match(text, end)
            measured, length = measure_at(text, after.start(1), after[1]) if after else (None, 0)
            stop = after.start(1) + length if after and measured else end
            per, stop = told_for(text, stop, language) if measured else ((), stop)
            yield Quantity(at, stop, text[at:stop], (value,), 0, measured, word=True, per=per)
        at = end if value is not None else at + len(word)
