"""How worn the exam is: each decision by the same questions makes the next one easier to pass by luck.

Of candidates that are no better than what they are held against, each passes a test at level .05 with that chance:
after k decisions by the same questions at least one has, with a chance of up to 1 - .95 ** k. Fresh questions lower it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from metier.core.questions import Question
from metier.state.exam_uses import ExamUse

_ALPHA = 0.05


class ExamWear(BaseModel):
    """`decisions`: in all. `questions`: in the exam now, of which `worn` were asked in `limit` decisions or more and
    `fresh` in none. `luck`: chance that one of the decisions was luck, at most; 0..1."""

    model_config = ConfigDict(frozen=True)

    decisions: int = 0
    questions: int = 0
    worn: int = 0
    fresh: int = 0
    limit: int = 0
    luck: float = 0.0

    @property
    def worn_out(self) -> bool:
        return self.worn > self.questions / 2


def wear(exam: Sequence[Question], uses: Sequence[ExamUse], limit: int) -> ExamWear:
    """`uses`: all that were kept; `limit`: decisions after which a question counts as worn."""
    counts = Counter(identity for use in uses for identity in use.questions)
    asked = [counts[question.id] for question in exam]
    mean = sum(asked) / len(asked) if asked else 0.0
    return ExamWear(
        decisions=len(uses), questions=len(exam), worn=sum(n >= limit for n in asked), fresh=asked.count(0),
        limit=limit, luck=1 - (1 - _ALPHA) ** mean,
    )  # fmt: skip
