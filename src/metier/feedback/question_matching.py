"""Whether a question asks what a pinned one asks.

    the same words              whatever else
    numbers and names           must agree: a pin for the NV-110 does not serve the NV-90
    a word of its own           must be common, or stand in the pinned passage: which it then may be about
    cosine                      of both questions, at least `CLOSE`

A pin changes what is answered, so a paraphrase that is missed costs less than another question that is served. In
`python benchmarks/pins.py`, no other question of the sample company is served, nor any twin with another number or
name, in English and Bengali, with both packaged embedders; of other wordings, one in three is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from metier.answering.term_weights import names
from metier.core.documents import Passage
from metier.embedding.base import Embedder
from metier.retrieval.query import Query
from metier.store.base import Store
from metier.text.analyzer import Analyser
from metier.text.near_duplicates import new_words, normalise, numbers

CLOSE = 0.8
# A word in this share of the passages, and in three at least, is common (as in `near_duplicates`).
_COMMON_SHARE, _COMMON_LEAST = 0.02, 3


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as it is compared. `words`: without case, punctuation and the digits' script."""

    question: str
    words: str
    numbers: frozenset[str]
    tokens: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, question: str, analyser: Analyser) -> Self:
        words = normalise(question)
        tokens, named = frozenset(analyser.tokens(question)), frozenset(names(question, analyser))
        return cls(question, words, numbers(words), tokens, named)

    def names_the_same(self, other: Self) -> bool:
        """Names count in whatever case they are written on the other side."""
        return self.numbers == other.numbers and self.names <= other.tokens and other.names <= self.tokens


def brings_nothing_new(asked: str, pinned: str, passages: Sequence[Passage], analyser: Analyser, store: Store) -> bool:
    """Whether what is asked has no rare word that stands neither in the pinned question nor in the pinned passages."""
    known = "\n".join((pinned, *(f"{passage.title}\n{passage.indexed_text}" for passage in passages)))
    new = new_words(asked, known, analyser)
    common = max(_COMMON_LEAST, _COMMON_SHARE * store.counts()[1])
    return not new or bool(np.all(store.frequencies(new) >= common))


def among(question: str, others: Sequence[str], asked: Query, embedder: Embedder, analyser: Analyser) -> list[str]:
    """Those of the others that may ask the same as the question: more than a pin serves, since here a miss costs more.
    `asked`: the question as search sees it."""
    wording = Wording.of(question, analyser)
    alike = [each for each in others if Wording.of(each, analyser).names_the_same(wording)]
    vectors = embedder.embed_queries(alike)
    return [each for each, vector in zip(alike, vectors, strict=True) if is_close(asked, vector)]


def is_close(asked: Query, pinned: np.ndarray) -> bool:
    """`pinned`: the other question as a vector, (dimension,)."""
    return asked.closeness(pinned) >= CLOSE
