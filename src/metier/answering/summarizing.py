"""A document in its own sentences, for a model that is too small to summarise: those that stand for most of the others.

Each sentence is weighed by its mean cosine with all sentences of the document (centrality, as in Radev et al.,
"Centroid-based summarization", 2004); of sentences that say nearly the same the first is taken. They are given in
reading order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metier.answering.evidence import quotable
from metier.answering.sentence_vectors import SentenceVectors
from metier.documents import Passage
from metier.sentences import is_heading_like, is_leadin

_SENTENCES = 5
_LOOKED_AT = 120  # sentences, spread over the document; embedding takes time
_SAME = 0.9  # cosine of two sentences that say the same
_LEAST_WORDS = 4
_FIRST = 0.1  # what the first sentence of a document is worth more: it often says what the document is


def summary(passages: Sequence[Passage], vectors: SentenceVectors, count: int = _SENTENCES) -> list[Passage]:
    """At most `count` sentences of a document, `passages` in reading order, each a passage cut down to it."""
    pieces = [passage.within(*span) for passage in passages for span in quotable(passage)]
    pieces = [piece for piece in pieces if _tells(piece.text)] or pieces
    if len(pieces) > _LOOKED_AT:
        pieces = [pieces[int(n)] for n in np.linspace(0, len(pieces) - 1, _LOOKED_AT)]
    if not pieces:
        return []
    known = vectors.of([piece.text for piece in pieces])
    alike = known @ known.T
    weights = alike.mean(axis=1)
    weights[0] += _FIRST
    chosen: list[int] = []
    for number in np.argsort(-weights, kind="stable"):
        if all(alike[number, other] < _SAME for other in chosen):
            chosen.append(int(number))
        if len(chosen) == count:
            break
    return [pieces[number] for number in sorted(chosen)]


def _tells(text: str) -> bool:
    long_enough = len(text.split()) >= _LEAST_WORDS or (len(text) >= 12 and not text.isascii())
    return long_enough and not is_leadin(text) and not is_heading_like(text)
