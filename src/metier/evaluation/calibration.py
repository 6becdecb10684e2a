"""Learn an expert's fusion weight, passage count and refusals from practice questions, never from the exam's.

For every practice question that the documents answer there is a twin that they do not: the same question with its
document left out. So even a set without unanswerable questions teaches when to refuse.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metier.answering.abstention import Abstention, Labelled, fit
from metier.answering.answerer import Answer, Found
from metier.answering.shown import DEFAULT_PASSAGES, Shown
from metier.documents import document_id
from metier.errors import InputError
from metier.evaluation import text_metrics
from metier.questions import Question
from metier.retrieval.fusion import DEFAULT_WEIGHT, Fusion
from metier.retrieval.retriever import Retriever

PASSAGES = (1, 2, 3, 4, 6, 8)
WEIGHTS = (0.0, 0.25, 0.4, 0.5, 0.6, 0.67, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
_LEAST = 10  # practice questions of each kind below which nothing can be learned
_PRIOR = 0.25  # share of unanswerable questions reckoned with where the practice set has none of its own
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learned: how to weigh both searches, from how many passages to read, and when to refuse."""

    fusion: Fusion
    shown: Shown
    refusals: Abstention


@dataclass(frozen=True, slots=True)
class Case:
    """A question as asked in calibration: with its documents, or with them left out."""

    question: Question
    without: frozenset[str]

    @property
    def unanswerable(self) -> bool:
        return bool(self.without) or not self.question.answerable


def learn_fusion(questions: Sequence[Question], retriever: Retriever, tell: Tell | None = None) -> Fusion:
    """The weight with the best nDCG@10 of finding a question's document; among those within two standard errors of
    the best, the one nearest to the default, so that a handful of questions does not move it."""
    answerable = [q for q in questions if q.answerable and q.documents]
    if len(answerable) < _LEAST:
        return Fusion()
    gains = np.empty((len(answerable), len(WEIGHTS)))
    for row, question in enumerate(answerable):
        relevant = set(question.documents)
        candidates = retriever.candidates(question.question)
        for column, weight in enumerate(WEIGHTS):
            gains[row, column] = _gain([hit.passage.uri for hit in candidates.ranked(weight)], relevant)
        if tell:
            tell(row + 1, len(answerable))
    return Fusion(choose_weight(gains), "practice", len(answerable))


def choose_weight(gains: np.ndarray) -> float:
    """`gains`: nDCG of each question (rows) at each of `WEIGHTS` (columns)."""
    return _chosen(gains, WEIGHTS, DEFAULT_WEIGHT)


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
) -> Shown:
    """From how many passages to read: the share of questions for which what the model is shown holds an accepted
    answer, or is of the right document where the answer is given in no words. `find`: what is shown from so many."""
    answerable = [q for q in questions if q.answerable and q.documents]
    if len(answerable) < _LEAST:
        return Shown()
    gains = np.empty((len(answerable), len(PASSAGES)))
    for row, question in enumerate(answerable):
        gains[row] = [_is_shown(question, find(question, passages)) for passages in PASSAGES]
        if tell:
            tell(row + 1, len(answerable))
    return Shown(int(_chosen(gains, PASSAGES, DEFAULT_PASSAGES)), "practice", len(answerable))


def _is_shown(question: Question, found: Found) -> bool:
    right = [passage.text for passage in found.shown if passage.uri in question.documents]
    worded = question.kind in ("fact", "several", "table") and question.answers
    return any(text_metrics.contains(text, question.answers) for text in right) if worded else bool(right)


def cases(questions: Sequence[Question], seed: int = 0) -> list[Case]:
    """Every question, and a twin of every answerable one, in an order drawn with a fixed seed: answerable and
    unanswerable in turn, so that the first ones are a fair sample; own unanswerable questions come before twins."""
    draw = random.Random(seed)
    answerable = [q for q in questions if q.answerable]
    own = [Case(q, frozenset()) for q in questions if not q.answerable]
    twins = [Case(q, frozenset(map(document_id, q.documents))) for q in answerable if q.documents]
    for group in (answerable, own, twins):
        draw.shuffle(group)
    yes, no = [Case(q, frozenset()) for q in answerable], own + twins
    paired = [case for pair in zip(yes, no, strict=False) for case in pair]
    return paired + yes[len(no) :] + no[len(yes) :]


def weights(drawn: Sequence[Case]) -> list[float]:
    """What each case counts. Where the set has unanswerable questions of its own, they and the answerable ones count as
    they come, and all twins together half as much as they; else the twins make up a quarter."""
    own = sum(not case.question.answerable for case in drawn)
    twins = sum(bool(case.without) for case in drawn)
    yes = len(drawn) - own - twins
    mass = own / 2 if own >= _LEAST else yes * _PRIOR / (1 - _PRIOR)
    return [mass / twins if case.without else 1.0 for case in drawn]


def learn_abstention(
    drawn: Sequence[Case],
    find: Callable[[Case], dict[str, float]],
    ask: Callable[[Case], Answer],
    limit: int,
    fitted_on: str,
    tell: Tell | None = None,
) -> Abstention:
    """Look every case up, ask the first `limit` of them without abstaining, and fit when to refuse. `find`: features of
    what is found for a case. Raises `InputError` where there are too few."""
    no = sum(case.unanswerable for case in drawn)
    if min(no, len(drawn) - no) < _LEAST:
        raise InputError(
            f"{len(drawn) - no} answerable and {no} unanswerable cases are too few to learn from",
            hint=f"Give at least {_LEAST} questions with the document that answers each.",
        )
    labelled = []
    for number, (case, weight) in enumerate(zip(drawn, weights(drawn), strict=True), start=1):
        features = ask(case).features if number <= limit else find(case)
        if features:  # none where nothing at all was found
            labelled.append(Labelled(features, case.unanswerable, weight, case.question.question))
        if tell:
            tell(number, len(drawn))
    return fit(labelled, fitted_on)


def _gain(found: Sequence[str], relevant: set[str]) -> float:
    """nDCG@10 over documents: a document's rank is that of its best passage."""
    ranked = list(dict.fromkeys(found))[:10]
    gain = sum(1 / np.log2(rank + 2) for rank, uri in enumerate(ranked) if uri in relevant)
    return gain / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(relevant))))
