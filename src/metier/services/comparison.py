"""A comparison of the ways of answering: every mode asked the same questions, graded, and a verdict made of it.

practice questions ─▶ calibrated      exam questions ─▶ every mode ─▶ graded ─▶ figures, verdict, rules ─▶ kept
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from metier import __version__
from metier.core.errors import InputError
from metier.core.groups import Required, required_by
from metier.core.modes import FROM_DOCUMENTS, MODES, WITH_ADAPTER, Mode
from metier.core.questions import Question
from metier.core.settings import GenerationSettings
from metier.evaluation import comparison, costs, result_store, rules, statistics, verdict
from metier.evaluation.metrics import judge
from metier.evaluation.metrics.grading import Grader
from metier.evaluation.metrics.terms import Term, find_terms
from metier.evaluation.questions.halves import LEAST, Half, of_half
from metier.evaluation.records import Record
from metier.evaluation.result import CalibrationRecord, ComparisonResult, JudgeAgreement, ModeCosts, RefusalCalibration
from metier.evaluation.summary import Summary
from metier.evaluation.verdict import Constraints, Facts
from metier.generation.base import Message
from metier.generation.completion_cache import Cache, key_of
from metier.services.examined import AskedExpert, asking, made_of
from metier.services.parts import Parts
from metier.text import matching

if TYPE_CHECKING:
    from metier.tuning.adapters import Card

_FOOTPRINT_QUESTIONS = 3
_SHOWN_LEAKS = 3
Tell = Callable[[str, int, int, str], None]  # stage, done, of how many, what it is at


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """See `EvaluationService.compare`."""

    modes: Sequence[str] | None = None
    limit: int | None = None
    adapter: str | None = None
    half: Half = "all"
    calibrate: bool = True
    judge: GenerationSettings | None = None
    measure_memory: bool = True
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The trade's own terms, and how many words the documents have in all."""

    terms: tuple[Term, ...]
    words: int

    @property
    def per_thousand(self) -> float | None:
        """Terms per 1,000 words; None where there are no words."""
        return 1_000 * sum(term.count for term in self.terms) / self.words if self.words else None


def compare(
    parts: Parts, wanted: ComparisonOptions, calibrate: Callable[[Tell | None], list[str]], tell: Tell | None = None
) -> ComparisonResult:
    """See `EvaluationService.compare`. `calibrate`: does so where needed, and returns what to note."""
    modes, card = chosen_modes(parts, wanted.modes, wanted.adapter)
    exam = exam_of(parts, wanted.limit, wanted.half)
    notes = weaknesses(parts)
    notes += calibrate(tell) if wanted.calibrate else []
    cache = Cache(parts.runtime.state_folder / comparison.ANSWERS_FILE)
    asked: dict[str, dict[str, Any]] = {mode: made_of(parts, mode, card) for mode in modes}
    with asking(parts, card, asked, wanted.on) as elsewhere:
        asked_expert = AskedExpert(parts, card.reference if card else None)
        records = comparison.Comparison(asked_expert, asked, cache, elsewhere).run(exam, staged(tell, "Asking"))
    vocabulary = vocabulary_of(parts)
    summary = Summary(exam, records, grader_of(parts, exam, vocabulary.terms))
    memory = memory_of(parts, card, exam, asked, cache) if wanted.measure_memory else lambda mode: None
    spent = costs_of(parts, summary, memory)
    decision = verdict.decide(
        summary.scores,
        {mode: price(spent[mode]) for mode in modes},
        constraints_of(parts),
        facts_of(summary, spent),
        parts.runtime.settings.exam.margin,
    )
    found = rules.rules(profile_of(parts, vocabulary, summary.known()))
    result = begun(parts, exam, card)(
        groups=groups_of(parts, exam, records, card),
        modes=summary.figures(),
        by_kind=summary.by("kind"),
        by_language=summary.by("language"),
        pairs=summary.pairs(),
        costs=spent,
        verdict=decision,
        rules=found,
        agreement=rules.agreement(found, decision.choice),
        failures=summary.failures(),
        calibration=calibration_of(parts),
        notes=notes,
        answers=summary.answers(),
    )
    if wanted.judge is not None:
        said = judged(parts, summary, wanted.judge, cache, staged(tell, "Judging"))
        result = result.model_copy(update={"judge": said})
    result_store.save(parts.runtime.state_folder, result)
    parts.exam.note_use("compare", card.reference if card else "", exam, key_of(asked))
    if card is not None:
        parts.adapters.registry.note_exam(card, exam_results(result), exam_intervals(result))
    return result


def advise(parts: Parts) -> ComparisonResult:
    """See `EvaluationService.advise`."""
    last = result_store.latest(parts.runtime.state_folder)
    if last is not None:
        return last.without_answers()
    found = rules.rules(profile_of(parts, vocabulary_of(parts), None))
    return begun(parts, [], None)(rules=found, agreement=rules.agreement(found, None), verdict=None, notes=())


