"""How close a text comes to the accepted answers, in any script.

    exact_match    the same words and numbers, nothing more
    token_f1       harmonic mean of the shares of common words (Rajpurkar et al. 2016, "SQuAD", arXiv 1606.05250, 6.1)
    rouge_l        F-measure over the longest common subsequence of words (Lin 2004, "ROUGE: A Package for Automatic
                   Evaluation of Summaries", 3.1, with beta = 1; the whole text is one sequence, nothing is stemmed)
    contains       whether an accepted answer stands in the text, as whole words and numbers

How words and numbers are compared, and what `language` is for, says `text.matching`. Of several accepted answers the
best counts; an empty text is worth 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from metier.text.matching import joined, places, words


def exact_match(text: str, answers: Sequence[str], language: str = "en") -> float:
    """1 where the text is one of the answers, else 0."""
    said = joined(words(text, language))
    return float(any(said and said == joined(words(answer, language)) for answer in answers))


def token_f1(text: str, answers: Sequence[str], language: str = "en") -> float:
    """0..1."""
    said = words(text, language)
    wanted = [words(answer, language) for answer in answers]
    return max((_f1((Counter(said) & Counter(each)).total(), len(said), len(each)) for each in wanted), default=0.0)


def rouge_l(text: str, answers: Sequence[str], language: str = "en") -> float:
    """0..1."""
    said = words(text, language)
    wanted = [words(answer, language) for answer in answers]
    return max((_f1(LCSseq.similarity(said, each), len(said), len(each)) for each in wanted), default=0.0)


def contains(text: str, answers: Sequence[str], language: str = "en") -> bool:
    """Whether one of the answers stands in the text. A word may have another ending where that is safe, see
    `text.morphology`; 320 is found neither in 1320 nor in 3.20 nor in NV-320. Units are as they are written: `numbers`
    knows that 320 kg are 320 kilograms."""
    said = words(text, language)
    return any(places(said, words(answer, language), language) for answer in answers)


def _f1(common: float, said: int, wanted: int) -> float:
    """Harmonic mean of common/said and common/wanted."""
    return 2 * common / (said + wanted) if common else 0.0
