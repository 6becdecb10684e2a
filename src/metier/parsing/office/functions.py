"""Functions and operators of spreadsheet formulas: on numbers, texts, truth values, None for an empty cell, areas.

Where a result is an error in a spreadsheet it is one here (`CellError`); what is not certain to come out the same
raises `Unknown`.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal

from metier.parsing.office.numbers import plain_number

Scalar = float | str | bool | None
_CRITERION = re.compile(r"(<=|>=|<>|<|>|=)?(.*)", re.DOTALL)
_LONGEST = 32_767  # characters of a cell


class Unknown(Exception):
    """A formula that is not understood here, or whose result depends on one that is not."""


class CellError(Exception):
    """What a spreadsheet shows in place of a result: `#DIV/0!`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Area:
    """Cells of a rectangle, row by row."""

    rows: tuple[tuple[Scalar, ...], ...]

    def __iter__(self) -> Iterator[Scalar]:
        for row in self.rows:
            yield from row


Value = Scalar | Area


def operated(sign: str, values: list[Scalar]) -> Scalar:
    """The result of an operator; `negative` and `percent` take one value, the others two."""
    if sign == "negative":
        return -number(values[0])
    if sign == "percent":
        return number(values[0]) / 100
    first, second = values
    if sign == "&":
        return (text(first) + text(second))[:_LONGEST]
    if sign in ("=", "<>", "<", ">", "<=", ">="):
        return _compared(sign, first, second)
    left, right = number(first), number(second)
    if sign == "/":
        return _divided(left, right)
    if sign == "^":
        return _power(left, right)
    return left + right if sign == "+" else left - right if sign == "-" else left * right


