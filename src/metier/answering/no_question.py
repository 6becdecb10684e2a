"""Messages that ask nothing: emoji, "??", "asdf", "what is it", "12345", a word typed a thousand times.

A rule refuses only what no document can answer: a number or a strange word that stands in one, or in its name, is
looked up like any question, as are single words ("NV-110", "Drehmoment").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import regex

from metier.text.language import Language, words_of
from metier.text.phrases import PIECE, WORD, has_words

_DIGITS = regex.compile(r"[\p{N}\p{M}\s\p{P}\p{S}]+")
_LONE_DIGITS = 3  # digits of a number that may name a thing by itself
_ROWS = (
    "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm", "wxcvbn",
    "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
)  # fmt: skip
_RIGHT = frozenset(first + second for row in _ROWS for first, second in pairwise(row))
_WALK, _LEAST_WALK = 3, 4  # keys of one way along a row, and letters of a word that is made of such ways
_NO_VOWEL = regex.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")  # as it is typed: in capitals it is an abbreviation
_STUTTER = regex.compile(r"(\p{L}{1,3}?)\1{2,}")
_MANY_WORDS, _REPEATS = 40, 10  # words of a message, and how often each stands in it where it is one over again
_DIFFERENT = 30  # words at most of what is said over again; a text that has more is too long, and is told so
_LONG = 200  # characters, from which the same is said of scripts without spaces
_PERIOD = regex.compile(r"(.{1,40}?)\1{9,}.{0,40}")


def asks_nothing(text: str, languages: Iterable[Language], follows: bool, known: Callable[[str], bool]) -> bool:
    """Whether a message is no question. `languages`: those it may be in; `follows`: whether there are earlier turns, on
    which "and why?" may lean; `known`: whether a word of a text stands in a document or its name."""
    if not has_words(text) or _repeats(text):
        return True
    if _DIGITS.fullmatch(text):
        return all(len(number) < _LONE_DIGITS for number in PIECE.findall(text)) or not known(text)
    if not follows and _only_function_words(text, languages):
        return True
    return all(map(_is_gibberish, WORD.findall(text))) and not known(text)


def _repeats(text: str) -> bool:
    words = words_of(text)
    different = len(set(words))
    if len(words) >= _MANY_WORDS and len(words) >= _REPEATS * different and different <= _DIFFERENT:
        return True
    dense = "".join(text.split())
    return len(dense) >= _LONG and _PERIOD.fullmatch(dense) is not None


def _only_function_words(text: str, languages: Iterable[Language]) -> bool:
    if any(len(word) > 1 and word.isupper() for word in WORD.findall(text)):  # "IT" and "WHO" are names
        return False
    words = words_of(text)
    return any(
        language.spaced and all(_all_in(word, language.function_words) for word in words) for language in languages
    )


def _all_in(word: str, known: frozenset[str]) -> bool:
    return word in known or all(piece in known for piece in PIECE.findall(word))


def _is_gibberish(word: str) -> bool:
    """A way along the keyboard, letters without a vowel, or one syllable over and over."""
    lower = word.casefold()
    return bool(_NO_VOWEL.fullmatch(word) or _STUTTER.fullmatch(lower) or _is_walk(lower))


def _is_walk(word: str) -> bool:
    ways, before = [1], 0  # letters of each way
    for first, second in pairwise(word):
        step = _direction(first + second)
        if step and (step == before or ways[-1] == 1):
            ways[-1] += 1
        else:
            ways.append(1)
        before = step
    return len(word) >= _LEAST_WALK and min(ways) >= _WALK


def _direction(pair: str) -> int:
    """1 where the second letter is typed right of the first, beside it, -1 left of it, 0 elsewhere."""
    return 1 if pair in _RIGHT else -1 if pair[::-1] in _RIGHT else 0
