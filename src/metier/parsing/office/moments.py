"""Dates, times and durations of spreadsheets, as their format writes them: `dd.mm.yyyy` `45292` -> `01.01.2024`."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from functools import lru_cache

from metier.text.language import Language

SHORT_DATE = "[date]"  # in a format: a date as the reader's machine writes it


@lru_cache(maxsize=8192)  # the same days stand in many rows
def moment(tokens: tuple[tuple[str, str], ...], value: float, language: str, from_1904: bool) -> str | None:
    """What the tokens of a format make of a day's number; None where it is no day. `language`: of names."""
    if any(kind == "elapsed" for kind, _text in tokens):
        return ("-" if value < 0 else "") + _told(tokens, None, abs(value), language)
    start = datetime.datetime(1904, 1, 1) if from_1904 else datetime.datetime(1899, 12, 30)
    if value < 0:
        return None
    if not from_1904 and 1 <= value < 60:
        value += 1  # the calendar of spreadsheets has a 29 February 1900
    try:
        whole = datetime.timedelta(days=int(value))
        at = start + whole + _rounded(value - int(value), tokens)
    except (OverflowError, ValueError):
        return None
    return _told(tokens, at, value, language)


def _rounded(day: float, tokens: Sequence[tuple[str, str]]) -> datetime.timedelta:
    """The time of a day to the finest part that is shown of seconds."""
    shown = max(
        (len(text.lower().lstrip("s").lstrip(".,")) for kind, text in tokens if _is(kind, text, "s")), default=0
    )
    steps = 10 ** min(shown, 6)
    return datetime.timedelta(microseconds=round(day * 86400 * steps) * (1_000_000 // steps))


def _is(kind: str, text: str, letter: str) -> bool:
    return kind == "time" and text[:1].lower() == letter


def _told(tokens: Sequence[tuple[str, str]], at: datetime.datetime | None, value: float, language: str) -> str:
    halved = any(kind == "half" for kind, _text in tokens)
    full = next((text for kind, text in tokens if kind == "time"), "").lower() == "yyyy"  # 2024-01-02 03:04 is ISO 8601
    parts, before = [], ""
    total = round(value * 86400)
    for place, (kind, text) in enumerate(tokens):
        if kind == "elapsed":
            parts.append(str(total // {"h": 3600, "m": 60, "s": 1}[text[0]]).zfill(len(text)))
            before = text[0]
        elif kind == "time":
            letter = text[0].lower()
            following = next(
                (other[0].lower() for each, other in tokens[place + 1 :] if each in ("time", "elapsed")), ""
            )
            if letter == "m" and len(text) < 3 and (before == "h" or following == "s"):
                letter = "minute"
            clock = at or datetime.datetime(1900, 1, 1) + datetime.timedelta(seconds=total % 86400)
            parts.append(_part(letter, "hh" if letter == "h" and full else text, clock, halved, language))
            before = text[0].lower()
        elif kind == "half":
            hour = at.hour if at is not None else total // 3600 % 24
            parts.append(text.split("/")[hour >= 12])
        elif kind == "date" and at is not None:
            parts.append(_short_date(at, language))
        elif kind not in ("fill", "date"):
            parts.append(" " if kind == "width" else text)
    return "".join(parts)


def _part(letter: str, text: str, at: datetime.datetime, halved: bool, language: str) -> str:
    width = len(text)
    if letter in "ye":
        return f"{at.year % 100:02d}" if letter == "y" and width < 3 else f"{at.year:04d}"
    if letter == "b":
        return str(at.year + 543)
    if letter == "m":
        return str(at.month).zfill(width) if width < 3 else _month(at.month, width, language)
    if letter == "d":
        return str(at.day).zfill(width) if width < 3 else _weekday(at.weekday(), width, language)
    if letter == "h":
        return str((at.hour + 11) % 12 + 1 if halved else at.hour).zfill(min(width, 2))
    if letter == "minute":
        return str(at.minute).zfill(width)
    if letter == "s":
        digits = text.lower().lstrip("s")
        fraction = f"{at.microsecond:06d}"[: len(digits) - 1] if digits else ""
        return str(at.second).zfill(min(2, width - len(digits))) + (digits[0] + fraction if digits else "")
    return ""  # an era


def _month(number: int, width: int, language: str) -> str:
    months = Language.of(language).months or Language.of("en").months
    names = months[number - 1]
    if width == 5:
        return names[0][:1].upper()
    return _capital(names[0] if width == 4 else min(names[:2], key=len), language)


def _weekday(number: int, width: int, language: str) -> str:
    names = Language.of(language).listed("calendar", "weekdays") or Language.of("en").listed("calendar", "weekdays")
    return _capital(names[number] if width > 3 else names[number][:3], language)


def _capital(name: str, language: str) -> str:
    known = Language.of(language)
    return name.capitalize() if known.capitalises_nouns or not known.months or known.code == "en" else name


def _short_date(at: datetime.datetime, language: str) -> str:
    """In the form of the language. In English that is year, month, day: which other form was meant no file says."""
    form = Language.of(language).text("catalog", "dates")
    return form.format(year=at.year, month=f"{at.month:02}", day=f"{at.day:02}")
