"""Exam questions that stand in the training data: a model that has seen them is not examined but asked to repeat.

What leaks is a question, or nearly the same question. That an exam's answer or its passage stands in the training data
is no leak: to learn that is what the data is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from metier.answering.refusal_messages import refusal
from metier.core.errors import InputError
from metier.core.questions import Question
from metier.dataset.findings import origin
from metier.dataset.rows import Row
from metier.text import near_duplicates
from metier.text.near_duplicates import Pair, is_unspaced, jaccard, normalise, numbers, shingles

# An answer that this share of the rows gives (yes, no) does not say that two questions are the same.
_USUAL_SHARE, _USUAL_LEAST = 0.01, 2
# Half of the shorter text in the other, or of both where both are long: they may agree and be worded differently.
MAY_AGREE = 0.5
# A year, a colour or "840 Nm" is the answer to many questions: this many characters say that it is one question,
# fewer where a character says more.
_TELLING, _TELLING_UNSPACED = 16, 8
_LONG = 100  # shingles; any two long texts of one language share most of those of the shorter


def find(
    rows: Sequence[Row],
    exam: Sequence[Question],
    language: str = "en",
    threshold: float = near_duplicates.THRESHOLD,
) -> list[Pair]:
    """Pairs of a row (`first`) and an exam question (`second`), indices into what was given, the likest first."""
    completions = Completions(rows)
    answers = [[NormalisedAnswer.by(answer) for answer in _right(question, language)] for question in exam]
    return near_duplicates.between(
        [row.question for row in rows],
        [question.question for question in exam],
        language=language,
        threshold=threshold,
        same_answer=lambda row, question: completions.agree(row, answers[question]),
    )


def _right(question: Question, language: str) -> tuple[str, ...]:
    """What is right to say: a refusal where nothing answers the question."""
    return question.answers if question.answerable else (refusal(question.language or language),)


def refuse(rows: Sequence[Row], exam: Sequence[Question], language: str) -> None:
    """Raises `InputError` where an exam question is in the training data, naming the first ones."""
    if not exam or not (pairs := find(rows, exam, language)):
        return
    shown = "; ".join(f"“{exam[pair.second].question}” as {origin(rows[pair.first])}" for pair in pairs[:3])
    raise InputError(
        f"{len({pair.second for pair in pairs})} exam questions are in the training data: {shown}",
        hint="The exam would only ask for what was shown. Take these rows out: `metier dataset check --drop-leaks`.",
    )


@dataclass(frozen=True, slots=True)
class NormalisedAnswer:
    """An answer without case and punctuation, its shingles and numbers, so that answers are compared in any script."""

    text: str
    shingles: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def by(cls, answer: str) -> Self:
        text = normalise(answer)
        return cls(text, shingles(text), numbers(text))

    def holds(self, other: NormalisedAnswer) -> bool:
        """Whether the other stands in this one, between words where there are spaces."""
        return other.text in self.text and other.shingles <= self.shingles

    def contradicts(self, other: NormalisedAnswer) -> bool:
        """Whether both give numbers and none of them is the same: every 17 months is not every 31 months."""
        return bool(self.numbers and other.numbers) and not self.numbers & other.numbers

    @property
    def is_telling(self) -> bool:
        """Whether it is long enough to be the answer to one question only."""
        return len(self.text) >= (_TELLING_UNSPACED if is_unspaced(self.text) else _TELLING)

    def likeness(self, other: NormalisedAnswer) -> float:
        """0..1; see `MAY_AGREE`."""
        shorter = min(len(self.shingles), len(other.shingles))
        if shorter > _LONG:
            return jaccard(self.shingles, other.shingles)
        return len(self.shingles & other.shingles) / max(1, shorter)


class Completions:
    """What the rows answer, and whether it is what somebody else answers."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._usual: dict[str, bool] = {}

    @cached_property
    def said(self) -> list[NormalisedAnswer]:
        return [NormalisedAnswer.by(row.completion) for row in self._rows]

    def agree(self, row: int, answers: Sequence[NormalisedAnswer]) -> bool | None:
        """Whether a row has one of `answers`. True: one holds the other. False: they have little in common. None:
        they may agree, or there are no answers, or it is an answer that says nothing because it is short, or because
        many rows give it, as labels are."""
        completion = self.said[row]
        agreed: bool | None = False if answers else None
        for answer in answers:
            if self._rows[row].kind == "label":
                agreed = None if answer.text == completion.text else agreed
            elif answer.is_telling and completion.is_telling and self._same(answer, completion):
                return True
            elif answer.likeness(completion) >= MAY_AGREE and not answer.contradicts(completion):
                agreed = None
        return agreed

    def _same(self, answer: NormalisedAnswer, completion: NormalisedAnswer) -> bool:
        return (completion.holds(answer) or answer.holds(completion)) and not self._is_usual(answer)

    def _is_usual(self, answer: NormalisedAnswer) -> bool:
        if answer.text not in self._usual:
            holding = sum(completion.holds(answer) for completion in self.said)
            self._usual[answer.text] = holding > max(_USUAL_LEAST, _USUAL_SHARE * len(self._rows))
        return self._usual[answer.text]
