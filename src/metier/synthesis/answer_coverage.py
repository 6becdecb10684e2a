"""How far the words of a short answer stand in the passage it was written from, for filters of training data.

Each sentence of the answer is compared with each sentence (or pair of neighbours, or table row) of the passage: the
share of its words, weighted by rarity, that stand there. Every number must stand there too. What the sentence repeats
of the question only breaks ties. What users read is checked by `metier.answering.support`, which knows more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metier.answering.answer import Citation
from metier.answering.term_weights import Weigh, alike, share
from metier.core.documents import Passage
from metier.text.analyzer import Analyser
from metier.text.sentences import sentence_spans

SUPPORTED = 0.6  # share of an answer sentence's weight that must stand in its source
_SECOND_SOURCE = 0.2  # share a second source must add to be cited beside the first
_PAIR = 0.2  # share that a neighbour must add for two sentences to be quoted instead of one
_HEADING = 0.8  # a word that stands only in the heading path counts this much
_FUZZY = 85  # similarity (0..100) at which two long words count as spellings of one


@dataclass(frozen=True, slots=True)
class SentenceAlignment:
    """One sentence of an answer: where it stands in the answer, how well it is carried (0..1), and by what."""

    sentence: tuple[int, int]
    score: float
    citations: tuple[Citation, ...]

    @property
    def supported(self) -> bool:
        return self.score >= SUPPORTED


@dataclass(frozen=True, slots=True)
class _Span:
    """A candidate source: one or two sentences of a passage. Offsets into the passage's text."""

    passage: int
    start: int
    end: int
    tokens: frozenset[str]
    sentences: int


class Aligner:
    """Aligns answers with one set of shown passages."""

    def __init__(
        self, passages: Sequence[Passage], question: str, analyser: Analyser, weigh: Weigh, language: str
    ) -> None:
        self._passages = passages
        self._analyser = analyser
        self._weigh = weigh
        self._language = language
        self._question = frozenset(analyser.tokens(question))
        self._headings = [frozenset(analyser.tokens(" ".join(p.headings))) for p in passages]
        self._spans = [span for index in range(len(passages)) for span in self._cut(index)]

    def align(self, answer: str) -> list[SentenceAlignment]:
        """Support of each sentence of `answer`, in order."""
        return [self._support(answer, span) for span in sentence_spans(answer, self._language)]

    def _cut(self, index: int) -> list[_Span]:
        passage = self._passages[index]
        pieces = sentence_spans(passage.text, passage.language or self._language)
        words = [frozenset(self._analyser.tokens(passage.text[a:b])) for a, b in pieces]
        spans = [_Span(index, a, b, w, 1) for (a, b), w in zip(pieces, words, strict=True)]
        pairs = zip(pieces, pieces[1:], words, words[1:], strict=False)
        return spans + [_Span(index, a[0], b[1], v | w, 2) for a, b, v, w in pairs]

    def _support(self, answer: str, sentence: tuple[int, int]) -> SentenceAlignment:
        tokens = sorted(set(self._analyser.tokens(answer[sentence[0] : sentence[1]])))
        if not tokens or not self._spans:
            return SentenceAlignment(sentence, 0.0, ())
        weights = self._weigh(tokens)
        best = max(self._spans, key=lambda span: self._rank(tokens, weights, span))
        cited, words = [best], self._words(best)
        score = self._covered(tokens, weights, best)
        second = max(self._spans, key=lambda span: share(tokens, weights, words | self._words(span)))
        more = share(tokens, weights, words | self._words(second))
        if more - share(tokens, weights, words) >= _SECOND_SOURCE:
            cited.append(second)
            words, score = words | self._words(second), max(score, more)
        if not self._numbers_agree(tokens, words):
            score = min(score, SUPPORTED / 2)
        sources = (self._passages[span.passage].within(span.start, span.end) for span in cited)
        return SentenceAlignment(sentence, score, tuple(Citation.of(source, sentence) for source in sources))

    def _rank(self, tokens: list[str], weights: np.ndarray, span: _Span) -> float:
        covered = self._covered(tokens, weights, span)
        near = self._question & self._words(span)
        asked = len(near) / max(1, len(self._question))
        return covered + 0.3 * asked - 0.02 * span.passage - _PAIR * (span.sentences - 1)

    def _words(self, span: _Span) -> frozenset[str]:
        return span.tokens | self._headings[span.passage]

    def _covered(self, tokens: list[str], weights: np.ndarray, span: _Span) -> float:
        headings = self._headings[span.passage]
        total = float(weights.sum())
        if total <= 0:
            return 0.0
        found = 0.0
        for token, weight in zip(tokens, weights, strict=True):
            if token in span.tokens:
                found += weight
            elif token in headings or alike(token, span.tokens, _FUZZY):
                found += _HEADING * weight
        return found / total

    def _numbers_agree(self, tokens: list[str], source: frozenset[str]) -> bool:
        numbers = {token for token in tokens if token[0].isdigit()}
        return numbers <= (source | self._question)
