"""The server: an expert behind OpenAI's API, and its page.

app = create_app(expert, keys, host="127.0.0.1")        one expert, opened and warmed when the server starts
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from metier import __version__
from metier.errors import MetierError
from metier.expert import Expert
from metier.serving import errors, hosts, openai_api
from metier.serving.access import Access
from metier.serving.desk import Desk
from metier.serving.keys import Keys
from metier.serving.page.rendering import problem
from metier.serving.page.wired import add_page
from metier.serving.security import secured

_GRACE_SECONDS = 20  # that answers have to end in, once the server is told to stop


def create_app(expert: Expert, keys: Keys, *, host: str) -> ASGIApp:
    """The application, with what keeps it safe around it. `host`: the address that is listened on. The expert and the
    keys are closed when the server ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.desk = desk = Desk(expert)
        await asyncio.to_thread(desk.warm)
        app.state.ready = True
        try:
            yield
        finally:
            app.state.ready = False
            await desk.work.close(_GRACE_SECONDS)
            expert.close()
            keys.close()

    app = FastAPI(
        title=f"Métier: {expert.settings.name}", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.access = Access(keys, open_loopback=hosts.is_loopback(host))
    app.state.ready, app.state.name = False, expert.settings.name
    app.include_router(openai_api.router)
    add_page(app)
    for kind in (MetierError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _told)

    @app.get("/health", tags=["State"])
    async def health() -> dict[str, str]:
        """Whether the server runs at all."""
        return {"status": "ok"}

    @app.get("/ready", tags=["State"], response_model=None)
    async def ready() -> JSONResponse:
        """Whether it answers questions: 503 while the models are loaded."""
        is_ready = app.state.ready
        return JSONResponse({"status": "ready" if is_ready else "loading"}, 200 if is_ready else 503)

    return secured(app, host=host, limit=int(expert.settings.serving.upload_mb * 2**20))


async def _told(request: Request, error: Exception) -> Response:
    """An error as a page where a browser asked for one, else in OpenAI's form."""
    if errors.wants_page(request):
        return await asyncio.to_thread(problem, request, error)
    return await errors.as_json(request, error)
