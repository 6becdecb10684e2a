"""Around the whole application: notes what becomes of each request and tells those who observe it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metier.serving.http import errors, request_context
from metier.serving.http.request_context import RequestContext

if TYPE_CHECKING:
    from metier.serving.http.tracing import Tracing

Observer = Callable[[RequestContext], None]
_UNMATCHED = "unmatched"
_ANSWERED = 399  # the highest status of a request that went well


class Observed:
    """`app`, watched. An exception that nobody caught goes no further than to the observers; the server behind this
    would log it a second time."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer], tracing: Tracing | None = None) -> None:
        self._app, self._observers, self._tracing = app, observers, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        made = request_context.begin(scope["method"], scope.setdefault("state", {}))
        began, started = time.perf_counter(), False
        span = self._tracing.begin(made, scope) if self._tracing else None

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started, made.status = True, message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            pass  # the client is gone, or the server ends: either way this was the last to be done
        except Exception as error:  # noqa: BLE001  # it is logged with its traceback
            made.error, made.traceback, made.is_unexpected = error, error.__traceback__, True
            if not started:
                await JSONResponse(errors.body(500, "something went wrong in the server"), 500)(scope, receive, sending)
        made.seconds = time.perf_counter() - began
        made.route = route_of(scope)
        for observe in self._observers:
            observe(made)
        if self._tracing is not None and span is not None:
            self._tracing.end(span, made)


def route_of(scope: Scope) -> str:
    """The template of the path that was asked for, `/documents/{document_id}`; one word for all that are not there."""
    root: str = scope.get("root_path", "")
    root = root.removeprefix(scope.get("app_root_path", root))  # what is left is of a mount, not of a proxy
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is not None:
        return root + path
    return f"{root}/*" if "endpoint" in scope and root else _UNMATCHED


def went_well(made: RequestContext) -> bool:
    return made.status <= _ANSWERED
