"""Number formats of spreadsheets: what a cell shows of the number in it.

    000000            123        000123         0 "Nm"         840       840 Nm
    #,##0.00 "€"      1234.5     1,234.50 €     ±0.0           0.25      ±0.3
    #,##0;[Red](#,##0)  -5       (5)            [<1]0%;0.0     0.5       50%
    # ?/?             1.5        1 1/2          0.00E+00       12345     1.23E+04
    dd.mm.yyyy        45292      01.01.2024     [h]:mm         1.5       36:00

Decimal marks and what parts thousands are those of a language, as the names of months are: of the language that a
format names itself (`[$-407]`), else of the one it is shown in. What only fills the width of a cell is left out.
(ECMA-376 part 1, 18.8.31)
"""

from __future__ import annotations

import locale
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Self

from metier.parsing.office.moments import SHORT_DATE, moment
from metier.text.language import Language

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<width>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]|(?P<end>;)'
    r"|(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<power>E[+-])|(?P<time>y+|m+|d+|h+|s+(?:[.,]0+)?|g+|e+|b+)"
    r"|(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<slash>/)|(?P<percent>%)|(?P<text>@)|(?P<literal>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_SYMBOL = re.compile(r"\$([^-]*)(?:-([\w-]+))?")
_FOOTNOTE = re.compile(r"(?<=[\d%])(?=\((?:[a-z]|\d)\)$)")
_DIGITS = {"digit", "comma", "point"}
_LITERALS = {"quoted", "escaped", "literal"}
_WIDEST = 1e15  # above it a number has no exact digits to show
_LARGEST = 1e21
_TIE = 1e-4  # nearer than this to a half, a binary fraction may be rounded the wrong way

Token = tuple[str, str]  # kind, text


@dataclass(frozen=True, slots=True)
class Notation:
    """How a language writes numbers; `language`: its code, for the names of months and days."""

    decimal: str = "."
    thousands: str = ","
    language: str = "en"

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, code: str) -> Self:
        known = Language.of(code)
        return cls(known.decimal, known.thousands or ("." if known.decimal == "," else ","), code)


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the up to four parts of a format. `kind`: number, moment, general, text, or literal."""

    kind: str
    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None = None
    language: str = ""

    def holds(self, value: float) -> bool:
        sign, bound = self.condition or ("", 0.0)
        order = (value > bound) - (value < bound)
        return order in {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1), "=": (0,), "<>": (-1, 1)}.get(sign, ())

    def around(self, shown: str) -> str:
        """What stands around the place of a number or text, with `shown` there."""
        return "".join(
            shown if kind in ("general", "text") else _filled(self.tokens, place)
            for place, (kind, _text) in enumerate(self.tokens)
        )

    @property
    def negative_only(self) -> bool:
        return self.condition is not None and self.condition[0] in ("<", "<=") and self.condition[1] <= 0


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A format code, taken apart. `General` and "" show a number as it was typed."""

    sections: tuple[_Section, ...] = ()
    plain: bool = False

    @classmethod
    @lru_cache(maxsize=1024)
    def of(cls, code: str) -> Self:
        if code.strip().lower() in ("", "general", "standard"):
            return cls(plain=True)
        parts: list[list[Token]] = [[]]
        for match in _TOKEN.finditer(code):
            kind = str(match.lastgroup)
            if kind == "end":
                parts.append([])
            else:
                parts[-1].append((kind, match[kind]))
        return cls(tuple(map(_section, parts[:4])))

    def show(self, value: float, notation: Notation, *, from_1904: bool = False) -> str:
        """What a cell of this format shows of a number; "" where the format shows nothing of it."""
        if self.plain:
            return plain_number(value, notation)
        section, signed = self._chosen(value)
        if section is None:
            return plain_number(value, notation)
        own = Notation.of(section.language) if section.language else notation
        if section.kind == "moment":
            shown = moment(section.tokens, value, own.language, from_1904)
            return " ".join(shown.split()) if shown is not None else plain_number(value, own)
        sign = "-" if value < 0 and signed else ""
        if section.kind == "number":
            shown = _number(section.tokens, value, own) if abs(value) < _LARGEST else plain_number(abs(value), own)
        else:
            shown = section.around(plain_number(abs(value), own))
            sign = sign if section.kind != "literal" else ""
        return _FOOTNOTE.sub(" ", sign + " ".join(shown.split()))

    def show_text(self, text: str) -> str:
        """What a cell of this format shows of a text."""
        section = self.sections[3] if len(self.sections) > 3 else self.sections[-1] if self.sections else None
        if section is None or (section.kind != "text" and len(self.sections) < 4):
            return text
        return section.around(text).strip()

    def _chosen(self, value: float) -> tuple[_Section | None, bool]:
        """The section for a number, and whether a minus sign is written before it."""
        numeric = [section for section in self.sections[:3] if section.kind != "text" or len(self.sections) == 1]
        if not numeric:
            return None, True
        if any(section.condition for section in numeric):
            return _by_condition(numeric, value)
        if value < 0 and len(numeric) > 1:
            return numeric[1], False
        return numeric[2 if value == 0 and len(numeric) > 2 else 0], True


