"""What the flow did: every run with its steps.

A step is written down when it has ended, so a run that was killed goes on at the step that was not finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from metier.state.place import Place, open_database
from metier.state.tables import flow_runs, flow_steps

RUNNING, WAITING, ENDED, FAILED = "running", "waiting", "ended", "failed"
OPEN = (RUNNING, WAITING, FAILED)


@dataclass(frozen=True, slots=True)
class FlowRun:
    """`state`: running, waiting (for a person), ended or failed. `outcome`: of one that ended: promoted, kept,
    unchanged, rag or rejected. `reason`: why, in a sentence. `production`, `candidate`: adapters, "" where there is
    none. `began`, `ended`: ISO 8601, UTC. `steps`: what those that are done found, by name."""

    number: int
    state: str
    outcome: str = ""
    reason: str = ""
    production: str = ""
    candidate: str = ""
    began: str = ""
    ended: str = ""
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class FlowLog:
    """The runs in the state at `place`. Raises `StoreError`."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def runs(self) -> list[FlowRun]:
        """All of them, the first one first."""
        with closing(open_database(self._place)) as database:
            made = database.read(sa.select(flow_runs).order_by(flow_runs.c.number))
            done = database.read(sa.select(flow_steps).order_by(flow_steps.c.ended)) if made else []
        steps: dict[int, dict[str, Any]] = {}
        for row in done:
            steps.setdefault(row["run"], {})[row["step"]] = row["result"]
        return [FlowRun(**row, steps=steps.get(row["number"], {})) for row in made]

    def get(self, number: int) -> FlowRun | None:
        return next((run for run in self.runs() if run.number == number), None)

    def unfinished(self) -> FlowRun | None:
        """The last run, where it was interrupted, failed or waits."""
        runs = self.runs()
        return runs[-1] if runs and runs[-1].state in OPEN else None

    def begin(self) -> FlowRun:
        with closing(open_database(self._place)) as database, database.writing() as connection:
            values = {"state": RUNNING, "outcome": "", "reason": "", "production": "", "candidate": ""}
            key = connection.execute(sa.insert(flow_runs).values(**values, began=now(), ended="")).inserted_primary_key
        if key is None:
            raise ValueError("one row was to be inserted, and none was")
        return FlowRun(key[0], RUNNING, began=now())

    def change(self, number: int, **values: str) -> None:
        """Set fields of a run."""
        with closing(open_database(self._place)) as database, database.writing() as connection:
            connection.execute(sa.update(flow_runs).where(flow_runs.c.number == number).values(**values))

    def end(self, number: int, state: str, outcome: str, reason: str) -> None:
        self.change(number, state=state, outcome=outcome, reason=reason, ended=now())

    def forget_steps(self, number: int) -> None:
        """As if the run had done nothing yet."""
        with closing(open_database(self._place)) as database, database.writing() as connection:
            connection.execute(sa.delete(flow_steps).where(flow_steps.c.run == number))

    def note_step(self, number: int, step: str, result: Mapping[str, Any], began: str) -> None:
        """That a step is done, and what it found as plain values; in place of what was noted of it before."""
        with closing(open_database(self._place)) as database, database.writing() as connection:
            same = sa.and_(flow_steps.c.run == number, flow_steps.c.step == step)
            connection.execute(sa.delete(flow_steps).where(same))
            row = {"run": number, "step": step, "began": began, "ended": now(), "result": dict(result)}
            connection.execute(sa.insert(flow_steps).values(**row))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
