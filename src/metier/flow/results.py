"""What each step of a run found, as it is kept in the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from metier.flow.judgement import Judgement, Latency, PartResult
from metier.flow.policy import Decision
from metier.state.flow_runs import FlowRun

SYNC, DRIFT, QUESTIONS, ROWS, TUNE, EXAM, PARITY, JUDGE, PROMOTE, REPORT, TELL = STEPS = (
    "sync", "drift", "questions", "rows", "tune", "exam", "parity", "judge", "promote", "report", "tell",
)  # fmt: skip


class StepResult(BaseModel):
    model_config = ConfigDict(frozen=True)

    @classmethod
    def of(cls, run: FlowRun, step: str) -> Self | None:
        """What the step found, None where it is not done."""
        found = run.steps.get(step)
        return None if found is None else cls.model_validate(found)

    def plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = self.model_dump(mode="json")
        return plain


class SyncFound(StepResult):
    """Documents. `warnings`: sources and items that could not be read, with the reason."""

    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    warnings: tuple[str, ...] = ()


class DriftFound(StepResult):
    """`drift`: as `Drift.to_json` has it; `sentences`: it in words. `documents`: uris that changed or came."""

    decision: Decision
    drift: Mapping[str, Any] = {}
    sentences: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


class QuestionsFound(StepResult):
    """`added`: fresh questions, of these `exam` are on the side of the exam."""

    added: int = 0
    exam: int = 0


class RowsFound(StepResult):
    """`dropped`: rows whose source changed or went; `written`: new ones of changed documents; `rehearsed`: general
    ones that joined; `total`: in the dataset now."""

    dropped: int = 0
    written: int = 0
    rehearsed: int = 0
    total: int = 0


class TuneFound(StepResult):
    """`loss`: of the last steps, nats a token. `seconds`: of training."""

    candidate: str
    rows: int = 0
    steps: int = 0
    loss: float | None = None
    validation_loss: float | None = None
    seconds: float = 0.0


class ExamFound(StepResult):
    """`parts`: see `judgement.PARTS`. `questions`: of the exam that were asked; `stale`: left out, because their source
    changed or went; `release`: kept for the moment before a promotion. `notes`: what weakens the exam."""

    mode: str
    questions: int = 0
    stale: int = 0
    release: int = 0
    parts: Mapping[str, PartResult] = {}
    latency: Latency | None = None
    notes: tuple[str, ...] = ()


class ParityFound(StepResult):
    """`problems`: forms that are not what was trained, in sentences. `forms`: form to its difference from the adapter,
    nats a token. `cases`: prompts, 0 = nothing was compared."""

    cases: int = 0
    forms: Mapping[str, float] = {}
    problems: tuple[str, ...] = ()


class JudgeFound(StepResult):
    """`release`: of the half of the exam that is kept for promotions, None where it was not asked."""

    judgement: Judgement
    release: PartResult | None = None


class PromoteFound(StepResult):
    """`adapter`: in production now. `by`: who approved it, "" where nobody had to."""

    adapter: str
    by: str = ""


class ReportFound(StepResult):
    """`path`: of the page."""

    path: str


class TellFound(StepResult):
    """`warnings`: who could not be told, and why. `mlflow`: id of the run there."""

    warnings: tuple[str, ...] = ()
    mlflow: str | None = None
