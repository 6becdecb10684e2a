"""What a text calls by name: people, firms, products, standards.

    identifiers   letters with digits (NV-110, WT-07, EN 13374 as "13374"), and short forms in capitals (AEMO)
    proper names  words with a capital inside a sentence, where the language writes no common nouns so; runs of them
    foreign       words in Latin letters inside a text of another script
    titles        what stands in quotation marks of titles: 《…》, 「…」

A name is compared without case, accents and endings; an identifier to the last character.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import regex

from metier.text.analyzer import ascii_digits
from metier.text.language import Language, words_in_any_language
from metier.text.phrases import SPACED_SIGN, UNSPACED, fold
from metier.text.quantities import is_code, is_identifier
from metier.text.units import unit_of

# A word of another script, or a number, ends where a script without spaces begins.
_TOKEN = regex.compile(
    rf"(?V1)(?!\p{{M}}){SPACED_SIGN}+(?:(?:[\-‐‑/._\&+’']|(?<=\p{{N}}),(?=\p{{N}})){SPACED_SIGN}+)*|[{UNSPACED}][{UNSPACED}\p{{M}}]*"
)
_TITLE = regex.compile(r"《([^》]{1,60})》|「([^」]{1,60})」|『([^』]{1,60})』")
_LATIN = regex.compile(r"\p{Latin}")
_BARE = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
_ORDINARY_SHORT = 2
_LONGER = 3
_INFLECTED, _ENDING = 4, 3  # characters of a name that may have an ending, and of the ending
_MOST_PARTS = 4
_JOIN = regex.compile(r"[-‐‑/._&+’']")
_RUN = regex.compile(r"^[^:.!?]{1,80}(?=:)|\*\*[^*]{1,80}\*\*")
_BEHIND_NUMBER = regex.compile(r"\p{Nd}[ \u00a0\u2009\u202f]?$")
_BEFORE_NUMBER = regex.compile(r"[ \u00a0\u2009\u202f]?\p{Nd}")
_CURRENCY_CODE = 3
_DIGIT = regex.compile(r"\p{Nd}")
_DIGITS = regex.compile(r"\p{Nd}+")
_APOSTROPHE = regex.compile(r"[’']")
_POSSESSIVE = regex.compile(r"[’'](?:s|S)?$")
_CLOCK = regex.compile(r"\p{Nd}{1,2}(?:[.:]\p{Nd}{2})?(?:[AaPp][Mm]|[Hh])")
_ORDINAL = regex.compile(r"\p{Nd}+(?:st|nd|rd|th|s)")
_OPENING = regex.compile(r"[:.!?•\-–—*|>(\[\"“„«]\s*[*_`]*$")
_STOP = regex.compile(r"[.!?。！？।؟][\"'”’)\]*_]*\s*$")


# What people are called by beside their names.


@dataclass(frozen=True, slots=True)
class Name:
    """`key`: how it is compared. `sure`: nothing but a name is written so; a word at the start of a sentence, in a
    heading-like run of capitals or in a language that writes nouns with capitals may be any word."""

    start: int
    end: int
    text: str
    key: str
    identifier: bool
    sure: bool


def personal_titles() -> frozenset[str]:
    """What stands before a person's name, in any language, folded."""
    return words_in_any_language("words", "title")


def names(text: str, language: str = "en") -> list[Name]:
    """The names in one sentence or table row, in order."""
    known = Language.of(language)
    no_names = _no_names(known.code)
    found: list[Name] = []
    latin = len(_LATIN.findall(text)) > 0.5 * sum(character.isalpha() for character in text)
    fresh, last_capital = True, False
    tokens = list(_TOKEN.finditer(text))
    titles = _titled(text, tokens)
    for index, match in enumerate(tokens):
        token = match[0].rstrip("’'")
        plain = _POSSESSIVE.sub("", token)
        begins = fresh or bool(_OPENING.search(text, max(0, match.start() - 6), match.start()))
        fresh = False
        word = fold(plain)
        titled = any(start <= match.start() < end for start, end in titles)
        if not plain[:1].isupper() and not _DIGIT.search(plain) and latin:
            last_capital = False
            continue
        if unit_of(plain) and _is_unit(text, match.start(), match.end()):
            last_capital = False
            continue
        if is_identifier(plain) or is_code(plain):
            if not _ORDINAL.fullmatch(plain) and not _CLOCK.fullmatch(plain):
                found.append(_name(match.start(), plain, True, True))
        elif plain[:1].isupper() and len(plain) >= _ORDINARY_SHORT:
            following = _next_to(text, match, tokens[index + 1]) if index + 1 < len(tokens) else ""
            if word in personal_titles():
                last_capital = True
                continue
            if no_names.intersection((word, word.removesuffix("s"), fold(_APOSTROPHE.split(plain)[0]))):  # "Fridays"
                last_capital = False
                continue
            short = plain.isupper() and len(plain) <= 6
            sure = not known.capitalises_nouns and not titled and (not begins or last_capital)
            if begins and not short and following[:1].isupper() and fold(following) not in no_names:
                sure = not known.capitalises_nouns and not titled
            found.append(_name(match.start(), plain, False, sure or (short and not titled and not text.isupper())))
            last_capital = True
            continue
        elif not latin and _LATIN.match(plain) and len(plain) > 1:
            found.append(_name(match.start(), plain, False, True))
        last_capital = False
    for match in _TITLE.finditer(text):
        inner = match[1] or match[2] or match[3]
        found.append(Name(match.start() + 1, match.end() - 1, inner, key_of(inner), False, True))
    return found


