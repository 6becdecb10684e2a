"""Before the routes: who sends a body is known before any of it is read, and nobody takes all the threads.

    what is open to everybody       a body of some kilobytes (signing in, the language of the page)
    else, with a body               401, 403 without one byte of it read
a parameter in the address      as long as a question at most, on every route: 413
    GET                             so many of a key at once; further ones wait their turn among its own

Jobs have a queue of their own (`job_queue`); what a GET does is short, but a thousand of them would hold every thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from metier.core.errors import DatabaseUnavailable
from metier.core.reading import Groups, reading_as
from metier.serving.auth.access import Access, Caller, Denied
from metier.serving.http.errors import TooLarge
from metier.serving.http.path_prefix import root_of
from metier.serving.http.security import BodyLimit
from metier.serving.job_queue import Busy
from metier.serving.request_sizes import RequestSizes

_OPEN = ("/sign-in", "/sign-out", "/language")
_NEVER_WAIT = ("/health", "/ready", "/static/")
_SMALL = 16 * 2**10  # bytes
_AT_ONCE, _WAITING = 6, 100  # GETs of one key; browsers ask for 6 things at once, too
_THREADS = 8  # that look keys up
_BODILESS = ("GET", "HEAD", "OPTIONS")


class Gate:
    """`refuse`: the answer to an error."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        sizes: RequestSizes,
        refuse: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app, self._access, self._sizes, self._refuse = app, access, sizes, refuse
        self._small = BodyLimit(app, _SMALL)
        self._threads: anyio.CapacityLimiter | None = None  # belongs to the loop that it is made in
        self._turns: dict[str, _Turns] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            self._sizes.check_parameters(scope["query_string"])
        except TooLarge as error:
            await (await self._refuse(request, error))(scope, receive, send)
            return
        try:
            await self._let_in(request, receive, send)
        except DatabaseUnavailable as error:  # nobody can tell who it is
            response = await self._refuse(request, error)
            response.headers["Connection"] = "close"
            await response(scope, receive, send)

    async def _let_in(self, request: Request, receive: Receive, send: Send) -> None:
        scope, path = request.scope, request.url.path.removeprefix(root_of(request))
        if path.startswith(_NEVER_WAIT):
            await self._app(scope, receive, send)
        elif scope["method"] in _BODILESS:
            await self._in_turn(request, receive, send)
        elif path in _OPEN:
            await self._small(scope, receive, send)
        else:
            await self._known(request, receive, send)

    async def _known(self, request: Request, receive: Receive, send: Send) -> None:
        try:
            caller = await self._caller(request)
        except Denied as error:
            response = await self._refuse(request, error)
            response.headers["Connection"] = "close"  # else the rest of the body would have to be read
            await response(request.scope, receive, send)
            return
        with reading_as(caller.groups):
            await self._app(request.scope, receive, send)

    async def _in_turn(self, request: Request, receive: Receive, send: Send) -> None:
        groups: Groups
        try:
            caller = await self._caller(request)
            share, groups = caller.share, caller.groups
        except Denied:  # the route says so where it minds
            share, groups = f"from {request.client.host if request.client else ''}", ()
        try:
            with reading_as(groups):
                async with self._turn(share):
                    await self._app(request.scope, receive, send)
        except Busy as error:
            await (await self._refuse(request, error))(request.scope, receive, send)

    async def _caller(self, request: Request) -> Caller:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_THREADS)
        return await anyio.to_thread.run_sync(self._access.caller, request, limiter=self._threads)

    @asynccontextmanager
    async def _turn(self, share: str) -> AsyncIterator[None]:
        """Raises `Busy` where too many wait."""
        turns = self._turns.setdefault(share, _Turns())
        if turns.count >= _AT_ONCE + _WAITING:
            raise Busy(1)
        turns.count += 1
        try:
            async with turns.places:
                yield
        finally:
            turns.count -= 1
            if not turns.count:
                del self._turns[share]


class _Turns:
    """Of one share. `count`: its requests that run and wait."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(_AT_ONCE)
        self.count = 0
