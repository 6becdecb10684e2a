"""Questions that ask the same in other words: what may not stand on both sides of the line between practice and exam.

The same search as for exam questions in training data (`dataset.leaks`), with the same say of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from metier.dataset import leaks, near_duplicates
from metier.dataset.leaks import Completions, Said
from metier.dataset.near_duplicates import normalise
from metier.dataset.rows import Row
from metier.errors import needing
from metier.questions import Question

_CHOSEN = ("label", "yesno")


def key(question: str) -> str:
    """What two questions have in common that are the same but for case and punctuation."""
    return normalise(question) or question


def pairs(questions: Sequence[Question], language: str) -> list[tuple[int, int]]:
    """Every pair of one list that asks the same, indices into it, the smaller first; repeats are among them."""
    answers = [[Said.by(answer) for answer in question.answers] for question in questions]
    completions = Completions([as_row(question) for question in questions])
    with needing("exam"):
        found = near_duplicates.within(
            [question.question for question in questions],
            language=language,
            same_answer=lambda first, second: completions.agree(first, answers[second]),
        )
    return [(pair.first, pair.second) for pair in found]


def in_rows(rows: Sequence[Row], questions: Sequence[Question], language: str) -> list[tuple[int, int]]:
    """Every row of the training data and the question that it asks, indices into both."""
    if not rows or not questions:
        return []
    with needing("exam"):
        return [(pair.first, pair.second) for pair in leaks.find(rows, questions, language)]


def as_row(question: Question) -> Row:
    """A question as a training row would have it, with the answer that tells most."""
    answer = max(question.answers, key=len, default="")
    return Row(question.question, answer, kind="label" if question.kind in _CHOSEN else question.kind)
