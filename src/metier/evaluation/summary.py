"""Records to figures: every metric of every mode with its interval, pairs of modes, failures, and each answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from metier.core.modes import MODES, Mode
from metier.core.questions import DECIDED, Question
from metier.evaluation import statistics
from metier.evaluation.error_analysis import grouped
from metier.evaluation.metrics import labels
from metier.evaluation.metrics.base import added
from metier.evaluation.metrics.grading import Grader
from metier.evaluation.records import Record
from metier.evaluation.result import ExaminedQuestion, FailureGroup, Figure, ModeAnswer, ModePair
from metier.evaluation.statistics import Difference

# Those compared pair by pair; of the others the table shows intervals.
COMPARED = ("score", "token_f1", "rouge_l", "terms", "faithful")


@dataclass(frozen=True, slots=True)
class Graded:
    """A record, its question, what each metric says of it, and why it failed ("" where it did not)."""

    question: Question
    record: Record
    grades: Mapping[str, float]
    cause: str


class Summary:
    """All figures over one set of questions that every mode has answered."""

    def __init__(self, questions: Sequence[Question], records: Sequence[Record], grader: Grader) -> None:
        self._grader = grader
        self.questions = list(questions)
        known = {question.id: question for question in questions}
        self._graded: dict[str, dict[str, Graded]] = defaultdict(dict)
        for record in records:
            question = known[record.question]
            grades = grader.grade(question, record)
            cause = grader.cause(question, record, grades)
            self._graded[record.mode][question.id] = Graded(question, record, grades, cause)
        self.modes = [mode for mode in MODES if mode in self._graded]

    def graded(self, mode: str) -> list[Graded]:
        """In the order of the questions."""
        return [self._graded[mode][question.id] for question in self.questions]

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """Mode to the score of each question, (n,)."""
        return {mode: self._values(mode, "score") for mode in self.modes}

    def figures(self) -> dict[str, dict[str, Figure]]:
        """Mode to metric to figure."""
        return {mode: self._means(mode) | self._ratios(mode) for mode in self.modes}

    def by(self, of: str) -> dict[str, dict[str, Figure]]:
        """Score by `kind` or `language` of the questions, mode by mode."""
        groups = Counter(getattr(question, of) for question in self.questions)
        chosen = {group: [getattr(q, of) == group for q in self.questions] for group, _ in groups.most_common()}
        return {
            group: {mode: statistics.interval(self.scores[mode][mask]) for mode in self.modes}
            for group, mask in chosen.items()
        }

    def pairs(self) -> list[ModePair]:
        """Every pair of modes by every metric that both have on the same questions; Holm's correction over the pairs
        of one metric. `a` is the mode with more of the metric."""
        names = [*COMPARED, *(metric.name for metric in added() if metric.compared)]
        return [pair for name in names for pair in self._pairs(name)]

    def failures(self) -> dict[str, tuple[FailureGroup, ...]]:
        return {mode: grouped(mode, [(g.question, g.cause) for g in self.graded(mode)]) for mode in self.modes}

    def answers(self) -> list[ExaminedQuestion]:
        """Every question with what each mode said, for the report."""
        return [
            ExaminedQuestion(
                id=question.id, question=question.question, kind=question.kind, language=question.language,
                answers=question.answers, documents=question.documents, page=question.page,
                modes={mode: _shown(self._graded[mode][question.id]) for mode in self.modes},
            )
            for question in self.questions
        ]  # fmt: skip

    def known(self) -> float | None:
        """Share of the answerable questions that the base answers rightly on its own; None where it was not asked."""
        if Mode.BASE not in self.modes:
            return None
        right = [not each.cause for each in self.graded(Mode.BASE) if each.question.answerable]
        return float(np.mean(right)) if right else None

    def refusal_recall(self, mode: str) -> float | None:
        refused = [each.grades["refused"] for each in self.graded(mode) if not each.question.answerable]
        return float(np.mean(refused)) if refused else None

    def _values(self, mode: str, metric: str) -> np.ndarray:
        return np.array([each.grades.get(metric, np.nan) for each in self.graded(mode)], float)

    def _means(self, mode: str) -> dict[str, Figure]:
        names = dict.fromkeys(name for each in self.graded(mode) for name in each.grades)
        columns = {name: self._values(mode, name) for name in names}
        return {name: statistics.interval(values[~np.isnan(values)]) for name, values in columns.items()}

    def _ratios(self, mode: str) -> dict[str, Figure]:
        """What is not a mean over questions: precision and recall of refusals, macro-F1 of labels."""
        graded = self.graded(mode)
        refused = np.array([each.grades["refused"] for each in graded], bool)
        wanted = np.array([not each.question.answerable for each in graded])
        found = {}
        if wanted.any():
            found["refusal_precision"] = statistics.interval(wanted[refused].astype(float))
            found["refusal_recall"] = statistics.interval(refused[wanted].astype(float))
        decided = [each for each in graded if each.question.kind in DECIDED and each.question.answers]
        if decided:
            names = list(dict.fromkeys(label for each in decided for label in each.question.answers[:1]))
            truth = np.array([names.index(each.question.answers[0]) for each in decided])
            given = np.array([self._label(each, names) for each in decided])
            found["macro_f1"] = statistics.interval_of(
                lambda drawn: labels.macro_f1(given[drawn], truth[drawn]), len(decided)
            )
        return {name: figure for name, figure in found.items() if figure.n}

    def _label(self, each: Graded, names: Sequence[str]) -> int:
        given = self._grader.decided(each.question, each.record)
        if given in each.question.answers:
            return names.index(each.question.answers[0])
        return names.index(given) if given in names else -1

    def _pairs(self, metric: str) -> list[ModePair]:
        found: list[tuple[str, str, Difference, int | None]] = []
        for first, second in combinations(self.modes, 2):
            a, b = self._values(first, metric), self._values(second, metric)
            both = ~(np.isnan(a) | np.isnan(b))
            if not both.any():
                continue
            if a[both].mean() < b[both].mean():
                first, second, a, b = second, first, b, a
            difference = statistics.compare(a[both], b[both])
            needed = statistics.questions_needed(a[both] - b[both]) if difference.p >= statistics.ALPHA else None
            found.append((first, second, difference, needed))
        adjusted = statistics.holm([difference.p for _, _, difference, _ in found])
        return [
            ModePair(a=a, b=b, metric=metric, **asdict(difference), questions_needed=needed, p_adjusted=float(p))
            for (a, b, difference, needed), p in zip(found, adjusted, strict=True)
        ]


def _shown(each: Graded) -> ModeAnswer:
    record = each.record
    return ModeAnswer(
        text=record.text, abstained=record.abstained, confidence=record.confidence, citations=record.citations,
        unsupported=record.unsupported, shown=record.shown, first_token=record.first_token, total=record.total,
        prompt_tokens=record.prompt_tokens, completion_tokens=record.completion_tokens, notes=record.notes,
        error=record.error, grades=each.grades, cause=each.cause,
    )  # fmt: skip
