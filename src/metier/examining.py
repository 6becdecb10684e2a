"""The verbs of an expert that set its exam: questions imported, written, reviewed and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metier.errors import needing
from metier.settings import GenerationSettings

if TYPE_CHECKING:  # as in `expert`: rooms that few verbs enter
    from metier.evaluation.question_checks import QuestionReport
    from metier.evaluation.question_files import QuestionColumns, QuestionFile
    from metier.evaluation.question_set import Added, Kept, QuestionSet, Review
    from metier.evaluation.writing_questions import Wanted, Written
    from metier.expert import Expert
    from metier.questions import Question


class Examining:
    """A part of `Expert`."""

    def questions(self: Expert, split: str | None = None) -> list[Question]:
        """The expert's own questions, of one side ("practice", "exam") or of both; those that were dropped are not
        among them."""
        return [question for question in _set_of(self).questions() if split in (None, question.split)]

    def reviewed_questions(self: Expert) -> list[Kept]:
        """All of them, dropped ones too, with what a person said of each."""
        return _set_of(self).kept

    def import_questions(
        self: Expert,
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
        `loose`: keep questions whose document is not there, without it. Errors as in `question_files.read`,
        `questions.resolve` and `QuestionSet.add`."""
        from metier.evaluation import question_files
        from metier.questions import resolve

        language, where = self.settings.language, str(path)
        found = question_files.read(
            Path(path), columns=columns, kind=kind, split=split, language=language, skip_bad=skip_bad
        )
        uris = self.store.uris()
        asked = question_files.titled(found.asked, uris)
        questions = resolve(asked, uris, where, loose=loose) if uris else asked
        with needing("exam"):
            return found, _set_of(self).add(questions, skip_leaks=skip_leaks, where=where)

    def generate_questions(
        self: Expert,
        wanted: Wanted,
        *,
        teacher: GenerationSettings | None = None,
        tell: Callable[[int, int, str], None] | None = None,
    ) -> tuple[Written, Added]:
        """Write questions from the expert's own passages and add them. `teacher`: the model that writes, None = the
        expert's own. Others and errors as in `writing_questions.write`."""
        from metier.dataset.generate import Rooms
        from metier.evaluation import writing_questions

        rooms = Rooms(
            self.settings, self.store, self.retriever, self.answerer, self.analyser, self.generator, self.folder,
            self.state_folder,
        )  # fmt: skip
        known = [each.question for each in _set_of(self).kept]
        with needing("exam"):
            written = writing_questions.write(
                rooms, wanted, known=known, rows=self.dataset_rows(), teacher=teacher, tell=tell
            )
            # The set as it is now: somebody may have reviewed it while this was written.
            return written, _set_of(self).add(written.questions, skip_leaks=True, where="what was written")

    def review_question(
        self: Expert,
        identity: str,
        review: Review,
        *,
        question: str | None = None,
        answers: Sequence[str] | None = None,
    ) -> Kept:
        """Accept or drop a question, with another wording or other answers; it stays on its side. Errors as in
        `QuestionSet.review`."""
        with needing("exam"):
            return _set_of(self).review(identity, review, question=question, answers=answers)

    def check_questions(self: Expert) -> QuestionReport:
        """What to know about the questions before an exam that takes hours."""
        from metier.evaluation import question_checks

        has_documents = (self.state_folder / "store").exists()
        with needing("exam"):
            return question_checks.check(
                _set_of(self).kept,
                rows=self.dataset_rows(),
                store=self.store if has_documents else None,
                english_only=_knows_english_only(self.settings.embedding.model),
                language=self.settings.language,
            )


def _set_of(expert: Expert) -> QuestionSet:
    from metier.evaluation.question_set import FILE_NAME, QuestionSet

    return QuestionSet(expert.state_folder / FILE_NAME, expert.settings.exam.practice, expert.settings.language)


def _knows_english_only(embedder: str) -> bool:
    """Of the packaged ones; of others it is not known."""
    from metier.models.catalog import CATALOG

    return any(model.name == embedder and model.languages == "English" for model in CATALOG)
