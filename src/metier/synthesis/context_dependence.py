"""Questions that cannot be understood alone: they point at the text they were written from, or at an earlier turn.

    What does this table list?      According to the passage, how tight are the bolts?      When was it built?

By the words of `[context_dependence]` in the languages' files, after which nothing that a person would ask without the
text before them is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import regex

from metier.text.detection import in_script_of
from metier.text.language import Language
from metier.text.phrases import compose, fold, searchable, source

_SECTION = "context_dependence"


def leans(question: str) -> str | None:
    """The words with which a question leans on something outside it; None where it stands alone."""
    text = compose(question.strip())
    found = min((span for language in in_script_of(text) for span in _found(text, language)), default=None)
    return text[slice(*found)].strip() if found else None


def _found(text: str, language: Language) -> Iterator[tuple[int, int]]:
    plain = searchable(text)
    for name in ("phrases", "pronoun"):
        if match := language.expression(_SECTION, name).search(plain):
            yield match.span()
    for match in (_first(language).match(fold(text)), _last(language).search(plain)):
        if match:
            yield match.span()


@lru_cache(maxsize=32)
def _first(language: Language) -> regex.Pattern[str]:
    """A pronoun among the first words has nothing before it that it could stand for."""
    words, but = (_source(language, name) for name in ("pronoun_first", "not_pronoun"))
    return regex.compile(rf"(?:\w+\s+){{0,3}}(?!(?:{but})\b)(?:{words})\b")


@lru_cache(maxsize=32)
def _last(language: Language) -> regex.Pattern[str]:
    return regex.compile(rf"(?<!\w)(?:{_source(language, 'pronoun_last')})(?=\W*$)")


def _source(language: Language, name: str) -> str:
    return source(language.listed(_SECTION, name), language.spaced)
