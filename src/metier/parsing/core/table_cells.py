"""What single cells of a table are, in every format: values, periods, units, marks; and signs glued to their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import decimal

import regex

from metier.text.units import MONEY, scale_of, unit_of

_NUMBER = regex.compile(
    r"[^\w]{0,3}\d[\d\s.,'’%/:\-–+×x]*(?:[^\W\d]{1,4}[.²³]?|%|\W{1,2})?|(?:true|false|yes|no|n/?a|n\.a\.|-+|–|—|−|\.{2,3}|…)",
    regex.IGNORECASE,
)
_FIGURES = regex.compile(
    r"[\d\s.,'’%‰/:;()\[\]\-–−—+±×<>≤≥~≈*†‡\p{Sc}]*\d[\d\s.,'’%‰/:;()\[\]\-–−—+±×<>≤≥~≈*†‡\p{Sc}]*"
)
_MARKED = regex.compile(
    r"(?<=[\d)%])\s*(?:\(?[a-z]\)|\(\d\)|\[\w{1,2}\]|\*{1,3}|[†‡§])$"
)  # a footnote's mark behind a value
_PERIOD_DIGITS = regex.compile(r"(?:19|20)\d\d|\d{1,2}")
_TIME = regex.compile(r"\D{0,3}(?:(?:[01]?\d|2[0-4])[:h]|0\d\.)[0-5]\d\D{0,3}")
_YEAR = regex.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_QUARTER = regex.compile(r"(?i)\b(?:[qhst][1-4]|[1-4][qhst]|fy|gj)\s?'?\d{0,4}\b")
_LONGEST_PERIOD = 40
CURRENCY_SIGN = r"\p{Sc}|(?:US|C|A|NZ|HK|R)\$"
_CURRENCY = regex.compile(rf"\(?(?:{CURRENCY_SIGN}|[A-Z]{{3}})\(?")
_MARK = regex.compile(r"\(\d\)|\[\d\]|\*{1,3}|[†‡§]")  # of a footnote, unless a negative number
_LEADER = regex.compile(r"(?:\s?[.…·_]){3,}\s*$")
_CLOSING = regex.compile(r"[)\]%‰]{1,2}|\)\s?%|%\s?\)|(?:\(?\w\)){1,2}|\*{1,3}")
_GOES_ON = regex.compile(r"[\p{Ll}(\[/&+]|[^\w\s]*\p{Ll}")
_NATIVE_DIGIT = regex.compile(r"(?![0-9])\p{Nd}")  # of another script: ২০২৩
_SPACED = regex.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as it was read. `wide`: it has cells that span columns, whose text is repeated in each. `indent`: how far
    its first cell is set in, in any unit, None where that is not known. `heads`: the source marks all of its cells as
    names."""

    number: int
    cells: list[str]
    wide: bool = False
    indent: float | None = None
    heads: bool = False


def without_leader(cells: list[str]) -> list[str]:
    """Cells without the dots that lead from a name to its number."""
    return [_LEADER.sub("", cell) if any(c.isalnum() for c in cell) else cell for cell in cells]


def glued(rows: Sequence[RawRow]) -> list[RawRow]:
    """Currency signs put before the number in the next column, brackets and percent signs behind the one before, where
    a column holds nothing else below its name."""
    cells = [list(row.cells) for row in rows]
    width = len(cells[0]) if cells else 0
    left: list[int] = []  # columns that stay
    for column in range(width):
        if column + 1 < width and _holds_only(_CURRENCY, cells, column, column + 1):
            _glue(cells, column, column + 1)
        elif left and _holds_only(_CLOSING, cells, column, left[-1]):
            _glue(cells, column, left[-1])
        else:
            left.append(column)
    return [RawRow(row.number, [c[n] for n in left], row.wide, row.indent) for row, c in zip(rows, cells, strict=True)]


def _holds_only(sign: regex.Pattern[str], cells: Sequence[list[str]], column: int, numbers: int) -> bool:
    """Whether `column` holds signs beside numbers, and else only names above them that the other column lacks."""
    signs = [n for n, row in enumerate(cells) if sign.fullmatch(row[column].strip())]
    names = [n for n, row in enumerate(cells) if row[column].strip() and n not in signs]
    if not signs or any(name > signs[0] for name in names):
        return False
    if any(cells[n][numbers].strip() not in ("", cells[n][column].strip()) for n in names):
        return False
    return all(_is_figure(cells[n][numbers]) for n in signs)


