"""Whether an answer comes to the point: an accepted answer stands in its first sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from metier.core.questions import Question
from metier.evaluation.records import Record


class FirstSentence:
    name = "first_sentence"
    words: ClassVar[Mapping[str, tuple[str, str]]] = {
        "en": ("to the point", "answers whose first sentence says it"),
        "bn": ("সরাসরি", "যে উত্তরের প্রথম বাক্যেই উত্তর আছে"),
    }
    compared = True

    def measure(self, question: Question, record: Record, said: str) -> float | None:
        if not question.answers:
            return None
        first = said.partition(". ")[0].casefold()
        return float(any(answer.casefold() in first for answer in question.answers))


METRIC = FirstSentence()
