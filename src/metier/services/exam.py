"""`ExamService`: the questions that an expert is examined by, imported, written, reviewed and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from metier.core.errors import needing
from metier.core.settings import GenerationSettings
from metier.runtime import Runtime
from metier.services.datasets import DatasetService

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.core.questions import Question
    from metier.evaluation.questions.checks import QuestionReport
    from metier.evaluation.questions.files import QuestionColumns, QuestionFile
    from metier.evaluation.questions.question_set import Added, QuestionEntry, QuestionSet, Review
    from metier.evaluation.questions.staleness import StaleQuestion
    from metier.evaluation.wear import ExamWear
    from metier.synthesis.exam_questions import ExamQuestionOptions, GeneratedQuestions


class ExamService:
    """Practice and exam questions of one expert."""

    def __init__(self, runtime: Runtime, dataset: DatasetService) -> None:
        self._runtime = runtime
        self._dataset = dataset

    @property
    def _set(self) -> QuestionSet:
        from metier.evaluation.questions.question_set import FILE_NAME, QuestionSet

        settings = self._runtime.settings
        path = self._runtime.state_folder / FILE_NAME
        return QuestionSet(path, settings.exam.practice, settings.language, self._dataset.versions_now)

    def questions(self, split: str | None = None) -> list[Question]:
        """The expert's own questions, of one side ("practice", "exam") or of both; those that were dropped are not
        among them."""
        return [question for question in self._set.questions() if split in (None, question.split)]

    def reviewed(self) -> list[QuestionEntry]:
        """All of them, dropped ones too, with what a person said of each."""
        return self._set.kept

    def import_file(
        self,
        path: str | os.PathLike[str],
        *,
        columns: QuestionColumns | None = None,
        kind: str | None = None,
        split: str | None = None,
        skip_bad: bool = False,
        skip_leaks: bool = False,
        loose: bool = False,
    ) -> tuple[QuestionFile, Added]:
        """Add the questions of a file, each on its side once and for all. `kind`, `split`: of those that the file gives
        none. `skip_bad`: leave malformed rows out, `skip_leaks`: those that ask on one side what stands on the other,
        `loose`: keep questions whose document is not there, without it. Errors as in `files.read`,
        `questions.resolve` and `QuestionSet.add`."""
        from metier.core.questions import resolve
        from metier.evaluation.questions import files

        language, where = self._runtime.settings.language, str(path)
        found = files.read(Path(path), columns=columns, kind=kind, split=split, language=language, skip_bad=skip_bad)
        uris = self._runtime.store.uris()
        asked = files.titled(found.asked, uris)
        questions = resolve(asked, uris, where, loose=loose) if uris else asked
        now = self._dataset.groups_now()
        questions = [replace(question, groups=question.required(now)) for question in questions]
        with needing("exam"):
            return found, self._set.add(questions, skip_leaks=skip_leaks, where=where)

    def read(self, path: str | os.PathLike[str]) -> list[Question]:
        """The questions of a file in any format that `import_file` takes, kept nowhere. Errors as in `files.read`."""
        from metier.evaluation.questions import files

        found = files.read(Path(path), language=self._runtime.settings.language)
        return files.titled(found.asked, self._runtime.store.uris())

    def generate(
        self,
        wanted: ExamQuestionOptions,
        *,
        teacher: GenerationSettings | None = None,
        tell: Callable[[int, int, str], None] | None = None,
    ) -> tuple[GeneratedQuestions, Added]:
        """Write questions from the expert's own passages and add them. `teacher`: the model that writes, None = the
        expert's own. Others and errors as in `exam_questions.write`."""
        from metier.synthesis import exam_questions

        known = [each.question for each in self._set.kept]
        with needing("exam"):
            written = exam_questions.write(
                self._runtime, wanted, known=known, rows=self._dataset.rows(), teacher=teacher, tell=tell
            )
            # The set as it is now: somebody may have reviewed it while this was written.
            return written, self._set.add(written.questions, skip_leaks=True, where="what was written")

    def review(
        self,
        identity: str,
        review: Review,
        *,
        question: str | None = None,
        answers: Sequence[str] | None = None,
    ) -> QuestionEntry:
        """Accept or drop a question, with another wording or other answers; it stays on its side. Errors as in
        `QuestionSet.review`."""
        with needing("exam"):
            return self._set.review(identity, review, question=question, answers=answers)

    def stale(self) -> list[StaleQuestion]:
        """Questions whose document changed or went since they came or were last reviewed."""
        from metier.evaluation.questions.staleness import stale

        if not self._dataset.has_store:
            return []
        return stale(self._set.kept, self._runtime.store, self._dataset.versions_now())

    def wear(self) -> ExamWear:
        """How often the exam was used to decide, and how many of its questions are worn by that."""
        from metier.evaluation.wear import wear
        from metier.state.exam_uses import uses

        return wear(self.questions("exam"), uses(self._runtime.state), self._runtime.settings.flow.worn_after)

    def note_use(self, what: str, adapter: str, questions: Sequence[Question], key: str) -> None:
        """Keep that the exam was used to decide by these questions. `what`: "compare" or "flow"; `adapter`: that was
        examined, "" without one; `key`: the same where it is the same decision again. Raises `StoreError`."""
        from metier.generation.completion_cache import key_of
        from metier.state import exam_uses

        asked = tuple(sorted(question.id for question in questions))
        use = exam_uses.ExamUse(key_of(what, key, asked), what, adapter, asked)
        exam_uses.note(self._runtime.state, use)

    def check(self) -> QuestionReport:
        """What to know about the questions before an exam that takes hours."""
        from metier.evaluation.questions import checks
        from metier.models import reads_english_only

        with needing("exam"):
            return checks.check(
                self._set.kept,
                rows=self._dataset.rows(),
                store=self._runtime.store if self._dataset.has_store else None,
                english_only=reads_english_only(self._runtime.settings.embedding.model),
                language=self._runtime.settings.language,
                stale=self.stale(),
                wear=self.wear(),
            )