def _by_condition(sections: Sequence[_Section], value: float) -> tuple[_Section | None, bool]:
    for section in sections:
        if section.holds(value):
            return section, not section.negative_only
    others = [section for section in sections if section.condition is None]
    if len(others) == 2:  # after the one with a condition: negative numbers, then the rest
        return (others[0], False) if value < 0 else (others[1], True)
    first = sections[0].condition
    rest_is_negative = first is not None and first[0] in (">", ">=") and not first[1]
    return (others[-1] if others else None), not rest_is_negative


def plain_number(value: float, notation: Notation | None = None) -> str:
    """A float without the noise of binary fractions: `0.1`, not `0.1000000000000000055`; `42`, not `42.0`."""
    if value == int(value) and abs(value) < _WIDEST:
        return str(int(value))
    shown = f"{value:.15g}"
    return shown.replace(".", notation.decimal) if notation is not None else shown


# --- taken apart ---------------------------------------------------------------------------------------------


def _section(tokens: Sequence[Token]) -> _Section:
    kept: list[Token] = []
    condition, language = None, ""
    for kind, text in tokens:
        if kind != "bracket":
            kept.append((kind, text))
        elif told := _CONDITION.fullmatch(text):
            condition = told[1], float(told[2])
        elif f"[{text}]" == SHORT_DATE:
            kept.append(("date", text))
        elif _ELAPSED.fullmatch(text):
            kept.append(("elapsed", text.lower()))
        elif symbol := _SYMBOL.fullmatch(text):
            if symbol[1]:
                kept.append(("quoted", symbol[1]))  # a currency's place says nothing of how numbers are written
            else:
                language = _language(symbol[2] or "")
    kinds = {kind for kind, _text in kept}
    if "general" in kinds:
        kind = "general"
    elif "digit" in kinds:
        kind = "number"
        kept = [("literal", text) if kind in ("time", "half") else (kind, text) for kind, text in kept]
    elif kinds & {"time", "elapsed", "date"}:
        kind = "moment"
    else:
        kind = "text" if "text" in kinds else "literal"
    return _Section(kind, tuple(kept), condition, language)


def _language(code: str) -> str:
    """Of `407`, `de-DE` or `F800`: `de`, `de`, and "" for what leaves it to the reader's machine."""
    if re.fullmatch(r"[a-z]{2,3}(?:-\w+)*", code) and not re.fullmatch(r"[0-9A-Fa-f]+", code):
        return code.split("-")[0]
    try:
        named = locale.windows_locale.get(int(code, 16) & 0xFFFF, "")
    except ValueError:
        return ""
    return named.split("_")[0]


def _filled(tokens: Sequence[Token], place: int) -> str:
    """What a token that stands for itself adds: a blank for a width; what repeats to fill the cell parts words."""
    kind, text = tokens[place]
    if kind == "fill":
        before = tokens[place - 1] if place else ("", "")
        return " " if text == " " and before[0] in _LITERALS and before[1][-1:].isalnum() else ""
    return " " if kind == "width" else text


# --- numbers -------------------------------------------------------------------------------------------------


