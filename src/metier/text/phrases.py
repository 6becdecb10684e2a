"""Phrases as a translator writes them, turned into expressions that find them in a text.

    how are you          these words in this order; punctuation and line ends of no sentence may stand between
    document*            a word that begins so, whatever its ending; `*` may stand before or inside a word, too
    which|what           either
    the?                 may be left out
    …                    up to four other words
    {documents}          one of the phrases of that name in the file's `[slots]` or in the same section
    {title} {author} {recipient} {folder} {topic} {n}   what a person fills in: a group of that name in the expression

Words are compared without case and, in Latin script, without accents. In scripts that are written without spaces a
phrase is found anywhere, and `…` is up to twelve characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import regex

# Of a character class: scripts that write no spaces between words. What is of another script, or a number, ends there.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
SPACED_LETTER = rf"[[\p{{L}}\p{{M}}]--[{UNSPACED}]]"  # this and the next in expressions that begin with (?V1)
SPACED_SIGN = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}]]"
WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*")
PIECE = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_SIGN = regex.compile(r"[\p{L}\p{N}]")

_GAP_WORDS = 4
_GAP_CHARACTERS = 12
_BETWEEN = " +"
_BEFORE, _AFTER = r"(?<!\w)", r"(?!\w)"
_GAP = {True: rf"(?:\w+{_BETWEEN}){{0,{_GAP_WORDS}}}", False: rf"[\w ]{{0,{_GAP_CHARACTERS}}}?"}
_SAME = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ё": "е"})
_SENTENCE_END = frozenset(".!?。？！।؟\n")
_SLOT = regex.compile(r"\{(\w+)\}")
_FREE = {**dict.fromkeys(("title", "author", "recipient", "folder", "topic"), r"\w[^.]*?"), "n": r"\w+"}
Slots = Mapping[str, Sequence[str]]


def has_words(text: str) -> bool:
    """Whether a text has a letter or a digit: "??" and an emoji have none."""
    return _SIGN.search(text) is not None


def fold(text: str) -> str:
    """`text` in the form in which phrases are compared. An NFC text keeps its length, so that places found in what is
    returned are places of the text."""
    return "".join(map(_folded, text.translate(_SAME))) if not text.isascii() else text.lower()


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    lower = character.lower()
    if len(lower) != 1:
        return character
    base = unicodedata.normalize("NFD", lower)[0]
    return base if base.isascii() else lower


def searchable(text: str) -> str:
    """`text` as `expression` looks at it: folded, "." for what ends a sentence and a space for everything else that
    belongs to no word. As long as an NFC text is."""
    return "".join(map(_plain, fold(text)))


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if character in _SENTENCE_END:
        return "."
    return character if unicodedata.category(character)[0] in "LMN" else " "


def compose(text: str) -> str:
    """NFC, as `fold` needs it."""
    return unicodedata.normalize("NFC", text)


def expression(phrases: Iterable[str], slots: Slots | None = None, *, spaced: bool = True) -> str:
    """Source of an expression that matches any of `phrases` in `searchable` text, the longest first; never, if
    there is none. Raises `KeyError` for a slot that is not in `slots`."""
    phrases, slots = list(phrases), slots or {}
    if not phrases:
        return r"(?!)"
    joined = _any(phrases, spaced)
    return _definitions(phrases, slots, spaced) + (f"{_BEFORE}(?:{joined}){_AFTER}" if spaced else f"(?:{joined})")


def _any(phrases: Iterable[str], spaced: bool) -> str:
    return "|".join(sorted({_phrase(phrase, spaced) for phrase in phrases}, key=len, reverse=True)) or r"(?!)"


def any_of(words: Iterable[str]) -> str:
    """Source of an expression that matches one of `words` as it is written, the longest first; never, if there is
    none."""
    return "|".join(map(regex.escape, sorted(set(words), key=lambda word: (-len(word), word)))) or r"(?!)"


def source(phrases: Iterable[str], spaced: bool) -> str:
    """Source of an expression for phrases without slots, for where what stands around them is judged otherwise."""
    return _any(phrases, spaced)


def _definitions(phrases: Iterable[str], slots: Slots, spaced: bool) -> str:
    """The slots in use, each compiled once however many phrases name it."""
    used: dict[str, str] = {}
    waiting = list(phrases)
    while waiting:
        for name in _SLOT.findall(waiting.pop()):
            if name not in used and name not in _FREE:
                used[name] = _any(slots[name], spaced)
                waiting.extend(slots[name])
    return "".join(f"(?(DEFINE)(?P<{name}>{source}))" for name, source in used.items())


def _phrase(phrase: str, spaced: bool) -> str:
    between = _BETWEEN if spaced else " *"
    source, owed = "", ""
    for token in phrase.split():
        if token in ("…", "..."):
            source, owed = source + owed + _GAP[spaced], ""
            continue
        alternatives = [_token(part) for part in token.removesuffix("?").split("|")]
        one = alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"
        if not token.endswith("?"):
            source, owed = source + owed + one, between
        elif source and owed:
            source += f"(?:{owed}{one})?"
        else:
            source += f"(?:{one}{between})?"
    return source


def _token(token: str) -> str:
    if slot := _SLOT.fullmatch(token):
        name = slot[1]
        return f"(?P<{name}>{_FREE[name]})" if name in _FREE else f"(?&{name})"
    return r"\w*".join(regex.escape(searchable(compose(part)).strip()) for part in token.split("*"))