def number(value: Value) -> float:
    """Of a value in arithmetic."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise CellError("#VALUE!") from None
    return float(_one(value) or 0)


def text(value: Value) -> str:
    """Of a value that is joined to another."""
    value = _one(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "" if value is None else value if isinstance(value, str) else plain_number(value)


def truth(value: Value) -> bool:
    """Of a condition."""
    value = _one(value)
    if isinstance(value, str):
        raise CellError("#VALUE!")
    return bool(value)


def _one(value: Value) -> Scalar:
    if isinstance(value, Area):
        raise Unknown("an area where one value is needed")
    return value


def _compared(sign: str, first: Scalar, second: Scalar) -> bool:
    """Numbers come before texts, texts before truth values; capitals do not count; a blank is 0 or "" beside one."""

    def key(value: Scalar, other: Scalar) -> tuple[int, float | str]:
        if value is None:
            value = "" if isinstance(other, str) else 0.0
        if isinstance(value, bool):
            return 2, float(value)
        return (1, value.casefold()) if isinstance(value, str) else (0, value)

    left, right = key(first, second), key(second, first)
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
    }[sign]


def _divided(left: float, right: float) -> float:
    if not right:
        raise CellError("#DIV/0!")
    return left / right


def _power(base: float, exponent: float) -> float:
    try:
        found = base**exponent
    except ZeroDivisionError:
        raise CellError("#DIV/0!") from None
    if isinstance(found, complex):
        raise CellError("#NUM!")
    return float(found)


# --- of many values ------------------------------------------------------------------------------------------


def _each(values: Iterable[Value]) -> Iterator[Scalar]:
    for value in values:
        yield from value if isinstance(value, Area) else (value,)


def _numbers(*values: Value) -> list[float]:
    """Numbers among arguments: of an area those that are numbers, of the others what they come to."""
    found: list[float] = []
    for value in values:
        if isinstance(value, Area):
            found += [each for each in value if isinstance(each, float)]
        else:
            found.append(number(value))
    return found


def _average(*values: Value) -> float:
    found = _numbers(*values)
    return _divided(math.fsum(found), len(found))


def _extreme(choose: Callable[[list[float]], float]) -> Callable[..., float]:
    return lambda *values: choose(found) if (found := _numbers(*values)) else 0.0


def _median(*values: Value) -> float:
    found = _numbers(*values)
    if not found:
        raise CellError("#NUM!")
    return statistics.median(found)


def _count_filled(*values: Value) -> float:
    return float(sum(one is not None for one in _each(values)))


def _count_numbers(*values: Value) -> float:
    return float(sum(isinstance(one, float) for one in _each(values)))


def _sum_of_products(*values: Value) -> float:
    areas = [value for value in values if isinstance(value, Area)]
    if len(areas) != len(values):
        raise Unknown("SUMPRODUCT")
    columns = [[each if isinstance(each, float) else 0.0 for each in area] for area in areas]
    if len({len(column) for column in columns}) > 1:
        raise CellError("#VALUE!")
    return math.fsum(math.prod(row) for row in zip(*columns, strict=True))


def _matching(area: Value, criterion: Value) -> list[bool]:
    """Which cells meet a criterion such as `5`, `"Valve"` or `">=10"`. Wildcards are not known here."""
    if not isinstance(area, Area):
        area = Area(((area,),))
    wanted: Scalar = _one(criterion)
    sign = "="
    if isinstance(wanted, str):
        told = _CRITERION.fullmatch(wanted)
        sign, bare = (told[1] or "=", told[2]) if told else ("=", wanted)
        if any(c in bare for c in "*?~") or not bare:
            raise Unknown("a pattern")
        try:
            wanted = float(bare)
        except ValueError:
            wanted = bare
    found = []
    for each in area:
        same_kind = isinstance(each, float) == isinstance(wanted, float) and each is not None
        found.append(_compared(sign, each, wanted) if same_kind else sign == "<>")
    return found


def _sum_if(area: Value, criterion: Value, summed: Value | None = None) -> float:
    met = _matching(area, criterion)
    values = list(summed if isinstance(summed, Area) else area if isinstance(area, Area) else ())
    if len(values) != len(met):
        raise Unknown("SUMIF")
    return math.fsum(value for value, holds in zip(values, met, strict=True) if holds and isinstance(value, float))


def _looked_up(wanted: Value, area: Value, column: Value, near: Value = True) -> Scalar:
    place = int(number(column)) - 1
    if not isinstance(area, Area) or truth(near):
        raise Unknown("VLOOKUP")
    for row in area.rows:
        if row and _compared("=", row[0], _one(wanted)):
            if not 0 <= place < len(row):
                raise CellError("#REF!")
            return row[place]
    raise CellError("#N/A")


def _truths(*values: Value) -> list[bool]:
    return [truth(one) for one in _each(values) if one is not None]


# --- of one value --------------------------------------------------------------------------------------------


def _rounded(way: str) -> Callable[..., float]:
    def rounded(value: Value, places: Value = 0.0) -> float:
        digits = int(number(places))
        if abs(digits) > 15:
            raise Unknown("ROUND")
        return float(Decimal(f"{number(value):.15g}").quantize(Decimal(1).scaleb(-digits), way))

    return rounded


def _remainder(value: Value, by: Value) -> float:
    divisor = number(by)
    if not divisor:
        raise CellError("#DIV/0!")
    return number(value) - divisor * math.floor(number(value) / divisor)


def _root(value: Value) -> float:
    if number(value) < 0:
        raise CellError("#NUM!")
    return math.sqrt(number(value))


def _joined(*values: Value) -> str:
    return "".join(map(text, _each(values)))[:_LONGEST]


def _joined_by(mark: Value, skip: Value, *values: Value) -> str:
    each = list(map(text, _each(values)))
    return text(mark).join(one for one in each if one or not truth(skip))[:_LONGEST]


def _middle(value: Value, start: Value, count: Value) -> str:
    first = int(number(start)) - 1
    if first < 0:
        raise CellError("#VALUE!")
    return text(value)[first : first + int(number(count))]


def _right(value: Value, count: Value = 1.0) -> str:
    kept = int(number(count))
    return text(value)[-kept:] if kept > 0 else ""


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "SUM": lambda *values: math.fsum(_numbers(*values)),
    "AVERAGE": _average,
    "MIN": _extreme(min),
    "MAX": _extreme(max),
    "MEDIAN": _median,
    "COUNT": _count_numbers,
    "COUNTA": _count_filled,
    "PRODUCT": lambda *values: math.prod(found) if (found := _numbers(*values)) else 0.0,
    "SUMPRODUCT": _sum_of_products,
    "SUMIF": _sum_if,
    "COUNTIF": lambda area, criterion: float(sum(_matching(area, criterion))),
    "VLOOKUP": _looked_up,
    "ROUND": _rounded(ROUND_HALF_UP),
    "ROUNDUP": _rounded(ROUND_UP),
    "ROUNDDOWN": _rounded(ROUND_DOWN),
    "TRUNC": _rounded(ROUND_DOWN),
    "INT": lambda value: float(math.floor(number(value))),
    "ABS": lambda value: abs(number(value)),
    "SIGN": lambda value: float((number(value) > 0) - (number(value) < 0)),
    "MOD": _remainder,
    "SQRT": _root,
    "POWER": lambda base, exponent: _power(number(base), number(exponent)),
    "PI": lambda: math.pi,
    "AND": lambda *values: all(_truths(*values)),
    "OR": lambda *values: any(_truths(*values)),
    "NOT": lambda value: not truth(value),
    "CONCATENATE": _joined,
    "CONCAT": _joined,
    "TEXTJOIN": _joined_by,
    "LEFT": lambda value, count=1.0: text(value)[: max(0, int(number(count)))],
    "RIGHT": _right,
    "MID": _middle,
    "LEN": lambda value: float(len(text(value))),
    "UPPER": lambda value: text(value).upper(),
    "LOWER": lambda value: text(value).lower(),
    "TRIM": lambda value: " ".join(part for part in text(value).split(" ") if part),
}
