"""One answer against its question: what each metric says of it, and why it failed where it did.

    score           the one figure by which ways are compared, 0..1, by the kind of question:
                    fact, several, table   an accepted answer stands in the text, as whole words and numbers
                    yesno, label, and questions that name what there is to choose from
                                           the decision is the right one
                    text                   ROUGE-L F against the best reference
                    unanswerable           it refused
                    A refusal of what can be answered scores 0.
    exact_match, token_f1, rouge_l, numbers, label, terms
                    of the text against the accepted answers; a refusal counts as no text
    faithful        share of the sentences that what was found for the question carries, whoever wrote them
    cited_precision, cited_recall
                    share of the citations that are to a right page; whether a right document is cited, or for a
                    question that joins several, which share of them
    refused         whether it refused, by decision or in its own words
    and those that other packages add (`metrics.base`)
    retrieved       whether the right passage was among those shown

A metric that does not apply to a question is absent, not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metier.answering.refusal_messages import declines
from metier.core.modes import FROM_DOCUMENTS
from metier.core.questions import DECIDED, Question
from metier.evaluation.metrics import numbers, terms, text
from metier.evaluation.metrics.base import added
from metier.evaluation.records import Cited, Record, ShownText
from metier.text.labels import predicted

_FAILED = {"text": 0.2}  # ROUGE-L; two texts on one subject share about as much of their wording by chance
_FAILED_ELSE = 0.5


@dataclass(frozen=True, slots=True)
class Grader:
    """`terms`: the trade's own, see `terms.find_terms`. `labels`: choices of label questions that name none."""

    terms: Sequence[terms.Term] = ()
    labels: tuple[str, ...] = ()
    refusal: str | None = None
    language: str = "en"

    def grade(self, question: Question, record: Record) -> dict[str, float]:
        """Metric to value, 0..1."""
        refused = self.refused(record)
        said = "" if refused else record.text
        grades = {"score": self._score(question, said, refused), "refused": float(refused)}
        if question.answerable and question.answers:
            grades |= self._text(question, said)
        if record.sentences and not refused:
            grades["faithful"] = 1 - len(record.unsupported) / record.sentences
        for metric in added():
            value = metric.measure(question, record, said)
            if value is not None:
                grades[metric.name] = float(value)
        if record.mode in FROM_DOCUMENTS and question.answerable and question.documents:
            grades["retrieved"] = float(any(_right(question, shown) for shown in record.shown))
            if not refused:
                grades |= _cited(question, record.citations)
        return grades

    def refused(self, record: Record) -> bool:
        own = bool(self.refusal and self.refusal in record.text)
        return record.abstained or own or declines(record.text)

    def decided(self, question: Question, record: Record) -> str | None:
        """The label that an answer gives, None where it gives none."""
        return None if self.refused(record) else predicted(record.text, self.choices(question), self._of(question))

    def choices(self, question: Question) -> tuple[str, ...]:
        return question.choices or (self.labels if question.kind == "label" else question.answers)

    def cause(self, question: Question, record: Record, grades: dict[str, float]) -> str:
        """Why an answer failed, "" where it did not."""
        if grades["score"] >= _FAILED.get(question.kind, _FAILED_ELSE):
            return ""
        if record.error:
            return "no answer"
        if not question.answerable:
            return "answered what it should refuse"
        if record.mode not in FROM_DOCUMENTS:
            return "refused wrongly" if grades["refused"] else "not known"
        if not grades.get("retrieved", 1.0):
            return "not retrieved"
        if grades["refused"]:
            return "refused wrongly"
        return "used, wrong" if grades.get("cited_recall") else "retrieved, not used"

    def _score(self, question: Question, said: str, refused: bool) -> float:
        if not question.answerable:
            return float(refused)
        if decides(question):
            return self._label(question, said)
        if question.kind == "text":
            return text.rouge_l(said, question.answers, self._of(question))
        return float(text.contains(said, question.answers, self._of(question)))

    def _of(self, question: Question) -> str:
        return question.language or self.language

    def _label(self, question: Question, said: str) -> float:
        given = predicted(said, self.choices(question), self._of(question)) if said else None
        return float(given is not None and given in question.answers)

    def _text(self, question: Question, said: str) -> dict[str, float]:
        grades = {
            "exact_match": text.exact_match(said, question.answers, self._of(question)),
            "token_f1": text.token_f1(said, question.answers, self._of(question)),
            "rouge_l": text.rouge_l(said, question.answers, self._of(question)),
        }
        if decides(question):
            grades["label"] = self._label(question, said)
        for name, value in (
            ("numbers", numbers.numbers_match(said, question.answers, self._of(question))),
            ("terms", terms.term_recall(said, question.answers, self.terms, self._of(question))),
        ):
            if value is not None:
                grades[name] = value
        return {name: float(value) for name, value in grades.items()}


def decides(question: Question) -> bool:
    """Whether what counts is which of several an answer gives."""
    return question.kind in DECIDED or len(question.choices) > 1


def _cited(question: Question, citations: Sequence[Cited]) -> dict[str, float]:
    right = [_right(question, citation) for citation in citations]
    cited = {citation.document for citation, is_right in zip(citations, right, strict=True) if is_right}
    needed = len(set(question.documents)) if question.kind == "several" else 1  # else each of them holds the answer
    recall = {"cited_recall": min(1.0, len(cited) / needed)}
    return recall | ({"cited_precision": sum(right) / len(right)} if right else {})


def _right(question: Question, place: Cited | ShownText) -> bool:
    """In a right document and, where the question knows it, on the right page."""
    if place.passage_id and place.passage_id in question.passages:
        return True
    paged = question.page is not None and len(question.documents) == 1
    return place.document in question.documents and (not paged or place.page in (None, question.page))
