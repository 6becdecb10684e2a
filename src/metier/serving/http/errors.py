"""Errors as OpenAI's clients expect them: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from metier.core.errors import DatabaseUnavailable, EndpointError, InputError, MetierError, Unwritable
from metier.serving.auth.access import Denied
from metier.serving.http.path_prefix import root_of
from metier.serving.job_queue import Busy, OutOfTime, Stopping

Body = dict[str, dict[str, str | None]]
_FAILED = 500
_CANNOT_KEEP = 507  # a full disk
_UNKNOWN = "something went wrong in the server"
_TYPES = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error",
    503: "overloaded_error", 504: "timeout_error",
}  # fmt: skip


class NotFound(InputError):
    """There is no such thing, or the caller may not know of it: both are told alike."""


class TooLarge(InputError):
    """More is asked for at once than one request may."""


class UnknownModel(NotFound):
    """No expert or mode has this name."""


def body(status: int, message: str, param: str | None = None, code: str | None = None) -> Body:
    """`type` follows from the status."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def of(error: MetierError) -> tuple[int, Body, dict[str, str]]:
    """Status, body and headers for an error of Métier's own."""
    if isinstance(error, Denied):
        return error.status, body(error.status, error.message), error.headers
    if isinstance(error, Busy):
        return 429, body(429, error.message, code="queue_full"), {"Retry-After": str(error.retry_after)}
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status, body(status, error.message), {"Retry-After": "5"} if status == 503 else {}
    return _FAILED, body(_FAILED, error.message), {}


# The first that fits.
_STATUS = (
    (Unwritable, _CANNOT_KEEP), (DatabaseUnavailable, 503),
    (Stopping, 503), (OutOfTime, 504), (EndpointError, 502), (NotFound, 404), (TooLarge, 413), (InputError, 400),
)  # fmt: skip


def is_ours(error: MetierError) -> bool:
    """Whether something went wrong in the server itself, not in what was asked of it."""
    return of(error)[0] in (_FAILED, _CANNOT_KEEP) or isinstance(error, DatabaseUnavailable)


def without_place(error: Exception, request_id: str) -> MetierError:
    """What a client is told of an error in the server itself: not where, which the log says under the request's id."""
    if isinstance(error, DatabaseUnavailable):
        kept = "what the expert's knowledge is kept in does not answer"
        return DatabaseUnavailable(kept, hint="Ask again in a moment.")
    what, hint = (error.what, error.hint or "") if isinstance(error, MetierError) else (_UNKNOWN, "")
    where = f"The server's log says more{f' under {request_id}' if request_id else ''}."
    kind = Unwritable if isinstance(error, Unwritable) else MetierError
    return kind(what, hint=f"{hint} {where}".strip())


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks for a page, not a program or a script for data."""
    path = request.url.path.removeprefix(root_of(request))
    return "text/html" in request.headers.get("accept", "") and not path.startswith(("/v1/", "/api/"))


def told(error: Exception) -> tuple[int, Body, dict[str, str]]:
    """Status, body and headers for whatever a route raised."""
    if isinstance(error, MetierError):
        return of(error)
    if isinstance(error, HTTPException):
        return error.status_code, body(error.status_code, str(error.detail)), dict(error.headers or {})
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
        param = ".".join(place) or None
        return 400, body(400, f"{param or 'the request'}: {first['msg']}", param), {}
    return _FAILED, body(_FAILED, _UNKNOWN), {}


async def as_json(_request: Request, error: Exception) -> JSONResponse:
    status, said, headers = told(error)
    return JSONResponse(said, status, headers)
