"""What stands raised or lowered, told in one line of text without changing a number: the same rules for every format.

    10 + raised 6          10⁶          an exponent: of ten, of a unit (m², 9.81 m/s²), of a variable (x², e^(-kt))
    840 Nm + raised 1      840 Nm [1]   the mark of a footnote is no part of the figure or the word it hangs on
    Ca + raised 2+         Ca²⁺         a charge; before a symbol (¹⁴C) a mass
    5 + raised 1 / low. 2  5 1/2        a fraction
    21 + raised st         21st         an ending
    CO + lowered 2         CO2          as it is usually written, and searched for

Whether a number is a mark or an exponent is told by what it hangs on; what cannot be told is taken as a mark, which
leaves the figure before it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import regex

Position = Literal["", "raised", "lowered", "note"]  # note: what the file itself marks as the mark of a footnote
Piece = tuple[str, Position]

_UP = dict(zip("0123456789+-−–=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ⁿⁱ", strict=True))
_RAISED = frozenset(_UP.values())
_DOWN = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SEEN = 80  # characters before a mark that are looked at

_MARKS = regex.compile(r"\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*|[a-z]|\d[a-z]|[ivx]{2,4}")
_IN_BRACKETS = regex.compile(r"(?:[\[(].{1,40}[\])]|\w{1,2}\))")
_SIGNED = regex.compile(r"[+−–-]\s*\d+(?:[.,/]\d+)?")
_CHARGE = regex.compile(r"\d{0,2}[+−–-]")
_DECIMAL = regex.compile(r"\d+[./]\d+")
_EXPRESSION = regex.compile(r"[\p{L}\d\s+−–\-*/·×^().,=_]*[+−–\-*/·×^][\p{L}\d\s+−–\-*/·×^().,=_]*|\d+\p{L}|\p{L}\d+")
_SIGNS = regex.compile(r"[^\p{L}\p{N}\s]+")
_ENDING = regex.compile(
    r"(?:st|nd|rd|th|nds|ers?|[ei]?[èe]?mes?|res?|ère?s?|nde?s?|os|as|ter|te|tes|to|ta|do|da|mo|ma|e|o|er?)"
)
_FIGURE = regex.compile(r"(?:\d|(?<!\p{L})[IVXLCM]+)$")
_DEGREE = regex.compile(r"\s?[CFK](?!\p{L})")

_TEN = regex.compile(r"(?<![\d.,])10$")
_TIMES_TEN = regex.compile(r"[×xX·∙⋅*]\s*10$")
_POINT_TEN = regex.compile(r"(?<![$€£¥]\s?)(?<!\d)\d\.10$")  # French: 3.10⁶
_TWO = regex.compile(r"(?<![\d.,])2$")
_EQUALS = regex.compile(r"\s*[=≈≤≥<>]")
_OPERATOR_AFTER = regex.compile(r"\s*[=≈≤≥<>+−·×*/^)]")
_SYMBOL = regex.compile(r"(?<![\p{L}\p{M}])[A-Za-z\p{Greek}µ]+$")
_LENGTH = regex.compile(r"(?:kg|kgc|A|Ac|[NSR]c?)?[fpnuµμmcdhkM]?m")
_TORQUE = regex.compile(r"[kMG]?Nm")
_GAS = regex.compile(r"[NSR]c?m")
_WORD_LENGTH = regex.compile(r"in|inch|ft|foot|feet|yd|mi|mil|sec|min|hr")
_NUMBER_OR_PER = regex.compile(r"(?:^|\d\s?|[/·*(⋅]\s?|\bper\s)$")
_FUNCTION = regex.compile(r"sin|cos|tan|cot|sec|log|ln|lg|exp|(?:sin|cos|tan)h")
_OPERATOR_BEFORE = regex.compile(r"(?:[=+−\-*/·×^(,]|[≈<>≤≥√])\s?\d*$")
_AFTER_NUMBER = regex.compile(r"\d[\s\u00a0]$")
_AFTER_WORD = regex.compile(r"\p{L}{3,}[\s\u00a0]$")
_BRACKET = regex.compile(r"(?<head>.*?)\((?<inside>[^()]*)\)$", regex.DOTALL)
_WORD = regex.compile(r"\p{L}{4,}")
_OPERATOR = regex.compile(r"[+−–\-*/·×^=]")
_LONE = regex.compile(r"(?<!\p{L})[A-Za-z\p{Greek}]$|\d$|\)$")
_ISOTOPE = regex.compile(
    r"(?:H|He|Li|Be|B|C|N|O|F|Na|Mg|Al|Si|P|S|Cl|K|Ar|Ca|Cr|Mn|Fe|Co|Ni|Cu|Zn|Ga|Ge|Se|Kr|Rb|Sr|Y|Mo|Tc|Ru|Pd|Ag|Cd|Sn"
    r"|Te|I|Xe|Cs|Ba|Eu|Gd|Lu|W|Re|Ir|Pt|Au|Hg|Tl|Pb|Bi|Po|Rn|Ra|Ac|Th|Pa|U|Np|Pu|Am|Cm|Cf)(?!\p{L})"
)


def joined(pieces: Iterable[Piece]) -> str:
    """The text of pieces that follow each other, each with its position. A mark that a program cut into several pieces
    is one; blanks around it belong to the text."""
    pieces = list(pieces)
    if not any(position for _text, position in pieces):
        return "".join(text for text, _position in pieces)
    merged, found = _merged(pieces), ""
    for place, (text, position) in enumerate(merged):
        if position == "":
            found += text
            continue
        after = _after(merged, place)
        write = {"raised": raised, "lowered": lowered, "note": footnote}[position]
        written = write(found, text, after)
        if written[:1] in _RAISED and regex.search(r"[\dm] $", found):  # 3 × 10 ⁶
            found = found[:-1]
        found += written
    return found


def raised(before: str, mark: str, after: str = "") -> str:
    """What to append to `before` for `mark`, which stands raised behind it. `after`: the text that follows."""
    bare = mark.strip()
    if not bare or (not before.strip() and len(bare) > 6):
        return mark
    before, around = before[-_SEEN:], mark.partition(bare)
    return around[0] + _raised(before + around[0], bare, around[2] + after) + around[2]


def lowered(before: str, mark: str, after: str = "") -> str:
    """What to append to `before` for `mark`, which stands lowered behind it."""
    digits = mark.strip()
    beside = before[-1:].isdigit() or after[:1].isdigit()
    return mark.translate(_DOWN) if digits.isdecimal() and beside else mark


def footnote(before: str, mark: str, after: str = "") -> str:
    """What to append to `before` for the mark of a footnote: `840 Nm [1]`."""
    bare = mark.strip()
    if not any(c.isalnum() for c in bare):
        return mark
    shown = bare if _IN_BRACKETS.fullmatch(bare) else f"[{bare}]"
    front = " " if before and not before[-1].isspace() and before[-1] not in "([" else ""
    return front + shown + (" " if after[:1].isalnum() else "")


def power(exponent: str) -> str:
    """An exponent behind its base: `⁶`, `⁻⁹`, `^(n+k)`."""
    bare = exponent.strip()
    if bare and all(c in _UP for c in bare) and (bare[0] != "(" or bare.strip("()").lstrip("+-−–").isdecimal()):
        return "".join(_UP[c] for c in bare)
    return f"^{bare}" if len(bare) < 2 or regex.fullmatch(r"[\d.,]+|\([^()]*\)", bare) else f"^({bare})"


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    merged: list[tuple[list[str], Position]] = []
    for text, position in pieces:
        if not text:
            continue
        if not text.strip():  # a blank is neither up nor down; between two marks of one kind it parts them
            position = merged[-1][1] if merged and merged[-1][1] in ("raised", "lowered") else ""
        if merged and merged[-1][1] == position and position != "note":
            merged[-1][0].append(text)
        else:
            merged.append(([text], position))
    return [("".join(texts), position) for texts, position in merged]


def _after(pieces: Sequence[Piece], place: int) -> str:
    """What follows a piece; a solidus before something lowered as the fraction's own."""
    if place + 1 >= len(pieces):
        return ""
    text, position = pieces[place + 1]
    if text in ("/", "⁄") and place + 2 < len(pieces) and pieces[place + 2][1] == "lowered":
        return "⁄"
    return "" if position else text[:_SEEN]


