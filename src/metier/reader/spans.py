"""The best span among a row's tokens, and what its logits are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metier.sentences import sentence_spans

SPAN_TOKENS = 160  # longest span: a list of steps


@dataclass(frozen=True, slots=True)
class Span:
    """`start`, `end`: characters of the text. `probability`: of this span among all of the row and none.
    `margin`: logits of the span above those of "no span"."""

    start: int
    end: int
    probability: float
    margin: float


def best_span(logits: np.ndarray, places: Sequence[tuple[int, int]]) -> Span:
    """From logits (tokens, 2) of start and end; the first token stands for "no span". A row without text gives an
    empty span at 0."""
    inside, sums, none = _sums(logits, places)
    if not len(inside):
        return Span(0, 0, 0.0, float("-inf"))
    first, last = np.unravel_index(int(sums.argmax()), sums.shape)
    best = float(sums[first, last])
    share = float(np.exp(best - _total(np.append(sums, none))))
    return Span(places[inside[first]][0], places[inside[last]][1], share, best - none)


def sentence_log_odds(
    logits: np.ndarray, places: Sequence[tuple[int, int]], sentences: Sequence[tuple[int, int]]
) -> np.ndarray:
    """For each sentence, (start, end) in characters, the logarithm of the probability that the answer lies in it: that
    of all spans within it, by that of "no span". (sentences,); -inf for one that the row does not hold."""
    inside, sums, none = _sums(logits, places)
    found = np.full(len(sentences), -np.inf)
    starts = np.array([places[index][0] for index in inside])
    ends = np.array([places[index][1] for index in inside])
    for number, (start, end) in enumerate(sentences):
        block = sums[np.ix_((starts >= start) & (starts < end), (ends > start) & (ends <= end))]
        if np.isfinite(block).any():
            found[number] = _total(block) - none
    return found


def _sums(logits: np.ndarray, places: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, float]:
    """Tokens of the text, (n,); the logit of every span from one of them to another, (n, n), -inf for those that are
    none; and that of "no span"."""
    inside = np.array([i for i, place in enumerate(places) if place[0] >= 0], dtype=int)
    logits = np.asarray(logits, np.float64)
    sums = logits[inside, 0][:, None] + logits[inside, 1][None, :]
    distance = inside[None, :] - inside[:, None]
    sums[(distance < 0) | (distance >= SPAN_TOKENS)] = -np.inf
    return inside, sums, float(logits[0].sum())


def _total(logits: np.ndarray) -> float:
    """Logarithm of the sum of the exponentials of all that are finite."""
    return float(np.logaddexp.reduce(logits[np.isfinite(logits)], axis=None))


def whole_sentences(text: str, start: int, end: int, language: str = "en") -> tuple[int, int]:
    """The span widened to the whole sentences, list items or table rows that it touches. An empty span stays."""
    touched = [(a, b) for a, b in sentence_spans(text, language or "en") if a < end and b > start]
    return (touched[0][0], touched[-1][1]) if touched else (start, end)
