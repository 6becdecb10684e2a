"""A run in plain sentences, with figures and intervals: what the terminal, the report and a webhook say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from metier.flow.judgement import ALL, PARTS, said
from metier.flow.results import (
    DRIFT,
    EXAM,
    JUDGE,
    PARITY,
    PROMOTE,
    QUESTIONS,
    ROWS,
    STEPS,
    SYNC,
    TELL,
    TUNE,
    DriftFound,
    ExamFound,
    JudgeFound,
    ParityFound,
    PromoteFound,
    QuestionsFound,
    RowsFound,
    SyncFound,
    TellFound,
    TuneFound,
)
from metier.state.flow_runs import FAILED, RUNNING, WAITING, FlowRun

PROMOTED, KEPT, UNCHANGED, RAG, REJECTED, ABANDONED = "promoted", "kept", "unchanged", "rag", "rejected", "abandoned"


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    title: str
    sentences: tuple[str, ...]


def headline(run: FlowRun) -> str:
    """What came of it, in a sentence."""
    candidate, production = run.candidate or "a candidate", run.production or "the base model"
    if run.state == RUNNING:
        return f"Run {run.number} has not ended: it goes on at “{next_step(run)}” with `metier flow run`."
    if run.state == WAITING:
        return f"{candidate} waits to be approved: `metier flow approve {run.number}`, or `metier flow reject`."
    if run.state == FAILED:
        return f"Run {run.number} failed at “{next_step(run)}”; `metier flow run` tries that again."
    sentences = {
        PROMOTED: f"{candidate} took the place of {production}.",
        KEPT: f"{production} stays in production, {candidate} does not take its place.",
        UNCHANGED: f"{production} stays: too little changed for a new one.",
        RAG: "The documents alone serve: no adapter was trained.",
        REJECTED: f"{candidate} was rejected; {production} stays in production.",
        ABANDONED: f"Run {run.number} was given up for another one.",
    }
    return sentences.get(run.outcome, run.outcome)


def next_step(run: FlowRun) -> str:
    """The first that is not done."""
    return next((step for step in STEPS if step not in run.steps), STEPS[-1])


def explanation(run: FlowRun) -> list[ExplainedPart]:
    """Section by section, those of steps that are done."""
    told = [
        ExplainedPart("Why", tuple(_why(run))), ExplainedPart("What changed", tuple(_changed(run))),
        ExplainedPart("What was learned", tuple(_learned(run))), ExplainedPart("The exam", tuple(_exam(run))),
        ExplainedPart("Exports", tuple(_parity(run))), ExplainedPart("Who was told", tuple(_told(run))),
    ]  # fmt: skip
    return [section for section in told if section.sentences]


def _why(run: FlowRun) -> Iterator[str]:
    if run.reason:
        yield run.reason
    drift, judged, promoted = DriftFound.of(run, DRIFT), JudgeFound.of(run, JUDGE), PromoteFound.of(run, PROMOTE)
    sentences = list(drift.decision.reasons if drift else ())
    sentences += judged.judgement.reasons if judged else ()
    if promoted is not None and promoted.by:
        sentences.append(f"Approved by {promoted.by}.")
    yield from (sentence for sentence in sentences if sentence not in run.reason)


def _changed(run: FlowRun) -> Iterator[str]:
    synced, drift = SyncFound.of(run, SYNC), DriftFound.of(run, DRIFT)
    if synced is not None:
        yield (
            f"The sync found {synced.added} new, {synced.changed} changed and {synced.deleted} deleted documents; "
            f"{synced.unchanged} were as before."
        )
        yield from (f"Not read: {warning}" for warning in synced.warnings)
    yield from drift.sentences if drift else ()


def _learned(run: FlowRun) -> Iterator[str]:
    questions, rows, tuned = QuestionsFound.of(run, QUESTIONS), RowsFound.of(run, ROWS), TuneFound.of(run, TUNE)
    if questions is not None and questions.added:
        yield f"{questions.added} fresh questions were written of what changed, {questions.exam} of them for the exam."
    if rows is not None:
        yield (
            f"{rows.dropped} training rows were dropped, because their source changed or went; {rows.written} were "
            f"written of what changed, {rows.rehearsed} general ones joined against forgetting: {rows.total} in all."
        )
    if tuned is not None:
        loss = "" if tuned.loss is None else f", to a loss of {tuned.loss:.3f} nats a token"
        time = f"{tuned.steps} steps and {tuned.seconds:.0f} s"
        yield f"{tuned.candidate} was trained on {tuned.rows} rows in {time}{loss}."


def _exam(run: FlowRun) -> Iterator[str]:
    exam, judged = ExamFound.of(run, EXAM), JudgeFound.of(run, JUDGE)
    if exam is None:
        return
    left_out = f"; {exam.stale} were left out, because their source changed or went" if exam.stale else ""
    yield f"Both adapters answered {exam.questions} exam questions as {exam.mode}{left_out}."
    for name, result in exam.parts.items():
        yield f"{PARTS[name].capitalize()}: {said(result)}."
    if exam.latency is not None:
        yield f"Seconds an answer, median: {exam.latency.candidate:.2f} against {exam.latency.production:.2f}."
    if judged is not None and judged.release is not None:
        yield f"The half that is kept for promotions, {PARTS[ALL]}: {said(judged.release)}."
    yield from exam.notes


def _parity(run: FlowRun) -> Iterator[str]:
    parity = ParityFound.of(run, PARITY)
    if parity is None or not parity.cases:
        return
    yield from parity.problems
    forms = ", ".join(f"{form} by {difference:.2f}" for form, difference in parity.forms.items())
    yield f"On {parity.cases} prompts exported forms differ from the adapter, in nats a token: {forms}."


def _told(run: FlowRun) -> Iterator[str]:
    told = TellFound.of(run, TELL)
    if told is None:
        return
    yield from told.warnings
    if told.mlflow:
        yield f"Written to MLflow as run {told.mlflow}."