def _raised(before: str, mark: str, after: str) -> str:
    if mark.isdecimal() and _is_fraction(before, after):
        return (" " if before[-1:].isdigit() else "") + mark
    if mark in ("TM", "SM"):
        return "™" if mark == "TM" else "℠"
    if mark in ("o", "0", "°") and before.rstrip()[-1:].isdigit() and _DEGREE.match(after):
        return "°"
    hangs = before[-1:].strip() and before[-1:] not in "([{"
    if hangs and (_SIGNED.fullmatch(mark) or _CHARGE.fullmatch(mark) or _DECIMAL.fullmatch(mark)):
        return power(mark)
    if _SIGNED.fullmatch(mark) and _exponent(before, mark[1:].strip(), after):
        return power(mark)
    if mark.isdecimal() and _is_isotope(before, mark, after):
        return power(mark)
    if mark.isdecimal() and _exponent(before, mark, after):
        return power(mark)
    if _SIGNS.fullmatch(mark):
        return mark
    if _IN_BRACKETS.fullmatch(mark) and not (hangs and _OPERATOR.search(mark) and _LONE.search(before)):
        return footnote(before, mark, after)
    return _letters(before, mark, after)


def _letters(before: str, mark: str, after: str) -> str:
    """Of a mark that is no plain number: an ending, an exponent, a footnote's letter, or a word."""
    if _FIGURE.search(before) and _ENDING.fullmatch(mark) and (len(mark) > 1 or _is_ordinal(before)):
        return mark
    if _is_variable(before) and ((len(mark) == 1 and mark.isalpha() and mark > "h") or _EXPRESSION.fullmatch(mark)):
        return power(mark)
    if _EXPRESSION.fullmatch(mark) and _LONE.search(before) and not _MARKS.fullmatch(mark):
        return power(mark)
    if _MARKS.fullmatch(mark):
        return footnote(before, mark, after)
    word = regex.search(r"\p{L}*$", before)
    short = (word is not None and 0 < len(word[0]) <= 3) or _FIGURE.search(before)
    return ("" if not before[-1:].strip() or (short and len(mark) <= 4) else " ") + mark


