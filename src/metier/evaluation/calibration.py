"""Learn an expert's fusion weight and passage count from practice questions, never from the exam's.

When to refuse is learned in `refusal_calibration`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metier.answering.abstention import Abstention
from metier.answering.passage_count import DEFAULT_PASSAGES, PassageCount
from metier.answering.request import Found
from metier.core.questions import Question
from metier.evaluation.metrics import text as text_metrics
from metier.retrieval.fusion import DEFAULT_WEIGHT, Fusion
from metier.retrieval.retriever import Retriever
from metier.synthesis.planted_errors import CatchRate

PASSAGES = (1, 2, 3, 4, 6, 8)
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
_LEAST = 10  # practice questions of each kind below which nothing can be learned
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learned: how to weigh both searches, from how many passages to read, and when to refuse. `errors`: how
    many errors planted in sentences of the documents the checker of answers catches."""

    fusion: Fusion
    shown: PassageCount
    refusals: Abstention
    errors: CatchRate


def learn_fusion(
    questions: Sequence[Question], retriever: Retriever, tell: Tell | None = None, corpus: Fusion | None = None
) -> Fusion:
    """The weight with the best nDCG@10 of finding a question's document; among those within two standard errors of
    the best, the one nearest to what the corpus alone says (`corpus`), so that a handful of questions does not move
    it."""
    corpus = corpus or Fusion()
    answerable = [q for q in questions if q.answerable and q.documents]
    if len(answerable) < _LEAST:
        return replace(corpus, weight=corpus.corpus, origin="corpus" if corpus.passages else "default", questions=0)
    gains = np.empty((len(answerable), len(WEIGHTS)))
    for row, question in enumerate(answerable):
        relevant = set(question.documents)
        candidates = retriever.candidates(question.question)
        for column, weight in enumerate(WEIGHTS):
            gains[row, column] = _gain([hit.passage.uri for hit in candidates.ranked(weight)], relevant)
        if tell:
            tell(row + 1, len(answerable))
    return replace(corpus, weight=choose_weight(gains, corpus.corpus), origin="practice", questions=len(answerable))


def choose_weight(gains: np.ndarray, prior: float = DEFAULT_WEIGHT) -> float:
    """`gains`: nDCG of each question (rows) at each of `WEIGHTS` (columns). `prior`: what was believed before; it is
    returned where the questions do not speak against it."""
    chosen = _chosen(gains, WEIGHTS, prior)
    return prior if chosen == min(WEIGHTS, key=lambda weight: abs(weight - prior)) else chosen


def _chosen(gains: np.ndarray, options: Sequence[float], default: float) -> float:
    """Of the options within two standard errors of the best, the one nearest to the default. `gains`: of each question
    (rows) with each option (columns)."""
    best = int(gains.mean(axis=0).argmax())
    behind = gains[:, [best]] - gains
    error = 2 * behind.std(axis=0) / np.sqrt(len(gains))
    good = behind.mean(axis=0) <= error
    return min((option for option, ok in zip(options, good, strict=True) if ok), key=lambda o: abs(o - default))


def learn_shown(
    questions: Sequence[Question], find: Callable[[Question, int], Found], tell: Tell | None = None
) -> PassageCount:
    """From how many passages to read: the share of questions for which what the model is shown holds an accepted
    answer, or is of the right document where the answer is given in no words. `find`: what is shown from so many."""
    answerable = [q for q in questions if q.answerable and q.documents]
    if len(answerable) < _LEAST:
        return PassageCount()
    gains = np.empty((len(answerable), len(PASSAGES)))
    for row, question in enumerate(answerable):
        gains[row] = [_is_shown(question, find(question, passages)) for passages in PASSAGES]
        if tell:
            tell(row + 1, len(answerable))
    return PassageCount(int(_chosen(gains, PASSAGES, DEFAULT_PASSAGES)), "practice", len(answerable))


def _is_shown(question: Question, found: Found) -> bool:
    right = [passage.text for passage in found.shown if passage.uri in question.documents]
    worded = question.kind in ("fact", "several", "table") and question.answers
    return any(text_metrics.contains(text, question.answers) for text in right) if worded else bool(right)


def _gain(found: Sequence[str], relevant: set[str]) -> float:
    """nDCG@10 over documents: a document's rank is that of its best passage."""
    ranked = list(dict.fromkeys(found))[:10]
    gain = sum(1 / np.log2(rank + 2) for rank, uri in enumerate(ranked) if uri in relevant)
    return float(gain / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(relevant)))))
