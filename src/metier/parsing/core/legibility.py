"""Whether text is writing in some script, or what a broken font made of it.

A PDF may show perfect Korean and extract as `Ԃൡ ୅ۄ`: its font has no table back to Unicode. Such text must not be
indexed. What marks it: characters that nobody writes, symbols where letters belong, scripts mixed within words,
or Latin letters without vowels.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection

_CID = re.compile(r"\(cid:\d+\)")
_LEADERS = re.compile(r"([^\w\s])(?:\s?\1){3,}|_{4,}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_HARMLESS = frozenset(" \n\t.,-_–—…·:;|/()[]'\"%=*+•\u200c\u200d\u200e\u200f\ufffe\u0640°§®™©€$£¥₹<>#&’‘“”«»→←↑↓")
_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ")
_LEAST = 24  # of a stretch in one font
FREQUENT = frozenset("etaoinsrl")  # more than half of the letters in every language with Latin letters
_FEW = 40  # characters below which nothing is said
# Scripts that are written together: Japanese mixes three; Latin, Greek and the rest stand beside any of them.
_FAMILIES = {
    "HIRAGANA": "CJK",
    "KATAKANA": "CJK",
    "KATAKANA-HIRAGANA": "CJK",
    "IDEOGRAPHIC": "CJK",
    "FULLWIDTH": "CJK",
    "HALFWIDTH": "CJK",
    "HANGUL": "CJK",
    "BOPOMOFO": "CJK",
    "MATHEMATICAL": "LATIN",
    "MICRO": "LATIN",
    "FEMININE": "LATIN",
    "MASCULINE": "LATIN",
    "OHM": "LATIN",
    "KELVIN": "LATIN",
    "ANGSTROM": "LATIN",
    "DOUBLE-STRUCK": "LATIN",
    "SCRIPT": "LATIN",
    "BLACK-LETTER": "LATIN",
    "SUPERSCRIPT": "LATIN",
    "MODIFIER": "LATIN",
}
# Scripts that turn up together when glyph numbers are taken for characters.
_RARE = frozenset(
    [
        "CANADIAN",
        "SUNDANESE",
        "BATAK",
        "BALINESE",
        "TAI",
        "LEPCHA",
        "GLAGOLITIC",
        "COPTIC",
        "VEDIC",
        "BUGINESE",
        "RUNIC",
        "OGHAM",
        "CHEROKEE",
        "LIMBU",
        "OL",
        "NKO",
        "VAI",
        "BAMUM",
        "SAURASHTRA",
        "KAYAH",
        "REJANG",
        "JAVANESE",
        "CHAM",
        "MEETEI",
        "SYLOTI",
        "PHAGS-PA",
        "LISU",
        "TIFINAGH",
        "HANUNOO",
        "BUHID",
        "TAGBANWA",
        "SAMARITAN",
        "MANDAIC",
        "THAANA",
        "SYRIAC",
        "MONGOLIAN",
        "YI",
    ]
)


def illegible(text: str) -> str | None:
    """Why `text` is no writing, None where it may be. Short texts are given the benefit of the doubt."""
    marks = Counter("".join(text.split()))
    total = marks.total()
    if not marks:
        return None
    if "(cid:" in text and sum(len(match) for match in _CID.findall(text)) > 0.1 * total:
        return "its font names glyphs, not characters"
    strange = sum(count for c, count in marks.items() if _strange(c))
    if strange > max(2, 0.1 * total) or (total < _FEW and strange > 0.5 * total):
        return "its font has no table of characters"
    if total < _FEW:
        return None
    symbols = sum(count for c, count in marks.items() if unicodedata.category(c)[0] in "SP" and c not in _HARMLESS)
    if symbols > 0.3 * total:
        return "it holds symbols in place of letters"
    return _letters(text)


def without_leaders(text: str) -> str:
    """Without rows of one sign: the dots from a name to its number, lines to write on."""
    return _LEADERS.sub(" ", text)


def illegible_piece(text: str) -> str | None:
    """As `illegible`, of a stretch of text set in one font or one place, where fewer letters say it: one font is either
    readable or not, and no writing has lines without vowels or of nothing but symbols."""
    reason = illegible(text)
    if reason:
        return reason
    text = without_leaders(text)
    marks = [c for c in text if not c.isspace()]
    if len(marks) < _LEAST:
        return None
    plain = sum(c.isalnum() or unicodedata.category(c)[0] == "M" for c in marks)
    if plain < 0.15 * len(marks) and len(set(marks)) > 4:
        return "it holds symbols in place of letters"
    latin = "".join(word for word in _WORD.findall(text.casefold()) if len(word) > 3 and word.isascii())
    if len(latin) < _FEW or len(latin) < 0.5 * len(marks):
        return None
    frequent = sum(c in FREQUENT for c in latin) / len(latin)
    return "its letters make no words" if frequent < (0.3 if len(latin) < 2 * _FEW else 0.4) else None


def _strange(character: str) -> bool:
    """Private use, replacement, control or unassigned. Bullets are private use too, hence a margin."""
    return character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cc", "Cs")


def _letters(text: str) -> str | None:
    words = _WORD.findall(text)
    letters = "".join(words)
    if len(letters) < _FEW:
        return None
    scripts = _by_script(Counter(letters))
    mixed = sum(not word.isascii() and len(_scripts(word)) > 1 for word in words)
    if mixed > 0.25 * len(words):
        return "its words mix letters of several scripts"
    rare = [script for script in scripts if script in _RARE]
    if len(rare) > 2 and sum(scripts[script].total() for script in rare) > 0.2 * len(letters):
        return "its letters are of scripts that nobody mixes"
    folded = _by_script(Counter(letters.casefold()))
    latin = folded.get("", Counter()) + folded.get("LATIN", Counter())
    total = latin.total()
    if total > 300 and _share(latin, _VOWELS) < 0.13 and not _vietnamese(latin):
        return "its letters make no words"
    accented = sum(count for c, count in latin.items() if not c.isascii())
    if total > 100 and accented > 0.45 * total and not _vietnamese(latin):
        return "nearly all its letters carry accents"
    return None


def _by_script(letters: Counter[str]) -> dict[str, Counter[str]]:
    """Letters with their counts by script, those of ASCII under ""."""
    found: dict[str, Counter[str]] = {}
    for letter, count in letters.items():
        found.setdefault(_script(letter), Counter())[letter] = count
    return found


def _share(letters: Counter[str], some: Collection[str]) -> float:
    return sum(letters[letter] for letter in some) / letters.total()


def _scripts(word: str) -> set[str]:
    """Scripts in a word. Plain Latin letters do not count: names of products stand in words of every script."""
    return {script for c in word if (script := _script(c))}


def _script(character: str) -> str:
    """First word of a letter's Unicode name, families of scripts as one: `ARABIC`, `CJK`; "" for ASCII."""
    if character.isascii():
        return ""
    name = unicodedata.name(character, "").split(" ", 1)[0]
    return _FAMILIES.get(name, name)


def _vietnamese(letters: Counter[str]) -> bool:
    return _share(letters, "ăâđêôơưạảấầậắặếềểệịỏốồộớờợụủứừự") > 0.1