def chosen_modes(parts: Parts, wanted: Sequence[str] | None, adapter: str | None) -> tuple[list[Mode], Card | None]:
    """The modes to examine, in their usual order, and the adapter of the tuned ones. Without `wanted` those that can
    be had. Raises `InputError` for an unknown mode, a missing adapter, or a search without documents."""
    if unknown := sorted(set(wanted or ()) - set(MODES)):
        raise InputError(f"there is no mode {unknown[0]!r}", hint=f"Choose of {', '.join(MODES)}.")
    modes = [mode for mode in MODES if not wanted or mode in wanted]
    if not wanted and adapter is None and parts.adapters.registry.production() is None:
        modes = [mode for mode in modes if mode not in WITH_ADAPTER]
    if any(mode in FROM_DOCUMENTS for mode in modes) and not parts.runtime.store.counts()[1]:
        raise InputError("there are no documents to answer from", hint="Run `metier add` and `metier sync`.")
    return modes, parts.adapters.in_use(adapter) if set(modes) & set(WITH_ADAPTER) else None


def exam_of(parts: Parts, limit: int | None, half: Half = "all") -> list[Question]:
    """The exam questions of a half, drawn once. Raises `InputError` where there is none that can be graded, or nothing
    is kept for releases."""
    exam = parts.exam.questions("exam")
    if not exam:
        raise InputError(
            "there are no exam questions",
            hint="Bring them in with `metier exam import FILE`, or `metier exam generate`.",
        )
    graded = [question for question in exam if question.answers or not question.answerable]
    if not graded:
        raise InputError(
            f"none of the {len(exam)} exam questions has an answer to grade by",
            hint='Give each its "answers", or the kind "unanswerable".',
        )
    chosen = of_half(graded, half, parts.runtime.settings.exam.release)
    if not chosen:
        raise InputError(
            f"of {len(graded)} exam questions none is kept for releases",
            hint=f"From {LEAST} on the share [exam] release is kept.",
        )
    return comparison.drawn(chosen, limit)


def weaknesses(parts: Parts) -> list[str]:
    """What weakens the exam, in words. Raises `InputError` where questions leak."""
    findings = parts.exam.check().findings
    for finding in findings:
        if finding.severity == "stop":
            shown = "; ".join(finding.examples[:_SHOWN_LEAKS])
            raise InputError(f"{finding.what}: {shown}", hint=finding.hint)
    return [f"{finding.what}. {finding.hint}" for finding in findings if finding.severity == "warn"]


def grader_of(parts: Parts, exam: Sequence[Question], terms: Sequence[Term]) -> Grader:
    settings = parts.runtime.settings
    labels = dict.fromkeys(answer for q in exam if q.kind == "label" for answer in q.answers)
    return Grader(terms, tuple(labels), settings.answering.refusal, settings.language)


def costs_of(parts: Parts, summary: Summary, memory: Callable[[str], float | None]) -> dict[str, ModeCosts]:
    records = {mode: [each.record for each in summary.graded(mode)] for mode in summary.modes}
    prices = parts.runtime.settings.costs
    return {mode: costs.costs(of_mode, prices, memory(mode)) for mode, of_mode in records.items()}


def memory_of(
    parts: Parts, card: Card | None, exam: Sequence[Question], made_of: Mapping[str, object], cache: Cache
) -> Callable[[str], float | None]:
    """Peak memory of a mode in MiB, measured once for what it is made of."""

    def measured(mode: str) -> float | None:
        asked = [question.question for question in exam[:_FOOTPRINT_QUESTIONS]]
        key = key_of("footprint", made_of[mode], parts.runtime.settings.generation.threads)
        if (known := cache.get(key)) is None:
            peak = costs.peak_memory(
                parts.runtime.folder, mode, card.reference if card and mode in WITH_ADAPTER else None, asked
            )
            known = "" if peak is None else str(peak)
            cache.put(key, known)
        return float(known) if known else None

    return measured


def begun(parts: Parts, exam: Sequence[Question], card: Card | None) -> partial[ComparisonResult]:
    """A result that says what it is of; what was found is to be added."""
    return partial(
        ComparisonResult,
        expert=parts.runtime.settings.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        metier=__version__,
        language=parts.runtime.settings.language,
        model=parts.runtime.generator.name,
        adapter=card.reference if card else None,
        embedder=parts.runtime.embedder.name,
        questions=len(exam),
        kinds=dict(Counter(question.kind for question in exam).most_common()),
    )


def groups_of(parts: Parts, exam: Sequence[Question], records: Sequence[Record], card: Card | None) -> Required:
    """What it takes to read all that a result quotes: questions, passages that were shown or cited, and what the
    adapter learned."""
    now = parts.dataset.groups_now()
    quoted = {uri for each in records for uri in each.found_documents}
    quoted |= {shown.document for each in records for shown in each.shown}
    quoted |= {cited.document for each in records for cited in each.citations}
    asked = [groups for question in exam for groups in question.required(now)]
    learned = parts.adapters.required(card) if card else ()
    return required_by([*asked, *learned, *(now.get(uri, ()) for uri in quoted)])


