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
    inside = np.array([i for i, place in enumerate(places) if place[0] >= 0])
    if not len(inside):
        return Span(0, 0, 0.0, float("-inf"))
    logits = np.asarray(logits, np.float64)
    starts, ends = logits[inside, 0], logits[inside, 1]
    sums = starts[:, None] + ends[None, :]
    distance = inside[None, :] - inside[:, None]
    sums[(distance < 0) | (distance >= SPAN_TOKENS)] = -np.inf
    first, last = np.unravel_index(int(sums.argmax()), sums.shape)
    best = float(sums[first, last])
    none = float(logits[0].sum())
    every = np.append(sums[np.isfinite(sums)], none)
    total = float(every.max() + np.log(np.exp(every - every.max()).sum()))
    return Span(places[inside[first]][0], places[inside[last]][1], float(np.exp(best - total)), best - none)


def whole_sentences(text: str, start: int, end: int, language: str = "en") -> tuple[int, int]:
    """The span widened to the whole sentences, list items or table rows that it touches. An empty span stays."""
    touched = [(a, b) for a, b in sentence_spans(text, language or "en") if a < end and b > start]
    return (touched[0][0], touched[-1][1]) if touched else (start, end)
