"""`FlowService`: keeps the adapter in production current, one run at a time.

sync ─▶ drift ─▶ questions ─▶ rows ─▶ tune ─▶ exam ─▶ parity ─▶ judge ─▶ promote ─▶ report ─▶ tell
           └─ nothing due, or the documents alone serve ─▶ report

Each step is noted when it has ended; a run that was interrupted, or failed, goes on at the step that was not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from metier.core.atomic import write_text
from metier.core.errors import InputError, MetierError
from metier.core.intervals import seconds_of
from metier.core.locks import Check
from metier.core.permissions import make_folder
from metier.flow import explanation, mlflow_records, notification, report
from metier.flow.explanation import ABANDONED, KEPT, PROMOTED, RAG, REJECTED, UNCHANGED
from metier.flow.mlflow_records import KeptAdapter
from metier.flow.policy import Decision
from metier.flow.results import (
    DRIFT,
    JUDGE,
    PROMOTE,
    QUESTIONS,
    REPORT,
    STEPS,
    TELL,
    DriftFound,
    JudgeFound,
    ReportFound,
    TellFound,
    TuneFound,
)
from metier.flow.run_record import run_record
from metier.services.flow_steps import FlowSteps, Tell
from metier.services.parts import Parts
from metier.state.flow_runs import ENDED, FAILED, RUNNING, WAITING, FlowLog, FlowRun, now

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.ingestion.work import SyncReport
    from metier.tuning.adapters import Card

LOCK = "flow.lock"
_QUIET = (UNCHANGED, RAG)  # outcomes of which nobody is told


class FlowBusy(InputError):
    """Another run holds the lock."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """What a run would do now, without a sync before. `steps`: in order, with why. `goes_on`: number of the run that it
    would go on with, None = a new one."""

    decision: Decision
    steps: tuple[str, ...]
    goes_on: int | None
    drift: tuple[str, ...]


class FlowService:
    """Over one expert. `sync`: as `Expert.sync`."""

    def __init__(self, parts: Parts, sync: Callable[[], SyncReport]) -> None:
        self._parts, self._runtime, self._sync = parts, parts.runtime, sync

    @property
    def _log(self) -> FlowLog:
        return FlowLog(self._runtime.state)

    # --- look ------------------------------------------------------------------------------------------------

    def runs(self) -> list[FlowRun]:
        """All of them, the first one first."""
        return self._log.runs()

    def get(self, number: int | None = None) -> FlowRun:
        """A run, None = the last one. Raises `InputError` where there is none."""
        runs = self.runs()
        found = next((run for run in reversed(runs) if number in (None, run.number)), None)
        if found is None:
            what = "the flow has not run yet" if not runs else f"there is no run {number}"
            raise InputError(what, hint="`metier flow run` makes one, `metier flow history` shows them.")
        return found

    def plan(self, tell: Tell | None = None) -> FlowPlan:
        """What a run would do, and why, by the documents as they were last synced. Changes nothing."""
        open_run = self._log.unfinished()
        if open_run is not None and QUESTIONS in open_run.steps:
            left = tuple(step for step in STEPS if step not in open_run.steps)
            found = DriftFound.of(open_run, DRIFT)
        else:
            left = STEPS
            found = self._steps(tell).drift(FlowRun(0, ""))
        decision = found.decision if found else Decision(action="unchanged")
        if decision.action != "tune":
            left = tuple(step for step in left if step in ("sync", DRIFT, REPORT))
        number = open_run.number if open_run else None
        return FlowPlan(decision, left, number, found.sentences if found else ())

    # --- run -------------------------------------------------------------------------------------------------

    def run(self, *, anew: bool = False, tell: Tell | None = None) -> FlowRun:
        """Go on with the run that was interrupted or failed, else begin one. `anew`: give that one up, which is done
        too where another adapter was put into production since. A run that waits for a person goes on waiting. Raises
        `FlowBusy` where one is running, and whatever a step raises; the run is then noted as failed."""
        with self._alone() as check:
            run = self._log.unfinished()
            if run is not None and (anew or self._is_overtaken(run)):
                self._log.end(run.number, ENDED, ABANDONED, "Given up for a new run.")
                run = None
            if run is not None and run.state == WAITING:
                return run
            if run is None:
                return self._go(self._log.begin().number, tell, check)
            if QUESTIONS not in run.steps:  # nothing dear was done: begin by what there is now
                self._log.forget_steps(run.number)
            self._log.change(run.number, state=RUNNING, reason="", ended="")
            return self._go(run.number, tell, check)

    def approve(self, number: int | None = None, *, who: str = "", tell: Tell | None = None) -> FlowRun:
        """Promote the candidate of a run that waits, None = the last one. Raises `InputError` where none waits, or
        another adapter was put into production since."""
        with self._alone():
            run = self._waiting(number)
            began = now()
            promoted = self._steps(tell).promote(run).model_copy(update={"by": who or "a person"})
            self._log.note_step(run.number, PROMOTE, promoted.plain(), began)
            return self._close(run.number, PROMOTED, tell)

    def reject(self, number: int | None = None, *, who: str = "", why: str = "", tell: Tell | None = None) -> FlowRun:
        """Keep the adapter in production. Raises `InputError` where no run waits."""
        with self._alone():
            run = self._waiting(number)
            said = f"Rejected by {who or 'a person'}{f': {why}' if why else ''}."
            self._log.change(run.number, reason=said)
            return self._close(run.number, REJECTED, tell)

    def watch(
        self,
        on_run: Callable[[FlowRun | MetierError], None],
        stop: threading.Event,
        *,
        every: str | None = None,
        tell: Tell | None = None,
    ) -> None:
        """Run now, and again and again after the time `every` ("6h"; None = as set), until `stop`. An error is told and
        does not end it. Raises `InputError` for what is no length of time."""
        try:
            seconds = seconds_of(every or self._runtime.settings.flow.every)
        except ValueError as error:
            raise InputError(str(error), where="--every") from None
        while not stop.is_set():
            try:
                on_run(self.run(tell=tell))
            except MetierError as error:
                on_run(error)
            stop.wait(seconds)

    # --- inside ----------------------------------------------------------------------------------------------

    def _go(self, number: int, tell: Tell | None, check: Check) -> FlowRun:
        """`check`: raises where the flow of another machine may have gone on with this run."""
        steps = self._steps(tell)
        try:
            for step in STEPS[: STEPS.index(REPORT)]:
                run = self.get(number)
                if outcome := self._outcome(run):
                    return self._close(number, outcome, tell)
                if step in run.steps:
                    continue
                if step == DRIFT:
                    card = self._parts.adapters.production()
                    self._log.change(number, production=card.reference if card else "")
                if step == PROMOTE and self._runtime.settings.flow.approval:
                    return self._close(number, WAITING, tell)
                check()
                began = now()
                found = steps.do(step, self.get(number))
                check()
                self._log.note_step(number, step, found.plain(), began)
                if isinstance(found, TuneFound):
                    self._log.change(number, candidate=found.candidate)
            return self._close(number, PROMOTED, tell)
        except MetierError as error:
            check()
            self._log.change(number, state=FAILED, reason=error.message, ended=now())
            self._tell_all(self.get(number))
            raise

    def _outcome(self, run: FlowRun) -> str:
        """What a run has come to before its last step, "" where it goes on."""
        drift, judged = DriftFound.of(run, DRIFT), JudgeFound.of(run, JUDGE)
        if drift is not None and drift.decision.action != "tune":
            return {"unchanged": UNCHANGED, "rag": RAG}[drift.decision.action]
        return KEPT if judged is not None and not judged.judgement.promote else ""

    def _close(self, number: int, outcome: str, tell: Tell | None) -> FlowRun:
        """Report it, tell it, and only then end it, so that a run that is killed here does both again."""
        run = self.get(number)
        settled = replace(run, state=WAITING if outcome == WAITING else ENDED, outcome=outcome, ended=now())
        settled = replace(settled, reason=settled.reason or _reason(settled))
        began = now()
        self._log.note_step(number, REPORT, self._report(settled).plain(), began)
        if outcome not in _QUIET:
            began = now()
            self._log.note_step(number, TELL, self._tell_all(settled).plain(), began)
        if outcome == WAITING:
            self._log.change(number, state=WAITING, reason=settled.reason)
        else:
            self._log.end(number, ENDED, outcome, settled.reason)
        self._runtime.settle_permissions()
        return self.get(number)

    def _report(self, run: FlowRun) -> ReportFound:
        path = self._steps(None).folder(run) / "report.html"
        make_folder(path.parent)
        write_text(path, report.html(run, self._runtime.settings.name))
        return ReportFound(path=str(path))

    def _tell_all(self, run: FlowRun) -> TellFound:
        settings = self._runtime.settings
        warnings, written = notification.tell(settings.flow, self._runtime.folder, self._result(run)), None
        if settings.flow.mlflow:
            registry = self._parts.adapters.registry
            champion, candidate = registry.production(), registry.get(run.candidate) if run.candidate else None
            told = run_record(run, settings, self._kept(champion), self._kept(candidate))
            recorded = mlflow_records.record(settings.flow.mlflow, settings.name, told)
            written = recorded.run_id
            warnings += recorded.warnings
        return TellFound(warnings=tuple(warnings), mlflow=written)

    def _kept(self, card: Card | None) -> KeptAdapter | None:
        return None if card is None else KeptAdapter(card, self._parts.adapters.registry.folder(card))

    def _result(self, run: FlowRun) -> dict[str, Any]:
        """What a webhook and a command get."""
        return {
            "expert": self._runtime.settings.name, "run": run.number, "state": run.state, "outcome": run.outcome,
            "reason": run.reason, "headline": explanation.headline(run), "production": run.production,
            "candidate": run.candidate, "began": run.began, "ended": run.ended,
        }  # fmt: skip

    def _is_overtaken(self, run: FlowRun) -> bool:
        """Whether what it compares with is no longer in production."""
        card = self._parts.adapters.production()
        now = card.reference if card else ""
        expected = {run.production, run.candidate or run.production}
        return run.state != WAITING and DRIFT in run.steps and now not in expected

    def _waiting(self, number: int | None) -> FlowRun:
        run = self.get(number)
        if run.state != WAITING:
            raise InputError(
                f"run {run.number} does not wait to be approved: {explanation.headline(run)}",
                hint="`metier flow history` shows all runs.",
            )
        return run

    def _steps(self, tell: Tell | None) -> FlowSteps:
        return FlowSteps(self._parts, self._sync, tell or (lambda _stage, _done, _total, _note: None))

    @contextmanager
    def _alone(self) -> Iterator[Check]:
        held = False
        try:
            with self._runtime.exclusive(LOCK, 0.0, "another flow is running on this expert") as check:
                held = True
                yield check
        except InputError as error:
            if held:
                raise
            raise FlowBusy(error.what, where=error.where, hint=error.hint) from None


def _reason(run: FlowRun) -> str:
    drift, judged = DriftFound.of(run, DRIFT), JudgeFound.of(run, JUDGE)
    reasons = judged.judgement.reasons if judged else drift.decision.reasons if drift else ()
    return reasons[0] if reasons else ""
