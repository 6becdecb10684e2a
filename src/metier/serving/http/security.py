"""What every answer of the server says to browsers, and what no request gets past. Plain ASGI, outermost first:

request id ─▶ security headers ─▶ size of the head ─▶ host asked for ─▶ other sites' pages ─▶ size and time of the body
─▶ the application
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metier.serving.http import errors, hosts

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_LENGTH = re.compile(r"[0-9]+")
_DIGITS = 18  # no body is longer than that
_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # what one may see is not what the next one may
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HEADERS = ("Authorization", "Content-Type", "X-Request-ID")
_HSTS = "max-age=31536000"  # a year
_MOST_LINES, _LONGEST_LINE, LONGEST_HEAD = 100, 16 * 2**10, 64 * 2**10  # lines, bytes, bytes of all lines together
_BODY_SECONDS = 30.0
_MOST_NESTED = 50_000  # lists and objects of a body; a million of them hold the server up for a second, in a megabyte
_TOO_LARGE = "the request is larger than {:g} MiB, or has more than {:,} lists and objects"


def secured(
    app: ASGIApp,
    *,
    host: str,
    names: Collection[str] = (),
    origins: Collection[str] = (),
    limit: int,
    seconds: float = _BODY_SECONDS,
) -> ASGIApp:
    """`app` behind everything here. `host`: that the server listens on; `names`: by which it is also asked for, as
    through a proxy; `origins`: of other sites whose pages may read its answers; `limit`: bytes of a request's body;
    `seconds`: in which it has to come."""
    limited: ASGIApp = BodyLimit(app, limit, seconds)
    checked = HostCheck(_shared(limited, origins) if origins else limited, host, names)
    return RequestIds(SecurityHeaders(HeadLimit(checked)))


def _shared(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Cookies are left out: a page of another site shows a key of its own, or is nobody."""
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=_METHODS,
        allow_headers=_HEADERS,
        expose_headers=("X-Request-ID",),
    )


class RequestIds:
    """Each request has an id, the client's own where it is sane: `request.state.request_id`, and X-Request-ID in the
    answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id

        def add(headers: MutableHeaders) -> None:
            headers["X-Request-ID"] = request_id

        await self._app(scope, receive, _with_headers(send, add))


class SecurityHeaders:
    """What the application has set itself stays. Strict-Transport-Security is for https only: over http it means
    nothing, and on a laptop it would lock out http://localhost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        def add(headers: MutableHeaders) -> None:
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
            if scope.get("scheme") == "https":
                headers.setdefault("Strict-Transport-Security", _HSTS)

        await self._app(scope, receive, _with_headers(send, add))