def constraints_of(parts: Parts) -> Constraints:
    asked = parts.runtime.settings.exam
    changes = asked.data_changes
    if changes is None:
        changes = rules.changes_often(rules.rate_of_change(parts.runtime.syncs(), datetime.now(UTC)))
    return Constraints(asked.must_cite, asked.must_refuse, asked.latency_seconds, asked.memory_mb, changes)


def profile_of(parts: Parts, vocabulary: Vocabulary, known: float | None) -> rules.ExpertProfile:
    from metier.dataset import duplicates

    rows, questions = parts.dataset.rows(), parts.exam.questions()
    terms = [term.text for term in vocabulary.terms]
    return rules.ExpertProfile(
        known=known,
        terms_per_thousand=vocabulary.per_thousand,
        tokens_per_term=tokens_per_term(parts, terms) if terms else None,
        rows=len(rows),
        distinct=len(rows) - len(duplicates.find(rows)),
        changes_per_week=rules.rate_of_change(parts.runtime.syncs(), datetime.now(UTC)),
        must_cite=parts.runtime.settings.exam.must_cite,
        joined=sum(q.kind == "several" for q in questions) / len(questions) if questions else None,
    )


def vocabulary_of(parts: Parts) -> Vocabulary:
    """Read off the documents in one pass."""
    store, language, words = parts.runtime.store, parts.runtime.settings.language, 0

    def texts() -> Iterator[str]:
        nonlocal words
        for identity in sorted(store.hashes()):
            for passage in store.passages(identity):
                words += len(matching.words(passage.text, language))
                yield passage.text

    terms = find_terms(texts(), language)
    return Vocabulary(terms, words)


def tokens_per_term(parts: Parts, texts: Sequence[str]) -> float:
    """Counted inside a sentence of nothing else, so that the template and the space before a word do not count."""
    generator = parts.runtime.generator
    alone = generator.count_tokens([Message("user", "")])
    together = generator.count_tokens([Message("user", " ".join(texts))])
    return (together - alone) / len(texts)


def facts_of(summary: Summary, spent: Mapping[str, ModeCosts]) -> dict[str, Facts]:
    return {
        mode: Facts(summary.refusal_recall(mode), spent[mode].total_p95, spent[mode].peak_memory_mb)
        for mode in summary.modes
    }


def price(spent: ModeCosts) -> float:
    """What ways are ordered by: money where prices are set, else time."""
    return spent.per_thousand.money or spent.per_thousand.seconds


def exam_results(result: ComparisonResult) -> dict[str, float | str]:
    """What the card of an adapter keeps of an exam: mode to score, and when."""
    tuned = {mode: result.modes[mode]["score"] for mode in WITH_ADAPTER if mode in result.modes}
    return {mode: round(score.mean, 4) for mode, score in tuned.items()} | {"at": result.created}


def exam_intervals(result: ComparisonResult) -> dict[str, tuple[float, float, int]]:
    """Of the scores of `exam_results`, as a card keeps them."""
    scores = {mode: result.modes[mode]["score"] for mode in WITH_ADAPTER if mode in result.modes}
    return {mode: (round(score.low, 4), round(score.high, 4), score.n) for mode, score in scores.items()}


def calibration_of(parts: Parts) -> CalibrationRecord:
    refusals = parts.runtime.abstention
    return CalibrationRecord(
        fusion=parts.runtime.fusion,
        passages=parts.runtime.passage_count,
        refusals=RefusalCalibration(
            fitted_on=refusals.fitted_on,
            threshold=refusals.threshold,
            precision=refusals.precision,
            recall=refusals.recall,
            near_misses=refusals.near_misses,
            questions=refusals.questions,
        ),
    )


def judged(
    parts: Parts, summary: Summary, settings: GenerationSettings, cache: Cache, tell: comparison.Tell | None
) -> JudgeAgreement:
    """What the judge says of every mode, and how far it agrees with the score."""
    from metier import generation

    generator = generation.create(settings, folder=parts.runtime.folder)
    try:
        graded = [each for mode in summary.modes for each in summary.graded(mode)]
        said = judge.Judge(generator, cache).judge(graded, tell)
    finally:
        generator.close()
    both = [
        (said[key], each.grades["score"]) for each in graded if (key := (each.question.id, each.record.mode)) in said
    ]
    figures = {
        mode: statistics.interval([right for (_, of), right in said.items() if of == mode])
        for mode in summary.modes
        if any(of == mode for _, of in said)
    }
    agreed = judge.agreement(*zip(*both, strict=True) if both else ((), ()))
    return agreed.model_copy(update={"model": settings.model, "modes": figures})


def staged(tell: Tell | None, stage: str) -> comparison.Tell | None:
    return (lambda done, total, note: tell(stage, done, total, note)) if tell else None
