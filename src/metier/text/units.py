"""Units of measurement: what dimension a unit has and how large it is, however it is written. Data: `units.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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


def scale_of(text: str) -> float:
    """What a word such as "million" multiplies a number by; 0 where it is none."""
    return _scales().get(text.casefold(), 0.0)


@lru_cache(maxsize=1)
def _sections() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, UnitOfMeasure], dict[str, UnitOfMeasure]]:
    exact: dict[str, UnitOfMeasure] = {}
    folded: dict[str, UnitOfMeasure] = {}
    for dimension, sizes in _sections().items():
        if dimension == "scale":
            continue
        for factor, spellings in sizes.items():
            for spelling in spellings.split():
                exact.setdefault(spelling, UnitOfMeasure(dimension, float(factor)))
                if len(spelling) > 1 or not spelling.isalpha():
                    folded.setdefault(spelling.casefold(), UnitOfMeasure(dimension, float(factor)))
    return exact, folded


@lru_cache(maxsize=1)
def _scales() -> dict[str, float]:
    found = _sections()["scale"].items()
    return {spelling.casefold(): float(factor) for factor, spellings in found for spelling in spellings.split()}
