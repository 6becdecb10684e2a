"""An answer against the accepted ones, in any script.

    exact_match   the same words (Rajpurkar et al. 2016, SQuAD)
    token_f1      harmonic mean of the shares of words that the two have in common (the same)
    rouge_l       the same of their longest common subsequence (Lin 2004)
    contains      an accepted answer stands in the text, as whole words and numbers

Words are folded (`folding`), without punctuation and English articles; numbers have one spelling. Where a script writes
no spaces, each character is a word. Of several accepted answers the best counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import regex
from rapidfuzz.distance import LCSseq

from metier.evaluation.folding import fold, plain_number
from metier.evaluation.inflection import same_word

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(
    rf"\d+(?:[.,]\d+)*|[{_UNSPACED}]\p{{M}}*|(?:(?![{_UNSPACED}\d])[\p{{L}}\p{{M}}\p{{N}}\u200c\u200d])+(?:['](?=\p{{L}})\p{{L}}+)?"
)
_POSSESSIVE = regex.compile(r"'s$")
_ARTICLES = {"en": frozenset(("a", "an", "the"))}


def words(text: str, language: str = "en") -> tuple[str, ...]:
    """The words that are compared, in order."""
    return _words(text, language.split("-")[0])


def exact_match(text: str, answers: Sequence[str], language: str = "en") -> float:
    """1 where the words are those of an accepted answer, else 0."""
    said = words(text, language)
    return float(bool(said) and any(said == words(answer, language) for answer in answers))


def token_f1(text: str, answers: Sequence[str], language: str = "en") -> float:
    """0..1."""
    return _best(text, answers, language, lambda said, wanted: (Counter(said) & Counter(wanted)).total())


def rouge_l(text: str, answers: Sequence[str], language: str = "en") -> float:
    """F-measure with equal weights, 0..1."""
    return _best(text, answers, language, LCSseq.similarity)


def contains(text: str, answers: Sequence[str], language: str = "en") -> bool:
    """Whether the words of an accepted answer stand in the text one after the other, in whatever form of them it is
    safe to take for the same (`inflection`). An answer of punctuation alone stands in nothing."""
    said = words(text, language)
    return any(_stands_in(words(answer, language), said, language) for answer in answers)


def _best(
    text: str, answers: Sequence[str], language: str, common: Callable[[Sequence[str], Sequence[str]], int]
) -> float:
    said = words(text, language)
    return max((_f1(said, words(answer, language), common) for answer in answers), default=0.0)


def _f1(said: Sequence[str], wanted: Sequence[str], common: Callable[[Sequence[str], Sequence[str]], int]) -> float:
    shared = common(said, wanted) if said and wanted else 0
    return 2 * shared / (len(said) + len(wanted)) if shared else 0.0


def _stands_in(wanted: Sequence[str], said: Sequence[str], language: str) -> bool:
    if not wanted:
        return False
    starts = range(len(said) - len(wanted) + 1)
    return any(all(_same(w, said[at + n], language) for n, w in enumerate(wanted)) for at in starts)


def _same(wanted: str, said: str, language: str) -> bool:
    if wanted == said:
        return True
    return not (wanted[0].isdigit() or said[0].isdigit()) and same_word(wanted, said, language)


@lru_cache(maxsize=4096)
def _words(text: str, language: str) -> tuple[str, ...]:
    articles = _ARTICLES.get(language, frozenset())
    found = (_POSSESSIVE.sub("", word) for word in _WORD.findall(fold(text).casefold()))
    plain = [plain_number(word, language) or word if word[0].isdigit() else word for word in found if word]
    return tuple(word for word in plain if word not in articles) or tuple(plain)