def _is_ordinal(before: str) -> bool:
    """Whether a single letter behind a number is its ending (2e, 1º), as it is behind small whole ones."""
    return bool(regex.search(r"(?<![\d.,])(?:\d{1,2}|[IVXLCM]+)$", before))


def _is_variable(before: str) -> bool:
    return bool(
        _TEN.search(before)
        or _TWO.search(before)
        or regex.search(r"(?<!\p{L}|\d\s)[A-Za-z\p{Greek}]$", before)
        or _in_bracket(before)
    )


def _is_fraction(before: str, after: str) -> bool:
    if after[:1] == "⁄":
        return not before[-1:].isalpha()
    return not before[-1:].strip() and bool(regex.match(r"/\d", after))


def _is_isotope(before: str, mark: str, after: str) -> bool:
    symbol = _ISOTOPE.match(after)
    if symbol is None or (before[-1:].strip() and before[-1:] not in "([-"):
        return False
    least = {"H": 1, "He": 3, "I": 100, "Am": 200, "Be": 7, "Re": 100, "No": 200}.get(symbol[0], 6)
    return least <= int(mark) < 300


def _exponent(before: str, mark: str, after: str) -> bool:
    """Whether a raised number is an exponent of what it hangs on."""
    base, number = before.rstrip(), int(mark) if mark.isdecimal() else 0
    if base != before:
        metres = regex.search(r"\d\s?[mcdk]?m$", base)
        return bool(_TIMES_TEN.search(base) or (metres and number in (2, 3)))
    if base[-1:].isdigit():
        if _TIMES_TEN.search(base) or _EQUALS.match(after):
            return True
        least = 2 if _TEN.search(base) else 3 if _POINT_TEN.search(base) else 10 if _TWO.search(base) else 1000
        return number >= least
    if base[-1:] == ")":
        return number > 1 and _in_bracket(base)
    symbol = _SYMBOL.search(base)
    return symbol is not None and number != 1 and _raises(symbol[0], base[: symbol.start()], number, after)


def _raises(symbol: str, before: str, number: int, after: str) -> bool:
    """Whether a unit, a function or a variable may be raised to a number."""
    if _TORQUE.fullmatch(symbol) and not after.startswith("/"):
        return bool(_GAS.fullmatch(symbol)) and number == 3
    if _LENGTH.fullmatch(symbol):
        return number <= 6
    if _WORD_LENGTH.fullmatch(symbol) and _NUMBER_OR_PER.search(before) and number <= 6:
        return True
    if _FUNCTION.fullmatch(symbol):
        return True
    if len(symbol) > 1:
        variables = regex.search(r"\p{Greek}", symbol) or _OPERATOR_BEFORE.search(before)
        return len(symbol) <= 3 and bool(variables) and not before.endswith("°")
    if before.endswith(("°", "º")) or _AFTER_NUMBER.search(before):
        return False
    if symbol.isupper() and symbol != "R" and not _OPERATOR_BEFORE.search(before):
        return bool(_OPERATOR_AFTER.match(after)) or not before.strip() or not _AFTER_WORD.search(before)
    return True


def _in_bracket(base: str) -> bool:
    """Whether the bracket that ends here is one of a formula: operators, no words, and no word that it explains."""
    found = _BRACKET.fullmatch(base)
    if found is None:
        return False
    inside = found["inside"]
    return bool(_OPERATOR.search(inside)) and not _WORD.search(inside) and not _AFTER_WORD.search(found["head"])
