"""The verbs of an expert that set its exam: questions imported, written, reviewed and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # as in `expert`: rooms that few verbs enter
    from metier.evaluation.question_set import Added, QuestionSet
    from metier.expert import Expert
    from metier.questions import Question


class Examining:
    """A part of `Expert`."""

    @property
    def _question_set(self: Expert) -> QuestionSet:
        from metier.evaluation.question_set import FILE_NAME, QuestionSet

        return QuestionSet(self.state_folder / FILE_NAME, self.settings.exam.practice, self.settings.language)

    def questions(self: Expert) -> list[Question]:
        """The expert's own questions, those that nobody dropped."""
        return self._question_set.questions()

    def import_questions(self: Expert, path: str | os.PathLike[str], *, skip_leaks: bool = False) -> Added:
        """Add the questions of a file, each on its side once and for all."""
        from metier.evaluation import question_files
        from metier.questions import resolve

        found = question_files.read(Path(path), language=self.settings.language)
        questions = resolve([each.question for each in found.asked], self.store.uris(), str(path))
        return self._question_set.add(questions, skip_leaks=skip_leaks, where=str(path))