def _is_figure(cell: str) -> bool:
    return any(c.isdigit() for c in cell) or not cell.strip(" -–—−()")


def _glue(cells: Sequence[list[str]], sign: int, number: int) -> None:
    """Put what the column `sign` holds to what `number` holds: before it or behind it, as they stand."""
    for row in cells:
        text, value = row[sign].strip(), row[number].strip()
        if not text or text == value:
            continue
        if sign < number:
            row[number] = text + (" " if text[-1].isalpha() and value else "") + value
        else:
            row[number] = (
                value + (" " if value and (text[0].isalnum() or text[0] == "*" or len(text) > 2) else "") + text
            )


def goes_on(text: str) -> bool:
    """Whether a line begins as the second one of a name does."""
    return _GOES_ON.match(text) is not None


def is_value(cell: str) -> bool:
    """A number, amount, date, yes/no or dash: what a table holds rather than what it is headed by."""
    cell = _MARKED.sub("", cell.strip())
    return bool(cell) and bool(_NUMBER.fullmatch(cell) or _FIGURES.fullmatch(cell))


def is_sign(cell: str) -> bool:
    """A currency sign, or what closes a number, alone in a cell: `$`, `%`, `)`."""
    return (_CURRENCY.fullmatch(cell.strip()) or _CLOSING.fullmatch(cell.strip())) is not None


def is_alone(row: RawRow) -> bool:
    """Whether a row holds a name at the left and nothing else, or one text over its whole width."""
    label = row.cells[0].strip()
    rest = {cell.strip() for cell in row.cells[1:]} - {""}
    return bool(label) and (not rest or (row.wide and rest == {label})) and not is_value(label)


def is_mark(cell: str) -> bool:
    """A mark that may be a footnote's, alone in a cell: `(1)`, `*`."""
    return _MARK.fullmatch(cell.strip()) is not None


def is_period(cell: str) -> bool:
    """Names a year, quarter or date: `2022`, `FY 2021/22`, `Q1 2024`, `December 31, 2023`."""
    cell = cell.strip()
    if not cell or len(cell) > _LONGEST_PERIOD:
        return False
    if _QUARTER.search(cell):
        return True
    if not cell.isascii():
        cell = _NATIVE_DIGIT.sub(lambda digit: str(decimal(digit[0])), cell)
    digits = regex.findall(r"\d+", _MARKED.sub("", cell))
    return bool(_YEAR.search(cell)) and all(map(_PERIOD_DIGITS.fullmatch, digits)) and len(digits) <= 4


def is_time(cell: str) -> bool:
    """A time of day: `06:15`, `6h15`, `06.15`; with a point only where a nought stands first, as in no price."""
    return _TIME.fullmatch(cell.strip()) is not None


def is_unit(text: str) -> bool:
    """Says in what all values are given: `(in millions)`, `$ in thousands`, `T€`, `Mio. EUR`, `in %`."""
    bare = text.strip().strip("()[]").strip()
    if not bare or len(bare) > 60:
        return False
    told = [word.strip(".,;:()") for word in _SPACED.split(bare)]
    if any(regex.fullmatch(r"['’]?000s?", word) for word in told) or bare in ("%", "‰"):
        return True
    if any(c.isdigit() for c in bare):
        return False
    in_brackets = text.strip()[:1] in "(["
    scaled = any(len(word) > 1 and scale_of(word) for word in told)
    money = any(_is_money(word) for word in told)
    percent = any(word == "%" for word in told)
    return len(told) <= 10 and (scaled or ((money or percent) and (in_brackets or len(told) <= 3)))


def _is_money(word: str) -> bool:
    word = word.lstrip("TtKkMm") if word[1:2] in "$€£¥" or word[1:] in ("EUR", "USD", "CHF") else word
    unit = unit_of(word) if word and word.lower() != "in" else None
    return unit is not None and unit.dimension in MONEY
