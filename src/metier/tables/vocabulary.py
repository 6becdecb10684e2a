"""Words of questions and names of tables, columns and values: which are the same, which may stand for each other, and
what they measure.

    dearest      price, of more of it         items        an article by another word
    l'article    two words                    上海          two characters, one by one
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import regex

from metier.text.analyzer import Analyser
from metier.text.language import Language, words_in_any_language
from metier.text.morphology import bare_forms, same_word
from metier.text.names import apart
from metier.text.phrases import SPACED_SIGN, UNSPACED, any_of, compose, fold

TOKEN = regex.compile(rf"(?V1)[{UNSPACED}]\p{{M}}*|(?:(?<!\w)\p{{L}}-)?{SPACED_SIGN}+(?:['’](?!s\b){SPACED_SIGN}+)*")
_COMPOUNDED = 5  # characters of a noun that is known as the end of a longer one
_STEMMED = 4  # characters of a word that may have another form
_SHORT = range(2, 6)  # characters of a word's short form
_CUT = 3  # characters of one that is the beginning of the word
_PARTED = 4  # characters of what stands behind the first part of a word: "höchstens" is one


def said_words(text: str) -> tuple[str, ...]:
    """The words of a name as those of a question are taken: folded, character by character where its script writes no
    spaces."""
    return tuple(plain_word(match[0]) for match in TOKEN.finditer(compose(text)))


def plain_word(word: str) -> str:
    """Folded; "e-mail" is "email"."""
    return fold(word).replace("-", "")


def parted(text: str, language: Language) -> str:
    """With a space behind what is a word of its own though none is written: "l'|article", "Durchschnitts|preis"."""
    beginnings = language.listed("query", "joined")
    if not beginnings:
        return text
    return regex.sub(
        rf"(?<!\w)({any_of(beginnings)})(?=\w{{{_PARTED}}}|(?<=')\w)",
        r"\1 ",
        text.replace("’", "'"),
        flags=regex.IGNORECASE,
    )


@lru_cache(maxsize=8192)
def telling(name: str, language: str) -> tuple[str, ...]:
    """The words of a name that say something, as a question has them; all of them where none does."""
    known = Language.of(language)
    words = said_words(parted(apart(name), known))
    kept = tuple(word for word in words if word not in known.function_words)
    return kept if kept and known.spaced else words


def without_id(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of `customer_id` without "id", of `state_name` without "name"."""
    known = words_in_any_language("tables", "number_name") | words_in_any_language("tables", "label")
    return words[:-1] if len(words) > 1 and words[-1] in known else words


def same_words(words: Sequence[str], others: Sequence[str], language: str) -> bool:
    """Whether they are forms of each other, one by one."""
    return len(words) == len(others) > 0 and all(alike(a, b, language) for a, b in zip(words, others, strict=True))


def is_called_as(column: str, table: str, language: str) -> bool:
    """Whether a column is called as a table is: `customer_id` of `customers`."""
    return same_words(without_id(telling(column, language)), telling(table, language), language)


@lru_cache(maxsize=64)
def _measures(language: str) -> dict[str, tuple[str, int]]:
    """Each word of `[measures]` with its measure and direction: 1 more, -1 less, 0 a name of it. "*": whatever its
    ending."""
    found: dict[str, tuple[str, int]] = {}
    for measure, lists in Language.of(language).phrases.get("measures", {}).items():
        for direction, words in zip((0, 1, -1), lists, strict=False):
            for word in words.split():
                found.setdefault(fold(compose(word)), (measure, direction))
    return found


@lru_cache(maxsize=65_536)
def measure_of(word: str, language: str) -> tuple[str, int] | None:
    """The measure that an adjective or a noun (folded) speaks of, and whether of more of it (1), less (-1) or
    neither."""
    known = _measures(language)
    beginnings = (f"{word[:length]}*" for length in range(len(word), 1, -1))
    return next((known[each] for each in (word, *beginnings) if each in known), None)


@lru_cache(maxsize=256)
def names_of(measure: str, language: str) -> tuple[str, ...]:
    """What columns that hold a measure are called, the likeliest first."""
    lists = Language.of(language).phrases.get("measures", {}).get(measure, ())
    return tuple(map(fold, lists[0].split())) if lists else ()


