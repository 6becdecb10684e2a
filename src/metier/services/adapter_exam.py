"""Two adapters asked the same questions, one after the other, so that a slow minute of the machine hits both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metier.core.modes import Mode
from metier.core.questions import Question
from metier.evaluation import comparison
from metier.evaluation.general import general_questions, general_scores
from metier.evaluation.metrics.text import contains
from metier.evaluation.records import Record
from metier.evaluation.summary import Graded, Summary
from metier.flow.judgement import Latency, Paired
from metier.generation.completion_cache import Cache
from metier.services.comparison import grader_of
from metier.services.examined import AskedExpert, made_of
from metier.services.parts import Parts
from metier.tuning.adapters import Card

_TIMED = 10  # questions on which it is measured how long an answer takes

Tell = Callable[[str, int, int, str], None]  # stage, done, of how many, what it is at


@dataclass(frozen=True, slots=True)
class BothAnswered:
    """What candidate and production said to the same questions, in their order."""

    candidate: Sequence[Graded]
    production: Sequence[Graded]

    def scores(self, questions: Sequence[Question], metric: str = "score") -> Paired:
        """Of those of them that are among `questions` and have the metric."""
        wanted = {question.id for question in questions}
        both = [
            (one.grades[metric], other.grades[metric])
            for one, other in zip(self.candidate, self.production, strict=True)
            if one.question.id in wanted and metric in one.grades
        ]
        return _paired(both)

    def not_outdated(self, questions: Sequence[Question], language: str) -> Paired:
        """1 where an answer no longer says what was accepted before the source of its question changed or went."""
        wanted = {question.id for question in questions}
        return _paired([
            (_no_longer(one, language), _no_longer(other, language))
            for one, other in zip(self.candidate, self.production, strict=True)
            if one.question.id in wanted and one.question.answers
        ])  # fmt: skip


class AdapterExam:
    """Of a candidate and the adapter in production, in one mode."""

    def __init__(self, parts: Parts, mode: Mode, candidate: Card, production: Card, tell: Tell) -> None:
        self._parts, self.mode, self._tell = parts, mode, tell
        self._cards = (candidate, production)
        self._cache = Cache(parts.runtime.state_folder / comparison.ANSWERS_FILE)

    def ask(self, questions: Sequence[Question], stage: str) -> BothAnswered:
        """Raises `ModelError` where a model gives up; what was answered until then is kept."""
        parts, mode = self._parts, self.mode
        asked = [
            comparison.Comparison(AskedExpert(parts, card.reference), {mode: made_of(parts, mode, card)}, self._cache)
            for card in self._cards
        ]
        records: list[list[Record]] = [[], []]
        for number, question in enumerate(questions):
            self._tell(stage, number, len(questions), question.question)
            for at in (0, 1) if number % 2 else (1, 0):
                records[at] += asked[at].run([question])
        self._tell(stage, len(questions), len(questions), "")
        grader = grader_of(self._parts, questions, ())
        candidate, production = (Summary(questions, each, grader) for each in records)
        graded = [each.graded(self.mode) if each.modes else [] for each in (candidate, production)]
        return BothAnswered(graded[0], graded[1])

    def latency(self, questions: Sequence[Question], stage: str) -> Latency | None:
        """Both asked anew, in turn, whatever is known of them: a time that was taken on another day tells nothing. None
        without questions."""
        asked = comparison.drawn(questions, _TIMED)
        times: list[list[float]] = [[], []]
        for number, question in enumerate(asked):
            self._tell(stage, number, len(asked), question.question)
            for at in (0, 1) if number % 2 else (1, 0):
                reference = self._cards[at].reference
                answer = self._parts.ask(question.question, mode=self.mode, adapter=reference, fresh=True)
                times[at].append(answer.timings["total"])
        self._tell(stage, len(asked), len(asked), "")
        if not asked:
            return None
        return Latency(candidate=float(np.median(times[0])), production=float(np.median(times[1])))

    def general(self, count: int, stage: str) -> Paired:
        """Both on so many general questions."""
        questions, scores = general_questions()[:count], []
        for card in self._cards:
            self._parts.adapters.load(card)
            depends = [card.reference, card.dataset, card.created]
            scores.append(
                general_scores(
                    self._parts.runtime.generator, questions, card.reference, depends, self._cache,
                    lambda done, total, note: self._tell(stage, done, total, note),
                )
            )  # fmt: skip
        return Paired(scores[0], scores[1])


def _paired(both: Sequence[tuple[float, float]]) -> Paired:
    values = np.array(both, float).reshape(-1, 2)
    return Paired(values[:, 0], values[:, 1])


def _no_longer(each: Graded, language: str) -> float:
    return float(not contains(each.record.text, each.question.answers, each.question.language or language))