def _next_to(text: str, match: regex.Match[str], following: regex.Match[str]) -> str:
    """The word behind one, "" where more than a space stands between: "Overall, Pop Art" begins with no name."""
    return following[0] if not text[match.end() : following.start()].strip() else ""


def _is_unit(text: str, start: int, end: int) -> bool:
    """Whether a unit's sign stands beside a number, or is the code of a currency."""
    beside = _BEHIND_NUMBER.search(text, max(0, start - 3), start) or _BEFORE_NUMBER.match(text, end)
    return bool(beside) or (end - start == _CURRENCY_CODE and text[start:end].isupper())


@lru_cache(maxsize=64)
def _no_names(language: str) -> frozenset[str]:
    """Words that may have a capital and name nothing: function words, number words, months, days of the week."""
    known = Language.of(language)
    months = {fold(name) for month in known.months for name in month}
    return known.function_words | months | known.word_set("calendar", "weekdays") | frozenset(known.numbers)


def key_of(text: str) -> str:
    """How names are compared: without case, accents, and what joins their parts (`NV-110` is `NV 110` is `nv110`)."""
    return _BARE.sub("", fold(ascii_digits(text)))


def keys(text: str) -> frozenset[str]:
    """All that a name could be compared with in `text`: its words, parts of compounds joined, a word and the number
    behind it."""
    found: set[str] = set()
    before = ""
    for match in _TOKEN.finditer(text):
        parts = [part for part in map(key_of, _JOIN.split(match[0])) if part]
        for first in range(len(parts)):
            for last in range(first + 1, min(len(parts), first + _MOST_PARTS) + 1):
                found.add("".join(parts[first:last]))
        word = key_of(match[0])
        if before and word and (word[0].isdigit() or len(word) == 1):
            found.add(before + word)
        before = word
    return frozenset(found)


def form_of(key: str) -> str:
    """What the keys of one kind of identifier have in common: `NV-110` and `NV-90`."""
    return _DIGITS.sub("0", key)


def stands_in(name: Name, held: frozenset[str]) -> bool:
    """Whether `name` is among `held` (`keys`): an identifier to the last character, a proper name with an ending more
    or less."""
    if name.key in held:
        return True
    if name.identifier or len(name.key) < _INFLECTED:
        return False
    return any(
        (key.startswith(name.key) and len(key) - len(name.key) <= _ENDING)
        or (name.key.startswith(key) and len(key) >= _INFLECTED and len(name.key) - len(key) <= _ENDING)
        for key in held
    )


def _name(start: int, text: str, identifier: bool, sure: bool) -> Name:
    return Name(start, start + len(text), text, key_of(text), identifier, sure)


def _titled(text: str, tokens: list[regex.Match[str]]) -> list[tuple[int, int]]:
    """Stretches written as a title is, every longer word with a capital: what stands before a colon, what is bold, and
    a whole line without a stop."""
    runs = [match.span() for match in _RUN.finditer(text)]
    if not _STOP.search(text):
        runs.append((0, len(text)))
    found = []
    for start, end in runs:
        longer = [t[0] for t in tokens if start <= t.start() < end and len(t[0]) > _LONGER and t[0][0].isalpha()]
        if longer and all(word[0].isupper() for word in longer):
            found.append((start, end))
    return found
