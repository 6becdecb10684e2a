"""What people said and decided, in `.metier/feedback.sqlite`. Nothing in it is ever changed or deleted.

What a method returned from is on the disk, whatever happens to the process or the machine: SQLite in WAL mode, flushed
at every commit. Any number of processes may read and write.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from metier.core.errors import InputError, StoreError
from metier.feedback.records import Action, Correction, Feedback
from metier.state.sqlite import write_ahead

_WAIT = 30  # seconds for another process that is writing
_ID_BYTES = 4

_metadata = sa.MetaData()
_feedback = sa.Table(
    "feedback",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("thumb", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("question", sa.String, nullable=False),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("mode", sa.String, nullable=False),
    sa.Column("adapter", sa.String),
    sa.Column("citations", sa.JSON, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)
_corrections = sa.Table(
    "corrections",
    _metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("question", sa.String, nullable=False),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("change", sa.String, nullable=False),
    sa.Column("passage", sa.JSON, nullable=False),
    sa.Column("source", sa.JSON, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("groups", sa.JSON, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)
_actions = sa.Table(
    "actions",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("correction", sa.String, sa.ForeignKey("corrections.id"), nullable=False, index=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)


class Log:
    """The log at `path`, made when something is first written. Safe for many threads. Raises `StoreError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._opened: sa.Engine | None = None
        self._watching: sa.Connection | None = None

    # --- thumbs ----------------------------------------------------------------------------------------------

    def add(self, feedback: Feedback) -> Feedback:
        """Keep it; returns it with its number and time."""
        plain = asdict(feedback) | {"at": now(), "citations": json.loads(json.dumps(feedback.citations))}
        del plain["id"]
        with self._writing() as connection:
            key = connection.execute(sa.insert(_feedback).values(**plain)).inserted_primary_key
        if key is None:
            raise ValueError("one row was to be inserted, and none was")
        return Feedback(**plain | {"id": key[0], "citations": tuple(plain["citations"])})

    def feedback(self) -> list[Feedback]:
        """In the order in which it came."""
        rows = self._read(sa.select(_feedback).order_by(_feedback.c.id))
        return [Feedback(**{**row, "citations": tuple(row["citations"])}) for row in rows]

    # --- corrections -----------------------------------------------------------------------------------------

    def queue(self, correction: Correction) -> Correction:
        """Keep a new correction, which waits to be decided; returns it with its id and time."""
        kept = replace(correction, id=secrets.token_hex(_ID_BYTES), at=now())
        with self._writing() as connection:
            connection.execute(sa.insert(_corrections).values(**kept.to_json()))
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
        with self._writing() as connection:
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
        made = self._read(sa.select(_corrections).order_by(sa.literal_column("rowid")))
        if not made:
            return []
        done: dict[str, list[Action]] = defaultdict(list)
        for row in self._read(sa.select(_actions).order_by(_actions.c.number)):
            done[row["correction"]].append(Action(**row))
        return [Correction.from_json(row).after(done[row["id"]]) for row in made]

    def get(self, identity: str) -> Correction:
        """Raises `InputError` where there is none with this id."""
        if not self._path.exists():
            raise _unknown(identity)
        with self._errors(), self._engine.connect() as connection:
            return _one(connection, identity)

    def history(self, identity: str) -> list[Action]:
        """What was done to a correction, by whom and when, in order."""
        wanted = sa.select(_actions).where(_actions.c.correction == identity).order_by(_actions.c.number)
        return [Action(**row) for row in self._read(wanted)]

    # --- inside ----------------------------------------------------------------------------------------------

    def version(self) -> int:
        """Another number after anything was written, by this process or another; quick enough to ask at every search.
        0 before the first writing."""
        if not self._path.exists():
            return 0
        with self._lock, self._errors():
            if self._watching is None:
                self._watching = self._engine.connect()
            return int(self._watching.exec_driver_sql("PRAGMA data_version").scalar_one())

    def close(self) -> None:
        with self._lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
            if self._opened is not None:
                self._opened.dispose()
                self._opened = None

    @property
    def _engine(self) -> sa.Engine:
        with self._lock:
            if self._opened is None:
                self._opened = _open(self._path)
            return self._opened

    def _read(self, query: sa.Executable) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._errors(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that nobody else's comes between."""
        with self._errors(), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise StoreError(
                f"cannot be read or written: {getattr(error, 'orig', None) or error}",
                where=str(self._path),
                hint="Nothing that was saved is lost. Make room, see that the folder is writable, and try again.",
            ) from None


def _open(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without an isolation level the driver begins no transaction of its own: `_writing` says when one begins.
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None, "timeout": _WAIT})
    sa.event.listen(engine, "connect", _connected)
    with engine.connect() as connection:
        for table in _metadata.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
    return engine


def _connected(connection: Any, _record: object) -> None:
    write_ahead(connection, patience=_WAIT)
    connection.execute("PRAGMA foreign_keys=ON")


def _append(connection: sa.Connection, identity: str, action: str, who: str, why: str, detail: dict[str, Any]) -> None:
    values = {"correction": identity, "action": action, "who": who, "at": now(), "why": why, "detail": detail}
    connection.execute(sa.insert(_actions).values(**values))


def _one(connection: sa.Connection, identity: str) -> Correction:
    made = connection.execute(sa.select(_corrections).where(_corrections.c.id == identity)).mappings().first()
    if made is None:
        raise _unknown(identity)
    query = sa.select(_actions).where(_actions.c.correction == identity).order_by(_actions.c.number)
    return Correction.from_json(dict(made)).after([Action(**row) for row in connection.execute(query).mappings()])


def _unknown(identity: str) -> InputError:
    return InputError(f"there is no correction {identity!r}", hint="`metier corrections list` shows all of them.")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
