"""What the words of a question say: how rare each is, which are names, and how much of them a text holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import regex
from rapidfuzz import fuzz

from metier.answering.support.agreement import agrees
from metier.store.base import Store
from metier.store.bm25 import inverse_frequency
from metier.text.analyzer import Analyser
from metier.text.language import Language
from metier.text.phrases import SPACED_SIGN, compose, fold
from metier.text.quantities import Quantity, quantities

Weigh = Callable[[Sequence[str]], np.ndarray]  # tokens to rarity, (n,)
SAME_WORD = 85  # similarity (0..100) of two forms of one word
_SHORTEST = 5  # characters of a word that may be spelled in two ways
_LONGER = 3  # characters that an ending may add
_INFLECTED = 80  # similarity (0..100) of two forms of one word
_COMPOUND = regex.compile(rf"(?V1){SPACED_SIGN}+(?:[-./]{SPACED_SIGN}+)*")
_PLAIN = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_WORD_BEFORE = regex.compile(r"([\p{L}\p{M}]+)[ .\u00a0]{1,2}$")
_YEAR = 4  # digits
_CAPITALISED = regex.compile(r"(?<=[^\s.?!:]\s)\p{Lu}[\p{L}\p{M}]+(?:-\p{L}+)*")


class WordWeights:
    """Rarity of words in the store: ln(1 + (N - n + 0.5) / (n + 0.5)), the inverse document frequency of BM25."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, tokens: Sequence[str]) -> np.ndarray:
        """In what its reader may see (`core.reading`)."""
        return inverse_frequency(self._store.frequencies(tokens), max(1, self._store.counts()[1]))


def share(tokens: Sequence[str], weights: np.ndarray, words: Collection[str]) -> float:
    """Share of the weight of `tokens` that stands in `words`, 0..1; 0 where there is no weight. `weights`: (n,)."""
    total = float(weights.sum())
    return float(sum(w for t, w in zip(tokens, weights, strict=True) if t in words)) / total if total > 0 else 0.0


def alike(token: str, words: Collection[str], ratio: float) -> bool:
    """Whether one of `words` is another form or spelling of `token`, at least `ratio` (0..100) similar."""
    if len(token) < _SHORTEST or token[0].isdigit():
        return False
    near = (word for word in words if word[0] == token[0] and abs(len(word) - len(token)) <= _LONGER)
    return any(fuzz.ratio(token, word) >= ratio for word in near)


def names(text: str, analyser: Analyser, language: str = "", *, amounts: bool = True) -> list[str]:
    """The tokens that name something: compounds with a digit (`NV-110`, `SK-4115-22`, a number) and, where the script
    has capitals, words that have one inside a sentence. Of a compound, the longest part that ends in a digit.
    `language`: of the text; in some every noun has a capital, which then tells nothing. `amounts`: numbers that count
    or measure (`14 weeks`, `16 m`) are among them, not only years and those that number something (`week 14`)."""
    found = [match for match in _COMPOUND.finditer(text) if any(map(str.isdigit, match.group()))]
    if not amounts:
        measured = [(q.start, q.end) for q in quantities(text, language or "en") if q.unit is not None]
        found = [m for m in found if not any(start <= m.start() < end for start, end in measured)]
        found = [match for match in found if _is_name(text, match, language)]
    numbered = [match.group() for match in found]
    capitals = [] if Language.of(language).capitalises_nouns else _CAPITALISED.findall(text)
    spoken = [word for word in capitals if not any(word in name for name in numbered)]
    named = [max(_numbered(analyser.tokens(word)), key=len, default="") for word in numbered]
    named += [max(analyser.tokens(word), key=len, default="") for word in spoken]
    return [name for name in dict.fromkeys(named) if name]


def _is_name(text: str, match: regex.Match[str], language: str) -> bool:
    """Whether a compound with a digit is more than a count: it has letters, is a year, or numbers the word before."""
    number = match.group()
    if not number.isdecimal() or (len(number) == _YEAR and number[:2] in ("19", "20")):
        return True
    before = _WORD_BEFORE.search(text[: match.start()])
    return before is not None and fold(compose(before[1])) not in Language.of(language).function_words


def _numbered(tokens: Sequence[str]) -> list[str]:
    return [token for token in tokens if token[-1].isdigit()]


def content_tokens(text: str, language: str, analyser: Analyser) -> list[str]:
    """Tokens of the words that are no function words of a language, each once, in order."""
    common = Language.of(language).function_words
    content = [word for word in _PLAIN.findall(text) if fold(compose(word)) not in common]
    return list(dict.fromkeys(token for word in content for token in analyser.tokens(word)))


@lru_cache(maxsize=64)
def function_tokens(language: str, analyser: Analyser) -> frozenset[str]:
    """Tokens of the words that carry no topic in a language: in a small corpus, or one of another language, they are as
    rare as names."""
    return frozenset(token for word in Language.of(language).function_words for token in analyser.tokens(word))


@dataclass(frozen=True, slots=True)
class Sought:
    """The words of one question. `tokens`: each once; `weights`: their rarity, (n,), 0 for function words of its
    language; `names`: of them, see `names`; `language`: its own, "" where it is not known; `quantities`: its dates and
    measures, each with the tokens that say it, for another text may write them in another way."""

    tokens: tuple[str, ...]
    weights: np.ndarray
    names: tuple[str, ...]
    language: str = ""
    quantities: tuple[tuple[Quantity, frozenset[str]], ...] = ()

    @classmethod
    def of(cls, question: str, analyser: Analyser, weigh: Weigh, language: str = "") -> Sought:
        tokens = tuple(sorted(set(analyser.tokens(question))))
        weights = weigh(tokens)
        if language:
            common = function_tokens(language, analyser)
            content = np.array([token not in common for token in tokens])
            weights = np.where(content, weights, 0.0) if content.any() else weights
        measured = [q for q in quantities(question, language or "en") if q.dates or q.unit is not None]
        said = tuple((q, frozenset(analyser.tokens(question[q.start : q.end]))) for q in measured)
        return cls(tokens, weights, tuple(names(question, analyser, language, amounts=False)), language, said)

    def covered(self, words: Collection[str], text: str = "", language: str = "") -> float:
        """Share of the weight of the question's words that stands in `words`, in whatever form, 0..1. `text`: what the
        words are from; what it gives for a date or measure of the question holds its words, however it is written."""
        held = {token for token in self.tokens if token in words or alike(token, words, _INFLECTED)}
        if text and self.quantities:
            given = quantities(text, language or self.language or "en")
            for quantity, tokens in self.quantities:
                if any(agrees(quantity, other) for other in given):
                    held |= tokens
        return share(self.tokens, self.weights, held)

    def unnamed(self, words: Collection[str]) -> float:
        """Share of the question's names that `words` does not hold, 0..1."""
        return sum(name not in words for name in self.names) / max(1, len(self.names))
