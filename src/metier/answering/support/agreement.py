"""Whether one number says what another says, and whether a number follows from others by arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import regex

from metier.text.language import in_any_language
from metier.text.quantities import Quantity
from metier.text.units import MONEY, UnitOfMeasure

_EXACT = 1e-6
_ROUGHLY = 0.06  # relative error that "about" allows
_ROUNDED = 0.006  # of a result that was worked out
_FEWEST_DIGITS = 2  # digits a result must have that nothing but the sources' numbers leads to
_COLON = regex.compile(r":\s")  # behind a label; a division has a space on both sides, or none
_HENCE = "=>"  # "8 x 2 → 16" gives a result, "… → 3 x 1.20 = 3.60" begins another sum
_SIGNS = {
    "+": "+", "x": "*", "×": "*", "*": "*", "·": "*", "-": "-", "−": "-", "–": "-", "/": "/", "÷": "/", ":": "/",
    "=": "=", "≈": "=", "→": _HENCE,
}  # fmt: skip
_BOUNDED = regex.compile(r"[\p{Latin}\p{Cyrillic}\s*-]+")  # scripts whose words end where `\b` says
_OPERATIONS = {"plus": "+", "minus": "-", "times": "*", "divided": "/", "equals": "="}


@lru_cache(maxsize=1)
def _about() -> regex.Pattern[str]:
    return regex.compile(rf"(?:~|≈|{_words_for_about()})\W*$", regex.IGNORECASE)


@lru_cache(maxsize=1)
def _words_for_about() -> str:
    bounded: list[str] = []
    free: list[str] = []
    for phrase in in_any_language("arithmetic", "about"):
        (bounded if _BOUNDED.fullmatch(phrase) else free).append(regex.escape(phrase).replace(r"\*", r"\w*"))
    return rf"\b(?:{'|'.join(bounded)})\b|{'|'.join(free)}"


@lru_cache(maxsize=1)
def _operators() -> Mapping[str, str]:
    """Signs and words to the operation that they stand for."""
    words = {word: sign for name, sign in _OPERATIONS.items() for word in in_any_language("arithmetic", name)}
    return _SIGNS | words


@lru_cache(maxsize=1)
def _operator() -> regex.Pattern[str]:
    signs = "|".join(sorted(map(regex.escape, _operators()), key=len, reverse=True))
    return regex.compile(
        rf"\s*(?:[\p{{L}}²³%°.]{{0,12}}\s+)??([()\s]*)({signs})([()\s]*)"
        rf"(?:(?:{_words_for_about()})\.?|[$€£¥₹])?\s*[-−–]?\s*", regex.IGNORECASE,
    )  # fmt: skip


def is_about(text: str, at: int) -> bool:
    """Whether the number at `at` is said to be an approximation."""
    return bool(_about().search(text[max(0, at - 24) : at]))


def agrees(said: Quantity, given: Quantity, *, about: bool = False) -> bool:
    """Whether `given`, of a source, says what `said` says: the same number, in another unit or rounded to the digits
    that `said` has; with `about` up to 6% from it. A unit that one of them leaves out is the other's."""
    if said.dates or given.dates:
        return _same_day(said, given)
    if "clock" in (said.dimension, given.dimension) and said.dimension != given.dimension:
        return False
    if said.per and given.per and sorted(map(_size, said.per)) != sorted(map(_size, given.per)):
        return False
    if _scaled(said) and _scaled(given):  # "5 million" is not "5 thousand"
        said, given = _in_full(said), _in_full(given)
    both = said.unit is not None and given.unit is not None
    if both and said.dimension != given.dimension:
        if {said.dimension, given.dimension} != {"angle", "temperature"}:  # "12 degrees"
            return False
        both = False
    converted = both and said.unit != given.unit
    for value, base in zip(said.values, said.in_base(), strict=True):
        for other, other_base in zip(given.values, given.in_base(), strict=True):
            mine, theirs = (base, other_base) if both else (value, other)
            if _close(mine, theirs, _EXACT) or (about and _close(mine, theirs, _ROUGHLY)):
                return True
            step = 10.0**-said.decimals * (base / value if both and value else 1.0)
            finer = converted or given.decimals > said.decimals or _scaled(said)
            if finer and abs(mine - theirs) <= 0.5000001 * step and abs(mine) >= 2 * step:
                return True
    return False


def is_among(said: Quantity, given: Iterable[Quantity]) -> bool:
    """Whether any of `given` says what `said` says."""
    return any(agrees(said, other) for other in given)


