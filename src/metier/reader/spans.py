"""The best span among a row's tokens, and what its logits are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metier.text.sentences import sentence_spans

SPAN_TOKENS = 160  # longest span: a list of steps


@dataclass(frozen=True, slots=True)
class Span:
    """`start`, `end`: characters of the text. `probability`: of this span among all of the row and none.
    `margin`: logits of the span above those of "no span"."""

    start: int
    end: int
    probability: float
    margin: float


class RowSpans:
    """All spans of a row. `logits`: (tokens, 2) of start and end, the first one of "no span"; `places`: of each
    token in the text, characters."""

    def __init__(self, logits: np.ndarray, places: Sequence[tuple[int, int]]) -> None:
        logits = np.asarray(logits, np.float64)
        inside = np.array([i for i, place in enumerate(places) if place[0] >= 0], dtype=int)
        self._starts = np.array([places[index][0] for index in inside])
        self._ends = np.array([places[index][1] for index in inside])
        sums = logits[inside, 0][:, None] + logits[inside, 1][None, :]
        distance = inside[None, :] - inside[:, None]
        sums[(distance < 0) | (distance >= SPAN_TOKENS)] = -np.inf
        self._sums, self._none = sums, float(logits[0].sum())

    def best(self) -> Span:
        """An empty one at 0 where the row has no text."""
        if not self._sums.size:
            return Span(0, 0, 0.0, float("-inf"))
        first, last = np.unravel_index(int(self._sums.argmax()), self._sums.shape)
        best = float(self._sums[first, last])
        share = float(np.exp(best - _log_sum(np.append(self._sums, self._none))))
        return Span(int(self._starts[first]), int(self._ends[last]), share, best - self._none)

    def log_odds(self, sentences: Sequence[tuple[int, int]]) -> tuple[float, ...]:
        """For each sentence, (start, end) in characters, the logarithm of the odds that the answer lies in it: of all
        spans within it, against "no span"; -inf for one that the row does not hold."""
        found = []
        for start, end in sentences:
            starts = (self._starts >= start) & (self._starts < end)
            ends = (self._ends > start) & (self._ends <= end)
            found.append(_log_sum(self._sums[np.ix_(starts, ends)]) - self._none)
        return tuple(found)


def best_span(logits: np.ndarray, places: Sequence[tuple[int, int]]) -> Span:
    """See `RowSpans`."""
    return RowSpans(logits, places).best()


def _log_sum(logits: np.ndarray) -> float:
    """Logarithm of the sum of the exponentials, -inf where there is none."""
    most = logits.max(initial=-np.inf)
    return float(most + np.log(np.exp(logits - most).sum())) if np.isfinite(most) else float("-inf")


def whole_sentences(text: str, start: int, end: int, language: str = "en") -> tuple[int, int]:
    """The span widened to the whole sentences, list items or table rows that it touches. An empty span stays."""
    touched = [(a, b) for a, b in sentence_spans(text, language or "en") if a < end and b > start]
    return (touched[0][0], touched[-1][1]) if touched else (start, end)
