"""Times that a person names in a question: today, last week, in February 2025, since Monday, the last ten days."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import regex

from metier.text.analyzer import ascii_digits
from metier.text.language import Language
from metier.text.phrase_cover import Cover, Span
from metier.text.phrases import any_of, expression, fold

_NAMED = ("today", "yesterday", "this_week", "last_week", "this_month", "last_month", "this_year", "last_year")
_COUNTED = ("days", "weeks", "months_ago")
_YEAR = r"(?:19|20)\d\d"
_NUMERIC = regex.compile(
    rf"(?<!\d)(?:(?P<y>{_YEAR})-(?P<m>\d\d?)-(?P<d>\d\d?)|(?P<d2>\d\d?)[./](?P<m2>\d\d?)[./](?P<y2>{_YEAR})"
    rf"|(?P<y3>{_YEAR})-(?P<m3>\d\d))(?!\d)"
)
_ALONE = regex.compile(rf"(?<![\p{{L}}\d.-]){_YEAR}年?(?![\p{{L}}\d-])")
_RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included; None = without limit."""

    start: date | None
    end: date | None

    def holds(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class TimeMention:
    """A time as it stands in a text. `kind`: one of the fields of `[calendar]`, or "date", "month", "year", "weekday".
    `number`: of days, weeks or months, or of the weekday (0 = Monday). `bound`: "since", "until", or "".
    `fixed`: whether it names its year, so that it means the same whenever it is asked."""

    span: Span
    kind: str
    number: int = 0
    year: int | None = None
    month: int | None = None
    day: int | None = None
    bound: str = ""

    @property
    def fixed(self) -> bool:
        return self.year is not None

    @property
    def told_from_today(self) -> bool:
        """Whether it is a day, a week, a month or a year, or some of them, seen from today ("last month")."""
        return self.kind in (*_NAMED, *_COUNTED)

    def period(self, today: date) -> Period:
        start, end = self._days(today)
        if self.bound == "since":
            return Period(start, None)
        if self.bound == "until":
            return Period(None, start - timedelta(days=1))
        return Period(start, end)

    def _days(self, today: date) -> tuple[date, date]:
        week = today - timedelta(days=today.weekday())
        month = today.replace(day=1)
        match self.kind:
            case "today":
                return today, today
            case "yesterday":
                return (yesterday := today - timedelta(days=1)), yesterday
            case "this_week":
                return week, today
            case "last_week":
                return week - timedelta(days=7), week - timedelta(days=1)
            case "this_month":
                return month, today
            case "last_month":
                end = month - timedelta(days=1)
                return end.replace(day=1), end
            case "this_year":
                return today.replace(month=1, day=1), today
            case "last_year":
                return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
            case "days":
                return today - timedelta(days=self.number), today
            case "weeks":
                return today - timedelta(weeks=self.number), today
            case "months_ago":
                return today - timedelta(days=round(self.number * 30.44)), today
            case "weekday":
                return (past := today - timedelta(days=(today.weekday() - self.number) % 7)), past
            case "recently":
                return today - _RECENT, today
        year = self.year or self._latest_year(today)
        first, last = self.month or 1, self.month or 12
        return date(year, first, self.day or 1), date(year, last, self.day or calendar.monthrange(year, last)[1])

    def _latest_year(self, today: date) -> int:
        """Of a month without a year: the latest that has begun."""
        return today.year if (self.month or 1, self.day or 1) <= (today.month, today.day) else today.year - 1


def times_in(cover: Cover) -> list[TimeMention]:
    """The times named in a message, in order, without the words before them; of two at one place the longer one."""
    found = sorted(_found(cover), key=lambda each: (each.span[0] - each.span[1], each.span))
    kept: list[TimeMention] = []
    for mention in found:
        if all(mention.span[1] <= other.span[0] or other.span[1] <= mention.span[0] for other in kept):
            kept.append(mention)
    return sorted(kept, key=lambda each: each.span)


def take_times(cover: Cover) -> list[TimeMention]:
    """The times named in a message, marked in it with the words that belong to them ("in", "since")."""
    mentions = []
    for mention in _found(cover):
        start, end = mention.span
        if any(cover.covered[start:end]):
            continue
        start, end, bound = _with_bounds(cover, start, end, mention.kind in ("date", "month", "year", "weekday"))
        cover.mark((start, end))
        mentions.append(
            TimeMention((start, end), mention.kind, mention.number, mention.year, mention.month, mention.day, bound)
        )
    return mentions


def _found(cover: Cover) -> Iterator[TimeMention]:
    language, text, words = cover.language, ascii_digits(fold(cover.text)), ascii_digits(cover.free())
    for match in _NUMERIC.finditer(text):
        groups = match.groupdict(default="")
        year, month, day = (groups[name] or groups[f"{name}2"] or groups.get(f"{name}3", "") for name in "ymd")
        if _is_day(int(year), int(month), int(day or 1)):
            yield TimeMention(match.span(), "date", 0, int(year), int(month), int(day) if day else None)
    for match in _months(language).finditer(text):
        if (mention := _month_mention(cover, match)) is not None:
            yield mention
    for kind in _NAMED:
        for match in language.expression("calendar", kind).finditer(words):
            yield TimeMention(match.span(), kind)
    for kind in _COUNTED:
        for match in language.expression("calendar", kind).finditer(words):
            number = language.numbers.get(match["n"]) if not match["n"].isdigit() else int(match["n"])
            if number is not None and 0 < number < 10_000:
                yield TimeMention(match.span(), kind, int(number))
    for match in _weekdays(language).finditer(words):
        yield TimeMention(match.span(), "weekday", next(n for n in range(7) if match[f"day{n}"]))
    for match in _ALONE.finditer(text):
        yield TimeMention(match.span(), "year", 0, int(match.group()[:4]))


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


@lru_cache(maxsize=64)
def _weekdays(language: Language) -> regex.Pattern[str]:
    days = language.listed("calendar", "weekdays")
    found = [f"(?P<day{n}>{expression([day], spaced=language.spaced)})" for n, day in enumerate(days)]
    return regex.compile("|".join(found) or r"(?!)")


@lru_cache(maxsize=64)
def _months(language: Language) -> regex.Pattern[str]:
    names = "|".join(
        f"(?P<month{number}>{expression(month, spaced=language.spaced)})"
        for number, month in enumerate(language.months, start=1)
    )
    if not names:
        return regex.compile(r"(?!)")
    ordinal, of = (any_of(map(fold, language.listed("numbers", name))) for name in ("ordinal", "of"))
    small = rf"(?:\s*(?:{of})\b)?\s*"
    return regex.compile(
        rf"(?:(?P<year1>{_YEAR})年\s*)?(?:(?<!\d)(?P<day1>\d{{1,2}})(?:\.|{ordinal})?{small})?(?:{names})"
        rf"(?:\s*(?P<day2>\d{{1,2}})(?!\d)(?:{ordinal}|日|号)?)?(?:\.?,?{small}(?P<year2>{_YEAR})(?!\d))?"
    )


def _month_mention(cover: Cover, match: regex.Match[str]) -> TimeMention | None:
    groups = match.groupdict()
    month = next(number for number in range(1, 13) if groups.get(f"month{number}"))
    name = groups[f"month{month}"]
    year, day = groups["year1"] or groups["year2"], groups["day1"] or groups["day2"]
    if day and not _is_day(int(year or 2024), month, int(day)):
        return None
    language = cover.language
    if name in language.function_words and not year and not day:  # "may", too, is a word
        before = fold(cover.text[: match.start()]).split()[-1:]
        if not before or before[0] not in language.word_set("calendar", "within"):
            return None
    if (
        len(name) <= 3
        and language.spaced
        and not (year or day or name in {n.casefold() for n in language.months[month - 1][:1]})
    ):
        return None
    return TimeMention(
        match.span(), "date" if day else "month", 0, int(year) if year else None, month, int(day) if day else None
    )


def _with_bounds(cover: Cover, start: int, end: int, fixed: bool) -> tuple[int, int, str]:
    """The span with a preposition before it, or a postposition after it, and what it says. `fixed`: whether "in" and
    "on" may stand before it."""
    language, free = cover.language, cover.free()
    bound = ""
    before, after = free[:start].rstrip(), free[end:]
    for name in ("since", "until", "within") if fixed else ("since", "until"):
        for match in language.expression("calendar", name).finditer(before):
            if match.end() == len(before):
                return match.start(), end, "" if name == "within" else name
    for name in ("since_after", "until_after"):
        found = language.expression("calendar", name).match(after.lstrip())
        if found is not None:
            return start, end + len(after) - len(after.lstrip()) + found.end(), name.removesuffix("_after")
    return start, end, bound
