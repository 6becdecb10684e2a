"""The drift of an expert, read off its store, state, questions and the adapter in production."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

import numpy as np

from metier.core.errors import MetierError
from metier.core.modes import FROM_DOCUMENTS, WITH_ADAPTER, Mode
from metier.core.questions import Question
from metier.dataset import training_record
from metier.dataset.training_record import TrainingRecord
from metier.evaluation import comparison, result_store, rules, statistics
from metier.evaluation.questions.halves import halves
from metier.evaluation.questions.staleness import StaleQuestion
from metier.evaluation.result import Figure
from metier.evaluation.summary import Summary
from metier.feedback.log import Log
from metier.flow import drift as flow_drift
from metier.flow.drift import ChangedExam, Drift
from metier.flow.new_terms import NewTerms, new_terms
from metier.generation.completion_cache import Cache
from metier.services.comparison import grader_of
from metier.services.examined import AskedExpert, made_of
from metier.services.parts import Parts
from metier.state import answer_counts, promotions
from metier.tuning.adapters import Card

ASKED = 30  # exam questions on either side, by default
_SECONDS_PER_DAY = 86_400

Tell = Callable[[str, int, int, str], None]  # stage, done, of how many, what it is at


def drift(parts: Parts, *, ask: int = ASKED, tell: Tell | None = None) -> Drift:
    """`ask`: questions whose source changed, and as many others, that the expert is asked, at most; 0 = none, which
    takes seconds. Questions of the half of the exam that is kept for releases are never asked. Raises `StoreError`,
    `ModelError` where a model gives up; answers until then are kept."""
    card, notes = parts.adapters.registry.production(), list[str]()
    now = parts.dataset.versions_now()
    record = training_record.load(parts.adapters.registry.folder(card)) if card else None
    before = record.documents if record else {}
    store = parts.runtime.store if parts.dataset.has_store else None
    if card and not record:
        notes.append(f"What {card.reference} learned was not noted, so that its drift cannot be told: tune again.")
    added = tuple(sorted(now.keys() - before.keys())) if record else ()
    changed = tuple(sorted(uri for uri in now.keys() & before.keys() if now[uri] != before[uri]))
    stale = parts.exam.stale()
    since = promotions.standing_since(parts.runtime.state)
    with closing(Log(parts.runtime.state)) as log:
        thumbs = flow_drift.thumbs_down(log.feedback(), since)
    return Drift(
        adapter=card.reference if card else None,
        trained_at=card.created if card else None,
        days=_days_since(card.created) if card else None,
        rows=flow_drift.row_drift(training_record.standings(record, store)) if record else None,
        added=added,
        changed=changed,
        gone=tuple(sorted(before.keys() - now.keys())),
        new_terms=_new_terms(parts, record, (*added, *changed), notes) if record else None,
        exam=_exam(parts, card, {*added, *changed}, stale, ask, tell) if ask and record else None,
        refusals=flow_drift.refusals(
            answer_counts.counts(parts.runtime.state), card.reference if card else None, since
        ),
        thumbs=thumbs,
        stale=tuple(stale),
        wear=parts.exam.wear(),
        changes_per_week=rules.rate_of_change(parts.runtime.syncs(), datetime.now(UTC)),
        notes=tuple(notes),
    )


def _new_terms(parts: Parts, record: TrainingRecord, uris: Sequence[str], notes: list[str]) -> NewTerms | None:
    store, ids = parts.runtime.store, parts.runtime.store.uris()

    def texts() -> Iterator[str]:
        for uri in uris:
            yield from (passage.text for passage in store.passages(ids[uri]))

    try:
        return new_terms(texts(), record.knows, parts.runtime.analyser, parts.runtime.settings.language)
    except MetierError as error:  # wordfreq is not installed
        notes.append(f"New terms cannot be told: {error.what}.")
        return None


def _exam(
    parts: Parts, card: Card | None, documents: set[str], stale: Sequence[StaleQuestion], most: int, tell: Tell | None
) -> ChangedExam | None:
    """None where no question can be asked."""
    misleading = {each.id for each in stale if each.misleads}
    exam = parts.exam.questions("exam")
    routine = halves(exam, parts.runtime.settings.exam.release).routine
    asked = [q for q in routine if q.id not in misleading and q.documents and (q.answers or not q.answerable)]
    touched = _drawn([q for q in asked if documents.intersection(q.documents)], most)
    others = _drawn([q for q in asked if not documents.intersection(q.documents)], len(touched))
    if not touched:
        return None
    mode = mode_of(parts, card)
    scores = _scores(parts, card, mode, [*touched, *others], tell)
    figures = [statistics.interval(part) if len(part) else Figure() for part in np.split(scores, [len(touched)])]
    return ChangedExam(mode=mode, questions=len(touched), changed=figures[0], unchanged=figures[1])


def _scores(
    parts: Parts, card: Card | None, mode: Mode, questions: Sequence[Question], tell: Tell | None
) -> np.ndarray:
    asked = AskedExpert(parts, card.reference if card else None)
    cache = Cache(parts.runtime.state_folder / comparison.ANSWERS_FILE)
    telling = (lambda done, total, note: tell("Asking", done, total, note)) if tell else None
    records = comparison.Comparison(asked, {mode: made_of(parts, mode, card)}, cache).run(questions, telling)
    return Summary(questions, records, grader_of(parts, questions, ())).scores[mode]


def mode_of(parts: Parts, card: Card | None) -> Mode:
    """The one in which the adapter in production is examined: as [flow] sets it; else the one that the last comparison
    chose, where it has to do with the adapter; else from both. Without an adapter, from the documents."""
    set_mode = parts.runtime.settings.flow.mode
    if card and set_mode != "auto":
        return Mode(set_mode)
    last = result_store.latest(parts.runtime.state_folder)
    chosen = last.verdict.choice if last and last.verdict else ""
    fitting = WITH_ADAPTER if card else FROM_DOCUMENTS
    if chosen in fitting:
        return Mode(chosen)
    return Mode.RAG_TUNED if card else Mode.RAG


def _drawn(questions: Sequence[Question], most: int) -> list[Question]:
    """Drawn once, so that the same are asked again; a larger number adds to a smaller one."""
    order = sorted(questions, key=lambda question: question.id)
    random.Random(0).shuffle(order)  # noqa: S311 (a sample, drawn by a seed so that it can be repeated)
    return order[:most]


def _days_since(stamp: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds() / _SECONDS_PER_DAY