def _size(unit: UnitOfMeasure) -> tuple[str, float]:
    return unit.dimension, unit.factor


def _scaled(said: Quantity) -> bool:
    """Whether it is told in thousands or millions; one of its values is without them, as a table may leave them out."""
    return len(said.values) > 1 and max(said.values) >= 1000 * min(said.values)


def _in_full(said: Quantity) -> Quantity:
    return replace(said, values=(max(said.values),))


def _same_day(said: Quantity, given: Quantity) -> bool:
    """All that both say must agree, and `given` must say what `said` says; the year may stand elsewhere. A bare year
    agrees with the same number."""
    if not (said.dates and given.dates):
        dated, other = (said, given) if said.dates else (given, said)
        year_only = [year for year, month, day in dated.dates if year and not month and not day]
        return other.unit is None and any(value in year_only for value in other.values)
    for mine in said.dates:
        for theirs in given.dates:
            pairs = list(zip(mine, theirs, strict=True))
            if any(a is not None and b is not None and a != b for a, b in pairs):
                continue
            if all(b is not None for a, b in pairs[1:] if a is not None) and any(
                a is not None and b is not None for a, b in pairs
            ):
                return True
    return False


def _close(a: float, b: float, tolerance: float) -> bool:
    return abs(a - b) <= tolerance * max(abs(a), abs(b)) or a == b


def equations(text: str, found: Sequence[Quantity]) -> Iterator[tuple[list[Quantity], Quantity, bool]]:
    """Sums that a text writes out, as "3 x 100 + 30 = 330": operands, result, and whether it is right."""
    chain: list[Quantity] = []
    signs: list[str] = []
    for first, second in pairwise([*found, None]):
        if first is None or not first.values:
            chain, signs = [], []
            continue
        chain.append(first)
        gap = text[first.end : second.start] if second is not None and second.values else "\n"
        between = None if "\n" in gap else _operator().fullmatch(gap)  # "- " on a new line is an item of a list
        if between is not None and not _COLON.match(text, first.end):
            signs.append(between[1].strip() + _operators()[between[2].lower()] + between[3].strip())
            continue
        yield from _written_out(chain, signs)
        chain, signs = [], []


def _written_out(chain: list[Quantity], signs: list[str]) -> Iterator[tuple[list[Quantity], Quantity, bool]]:
    cuts = [index for index, sign in enumerate(signs) if "=" in sign]
    if not cuts or len(chain) < 2:
        return
    start = 0
    for cut, following in pairwise([*cuts, len(chain) - 1]):
        operands, result = chain[start : cut + 1], chain[cut + 1]
        is_sum = following > cut + 1  # what stands behind "="
        if len(operands) > 1 and is_sum and _HENCE not in signs[cut]:  # "5,000 - 2,000 = 3 x 1,000"
            left = _evaluate([q.values[0] for q in operands], signs[start:cut])
            right = _evaluate([q.values[0] for q in chain[cut + 1 : following + 1]], signs[cut + 1 : following])
            if left is not None and right is not None:
                yield operands, result, _close(left, right, _EXACT)
        elif len(operands) > 1 and not is_sum:
            factors = {q.unit.factor for q in operands if q.unit and q.dimension == result.dimension}
            mixed = len(factors) > 1 and all(q.dimension == result.dimension for q in operands)
            value = _evaluate([(q.in_base() if mixed else q.values)[0] for q in operands], signs[start:cut])
            if mixed and value is not None and result.unit:
                value /= result.unit.factor
            if value is not None:
                yield operands, result, any(_result(result, value, scale) for scale in _scales(operands, result))
        start = cut + 1


def _scales(operands: Sequence[Quantity], result: Quantity) -> Iterator[float]:
    """How the result's unit may differ from the operands': not at all, as a percentage, or by conversion."""
    yield 1.0
    if result.dimension == "percent":
        yield 100.0
    same = [q.unit for q in operands if q.unit and q.dimension == result.dimension]
    if same and result.unit and len({unit.factor for unit in same}) == 1:
        yield same[0].factor / result.unit.factor


def _result(said: Quantity, value: float, scale: float) -> bool:
    step = 10.0**-said.decimals
    return any(
        _close(abs(mine), abs(value * scale), _EXACT) or abs(abs(mine) - abs(value * scale)) <= 0.5000001 * step
        for mine in said.values
    ) or (said.decimals == 0 and any(_close(abs(mine), abs(value * scale), _ROUNDED) for mine in said.values))