class HeadLimit:
    """Answers 431 to a head of more or longer header lines than any client sends, and 414 to an address as long. What
    is longer before it is whole is refused while it comes (`connections`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lines = [len(name) + len(value) for name, value in scope["headers"]]
        if len(lines) > _MOST_LINES or max(lines, default=0) > _LONGEST_LINE or sum(lines) > LONGEST_HEAD:
            status, what = 431, f"more than {_MOST_LINES} header lines, or longer ones than {_LONGEST_LINE:,} bytes"
        elif len(scope["path"]) + len(scope["query_string"]) > LONGEST_HEAD:
            status, what = 414, f"an address of more than {LONGEST_HEAD:,} bytes"
        else:
            await self._app(scope, receive, send)
            return
        said = errors.body(status, f"the request has {what}", code="request_too_large")
        await JSONResponse(said, status, {"Connection": "close"})(scope, receive, send)


class HostCheck:
    """Refuses requests for a host that this server is not (421), which is how a name that an attacker points at this
    machine shows itself (DNS rebinding).

    On loopback the names of loopback are right, on another address that address, and `names` on both, whatever the
    port. A server on all addresses cannot know its names: without `names` any will do, and with them addresses, too,
    because nobody can point an address elsewhere.
    """

    def __init__(self, app: ASGIApp, host: str, names: Collection[str] = ()) -> None:
        self._app = app
        given = {name.lower() for name in names}
        self._takes_addresses = hosts.is_wildcard(host)
        self._takes_all = self._takes_addresses and not given
        own = hosts.LOOPBACK_NAMES if self._takes_addresses or hosts.is_loopback(host) else frozenset()
        self._names = given | own | {host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_known(Headers(scope=scope).getlist("host")):
            said = errors.body(421, "this server does not answer for the host that was asked for", code="unknown_host")
            await JSONResponse(said, 421)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_known(self, given: list[str]) -> bool:
        name = hosts.name_of(given[0]) if len(given) == 1 else None
        if name is None:
            return False
        return self._takes_all or name in self._names or (self._takes_addresses and hosts.is_address(name))


class BodyLimit:
    """Answers 413 to a body of more than `limit` bytes, at once where its length is announced, else when that much
    has come, and to one with more lists and objects than anybody needs. Answers 408 to one that takes longer than
    `seconds` from when it is first asked for. No more of it is read."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float = _BODY_SECONDS) -> None:
        self._app, self._limit, self._seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = _LENGTH.fullmatch(Headers(scope=scope).get("content-length", ""))
        if announced and (len(announced[0]) > _DIGITS or int(announced[0]) > self._limit):
            await self._too_large()(scope, receive, send)
            return
        counted = _Counted(self._limit, self._seconds, receive, send)
        await counted.run(self._app, scope, lambda: self._too_slow() if counted.is_late else self._too_large())

    def _too_large(self) -> JSONResponse:
        said = errors.body(413, _TOO_LARGE.format(self._limit / 2**20, _MOST_NESTED), code="request_too_large")
        return JSONResponse(said, 413, {"Connection": "close"})

    def _too_slow(self) -> JSONResponse:
        said = errors.body(408, f"the request took longer than {self._seconds:g} s to arrive", code="request_too_slow")
        return JSONResponse(said, 408, {"Connection": "close"})


class _Counted:
    """One request whose body is counted as it comes. `is_late`: it took too long."""

    def __init__(self, limit: int, seconds: float, receive: Receive, send: Send) -> None:
        self._left, self._seconds, self._receive, self._send = limit, seconds, receive, send
        self._nested_left = _MOST_NESTED
        self._until: float | None = None
        self._is_whole = self._began = self.is_late = False

    async def run(self, app: ASGIApp, scope: Scope, refusal: Callable[[], JSONResponse]) -> None:
        try:
            await app(scope, self._take, self._pass)
        except Exception:  # ours, or what the application has wrapped it in
            if not self._is_cut:
                raise
        if self._is_cut and not self._began:
            await refusal()(scope, self._receive, self._send)

    @property
    def _is_cut(self) -> bool:
        return self._left < 0 or self._nested_left < 0 or self.is_late

    async def _take(self) -> Message:
        if not self._is_cut:
            try:
                message = await self._in_time()
            except TimeoutError:
                self.is_late = True
            else:
                body = message.get("body", b"")
                self._left -= len(body)
                self._nested_left -= body.count(b"[") + body.count(b"{")
                self._is_whole = not message.get("more_body", False)
        if self._is_cut:
            raise HTTPException(413)  # the one error that frameworks let through while they read a body
        return message

    async def _in_time(self) -> Message:
        """What comes next; once the body is there, that is that the client has gone, however late. Raises
        `TimeoutError`."""
        if self._is_whole:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + self._seconds
        async with asyncio.timeout_at(self._until):
            return await self._receive()

    async def _pass(self, message: Message) -> None:
        if self._is_cut and not self._began:
            return  # what the application makes of a body that was cut
        self._began = True
        await self._send(message)


def _with_headers(send: Send, add: Callable[[MutableHeaders], None]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            add(MutableHeaders(scope=message))
        await send(message)

    return sending
