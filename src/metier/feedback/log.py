"""What people said and decided, in the expert's state. Nothing of it is ever changed or deleted.

What a method returned from is on the disk, whatever happens to the process or the machine. Any number of processes may
read and write.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from metier.core.errors import InputError
from metier.feedback.records import Action, Correction, Feedback
from metier.state.place import Place, open_database
from metier.state.tables import actions, corrections
from metier.state.tables import feedback as thumbs

_ID_BYTES = 4
_shown = [column for column in corrections.columns if column.name != "number"]


class Log:
    """The log in the state at `place`. Safe for many threads. Raises `StoreError`."""

    def __init__(self, place: Place) -> None:
        self._database = open_database(place)

    # --- thumbs ----------------------------------------------------------------------------------------------

    def add(self, feedback: Feedback) -> Feedback:
        """Keep it; returns it with its number and time."""
        plain = asdict(feedback) | {"at": now(), "citations": json.loads(json.dumps(feedback.citations))}
        del plain["id"]
        with self._database.writing() as connection:
            key = connection.execute(sa.insert(thumbs).values(**plain)).inserted_primary_key
        if key is None:
            raise ValueError("one row was to be inserted, and none was")
        return Feedback(**plain | {"id": key[0], "citations": tuple(plain["citations"])})

    def feedback(self) -> list[Feedback]:
        """In the order in which it came."""
        rows = self._database.read(sa.select(thumbs).order_by(thumbs.c.id))
        return [Feedback(**{**row, "citations": tuple(row["citations"])}) for row in rows]

    # --- corrections -----------------------------------------------------------------------------------------

    def queue(self, correction: Correction) -> Correction:
        """Keep a new correction, which waits to be decided; returns it with its id and time."""
        kept = replace(correction, id=secrets.token_hex(_ID_BYTES), at=now())
        with self._database.writing() as connection:
            connection.execute(sa.insert(corrections).values(**kept.to_json()))
            _append(connection, kept.id, "queued", kept.who, kept.why, {})
        return self.get(kept.id)

    def act(
        self,
        identity: str,
        action: str,
        *,
        who: str,
        why: str = "",
        detail: Mapping[str, Any] | None = None,
        of: Collection[str] | None = None,
    ) -> Correction:
        """Append an action; returns the correction as it stands then. `of`: states in which it may be done.
        Raises `InputError` where the correction is unknown, or in another state by now."""
        with self._database.writing() as connection:
            before = _one(connection, identity)
            if of is not None and before.state not in of:
                raise InputError(
                    f"correction {identity} is {before.state}, so it cannot be {action}",
                    hint=f"What was done to it: `metier corrections show {identity}`.",
                )
            _append(connection, identity, action, who, why, dict(detail or {}))
            return _one(connection, identity)

    def corrections(self) -> list[Correction]:
        """All of them as they stand, in the order in which they were made."""
        made = self._database.read(sa.select(*_shown).order_by(corrections.c.number))
        if not made:
            return []
        done: dict[str, list[Action]] = defaultdict(list)
        for row in self._database.read(sa.select(actions).order_by(actions.c.number)):
            done[row["correction"]].append(Action(**row))
        return [Correction.from_json(row).after(done[row["id"]]) for row in made]

    def get(self, identity: str) -> Correction:
        """Raises `InputError` where there is none with this id."""
        made = self._database.read(_made(identity))
        if not made:
            raise _unknown(identity)
        return Correction.from_json(made[0]).after([Action(**row) for row in self._database.read(_done(identity))])

    def history(self, identity: str) -> list[Action]:
        """What was done to a correction, by whom and when, in order."""
        return [Action(**row) for row in self._database.read(_done(identity))]

    def version(self) -> int:
        """Another number after anything was written, by this process or another; quick enough to ask at every search.
        0 before the first writing."""
        return self._database.changes()

    def close(self) -> None:
        self._database.close()


def _append(connection: sa.Connection, identity: str, action: str, who: str, why: str, detail: dict[str, Any]) -> None:
    values = {"correction": identity, "action": action, "who": who, "at": now(), "why": why, "detail": detail}
    connection.execute(sa.insert(actions).values(**values))


def _one(connection: sa.Connection, identity: str) -> Correction:
    made = connection.execute(_made(identity)).mappings().first()
    if made is None:
        raise _unknown(identity)
    return Correction.from_json(dict(made)).after(
        [Action(**row) for row in connection.execute(_done(identity)).mappings()]
    )


def _made(identity: str) -> sa.Select[Any]:
    return sa.select(*_shown).where(corrections.c.id == identity)


def _done(identity: str) -> sa.Select[Any]:
    return sa.select(actions).where(actions.c.correction == identity).order_by(actions.c.number)


def _unknown(identity: str) -> InputError:
    return InputError(f"there is no correction {identity!r}", hint="`metier corrections list` shows all of them.")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
