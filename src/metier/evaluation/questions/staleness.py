"""Questions whose source is no longer what it was when they were made, or when a person last looked at them.

gone      a document that they are about is not in the store
answer    it has changed, and their answer does not stand in it any more: who is right by it is marked as wrong
changed   it has changed, and their answer still stands in it, or is of a kind of which that cannot be told
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from metier.core.questions import Question
from metier.evaluation.metrics.text import contains
from metier.evaluation.questions.question_set import QuestionEntry
from metier.store.base import Store

WORDED = ("fact", "table")  # kinds whose answer is copied from its document
Why = Literal["gone", "answer", "changed"]


@dataclass(frozen=True, slots=True)
class StaleQuestion:
    """`document`: uri of the one that changed or went."""

    id: str
    question: str
    split: str
    document: str
    why: Why

    @property
    def misleads(self) -> bool:
        """Whether it should not be asked before somebody has looked at it."""
        return self.why != "changed"


def stale(kept: Sequence[QuestionEntry], store: Store, versions: Mapping[str, str]) -> list[StaleQuestion]:
    """Those of `kept` that nobody dropped, in order. `versions`: hash of the bytes of every document now, by uri."""
    standing = [each for each in kept if not each.dropped]
    moved = {each.question.id: uri for each in standing if (uri := _changed(each, versions))}
    there = [each.question for each in standing if each.question.id in moved and versions.keys() >= _of(each)]
    lost = {question.id for question in lost_answers(there, store)}
    found = []
    for each in standing:
        question = each.question
        absent = sorted(_of(each) - versions.keys())
        why: Why = "gone" if absent else "answer" if question.id in lost else "changed"
        if absent or question.id in moved:
            document = absent[0] if absent else moved[question.id]
            found.append(StaleQuestion(question.id, question.question, question.split, document, why))
    return found


def lost_answers(questions: Sequence[Question], store: Store) -> list[Question]:
    """Those with an answer that should be copied from their document, and does not stand there. One document after the
    other, so that no two texts are held at once."""
    uris = store.uris()
    checked = [q for q in questions if q.kind in WORDED and q.answers and q.documents]
    right: set[str] = set()
    for uri in sorted({uri for question in checked for uri in question.documents}):
        document = store.document(uris[uri])
        text = document.text if document else ""
        asked = [q for q in checked if uri in q.documents and q.id not in right]
        right |= {q.id for q in asked if contains(text, q.answers, q.language)}
    return [question for question in checked if question.id not in right]


def _of(entry: QuestionEntry) -> set[str]:
    return set(entry.question.documents)


def _changed(entry: QuestionEntry, versions: Mapping[str, str]) -> str:
    """The first of its documents that is another than it was noted with, "" where none is."""
    return next((uri for uri, noted in entry.versions.items() if versions.get(uri, noted) != noted), "")
