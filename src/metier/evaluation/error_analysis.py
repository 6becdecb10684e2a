"""Where a way of answering fails, and the cheapest thing to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from metier.core.modes import FROM_DOCUMENTS
from metier.core.questions import Question
from metier.evaluation.result import FailureGroup

_EXAMPLES = 5
# Cause to what to try, the cheapest first. The causes are those of `grading.Grader.cause`.
NEXT_STEP = {
    "not retrieved": "Show more passages ([retrieval] passages) or set a [retrieval] reranker; where the words differ "
    "from the documents', another passage length ([passages] tokens) or embedder, then `metier sync --rebuild`.",
    "retrieved, not used": "The model had the answer before it and did not take it: tune it on rows with passages "
    "(`metier dataset generate --rows rag`, `metier tune`), or let a larger model answer.",
    "used, wrong": "It read the right place and said something else: show fewer passages, tune on rows with passages, "
    "or let a larger model answer.",
    "refused wrongly": "Learn when to refuse from more practice questions (`metier calibrate`); where the right place "
    "is found late, see “not retrieved”.",
    "answered what it should refuse": "Give `metier calibrate` more practice questions that the documents do not "
    "answer (`metier exam generate` writes some); a reranker tells near misses apart.",
    "not known": "The model cannot know this by itself: answer from documents (rag), or teach it with more data "
    "(`metier dataset generate`, `metier tune`).",
    "no answer": "The question does not fit into the model: raise [generation] context_tokens or ask it shorter.",
}
_ALONE_REFUSES = "A model alone cannot tell what it does not know: answer from documents where refusing matters."


def grouped(mode: str, causes: Sequence[tuple[Question, str]]) -> tuple[FailureGroup, ...]:
    """Failures of one mode by cause, the most frequent first. `causes`: of every question, "" where it did not fail."""
    by_cause: dict[str, list[Question]] = {}
    for question, cause in causes:
        if cause:
            by_cause.setdefault(cause, []).append(question)
    return tuple(
        FailureGroup(
            cause=cause,
            count=len(questions),
            share=len(questions) / len(causes),
            examples=tuple(question.id for question in questions[:_EXAMPLES]),
            next_step=_step(mode, cause),
        )
        for cause, questions in sorted(by_cause.items(), key=lambda item: -len(item[1]))
    )


def _step(mode: str, cause: str) -> str:
    if cause == "answered what it should refuse" and mode not in FROM_DOCUMENTS:
        return _ALONE_REFUSES
    return NEXT_STEP[cause]
