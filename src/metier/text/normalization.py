"""One form for characters that mean the same, so that texts of any script can be compared.

What is folded: compatibility forms (full width, ligatures, `㎏`, `½`), digits of every script to 0-9, hyphens and minus
signs, and of Arabic what readers take as the same letter: tatweel, vowel marks, the alefs, the Persian kaf and yeh. A
number keeps its meaning: `1½` is not `11/2` and `10²` is not `102`, as plain NFKC has it, and thousands that are set
apart by a hard space or an apostrophe are joined.
"""

from __future__ import annotations

import unicodedata

import regex

from metier.text.analyzer import ascii_digits
from metier.text.language import Language

_FORMATTING = regex.compile(r"[[\p{Cf}\p{Cc}]--[\n\t\r]]", regex.V1)
_VULGAR = regex.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_POWER = regex.compile(r"(?<=\d)[⁺⁻]?[⁰¹²³⁴-⁹]+")
_THOUSANDS = regex.compile(r"(?<=\d)['’\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_ARABIC_MARKS = regex.compile(r"[\u0640\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]")
# A name with a number in it, in folded text: NV-110, SK-4115-22, 10W-40, এসভি-75. A word before a number (mid-2010) is
# none, it has small letters.
CODE = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}])(?:(?!\p{L}?\p{Ll}{2})[\p{L}\p{M}]+\d*(?:-\d+\p{Latin}*)+|\d+\p{Latin}-\d+)(?![\p{Latin}\p{N}%°])"
)
_ONE_FORM = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ک": "ك", "ی": "ي", "ى": "ي",
    "٫": ".", "٬": ",", "٪": "%", "⁄": "/", "−": "-", "‐": "-", "‑": "-", "’": "'", "‘": "'",
})  # fmt: skip


def fold(text: str) -> str:
    """The folded text, case kept."""
    text = _FORMATTING.sub("", unicodedata.normalize("NFC", text))
    text = _VULGAR.sub(" ", _THOUSANDS.sub("", text))
    text = _POWER.sub(lambda match: f"^{match.group()}", text)
    text = _ARABIC_MARKS.sub("", unicodedata.normalize("NFKC", text))
    return ascii_digits(text).translate(_ONE_FORM)


def plain_number(digits: str, language: str = "en") -> str | None:
    """One spelling for a number of digits, commas and points: `3,200`, `1,00,000`, `4,2` and `1.234,5` lose what parts
    their thousands and keep a decimal point. `3.200` is three thousand in languages that write decimals with a comma,
    and `3,200` in the others. None for what is no number: a date, a version, an address."""
    decimal, thousands = (",", ".") if Language.of(language).decimal == "," else (".", ",")
    if "," in digits and "." in digits:
        last = max(digits.rindex(","), digits.rindex("."))
        decimal, thousands = digits[last], "," if digits[last] == "." else "."
        whole, fraction = digits[:last], digits[last + 1 :]
        return f"{whole.replace(thousands, '')}.{fraction}" if _grouped(whole, thousands) else None
    if digits.count(decimal) > 1:  # the other way round than is usual here, or no number
        return digits.replace(decimal, "") if _grouped(digits, decimal) else None
    if thousands in digits:
        if _grouped(digits, thousands):
            return digits.replace(thousands, "")
        return digits.replace(thousands, ".") if digits.count(thousands) == 1 else None
    return digits.replace(decimal, ".")


def _grouped(digits: str, separator: str) -> bool:
    """Groups of three, or as in India of two with three at the end."""
    first, *groups = digits.split(separator)
    between = {len(group) for group in groups[:-1]}
    return len(first) <= 3 and first[0] != "0" and len(groups[-1]) == 3 and between in (set(), {2}, {3})
