"""Units of measurement: what dimension a unit has and how large it is, however it is written.

Symbols are in `units.toml`, their names in the files of the languages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import regex

from metier.text.language import in_any_language, known_languages
from metier.text.phrases import compose, fold

FILE = Path(__file__).with_name("units.toml")
_CURRENCIES = "dollar euro sterling yen yuan rupee taka franc crown rouble shilling rupiah"
MONEY = frozenset(_CURRENCIES.split())
_FAHRENHEIT, _KELVIN = 2.0, 3.0  # marks of scales that have another zero


@dataclass(frozen=True, slots=True)
class UnitOfMeasure:
    """`factor`: how many base units of its dimension one is; of a temperature, which scale."""

    dimension: str
    factor: float

    def in_base(self, value: float) -> float:
        """`value` of this unit in the base unit of its dimension."""
        if self.dimension != "temperature":
            return value * self.factor
        if self.factor == _FAHRENHEIT:
            return (value - 32) / 1.8
        return value - 273.15 if self.factor == _KELVIN else value


def unit_of(text: str) -> UnitOfMeasure | None:
    """The unit that `text` writes: `Nm`, `kNm`, `minutes`, `€`. Symbols are told apart by case (mW, MW) where they
    are known in both."""
    exact, folded = _tables()
    return exact.get(text) or folded.get(text.casefold())


def unit_phrase(text: str, start: int) -> tuple[UnitOfMeasure, int] | None:
    """The unit of several words that begins at `start` ("working days", "por ciento"), and its length in characters."""
    pattern, units = _phrases()
    match = pattern.match(text, start)
    return (units[match[0].casefold().replace("-", " ")], len(match[0])) if match else None


@lru_cache(maxsize=2)
def unit_names(left_out: str) -> Mapping[str, tuple[str, ...]]:
    """Symbol to what it is called in any language; a prefix is "k-", a power "^2". `left_out`: field of `[numbers]`
    with names that are often something else: "not_graded" for the exam, "only_graded" for all others."""
    other = in_any_language("numbers", left_out)
    found: dict[str, list[str]] = {}
    for language in known_languages():
        for symbol, names in language.phrases.get("units", {}).items():
            found.setdefault(symbol, []).extend(
                name for phrase in names for name in _written_out(phrase) if name not in other
            )
    return {symbol: tuple(dict.fromkeys(names)) for symbol, names in found.items()}


def _written_out(phrase: str) -> Iterator[str]:
    """ "working|business day|days" in all its ways."""
    return map(" ".join, product(*(word.split("|") for word in phrase.split())))


def scale_of(text: str) -> float:
    """What a word such as "million" multiplies a number by; 0 where it is none."""
    return _scales().get(fold(compose(text)), 0.0)


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, UnitOfMeasure], dict[str, UnitOfMeasure]]:
    """By symbol or name as it is written, and without case."""
    exact: dict[str, UnitOfMeasure] = {}
    for dimension, sizes in tomllib.loads(FILE.read_text(encoding="utf-8")).items():
        for factor, symbols in sizes.items():
            exact |= dict.fromkeys(symbols.split(), UnitOfMeasure(dimension, float(factor)))
    for symbol, names in unit_names("only_graded").items():
        if symbol in exact:
            exact = dict.fromkeys(names, exact[symbol]) | exact
    folded: dict[str, UnitOfMeasure] = {}
    for spelling, unit in exact.items():
        if len(spelling) > 1 or not spelling.isalpha():
            folded.setdefault(spelling.casefold(), unit)
    return exact, folded


@lru_cache(maxsize=1)
def _phrases() -> tuple[regex.Pattern[str], dict[str, UnitOfMeasure]]:
    exact, _ = _tables()
    found = {name.casefold(): unit for name, unit in exact.items() if " " in name}
    words = sorted(map(regex.escape, found), key=len, reverse=True)
    return regex.compile(rf"(?i:{'|'.join(words)})(?![\p{{L}}\p{{M}}])".replace(r"\ ", "[ -]")), found


@lru_cache(maxsize=1)
def _scales() -> dict[str, float]:
    words = {fold(word): factor for language in known_languages() for word, factor in language.scales.items()}
    return {"k": 1e3} | words