def _number(tokens: tuple[Token, ...], value: float, notation: Notation) -> str:
    kinds = {kind for kind, _text in tokens}
    if not kinds & {"power", "slash"} and (usual := _quickly(tokens, abs(value), notation)):
        return usual
    amount = abs(Decimal(f"{value:.15g}"))
    if "power" in kinds:
        return _scientific(tokens, amount, notation)
    if "slash" in kinds and (fraction := _fraction(tokens, amount)) is not None:
        return fraction
    return _fixed(tokens, amount, notation)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Places among tokens: of the digits before and behind the point, and of the point. `dropped`: commas that stand
    for no comma. `shift`: decimal places by which the number is moved before it is shown. `usual`: as Python's `format`
    writes it, "" where that cannot."""

    whole: tuple[int, ...]
    parts: tuple[int, ...]
    point: int
    grouped: bool
    dropped: frozenset[int]
    shift: int
    usual: str = ""


@lru_cache(maxsize=1024)
def _layout(tokens: tuple[Token, ...]) -> _Layout:
    kinds = [kind for kind, _text in tokens]
    digits = [place for place, kind in enumerate(kinds) if kind == "digit"]
    point = next((place for place, kind in enumerate(kinds) if kind == "point" and place <= digits[-1] + 1), len(kinds))
    whole = tuple(place for place in digits if place < point)
    dropped, grouped, scaled = set(), False, 0
    for place in (place for place, kind in enumerate(kinds) if kind == "comma"):
        if whole and whole[0] < place < whole[-1]:
            grouped = True
            dropped.add(place)
        elif kinds[place - 1 : place] == ["digit"] or place - 1 in dropped:
            scaled += 1
            dropped.add(place)
    shift = 2 * kinds.count("percent") - 3 * scaled
    parts = tuple(n for n in digits if n > point)
    usual = "" if shift or (parts and parts[0] - 1 != point) else _usual(tokens, whole, parts, grouped)
    return _Layout(whole, parts, point, grouped, frozenset(dropped), shift, usual)


def _usual(tokens: Sequence[Token], whole: Sequence[int], parts: Sequence[int], grouped: bool) -> str:
    """Of `000`, `#,##0.00` and their like: `03.0f`, `,.2f`."""
    inside = tokens[whole[0] : (parts or whole)[-1] + 1] if whole else ()
    written = "".join(text for _kind, text in inside)
    shape = re.fullmatch(r"[#,]*(0+)(?:\.(0+))?", written)
    if shape is None or (grouped and len(shape[1]) > 1) or not {kind for kind, _text in inside} <= _DIGITS:
        return ""
    places = len(shape[2] or "")
    width = len(shape[1]) + places + bool(places)
    return f",.{places}f" if grouped else f"0{width}.{places}f"


def _quickly(tokens: tuple[Token, ...], value: float, notation: Notation) -> str:
    """`_fixed` of what Python writes the same way, "" for all else: sheets have a million numbers."""
    layout = _layout(tokens)
    last = value * 10 ** len(layout.parts)
    if not layout.usual or last > _WIDEST or abs(last % 1 - 0.5) < _TIE:
        return ""
    number = f"{value:{layout.usual}}"
    if layout.grouped or layout.parts:
        number = number.translate({ord(","): notation.thousands, ord("."): notation.decimal})
    end = (layout.parts or layout.whole)[-1] + 1
    front = "".join(_filled(tokens, place) for place in range(layout.whole[0]))
    return front + number + "".join(_filled(tokens, place) for place in range(end, len(tokens)))


def _fixed(tokens: tuple[Token, ...], amount: Decimal, notation: Notation) -> str:
    layout = _layout(tokens)
    rounded = amount.scaleb(layout.shift).quantize(Decimal(1).scaleb(-len(layout.parts)), ROUND_HALF_UP)
    before, _, behind = f"{rounded:f}".partition(".")
    shown = _whole(tokens, layout.whole, before.lstrip("0"), notation.thousands if layout.grouped else "")
    bare = not any(text.strip() for text in shown.values())
    tail = _parts(tokens, layout.parts, behind)
    shown.update(tail)
    point = ("0" if bare else "") + notation.decimal if any(text.strip() for text in tail.values()) else ""
    return "".join(
        shown.get(place, "") if kind == "digit"
        else point if place == layout.point
        else "" if place in layout.dropped
        else _filled(tokens, place)
        for place, (kind, _text) in enumerate(tokens)
    )  # fmt: skip


def _whole(tokens: Sequence[Token], places: Sequence[int], digits: str, thousands: str) -> dict[int, str]:
    """The digits before the point, each at its place from the right, all that are left at the first."""
    shown, written = {}, 0
    for place in reversed(places):
        taken = digits if place == places[0] else digits[-1:]
        digits = digits[: len(digits) - len(taken)]
        text = ""
        for digit in reversed(taken or {"0": "0", "?": " "}.get(tokens[place][1], "")):
            text = digit + (thousands if written and not written % 3 and digit != " " else "") + text
            written += 1
        shown[place] = text
    return shown


def _parts(tokens: Sequence[Token], places: Sequence[int], digits: str) -> dict[int, str]:
    """The digits behind the point; noughts at the end only where the format asks for them."""
    shown, needed = {}, False
    for place, digit in reversed(list(zip(places, digits, strict=True))):
        form = tokens[place][1]
        needed = needed or digit != "0" or form == "0"
        shown[place] = digit if needed else " " if form == "?" else ""
    return shown


def _scientific(tokens: tuple[Token, ...], amount: Decimal, notation: Notation) -> str:
    at = next(place for place, (kind, _text) in enumerate(tokens) if kind == "power")
    mantissa, after = tokens[:at], tokens[at + 1 :]
    if not any(kind == "digit" for kind, _text in mantissa):
        return _fixed(tuple(("literal", text) if kind == "power" else (kind, text) for kind, text in tokens), amount,
                      notation)  # fmt: skip
    layout = _layout(mantissa)
    step = max(1, len(layout.whole))
    exponent = amount.adjusted() // step * step if amount else 0
    smallest = Decimal(1).scaleb(-len(layout.parts))
    if amount.scaleb(-exponent).quantize(smallest, ROUND_HALF_UP) >= Decimal(10) ** step:
        exponent += step
    width = 0
    for kind, _text in after:
        if kind != "digit":
            break
        width += 1
    sign = "-" if exponent < 0 else "+" if tokens[at][1].endswith("+") else ""
    rest = "".join(_filled(after, place) for place in range(width, len(after)))
    return f"{_fixed(mantissa, amount.scaleb(-exponent), notation)}E{sign}{abs(exponent):0{max(1, width)}d}{rest}"


def _fraction(tokens: Sequence[Token], amount: Decimal) -> str | None:
    """`1 1/2`; None where the format is none of a fraction."""
    kinds = [kind for kind, _text in tokens]
    slash = kinds.index("slash")
    start, end = slash, slash + 1
    while start and kinds[start - 1] == "digit":
        start -= 1
    while end < len(tokens) and (kinds[end] == "digit" or (kinds[end] == "literal" and tokens[end][1].isdigit())):
        end += 1
    below = "".join(text for _kind, text in tokens[slash + 1 : end])
    if start == slash or not below:
        return None
    whole = [place for place in range(start) if kinds[place] == "digit"]
    fixed = int(below) if re.fullmatch(r"\d*[1-9]\d*", below) else 0
    exact = Fraction(amount)
    units = int(exact) if whole else 0
    rest = exact - units
    part = Fraction(round(rest * fixed), fixed) if fixed else rest.limit_denominator(10 ** len(below) - 1)
    if whole and part == 1:
        units, part = units + 1, Fraction(0)
    shown = [str(units)] if whole and (units or not part) else []
    if part or not whole:
        top, bottom = (part * fixed, fixed) if fixed else (part.numerator, part.denominator)
        shown.append(f"{top}/{bottom}")
    first = whole[0] if whole else start
    front = "".join(_filled(tokens, place) for place in range(first))
    return front + " ".join(shown) + "".join(_filled(tokens, place) for place in range(end, len(tokens)))
