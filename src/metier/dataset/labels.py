"""Labels where a file does not name them as such: a few short answers that it gives again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from metier.text.near_duplicates import is_unspaced

_PER_WORD = 2  # characters that say as much as a word where no spaces are written
_WORDS = 6  # of a label, at most
_LEAST = 20  # answers; fewer do not show that they are labels
_REPEATED = 5  # times that a label is given, on average
_AGAIN = 0.9  # share of the answers that are given more than once


def among(answers: Sequence[str]) -> tuple[str, ...]:
    """The labels that all `answers` of a file are, in order; empty where they are other answers."""
    counts = Counter(answers)
    if len(answers) < _LEAST or len(counts) < 2 or len(answers) < _REPEATED * len(counts):
        return ()
    short = all(words(answer) <= _WORDS for answer in counts)
    named = sum(any(map(str.isalpha, answer)) for answer in counts)
    again = sum(count for count in counts.values() if count > 1)
    return tuple(counts) if short and 2 * named > len(counts) and again >= _AGAIN * len(answers) else ()


def words(text: str) -> int:
    """How long a text is, in any script."""
    return len(text) // _PER_WORD if is_unspaced(text) else len(text.split())
