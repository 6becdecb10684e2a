"""Words of any script, as the lexical index sees them.

One function makes the tokens for documents and questions alike, and the store keeps them as text split on white
space, so every backend agrees. What it does, in order: NFC, case folding, digits of every script to 0-9, Unicode
words with their combining marks (Bengali, Telugu and Arabic vowel signs stay inside), character bigrams where a
script writes no spaces, and a Snowball stemmer where one exists for the expert's language.

Compound names (`NV-110`, `E217`, `10W-40`) give their parts and the joined form, so that `NV110` finds `NV-110`; and
what is joined up to each part, so that a name is found with an ending on it too (`এসভি-৭৫-এর`).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise

import regex
import Stemmer

from metier.text.language import Language
from metier.text.phrases import UNSPACED

VERSION = "2"

# Scripts written without spaces between words: bigrams stand in for words.
_WORD = regex.compile(
    rf"[{UNSPACED}\p{{M}}]+|[\p{{L}}\p{{M}}\p{{N}}\u200c\u200d]+(?:(?:[-./]|(?<=\p{{N}}),(?=\p{{N}}))[\p{{L}}\p{{M}}\p{{N}}]+)*"
)
_UNSPACED_CHAR = regex.compile(rf"[{UNSPACED}]\p{{M}}*")
_PART = regex.compile(r"[\p{L}\p{M}\u200c\u200d]+|\p{N}+")
_NUMBER = regex.compile(r"\p{N}+(?:[.,]\p{N}+)*")
_THOUSANDS = regex.compile(r"\p{N}{1,3}(?:,\p{N}{3})+(?:\.\p{N}+)?")
_CACHED_WORDS = 200_000
_LONGEST_CACHED = 60  # characters
_MOST_JOINED = (
    16  # parts of a name that are joined; the tokens of a longer one would grow with the square of its length
)
_JOINERS = str.maketrans("", "", "\u200c\u200d\u00ad")
_APOSTROPHE = regex.compile(r"(?<=[\p{L}\p{N}])['’](?:s\b)?")


class Analyser:
    """Text to tokens for one language. `version` goes into the index identity: another analyser, another index."""

    def __init__(self, language: str = "en") -> None:
        self.language = language.split("-")[0]
        known = Language.of(language)
        algorithm = known.stemmer
        self._stemmer = Stemmer.Stemmer(algorithm) if algorithm else None
        # An expert in Bengali still meets English names and manuals.
        self._latin = self._stemmer if known.script == "Latin" else Stemmer.Stemmer("english")
        self._known: dict[str, tuple[str, ...]] = {}  # words repeat (Zipf): five times faster than stemming each
        self.version = f"{VERSION}-{algorithm or 'none'}-{Stemmer.version()}"

    def tokens(self, text: str) -> list[str]:
        """Tokens in order, repeats kept. No token holds white space; an empty text gives an empty list."""
        text = ascii_digits(unicodedata.normalize("NFC", text).casefold())
        tokens: list[str] = []
        for match in _WORD.finditer(_APOSTROPHE.sub("", text)):
            word = match.group()
            if (known := self._known.get(word)) is None:
                known = tuple(_bigrams(word) if _UNSPACED_CHAR.match(word) else self._word(word))
                if len(word) <= _LONGEST_CACHED and len(self._known) < _CACHED_WORDS:
                    self._known[word] = known
            tokens.extend(known)
        return tokens

    def _word(self, word: str) -> list[str]:
        if _NUMBER.fullmatch(word):
            return [plain_number(word)]
        parts = [part for part in (p.translate(_JOINERS) for p in _PART.findall(word)) if part]
        found = [self._stem(part) for part in parts]
        joined = ["".join(parts[:end]) for end in range(2, min(len(parts), _MOST_JOINED) + 1)]
        return found + [name for name in joined if any(character.isdigit() for character in name)]

    def _stem(self, word: str) -> str:
        stemmer = self._latin if word[0] < "\u0250" else self._stemmer
        return stemmer.stemWord(word) if stemmer and not word.isdigit() else word


def plain_number(text: str) -> str:
    """One spelling for a number: `3,200` and `3200` are the same token, `4,2` is read as `4.2`."""
    return text.replace(",", "" if _THOUSANDS.fullmatch(text) else ".")


@lru_cache(maxsize=1)
def _digit_table() -> dict[int, str]:
    return {
        code: str(unicodedata.digit(chr(code)))
        for code in range(0x80, 0x1FFFF)
        if unicodedata.category(chr(code)) == "Nd"
    }


def ascii_digits(text: str) -> str:
    return text if text.isascii() else text.translate(_digit_table())


def _bigrams(run: str) -> list[str]:
    characters = _UNSPACED_CHAR.findall(run)
    if len(characters) == 1:
        return characters
    return [first + second for first, second in pairwise(characters)]
