"""Whether a word is another form of the word that was asked for, where that is safe to say.

Safe is an ending or a clitic that hardly ever makes another word of it, on a word long enough (characters) not to be
one by accident: `[forms]` of a language's file. What was looked at and left out, because common words come of it:
Bengali endings on two characters (`বল` ball, `বলে` says), the Arabic `م`, Indonesian `-lah` on four letters (`masa`
time, `masalah` problem), English derivations, which a stemmer joins (`organ`, `organization`). Each is a test.
"""

from __future__ import annotations

from functools import lru_cache

import regex

from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.language import Language

_STEM_LEAST = 4


def same_word(wanted: str, said: str, language: str) -> bool:
    """Whether `said` is `wanted` or a form of it. Both folded, in lower case, without digits. `language`: of the text;
    a word in another script is judged by the language that its script tells."""
    if wanted == said:
        return True
    known = _judged_by(wanted, language)
    if "prefix" in known.forms:
        return _is_prefixed(wanted, said, known)
    if wanted[0] != said[0]:
        return False
    if "ending" not in known.forms:
        stem = _stem(wanted, known.code)
        return len(stem) >= _STEM_LEAST and stem == _stem(said, known.code)
    if len(said) >= int(known.forms.get("bare_least", len(wanted))) and wanted.startswith(said):
        return is_ending(said, wanted[len(said) :], known)
    return said.startswith(wanted) and is_ending(wanted, said[len(wanted) :], known)


def bare_forms(word: str, language: Language) -> tuple[str, ...]:
    """What a folded word may be without an ending that the language may put on it."""
    return tuple(word[:end] for end in range(1, len(word)) if is_ending(word[:end], word[end:], language))


def unprefixed(word: str, language: Language) -> tuple[str, ...]:
    """What a folded word may be without what the language writes as a part of it in front ("for", "the"), each with
    the article and without: stemmers make two words of them."""
    if "prefix" not in language.forms:
        return ()
    least, article = int(language.forms["prefix_least"]), language.forms.get("article", "")
    ends = [end for end in range(1, len(word) - least + 1) if _prefixes(language).fullmatch(word[:end])]
    return tuple(form for end in (0, *ends) for form in (word[end:], f"{article}{word[end:]}"))


def is_ending(word: str, ending: str, language: Language) -> bool:
    """Whether `ending` may be put on `word`; never in a language that names none."""
    if "ending" not in language.forms or len(word) < int(language.forms["ending_least"]):
        return False
    return bool(_endings(language).fullmatch(word + ending, len(word)))


@lru_cache(maxsize=16_384)
def _judged_by(word: str, language: str) -> Language:
    """The language of a word: that of the text, or another where its script tells."""
    return Language.of(detect(word, language))


def _is_prefixed(wanted: str, said: str, language: Language) -> bool:
    least = int(language.forms["prefix_least"])
    bare = wanted.removeprefix(language.forms.get("article", ""))
    if len(bare) < least:
        bare = wanted
    before = said.removesuffix(bare)
    return len(bare) >= least and before != said and bool(_prefixes(language).fullmatch(before))


@lru_cache(maxsize=32)
def _endings(language: Language) -> regex.Pattern[str]:
    return regex.compile(language.forms["ending"])


@lru_cache(maxsize=8)
def _prefixes(language: Language) -> regex.Pattern[str]:
    return regex.compile(language.forms["prefix"])


def _stem(word: str, language: str) -> str:
    """Empty where the language has no stemmer, or the word is not one token."""
    tokens = _analyser(language).tokens(word)
    return tokens[0] if len(tokens) == 1 else ""


@lru_cache(maxsize=8)
def _analyser(language: str) -> Analyser:
    return Analyser(language)
