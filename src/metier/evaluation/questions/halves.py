"""The exam in two halves: one that decides from month to month, and one that is kept for releases alone.

An adapter that passed the first again and again may have passed it by luck. The half that nobody decided by still
tells. On which half a question is, its words say, so that it never moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from metier.core.questions import Question
from metier.evaluation.questions import question_similarity

LEAST = 40  # exam questions; of fewer, half would tell nothing (a share is off by 22 points), and all are asked
Half = Literal["all", "routine", "release"]
HALVES: tuple[Half, ...] = get_args(Half)


@dataclass(frozen=True, slots=True)
class Halves:
    """`release`: kept; empty where the exam is too small."""

    routine: tuple[Question, ...]
    release: tuple[Question, ...]


def halves(exam: Sequence[Question], share: float) -> Halves:
    """`share`: of the questions that are kept for releases, 0..1."""
    if len(exam) < LEAST or not share:
        return Halves(tuple(exam), ())
    kept = [_draw(question) < share for question in exam]
    routine = tuple(question for question, release in zip(exam, kept, strict=True) if not release)
    return Halves(routine, tuple(question for question, release in zip(exam, kept, strict=True) if release))


def of_half(exam: Sequence[Question], half: Half, share: float) -> list[Question]:
    if half == "all":
        return list(exam)
    divided = halves(exam, share)
    return list(divided.routine if half == "routine" else divided.release)


def _draw(question: Question) -> float:
    words = question_similarity.key(question.question).encode("utf-8", "surrogatepass")
    return int(hashlib.sha256(b"half:" + words).hexdigest()[:8], 16) / 2**32
