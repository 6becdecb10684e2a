"""Terms of documents that changed or came, which stand in nothing that the adapter was trained on.

A term is a code (`NV-110`), or a word that is rarer in general language than ten in a million: what a trade has words
of its own for. In a language of which no frequencies are known every word counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from metier.evaluation.metrics.terms import candidates, general_language, is_code
from metier.text.analyzer import Analyser
from metier.text.detection import detect

_COMMON = 1e-5  # of the words of general language
_SHOWN = 20


class NewTerm(BaseModel):
    """`text`: as it is written most often. `count`: in the documents that changed or came."""

    model_config = ConfigDict(frozen=True)

    text: str
    count: int


class NewTerms(BaseModel):
    """`count`: different terms that are new, `share`: of all occurrences of terms there, 0..1. `terms`: the most
    frequent of them."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    share: float = 0.0
    terms: tuple[NewTerm, ...] = ()


def new_terms(texts: Iterable[str], knows: Callable[[list[str]], bool], analyser: Analyser, language: str) -> NewTerms:
    """`texts`: of passages that changed or came. `knows`: whether all of these tokens stood in the training rows.
    Raises `MetierError` where wordfreq is not installed."""
    counts: Counter[str] = Counter()
    spelled: dict[str, Counter[str]] = {}
    for text in texts:
        for word in candidates(text, language):
            counts[word.casefold()] += 1
            spelled.setdefault(word.casefold(), Counter())[word] += 1

    @lru_cache(maxsize=8)
    def frequencies(spoken: str) -> dict[str, float]:
        return general_language(spoken)

    def is_term(word: str) -> bool:
        return is_code(word) or frequencies(detect(word, language)).get(word, 0.0) < _COMMON

    terms = {word: count for word, count in counts.items() if is_term(word)}
    new = {word: count for word, count in terms.items() if not knows(analyser.tokens(word))}
    ordered = sorted(new, key=lambda word: (-new[word], word))
    shown = (NewTerm(text=spelled[word].most_common(1)[0][0], count=new[word]) for word in ordered[:_SHOWN])
    share = sum(new.values()) / sum(terms.values()) if terms else 0.0
    return NewTerms(count=len(new), share=share, terms=tuple(shown))
