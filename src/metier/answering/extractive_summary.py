"""A document in its own sentences, for a model that is too small to summarise: those that stand for most of the others.

Each sentence is weighed by its mean cosine with all sentences of the document (centrality, as in Radev et al.,
"Centroid-based summarization", 2004), and the first ones of a section count for more; of sentences that say nearly the
same the first is taken. They are given in reading order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from metier.answering.evidence import quotable
from metier.answering.sentence_vectors import SentenceVectors
from metier.core.documents import Passage
from metier.text.sentences import is_heading_like, is_leadin

_SENTENCES = 8
_LOOKED_AT = 120  # sentences, spread over the document; embedding takes time
_SAME = 0.9  # cosine of two sentences that say the same
_LEAST_WORDS = 4
_LEAD = 0.2  # cosine that the first sentence of a section is ahead: what it is about is mostly said there


def summary(passages: Sequence[Passage], vectors: SentenceVectors, count: int = _SENTENCES) -> list[Passage]:
    """At most `count` sentences of a document, `passages` in reading order, each a passage cut down to it. In one
    of several sections each has its turn."""
    pieces = [passage.within(*span) for passage in passages for span in quotable(passage)]
    pieces = [piece for piece in pieces if _tells(piece.text)] or pieces
    if len(pieces) > _LOOKED_AT:
        pieces = [pieces[int(n)] for n in np.linspace(0, len(pieces) - 1, _LOOKED_AT)]
    if not pieces:
        return []
    known = vectors.of([piece.text for piece in pieces])
    alike = known @ known.T
    order = _in_turn(np.argsort(-(alike.mean(axis=1) + _LEAD * _leads(pieces)), kind="stable"), pieces)
    chosen: list[int] = []
    for number in order:
        if all(alike[number, other] < _SAME for other in chosen):
            chosen.append(number)
        if len(chosen) == count:
            break
    return [pieces[number] for number in sorted(chosen)]


def _leads(pieces: Sequence[Passage]) -> np.ndarray:
    """1 for the first sentence of a section, a half for the second, and so on."""
    seen: Counter[tuple[str, ...]] = Counter()
    places = []
    for piece in pieces:
        seen[piece.headings] += 1
        places.append(1 / seen[piece.headings])
    return np.array(places)


def _in_turn(order: np.ndarray, pieces: Sequence[Passage]) -> list[int]:
    """The best of each section, then the second best of each; larger sections first."""
    sections: dict[tuple[str, ...], list[int]] = {}
    for number in order:
        sections.setdefault(pieces[int(number)].headings, []).append(int(number))
    ranked = sorted(sections.values(), key=len, reverse=True)
    return [number for turn in zip_longest(*ranked) for number in turn if number is not None]


def _tells(text: str) -> bool:
    long_enough = len(text.split()) >= _LEAST_WORDS or (len(text) >= 12 and not text.isascii())
    return long_enough and not is_leadin(text) and not is_heading_like(text)
