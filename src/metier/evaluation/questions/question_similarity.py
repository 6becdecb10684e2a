"""Questions that ask the same in other words: what may not stand on both sides of the line between practice and exam.

The same search as for exam questions in training data (`dataset.leaks`), with the same say of the answers; and since
the answers are known here, also the same words in another order ("the oil of the NV-110", "the NV-110's oil").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from metier.core.errors import needing
from metier.core.questions import DECIDED, Question
from metier.dataset import leaks
from metier.dataset.leaks import Completions, NormalisedAnswer
from metier.dataset.rows import Row
from metier.text import near_duplicates
from metier.text.analyzer import Analyser
from metier.text.near_duplicates import normalise

_SAME_WORDS = 0.75  # of the longer question


def key(question: str) -> str:
    """What two questions have in common that are the same but for case and punctuation."""
    return normalise(question) or question


def pairs(questions: Sequence[Question], language: str) -> list[tuple[int, int]]:
    """Every pair of one list that asks the same, indices into it, the smaller first; repeats are among them."""
    answers = [[NormalisedAnswer.by(answer) for answer in question.answers] for question in questions]
    completions = Completions([as_row(question) for question in questions])
    with needing("exam"):
        found = near_duplicates.within(
            [question.question for question in questions],
            language=language,
            same_answer=lambda first, second: completions.agree(first, answers[second]),
        )
    alike = {(pair.first, pair.second) for pair in found} | set(_reordered(questions, language))
    return sorted(alike, key=lambda pair: (pair[1], pair[0]))


def _reordered(questions: Sequence[Question], language: str) -> Iterator[tuple[int, int]]:
    """Pairs with the same answer, the same numbers and nearly the same words, of which one may have more, but neither
    has one in place of another's."""
    analyser = Analyser(language)
    words = [frozenset(analyser.tokens(question.question)) for question in questions]
    by_answer: dict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    for number, question in enumerate(questions):
        asked_for = frozenset(word for word in words[number] if any(map(str.isdigit, word)))
        for answer in {key(answer) for answer in question.answers} if question.kind not in DECIDED else ():
            by_answer[answer, asked_for].append(number)
    for numbers in by_answer.values():
        for first, second in combinations(numbers, 2):
            one, other = words[first], words[second]
            if (one <= other or other <= one) and min(len(one), len(other)) >= _SAME_WORDS * max(len(one), len(other)):
                yield first, second


def in_rows(rows: Sequence[Row], questions: Sequence[Question], language: str) -> list[tuple[int, int]]:
    """Every row of the training data and the question that it asks, indices into both."""
    if not rows or not questions:
        return []
    with needing("exam"):
        return [(pair.first, pair.second) for pair in leaks.find(rows, questions, language)]


def as_row(question: Question) -> Row:
    """A question as a training row would have it, with the answer that tells most."""
    answer = max(question.answers, key=len, default="")
    return Row(question.question, answer, kind="label" if question.kind in DECIDED else question.kind)
