"""Answers that are a decision and no statement: yes, no, maybe, or a label that an adapter was taught.

Such an answer stands in no document word for word, so it is not aligned with one: what is cited is the sentence that
it was decided on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

import regex

from metier.text.language import all_languages

EDGES = regex.compile(r"^[\p{P}\p{S}\s]+|[\p{P}\p{S}\s]+$")
_GAPS = regex.compile(r"[\s_-]+")


def normalise(text: str) -> str:
    """Case, punctuation at the ends, and whether words are joined by spaces, hyphens or underscores do not matter."""
    return _GAPS.sub(" ", EDGES.sub("", text)).casefold()


@lru_cache(maxsize=1)
def decisions() -> Mapping[str, tuple[str, str, str]]:
    """Code of a language to its yes, no, maybe. English first: where languages share a word and nothing else tells."""
    return {
        language.code: (language.yes[0], language.no[0], language.maybe[0])
        for language in all_languages()
        if language.yes and language.no and language.maybe
    }


@lru_cache(maxsize=1)
def _words() -> Mapping[str, str]:
    """Normalised word for a decision to the one that `decisions` has for it."""
    found: dict[str, str] = {}
    for shown in (True, False):  # what one language shows is never another's synonym
        for language in all_languages():
            for words in (language.yes, language.no, language.maybe):
                for word in words[:1] if shown else words[1:]:
                    found.setdefault(normalise(word), words[0])
    return found


def plain(text: str) -> str:
    """The word of `decisions` that a text is another spelling or synonym of, else the text, normalised."""
    said = normalise(text)
    return _words().get(said, said)


def is_decision(text: str, labels: Collection[str] = ()) -> bool:
    """`labels`: normalised ones that count beside yes, no and maybe in the languages Métier speaks."""
    said = normalise(text)
    return said in _words() or said in labels


def decisions_of(language: str) -> tuple[str, str] | None:
    """Yes and no, None where Métier does not speak the language."""
    words = decisions().get(language.split("-")[0])
    return (words[0], words[1]) if words else None