def _evaluate(values: Sequence[float], signs: Sequence[str]) -> float | None:
    """Products before sums, brackets first. None where the brackets do not match, NaN where something is divided by
    zero."""
    tokens: list[str | float] = []
    for index, value in enumerate(values):
        tokens.append(value)
        if index < len(signs):
            tokens.extend(character for character in signs[index] if character in "+-*/()")
    opening, closing = tokens.count("("), tokens.count(")")
    tokens = ["("] * max(0, closing - opening) + tokens + [")"] * max(0, opening - closing)
    try:
        value, rest = _sum(tokens)
    except ZeroDivisionError:
        return math.nan
    except (IndexError, TypeError, ValueError):
        return None
    return None if rest else value


def _sum(tokens: list[str | float]) -> tuple[float, list[str | float]]:
    value, rest = _product(tokens)
    while rest and rest[0] in ("+", "-"):
        other, after = _product(rest[1:])
        value, rest = (value + other if rest[0] == "+" else value - other), after
    return value, rest


def _product(tokens: list[str | float]) -> tuple[float, list[str | float]]:
    value, rest = _factor(tokens)
    while rest and rest[0] in ("*", "/"):
        other, after = _factor(rest[1:])
        value, rest = (value * other if rest[0] == "*" else value / other), after
    return value, rest


def _factor(tokens: list[str | float]) -> tuple[float, list[str | float]]:
    if tokens[0] == "(":
        value, rest = _sum(tokens[1:])
        if not rest or rest[0] != ")":
            raise IndexError
        return value, rest[1:]
    return float(tokens[0]), tokens[1:]


Operation = Callable[[float, float], float]
_SAME_UNIT: tuple[Operation, ...] = (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: (a + b) / 2)
_RATIO: tuple[Operation, ...] = (lambda a, b: a / b,)
_SHARE: tuple[Operation, ...] = (lambda a, b: (a - b) / b * 100, lambda a, b: a / b * 100)
_PRODUCT: tuple[Operation, ...] = (lambda a, b: a * b, lambda a, b: a / b)


def derived(said: Quantity, operands: Sequence[Quantity], *, strict: bool) -> tuple[Quantity, ...]:
    """Operands from which `said` follows by one sum, difference, average, product, quotient or percentage, or the sum
    or average of all of one unit; () if it follows from none. `strict`: nothing but the sources leads to it, so a short
    number, which could come out by chance, is not taken to."""
    if said.dates:
        return ()
    if strict and said.digits < _FEWEST_DIGITS:
        return ()
    numbers = [q for q in operands if q.values]
    for first in numbers:
        for second in numbers:
            if first is not second and any(
                _follows(said, first, second, op) for op in _operations(said, first, second)
            ):
                return first, second
    alike = [q for q in numbers if q.dimension == said.dimension or not q.dimension or not said.dimension]
    if len(alike) > 2:
        bases = [_base(q, said) for q in alike]
        total = sum(bases)
        if any(_result_in_base(said, value) for value in (total, total / len(bases), max(bases) - min(bases))):
            return tuple(alike)
    return ()


def _operations(said: Quantity, first: Quantity, second: Quantity) -> Iterator[Operation]:
    a, b, result = first.dimension, second.dimension, said.dimension
    if result in MONEY and any(of in MONEY and of != result for of in (a, b)):
        return
    same = a == b or not a or not b
    if same and (result in (a, b) or not result):
        yield from _SAME_UNIT
    if same and not result:
        yield from _RATIO
    if same and result == "percent":
        yield from _SHARE
    if not (a and b and a == b):
        yield from _PRODUCT
    if "percent" in (a, b):
        yield lambda x, y: x * y / 100
    if b == "percent" and a != "percent":
        yield lambda x, y: x * (1 + y / 100)
        yield lambda x, y: x * (1 - y / 100)


def _follows(said: Quantity, first: Quantity, second: Quantity, operation: Operation) -> bool:
    try:
        return _result_in_base(said, operation(_base(first, said), _base(second, said)))
    except ZeroDivisionError:
        return False


def _base(quantity: Quantity, said: Quantity) -> float:
    return (quantity.in_base() if said.unit and quantity.unit else quantity.values)[0]


def _result_in_base(said: Quantity, value: float) -> bool:
    for written, base in zip(said.values, said.in_base(), strict=True):
        step = 10.0**-said.decimals * (base / written if written else 1.0)
        for mine in {written, base}:
            if _close(abs(mine), abs(value), _EXACT):
                return True
            if said.decimals and abs(abs(mine) - abs(value)) <= 0.5000001 * abs(step):
                return True
    return False
