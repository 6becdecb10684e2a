"""What stands behind a number: the unit it is measured in, and what it is told for ("/kg/h", "a day")."""

from __future__ import annotations

from functools import lru_cache

import regex

from metier.text.language import Language, single_words
from metier.text.phrases import UNSPACED, any_of
from metier.text.units import UnitOfMeasure, scale_of, unit_of, unit_phrase

SPACE = r"[ \u00a0\u2009\u202f]"
_HAN = regex.compile(r"\p{Han}")
_OF_ONE_SCRIPT = regex.compile(rf"[\p{{Latin}}µμΩ/·²³]+(?=[{UNSPACED}])")
_SPELLED = regex.compile(r"[\p{Latin}\p{Cyrillic}]")
_LONGEST_ENDING = 7  # characters that an ending of a unit may have
# Dimensions of what a rate is told for.
_TOLD_FOR = frozenset({"time", "months", "nights", "workdays", "mass", "length", "volume", "area"})
_WATER_OR_MERCURY = regex.compile(r"[cm]m ?(?:H2O|H₂O|WS|Hg)(?![\p{L}\d])")


def scale_at(word: str) -> float:
    """What a word that begins with a scale multiplies a number by; 0 where it does not."""
    return scale_of(word) or (scale_of(word[0]) if _HAN.match(word) else 0.0)


def measure_at(text: str, start: int, word: str) -> tuple[UnitOfMeasure | None, int]:
    """The unit that `word`, at `start` of `text`, begins with, and how many characters write it: "cm H2O" measures a
    pressure, and of "mg/kg" it is the milligrams."""
    if pressure := _WATER_OR_MERCURY.match(text, start):
        return unit_of(pressure[0].replace(" ", "").replace("₂", "2")), len(pressure[0])
    if phrase := unit_phrase(text, start):
        return phrase
    measured, length = _measure(word)
    if measured is None and "/" in word:
        return _measure(word.partition("/")[0])
    return measured, length


def told_for(text: str, end: int, language: str) -> tuple[tuple[UnitOfMeasure, ...], int]:
    """What a number that ends at `end` is told for ("/kg/h", "a day", "pro Woche"), and where that ends."""
    found: list[UnitOfMeasure] = []
    pattern = _rate(language)
    while match := pattern.match(text, end):
        measured, length = measure_at(text, match.start("unit"), match["unit"])
        if measured is None or measured.dimension not in _TOLD_FOR:
            break
        found.append(measured)
        end = match.start("unit") + length
    return tuple(found), end


@lru_cache(maxsize=64)
def _rate(language: str) -> regex.Pattern[str]:
    words = sorted(map(regex.escape, Language.of(language).listed("words", "per")), key=len, reverse=True)
    behind = rf"|{SPACE}(?:{'|'.join(words)}){SPACE}" if words else ""
    joints = any_of(single_words("words", "conjunction"))
    counted = rf"(?:\p{{L}}[\p{{L}}\p{{M}}]+{SPACE}(?:{joints}){SPACE})?"  # "a plant and week"
    return regex.compile(
        rf"(?:{SPACE}?/{SPACE}?{behind}){counted}(?<unit>[\p{{L}}µ][\p{{L}}\p{{M}}µ]*[²³]?)", regex.IGNORECASE
    )


def _measure(word: str) -> tuple[UnitOfMeasure | None, int]:
    """The unit at the start of `word` and how many characters write it."""
    if found := unit_of(word):
        return found, len(word)
    if own := _OF_ONE_SCRIPT.match(word):  # "38GBです"
        return unit_of(own[0]), len(own[0])
    if word.isascii() or _SPELLED.match(word):
        return None, 0
    for length in range(len(word) - 1, 0 if _HAN.match(word) else max(0, len(word) - _LONGEST_ENDING), -1):
        if found := unit_of(word[:length]):
            return found, length
    return None, 0
