"""Whether a word is another form of the word that was asked for, where that is safe to say.

Safe is an ending or a clitic that hardly ever makes another word of it, on a word long enough (characters) not to be
one by accident. What was looked at and left out, because common words come of it: Bengali endings on two characters
(`বল` ball, `বলে` says), the Arabic `م`, Indonesian `-lah` on four letters (`masa` time, `masalah` problem), English
derivations, which a stemmer joins (`organ`, `organization`). Each is a test.
"""

from __future__ import annotations

from functools import lru_cache

import regex

from metier.text.analyzer import Analyser
from metier.text.detection import detect

# Classifier or plural, then case, then emphasis: গিয়ারবক্স + টি + র + ও. In composed form (NFC), as folded text is.
_BENGALI = r"(?:টি|টা|খানা|গুলি|গুলো|গুলা|দের|রা)?(?:কে|র|ের|য়ের|এর|তে|ে|য়|য়ে|েতে)?(?:ও|ই)?"
_KOREAN = r"(?:은|는|이|가|을|를|의|에|에서|에게|로|으로|와|과|도|만|까지|부터|입니다|이다)"
# Language to an ending, and the characters that must stand before it.
_ENDINGS = {
    "bn": (regex.compile(_BENGALI), 3),
    "as": (regex.compile(_BENGALI), 3),
    "en": (regex.compile(r"(?<!s)s|(?<=[sxz]|[cs]h)es"), 3),
    "id": (regex.compile(r"nya"), 4),
    "ms": (regex.compile(r"nya"), 4),
    "sw": (regex.compile(r"ni"), 4),
    "ko": (regex.compile(_KOREAN), 2),
}
_SINGULAR_LEAST = 4  # characters; shorter, and "news" would be found in "new"
# And, so; in, as, for; the. `للقاهرة` is for + the.
_ARABIC_CLITICS = regex.compile(r"[وف]?(?:[بكل]?ال|لل|[بكل])?")
_ARABIC_LEAST = 3
_OTHER_ARABIC = ("fa", "ur", "ps", "ku", "sd", "ug")  # languages in this script without these clitics
_STEM_LEAST = 4


def same_word(wanted: str, said: str, language: str) -> bool:
    """Whether `said` is `wanted` or a form of it. Both folded, in lower case, without digits. `language`: of the text;
    a word in another script is judged by the language that its script tells."""
    if wanted == said:
        return True
    if "\u0600" <= wanted[0] <= "\u06ff":
        return language.split("-")[0] not in _OTHER_ARABIC and _same_arabic(wanted, said)
    if wanted[0] != said[0]:
        return False
    language = detect(wanted, language).split("-")[0]
    if language not in _ENDINGS:
        stem = _stem(wanted, language)
        return len(stem) >= _STEM_LEAST and stem == _stem(said, language)
    if language == "en" and len(said) >= _SINGULAR_LEAST and wanted.startswith(said):
        return is_ending(said, wanted[len(said) :], language)
    return said.startswith(wanted) and is_ending(wanted, said[len(wanted) :], language)


def is_ending(word: str, ending: str, language: str) -> bool:
    """Whether `ending` may be put on `word` in one of the languages whose endings are listed here."""
    known, least = _ENDINGS[language]
    return len(word) >= least and bool(known.fullmatch(word + ending, len(word)))


def _same_arabic(wanted: str, said: str) -> bool:
    bare = wanted.removeprefix("ال")
    if len(bare) < _ARABIC_LEAST:
        bare = wanted
    before = said.removesuffix(bare)
    return len(bare) >= _ARABIC_LEAST and before != said and bool(_ARABIC_CLITICS.fullmatch(before))


def _stem(word: str, language: str) -> str:
    """Empty where the language has no stemmer, or the word is not one token."""
    tokens = _analyser(language).tokens(word)
    return tokens[0] if len(tokens) == 1 else ""


@lru_cache(maxsize=8)
def _analyser(language: str) -> Analyser:
    return Analyser(language)
