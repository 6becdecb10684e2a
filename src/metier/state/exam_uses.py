"""How often the exam was used to decide something: each comparison on it, and which questions it asked.

An exam that decides again and again wears out: of enough candidates one passes by luck. The same comparison made again
(nothing that an answer depends on has changed) is no new use.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from metier.state.place import Place, open_database
from metier.state.tables import exam_uses


@dataclass(frozen=True, slots=True)
class ExamUse:
    """`key`: changes with all that the answers depended on. `what`: who decided: "compare" or "flow". `adapter`: that
    was examined, "" without one. `questions`: ids. `at`: ISO 8601, UTC."""

    key: str
    what: str
    adapter: str
    questions: tuple[str, ...]
    at: str = ""


def note(place: Place, use: ExamUse) -> None:
    """Keep a use in the state at `place`; nothing where it is there. Raises `StoreError`."""
    at = use.at or datetime.now(UTC).isoformat(timespec="seconds")
    with closing(open_database(place)) as database, database.writing() as connection:
        if connection.execute(sa.select(exam_uses.c.key).where(exam_uses.c.key == use.key)).first() is None:
            row = asdict(use) | {"at": at, "questions": list(use.questions)}
            connection.execute(sa.insert(exam_uses).values(**row))


def uses(place: Place) -> list[ExamUse]:
    """All of them, in the order in which they were made. Raises `StoreError`."""
    with closing(open_database(place)) as database:
        rows = database.read(sa.select(exam_uses).order_by(exam_uses.c.number))
    return [ExamUse(row["key"], row["what"], row["adapter"], tuple(row["questions"]), row["at"]) for row in rows]
