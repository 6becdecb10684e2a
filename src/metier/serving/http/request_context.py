"""What is known of a request when it ends, for logs, metrics and traces: noted on the way by whoever knows it."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from metier.answering.answer import Answer
from metier.core.modes import FROM_DOCUMENTS

if TYPE_CHECKING:
    from metier.serving.ask_request import AskRequest
    from metier.serving.auth.access import Caller

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_GONE = 499  # as nginx says it: nobody was there to get a status


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer and when it came to be, in nanoseconds since 1970. `first`: its first piece of text was there, None
    where the model was not asked."""

    answer: Answer
    began: int
    first: int | None
    ended: int


@dataclass(slots=True)
class RequestContext:
    """One request. `state`: what the application keeps of it. `route`: the template of its path, which does not grow
    with what is asked for. `seconds`: until the answer was sent. `searches`: whether each search found anything.
    `is_unexpected`: nobody has caught `error`."""

    method: str
    state: dict[str, Any]
    route: str = "unmatched"
    status: int = CLIENT_GONE
    seconds: float = 0.0
    asked: AskRequest | None = None
    told: list[AnswerRecord] = field(default_factory=list)
    searches: list[bool] = field(default_factory=list)
    error: BaseException | None = None
    traceback: TracebackType | None = None
    is_unexpected: bool = False
    trace_id: str = ""

    @property
    def request_id(self) -> str:
        identity: str = self.state.get("request_id", "")
        return identity

    @property
    def caller(self) -> Caller | None:
        return self.state.get("caller")


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def begin(method: str, state: dict[str, Any]) -> RequestContext:
    """The record of a request, found from wherever it is worked on, threads included."""
    made = RequestContext(method if method in METHODS else "OTHER", state)
    _current.set(made)
    return made


def current() -> RequestContext | None:
    """None outside a request."""
    return _current.get()


def note_asked(asked: AskRequest) -> None:
    if (record := current()) is not None:
        record.asked = asked


def note_told(told: AnswerRecord) -> None:
    if (record := current()) is not None:
        record.told.append(told)
        if told.answer.mode in FROM_DOCUMENTS:
            record.searches.append(bool(told.answer.hits))


def note_search(hits: Sequence[object]) -> None:
    if (record := current()) is not None:
        record.searches.append(bool(hits))


def note_error(error: Exception) -> None:
    """One that the client is told of."""
    if (record := current()) is not None:
        record.error, record.traceback = error, error.__traceback__
