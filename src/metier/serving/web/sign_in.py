"""Signing in and out, the language of the page, and the files that pages are drawn with."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from metier.serving.auth.access import Access, Denied, Unauthorized
from metier.serving.http.path_prefix import root_of
from metier.serving.http.static_files import StaticFiles
from metier.serving.web.rendering import page, redirect
from metier.serving.web.translations import COOKIE, LANGUAGES


class FirstVisit:
    """GET /?token=…, the address that `metier serve` prints: the token becomes a session, and leaves the address."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["query_string"].startswith(b"token="):
            request = Request(scope)
            if request.url.path.removeprefix(root_of(request)) in ("", "/"):
                response = redirect(request, "/")
                with suppress(Denied):  # who is nobody is told so where that leads
                    self._access.sign_owner_in(request, response, request.query_params["token"])
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


router = APIRouter(include_in_schema=False)
static = StaticFiles(Path(str(files("metier.serving.web") / "static")))
_YEAR = 365 * 24 * 3600


@router.get("/sign-in")
def form(request: Request, next: str = "/") -> Response:
    return page(request, "sign_in.html", "", None, next=_ours(request, next), wrong=False)


@router.post("/sign-in")
def sign_in(request: Request, key: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
    response = RedirectResponse(_ours(request, next), 303)
    try:
        request.app.state.access.sign_in(request, response, key)
    except Unauthorized:
        return page(request, "sign_in.html", "", None, 401, next=_ours(request, next), wrong=True)
    return response


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    response = redirect(request, "/")
    request.app.state.access.sign_out(request, response)
    return response


@router.post("/language")
def choose(request: Request, language: Annotated[str, Form()], next: Annotated[str, Form()] = "/") -> Response:
    response = RedirectResponse(_ours(request, next), 303)
    if language in LANGUAGES:
        response.set_cookie(COOKIE, language, max_age=_YEAR, path=request.base_url.path, httponly=True, samesite="lax")
    return response


def _ours(request: Request, path: str) -> str:
    """A path of this server, whatever was asked for: a form must not send people elsewhere, nor above the path below
    which the server stands."""
    root = root_of(request)
    steps = unquote(path.partition("?")[0]).replace("\\", "/").split("/")
    is_path = path.startswith(f"{root}/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_path and ".." not in steps else f"{root}/"
