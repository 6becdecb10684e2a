"""A run as MLflow keeps it: settings as parameters, figures as metrics, what it came to as tags."""

from __future__ import annotations

from collections.abc import Iterator

from metier.core.settings import Settings
from metier.flow.explanation import KEPT
from metier.flow.mlflow_records import KeptAdapter, RunRecord, Status
from metier.flow.results import (
    DRIFT,
    EXAM,
    PARITY,
    ROWS,
    TUNE,
    DriftFound,
    ExamFound,
    ParityFound,
    RowsFound,
    TuneFound,
)
from metier.state.flow_runs import FAILED, WAITING, FlowRun

_SETTINGS = {"share_changed", "new_terms", "exam_drop", "days", "mode", "rows", "rehearsal", "latency_margin"}


def run_record(
    run: FlowRun, settings: Settings, champion: KeptAdapter | None, candidate: KeptAdapter | None
) -> RunRecord:
    """`champion`: in production now. `candidate`: of the run, which is the challenger while it waits, or where it was
    kept out."""
    status: Status = "FAILED" if run.state == FAILED else "RUNNING" if run.state == WAITING else "FINISHED"
    tuning = candidate.card.settings if candidate else {}
    params: dict[str, object] = {f"tuning.{name}": value for name, value in tuning.items()}
    params |= {f"flow.{name}": value for name, value in settings.flow.model_dump(include=_SETTINGS).items()}
    exam = ExamFound.of(run, EXAM)
    tags = {
        "metier.outcome": run.outcome or run.state, "metier.reason": run.reason, "metier.production": run.production,
        "metier.candidate": run.candidate, "metier.mode": exam.mode if exam else "",
    }  # fmt: skip
    challenges = run.state == WAITING or run.outcome == KEPT
    return RunRecord(
        run=str(run.number), started=run.began, ended="" if run.state == WAITING else run.ended, status=status,
        params=params, metrics=dict(_metrics(run)), tags=tags, champion=champion,
        challenger=candidate if challenges else None,
    )  # fmt: skip


def _metrics(run: FlowRun) -> Iterator[tuple[str, float]]:
    drift, rows, tuned = DriftFound.of(run, DRIFT), RowsFound.of(run, ROWS), TuneFound.of(run, TUNE)
    exam, parity = ExamFound.of(run, EXAM), ParityFound.of(run, PARITY)
    if drift is not None and drift.drift.get("rows"):
        yield "drift.share_changed", float(drift.drift["rows"]["share"])
    if rows is not None:
        yield "rows.dropped", rows.dropped
        yield "rows.written", rows.written
        yield "rows.total", rows.total
    if tuned is not None and tuned.loss is not None:
        yield "tune.loss", tuned.loss
    for name, result in exam.parts.items() if exam else ():
        yield f"{name}.candidate", result.candidate.mean
        yield f"{name}.production", result.production.mean
        yield f"{name}.difference", result.difference
        yield f"{name}.low", result.low
        yield f"{name}.high", result.high
        yield f"{name}.p", result.p
    if exam is not None and exam.latency is not None:
        yield "latency.candidate", exam.latency.candidate
        yield "latency.production", exam.latency.production
    for form, difference in parity.forms.items() if parity else ():
        yield f"parity.{form}", difference
