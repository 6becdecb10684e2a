"""A correction as a reviewed question and a training row: what was said once is asked in practice and learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from metier.core.documents import Passage
from metier.core.errors import MetierError
from metier.core.groups import required_by
from metier.core.questions import Question
from metier.dataset.formats import merge
from metier.dataset.rows import Row, load, save
from metier.feedback.records import Correction
from metier.synthesis.pairs import QAPair
from metier.synthesis.raft import RowMaker
from metier.text.detection import detect

_KIND = "fact"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What became of a question. `split`: the side on which it is, "" where it could be on neither. `before`: the
    answers that it had, None where it was not in the set."""

    split: str
    before: tuple[str, ...] | None


class ReviewedQuestions(Protocol):
    """The expert's own questions."""

    def review(self, question: Question, answers: tuple[str, ...] | None) -> Reviewed:
        """Give the question these answers, which a person has checked; one that is not there yet is added, to practise
        on unless an exam question asks the same. None: take it out."""
        ...


@dataclass(frozen=True, slots=True)
class Learning:
    """`path`: of the training data."""

    questions: ReviewedQuestions
    maker: RowMaker
    path: Path

    def learn(self, correction: Correction, passage: Passage | None) -> dict[str, Any]:
        """Add question and row. `passage`: where the answer stands now. Returns what `unlearn` needs, and `note`: what
        a person should know."""
        language = self.maker.settings.language
        question = Question(
            id="",
            question=correction.question,
            answers=(correction.answer,),
            documents=(passage.uri,) if passage else (),
            page=passage.page if passage else None,
            kind=_KIND,
            language=detect(correction.question, language),
            split="practice",
            passages=(passage.id,) if passage else (),
            origin=origin(correction),
            groups=required_by([correction.groups, passage.groups if passage else ()]),
        )
        try:
            reviewed = self.questions.review(question, question.answers)
        except (MetierError, OSError) as error:  # the correction is in force all the same
            return {"split": "", "before": None, "rows": 0, "note": f"not among the questions: {_said(error)}"}
        rows, note = 0, _why_no_row(correction, reviewed)
        if not note:
            try:
                rows = self._add(self._rows(question, passage))
            except (MetierError, OSError) as error:  # as above
                note = f"not in the training data: {_said(error)}"
        return {"split": reviewed.split, "before": reviewed.before, "rows": rows, "note": note}

    def unlearn(self, correction: Correction) -> None:
        """Take both back: the question has the answers that it had before."""
        learned = correction.learned or {}
        if learned.get("split"):
            before = learned["before"]
            question = Question(id="", question=correction.question, origin=origin(correction))
            self.questions.review(question, None if before is None else tuple(before))
        rows = load(self.path)
        kept = [row for row in rows if row.origin != origin(correction)]
        if len(kept) < len(rows):
            save(self.path, kept)

    def _add(self, rows: list[Row]) -> int:
        known = load(self.path)
        merged = merge(known, rows)
        save(self.path, merged)
        return len(merged) - len(known)

    def _rows(self, question: Question, passage: Passage | None) -> list[Row]:
        """With what is shown for the question, the passage among it; without one, a row to be known by heart."""
        if passage is None:
            own = self.maker.settings.answering.instruction
            return [
                Row(
                    question.question, question.answers[0], kind=_KIND, instruction=own, language=question.language,
                    origin=question.origin,
                )
            ]  # fmt: skip
        pair = QAPair(question.question, question.answers[0], passage, _KIND, question.language, "practice")
        return replace(self.maker, origin=question.origin).rows(pair, question.question)


def origin(correction: Correction) -> str:
    return f"correction:{correction.id}"


def _why_no_row(correction: Correction, reviewed: Reviewed) -> str:
    if reviewed.split != "practice":
        return "an exam question asks the same, so it is not trained on"
    if correction.groups:
        return "its document is not for everyone, and a tuned model tells everyone: it is not trained on"
    return ""


def _said(error: MetierError | OSError) -> str:
    return error.message if isinstance(error, MetierError) else str(error)
