"""Below a path of another server: a reverse proxy shows the expert at https://company.example/metier/.

Inside the application a path is as its routes have it, `/documents/…`. What a browser is to open begins with
`root_of(request)`: links, forms, redirects, cookies.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send


class PathPrefix:
    """`app` below `prefix`, `/metier`, whether the proxy takes that off or leaves it on. As ASGI wants it, `path` is
    the whole path and `root_path` its beginning. The scope is changed in place: what observes the request reads it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if not f"{scope['path']}/".startswith(f"{self._prefix}/"):
                scope["path"] = self._prefix + scope["path"]
                scope["raw_path"] = self._prefix.encode() + scope["raw_path"]
            scope["root_path"] = self._prefix
        await self._app(scope, receive, send)


def root_of(connection: HTTPConnection) -> str:
    """The path below which the application stands, `/metier`, "" for none."""
    return connection.base_url.path.rstrip("/")


def cookie_of(connection: HTTPConnection, name: str) -> str | None:
    """A cookie's value; of several with this name the first, which browsers send for the longest path (RFC 6265, 5.4).
    So two experts on one host, one at / and one at /metier, each find their own."""
    for each in connection.headers.get("cookie", "").split(";"):
        found, _, value = each.strip().partition("=")
        if found == name:
            return value
    return None