def rank_of(word: str, language: str) -> int:
    """2 of "second", 3 of "third"; 0 of other words."""
    ranks = Language.of(language).listed("query", "ordinals")
    return next((n for n, words in enumerate(ranks, start=2) if word in map(fold, map(compose, words.split("|")))), 0)


def is_superlative(word: str, language: str) -> bool:
    return bool(Language.of(language).expression("query", "superlative").fullmatch(word))


@lru_cache(maxsize=65_536)
def alike(one: str, other: str, language: str) -> bool:
    """Whether two folded words are the same, or forms of one: a column is found by its stem, since the cell that it
    leads to shows what was meant."""
    if one == other:
        return True
    if any(map(str.isdigit, one + other)):
        return False
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= _CUT and longer == f"{shorter}s":
        return True
    if same_word(one, other, language) or _stem(one, language) == _stem(other, language) != "":
        return True
    return any(same_word(one, form, language) for form in bare_forms(other, Language.of(language)))


def is_called(word: str, name: str, language: str) -> bool:
    """Whether a word of a column's name is `name`, or ends in it ("Verkaufspreis")."""
    return alike(word, name, language) or (len(name) >= _COMPOUNDED and word.endswith(name))


@lru_cache(maxsize=65_536)
def is_short_for(short: str, word: str, language: str) -> bool:
    """Whether a word of a column's name may be a short form of another (both folded): its beginning ("Instr."), or some
    of its letters with the first and the last ("Qty", "Amt", "Pds")."""
    if len(short) not in _SHORT or len(word) < len(short) + 2 or short[0] != word[0] or not short.isalpha():
        return False
    if short in Language.of(language).function_words or is_attribute(short, language):
        return False  # a word of its own
    if word.startswith(short):
        return len(short) >= _CUT
    rest = iter(word)
    return short[-1] == word[-1] and all(letter in rest for letter in short)


@lru_cache(maxsize=65_536)
def _stem(word: str, language: str) -> str:
    tokens = _analyser(language).tokens(word)
    return tokens[0] if len(tokens) == 1 and len(word) >= _STEMMED else ""


@lru_cache(maxsize=64)
def _synonyms(language: str) -> dict[str, frozenset[str]]:
    """Each word of `[synonyms]`, as its stem, with those that may stand for it."""
    found: dict[str, set[str]] = {}
    for line in Language.of(language).text_lines("synonyms", "words"):
        stems = {_stem(plain_word(word), language) or plain_word(word) for word in line.split()}
        written = {_stem(word.casefold(), language) for word in line.split()} - {""}  # as the index has them: "salári"
        for stem in stems:
            found.setdefault(stem, set()).update(stems | written)
    return {stem: frozenset(others) for stem, others in found.items()}


def phrase_of(words: tuple[str, ...], language: str) -> str:
    """Several words as `[synonyms]` writes them."""
    return ("_" if Language.of(language).spaced else "").join(words)


def synonyms_of(word: str, language: str) -> frozenset[str]:
    """Stems of what may be said instead, and of what columns are called that measure it."""
    stem = _stem(word, language) or word
    found = measure_of(word, language)
    names = (_stem(name, language) or name for name in names_of(found[0], language)) if found else ()
    return _synonyms(language).get(stem, frozenset()) | frozenset(names)


@lru_cache(maxsize=65_536)
def synonymous(one: str, other: str, language: str) -> bool:
    """Whether one folded word may stand for another in what tables and columns are called."""
    known = _synonyms(language)
    return any(not _forms(other, language).isdisjoint(known.get(form, ())) for form in _forms(one, language))


@lru_cache(maxsize=65_536)
def is_attribute(word: str, language: str) -> bool:
    """Whether a folded word is known to ask for an attribute: it has other names, or measures something."""
    return measure_of(word, language) is not None or not _forms(word, language).isdisjoint(_synonyms(language))


@lru_cache(maxsize=65_536)
def _forms(word: str, language: str) -> frozenset[str]:
    """What a folded word may be without its ending."""
    return frozenset((_stem(word, language) or word, *bare_forms(word, Language.of(language))))


@lru_cache(maxsize=8)
def _analyser(language: str) -> Analyser:
    return Analyser(language)
