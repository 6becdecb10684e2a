"""Units as people write them, and what they are worth in the base unit of their kind.

Symbols with their factor, base units and usual prefixes are in `compound_units.json`, with what is written before its
number; their names, of one word or several, are in the files of the languages, and `text.units` reads the same. Its
table of symbols is another one: there a unit has a dimension, and what is not in the table is none; here units are
multiplied (`kg m s-2`), so that `N·m` and `kWh/d` are read as well.

An own table rather than a library. `pint` (BSD) knows the factors but reads `Nm` as number-metres, `in` and `at` as
units, and Latin script only: what text may name would have to be listed beside it all the same, and it costs 0.26 s
and four packages. `quantulum3` reads English only. So the list of spellings carries the factors with it.

Months and years are a kind of their own, because a month is no fixed number of days, and every currency is one. Not
read, because they are mostly something else: `in` for inches, `a` for years, `k` for thousands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import regex

from metier.text.detection import detect
from metier.text.language import Language, in_any_language
from metier.text.morphology import is_ending
from metier.text.normalization import fold
from metier.text.phrases import any_of
from metier.text.units import unit_names

_GAP = regex.compile(r"-(?=\p{L})|[^\S\n]?")
_WORD = regex.compile(
    r"°[^\S\n]?[CF]?(?!\p{L})|[°%‰]|[\p{Latin}\p{Greek}]+(?!'\p{L})|[\p{Han}\p{Hiragana}\p{Katakana}ー]+"
    r"|[[\p{L}\p{M}]--[\p{Latin}\p{Han}\p{Hiragana}\p{Katakana}]]+",
    regex.V1,
)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_LATIN = regex.compile(r"\p{Latin}")
_LONGEST_UNSPACED = 6  # characters
_POWER = regex.compile(r"\^?(-?[1-3])(?![\d.,])")
_JOIN = regex.compile(r"[^\S\n]?(?:[·⋅*×](?=\p{L})|\.(?=m\b)|(?P<per>/|\bper\b|每))[^\S\n]?")
_BASE = regex.compile(r"([^\d\s-]+)(-?\d+)?")

Powers = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class UnitDefinition:
    """`factor`: base units in one of it. `powers`: its base units and their powers, sorted; units of the same powers
    measure the same. `zero`: where its scale begins, in base units."""

    factor: float
    powers: Powers
    zero: float = 0.0

    def base(self, number: float) -> float:
        return number * self.factor + self.zero

    def times(self, other: UnitDefinition, power: int = 1) -> UnitDefinition:
        powers = Counter(dict(self.powers))
        for name, exponent in other.powers:
            powers[name] += power * exponent
        return UnitDefinition(self.factor * other.factor**power, _sorted(powers))

    def raised(self, power: int) -> UnitDefinition:
        return self if power == 1 else UnitDefinition(1.0, ()).times(self, power)


def read(text: str, at: int) -> tuple[UnitDefinition, int] | None:
    """The unit that stands in folded text after a number that ended at `at`, and where it ends; None for none."""
    if (found := _factor(text, _behind_gap(text, at))) is None:
        return None
    unit, end = found
    while (more := _next(text, end, unit)) is not None:
        unit, end = more
    return unit, end


def read_before(text: str, at: int) -> tuple[UnitDefinition, int] | None:
    """The unit that stands before a number that begins at `at`, as `$ 5` or `miezi 30`, and where it begins."""
    table = _table()
    match = table.before.search(text, max(0, at - 12), at)
    if match is None:
        return None
    name = match["name"]
    return table.symbols.get(name) or table.symbols[table.before_names[name.casefold()]], match.start()


def is_symbol(word: str) -> bool:
    """Whether this is a symbol of Latin letters that stands on its number (`840Nm`), in any case."""
    table = _table()
    return word in table.symbols or word.casefold() in table.any_case


def _next(text: str, at: int, unit: UnitDefinition) -> tuple[UnitDefinition, int] | None:
    """One unit more after `unit`: multiplied (`N·m`, `newton metre`) or in whose terms it is counted (`m/s`)."""
    if (join := _JOIN.match(text, at)) is not None:
        other = _factor(text, join.end())
        return None if other is None else (unit.times(other[0], -1 if join["per"] else 1), other[1])
    gap = _behind_gap(text, at)
    beside = _table().beside.get(unit.powers) if gap > at else None
    other = _factor(text, gap) if beside is not None else None
    return (unit.times(other[0]), other[1]) if other is not None and other[0].powers == beside else None


def _behind_gap(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return at if gap is None else gap.end()


def _factor(text: str, at: int) -> tuple[UnitDefinition, int] | None:
    table = _table()
    if (match := table.phrases.match(text, at)) is not None:
        return table.symbols[table.phrase_names[match.group().casefold()]], match.end()
    if (match := table.powers.match(text, at)) is not None and (found := _factor(text, match.end())) is not None:
        return found[0].raised(table.power_names[match["name"].casefold()]), found[1]
    if (match := _WORD.match(text, at)) is None or (found := _look_up(match.group())) is None:
        return None
    unit, end = found[0], at + found[1]
    if (power := _POWER.match(text, end)) is not None:
        return unit.raised(int(power[1])), power.end()
    return unit, end


def _look_up(word: str) -> tuple[UnitDefinition, int] | None:
    """A unit by one word, and how many characters of it are its name."""
    table = _table()
    if unit := table.symbols.get(word) or table.names.get(word.casefold()) or table.any_case.get(word.casefold()):
        return unit, len(word)
    if _UNSPACED.match(word):
        lengths = range(min(len(word), _LONGEST_UNSPACED), 0, -1)
        return next(((table.names[word[:n]], n) for n in lengths if word[:n] in table.names), None)
    if word.isascii():
        return None
    language = Language.of(detect(word))
    endings = (n for n in range(len(word) - 1, 1, -1) if word[:n] in table.names)
    return next(((table.names[word[:n]], len(word)) for n in endings if is_ending(word[:n], word[n:], language)), None)


@dataclass(frozen=True, slots=True)
class _Table:
    """`any_case`: symbols of several letters that are no other symbol in another case. `beside`: what is multiplied by
    what without a sign between them."""

    symbols: dict[str, UnitDefinition]
    any_case: dict[str, UnitDefinition]
    names: dict[str, UnitDefinition]
    phrases: regex.Pattern[str]
    phrase_names: dict[str, str]
    before: regex.Pattern[str]
    before_names: dict[str, str]
    powers: regex.Pattern[str]
    power_names: dict[str, int]
    beside: dict[Powers, Powers]


@lru_cache(maxsize=1)
def _table() -> _Table:
    plain = json.loads(resources.files(__package__).joinpath("compound_units.json").read_text(encoding="utf-8"))
    symbols = _symbols(plain)
    folded = Counter(symbol.casefold() for symbol in symbols)
    names = {symbol: tuple(map(fold, names)) for symbol, names in unit_names("not_graded").items()}
    of = {name.casefold(): symbol for symbol in symbols for name in names.get(symbol, ())}
    phrases = plain["phrases"] | {name: symbol for name, symbol in of.items() if not _WORD.fullmatch(name)}
    before = plain["before"] | {word: of[word] for word in map(fold, in_any_language("numbers", "unit_before"))}
    powers = {name: int(power[1:]) for power, each in names.items() if power[0] == "^" for name in each}
    codes = plain["currencies"].split()
    signs = [name for name in before if not name.isascii() or not name.isalpha()]
    words = [*codes, *(rf"(?i:{name})" for name in before if name not in signs)]
    return _Table(
        symbols=symbols,
        any_case={s.casefold(): unit for s, unit in symbols.items() if len(s) > 1 and folded[s.casefold()] == 1},
        names=_names(plain, symbols, names),
        phrases=regex.compile(rf"(?i:{any_of(phrases)})(?![\p{{L}}\p{{M}}]|(?<=\p{{L}})\$)"),
        phrase_names=phrases,
        before=regex.compile(
            rf"(?:(?<![\p{{L}}\p{{M}}\p{{N}}])(?P<name>{'|'.join(words)})\.?|(?<![\p{{N}}])(?P<name>(?i:{any_of(signs)})))[^\S\n]?$"
        ),
        before_names=before,
        powers=regex.compile(rf"(?i:(?P<name>{any_of(powers)}))[ -]?(?=[\p{{L}}])"),
        power_names=powers,
        beside={symbols["N"].powers: symbols["m"].powers} | {symbols[s].powers: symbols["s"].powers for s in "WA"},
    )


def _symbols(plain: dict[str, Any]) -> dict[str, UnitDefinition]:
    symbols = {code: UnitDefinition(1.0, ((code, 1),)) for code in plain["currencies"].split()}
    for symbol, (factor, bases, prefixes) in plain["symbols"].items():
        powers = _sorted({name: int(power or 1) for name, power in _BASE.findall(bases)})
        symbols[symbol] = UnitDefinition(float(factor), powers, plain["zero"].get(symbol, 0.0))
        for prefix in prefixes:
            symbols[fold(prefix + symbol)] = UnitDefinition(factor * plain["prefixes"][prefix], powers)
    return symbols | {alias: symbols[symbol] for alias, symbol in plain["aliases"].items()}


def _names(
    plain: dict[str, Any], symbols: dict[str, UnitDefinition], spelled: Mapping[str, Sequence[str]]
) -> dict[str, UnitDefinition]:
    """By words in lower case. A single letter of a script with spaces is short for much else (`2010 г`)."""
    names: dict[str, UnitDefinition] = {}
    for symbol in filter(spelled.get, symbols):
        prefixes = plain["symbols"].get(symbol, ("", "", ""))[2]
        for name in map(str.casefold, spelled[symbol]):
            if not _WORD.fullmatch(name) or (len(name) == 1 and not _UNSPACED.match(name)):
                continue
            plural = (name, f"{name}s") if name.isascii() and name[-1] != "s" else (name,)
            names |= dict.fromkeys(plural, symbols[symbol])
            for prefix in prefixes:
                for written in spelled.get(f"{prefix}-", ()):
                    if bool(_LATIN.match(written)) == bool(_LATIN.match(name)):
                        names |= {written + form: symbols[fold(prefix + symbol)] for form in plural}
    return names | {name: unit for name, unit in symbols.items() if len(name) > 3 and name.isalpha()}


def _sorted(powers: dict[str, int]) -> Powers:
    return tuple(sorted((name, power) for name, power in powers.items() if power))
