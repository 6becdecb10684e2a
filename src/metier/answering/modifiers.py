"""What a statement says beside the words of another, where that only tells which thing it speaks of.

    "The water filter is changed after 6000 litres."
    "The water filter of the espresso machine is changed after 4000 litres."     of the espresso machine
    "Der Wasserfilter der Siebträgermaschine wird nach 4000 Litern gewechselt."  der Siebträgermaschine
    咖啡机的滤芯每4000升更换一次。                                                    咖啡机的

A genitive or what a language has in its place (`whose` and `whose_behind` of `[words]`), no condition and no time: "for
members", "in winter" bound what is stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import regex

from metier.answering.support.names import names
from metier.tables.vocabulary import is_attribute
from metier.text.analyzer import Analyser
from metier.text.language import Language
from metier.text.phrases import compose, fold

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_MOST = 3  # words of a modifier that say something
_LONGEST = 10  # characters of one in a script without spaces
_LONGEST_HEAD = 5  # characters of a thing there
_ANY = "*"  # any letters


@dataclass(frozen=True, slots=True)
class Modifier:
    """`words`: its tokens that say something. `of_attribute`: what it belongs to is no thing but tells something of one
    ("the price of", "the delivery time of … is"), and may be another one without it."""

    words: frozenset[str]
    of_attribute: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """`tokens`: none of a word that says nothing alone."""

    start: int
    end: int
    said: str
    tokens: frozenset[str]


def modifier(text: str, general: str, language: str, analyser: Analyser) -> Modifier | None:
    """Of `text`, a sentence, beside `general`, a shorter one, both without their numbers; None where it says anything
    else that the other does not, or names something."""
    known = Language.of(language)
    if not known.spaced:
        return _inserted(text, general, known, analyser)
    shared = frozenset(token for word in _words(general, known, analyser) for token in word.tokens)
    words = list(_words(text, known, analyser))
    own = [n for n, word in enumerate(words) if word.tokens and word.tokens.isdisjoint(shared)]
    if not own or len(own) > _MOST or any(words[n].tokens for n in range(own[0], own[-1]) if n not in own):
        return None
    head = _head_before(words, own[0], known) or _head_behind(words, own[-1], known)
    if head is None or _names_something(text, words[own[0]].start, words[own[-1]].end, language):
        return None
    if any(words[n].said in known.opposites_of for n in own):
        return None  # "of the first year"
    tokens = frozenset(token for n in own for token in words[n].tokens)
    return Modifier(tokens, is_attribute(head.said, known.code) or _gives_measure(general, known, analyser))


def _words(text: str, known: Language, analyser: Analyser) -> Iterator[_Word]:
    for match in _WORD.finditer(text):
        said = fold(compose(match[0]))
        tokens = frozenset() if said in known.function_words else frozenset(analyser.tokens(match[0]))
        yield _Word(*match.span(), said, tokens)


def _gives_measure(text: str, known: Language, analyser: Analyser) -> bool:
    """Whether a sentence says nothing but how much something is: a name, and perhaps a verb, before its number ("the
    delivery time is", "die Lieferzeit beträgt"), where another would say what is done."""
    words = list(_words(text, known, analyser))
    telling = [n for n, word in enumerate(words) if word.tokens]
    if not telling or telling[-1] - telling[0] >= len(telling):
        return False
    small = {word.said for word in words[telling[-1] + 1 :]}
    return not small or not small.isdisjoint(known.word_set("words", "copula"))


def _head_before(words: list[_Word], first: int, known: Language) -> _Word | None:
    """The word that a modifier stands behind: "filter" of "filter of the machine"."""
    whose = known.word_set("words", "whose")
    small = list(takewhile(lambda word: not word.tokens, reversed(words[:first])))
    place = first - len(small) - 1
    if place < 0:
        return None
    head, allowed = words[place], whose | known.word_set("words", "article")
    joined = any(word.said in whose for word in small) and all(word.said in allowed for word in small)
    return head if joined or (not small and _is_whose(words[first].said, head.said, whose)) else None


def _head_behind(words: list[_Word], last: int, known: Language) -> _Word | None:
    """The word that a modifier stands before: "filter" of "the machine's filter"."""
    whose = known.word_set("words", "whose_behind")
    small = list(takewhile(lambda word: not word.tokens, words[last + 1 :]))
    place = last + len(small) + 1
    if place >= len(words):
        return None
    head = words[place]
    joined = bool(small) and all(word.said in whose for word in small)
    return head if joined or (not small and _is_whose(words[last].said, head.said, whose)) else None


def _is_whose(word: str, head: str, whose: frozenset[str]) -> bool:
    """Whether a word says by its form whose the one beside it is: by its ending ("*ов"), or its beginning that the
    other has not ("ال*")."""
    for form in whose:
        if form.startswith(_ANY) and word.endswith(form[1:]):
            return True
        if form.endswith(_ANY) and word.startswith(form[:-1]) and not head.startswith(form[:-1]):
            return True
    return False


def _inserted(text: str, general: str, known: Language, analyser: Analyser) -> Modifier | None:
    """What stands in `text` alone, where it is all of `general` around it."""
    whole, part = ("".join(_WORD.findall(each)) for each in (text, general))
    if not 1 < len(whole) - len(part) <= _LONGEST:
        return None
    for start in range(len(part) + 1):
        end = start + len(whole) - len(part)
        own, behind = whole[start:end], whole[end:]
        if whole[:start] + behind == part and behind and own.endswith(known.listed("words", "whose_behind")):
            if _names_something(own, 0, len(own), known.code) or own[:-1] in known.opposites_of:
                return None
            of_attribute = part.endswith(known.listed("words", "copula"))
            of_attribute |= any(is_attribute(behind[:length], known.code) for length in range(1, _LONGEST_HEAD))
            return Modifier(frozenset(analyser.tokens(own)), of_attribute)
    return None


def _names_something(text: str, start: int, end: int, language: str) -> bool:
    inside = (name for name in names(text, language) if name.start < end and start < name.end)
    return any(name.sure or name.identifier for name in inside) or any(map(str.isdigit, text[start:end]))
