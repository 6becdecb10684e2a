"""The server: an expert behind OpenAI's API, the Model Context Protocol, and its page.

app = create_app(expert, keys, host="127.0.0.1")        one expert, opened and warmed when the server starts
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from metier import __version__
from metier.core.errors import MetierError, needing
from metier.core.settings import Settings
from metier.expert import Expert
from metier.serving.api import openai
from metier.serving.api.routes import RESPONSES, add_api
from metier.serving.auth.access import Access
from metier.serving.auth.keys import Keys
from metier.serving.auth.limits import RateLimiter
from metier.serving.auth.sessions import Sessions
from metier.serving.http import errors, hosts, metrics
from metier.serving.http.gate import Gate
from metier.serving.http.metrics import Metrics
from metier.serving.http.middleware import Observed, Observer
from metier.serving.http.path_prefix import PathPrefix
from metier.serving.http.request_context import note_error
from metier.serving.http.security import secured
from metier.serving.mcp.server import Endpoint
from metier.serving.request_sizes import RequestSizes
from metier.serving.service import ExpertService
from metier.serving.sync_service import Syncing
from metier.serving.web.rendering import problem
from metier.serving.web.routes import add_page
from metier.serving.web.sign_in import FirstVisit
from metier.state.place import Place
from metier.state.postgres_state import PostgresState
from metier.state.token_leases import TokenLeases

if TYPE_CHECKING:
    from metier.serving.http.tracing import Tracing

_GRACE_SECONDS = 20  # that answers have to end in, once the server is told to stop


def create_app(
    expert: Expert,
    keys: Keys,
    *,
    host: str,
    token: str | None = None,
    path_prefix: str = "",
    observers: Sequence[Observer] = (),
) -> ASGIApp:
    """The application, with what keeps it safe around it. `host`: the address that is listened on; `token`: the
    owner's, where that is loopback; `path_prefix`: path below which a proxy shows it; `observers`: told of every
    request. The expert and the keys are closed when the server ends."""
    serving, tracing = expert.settings.serving, _tracing(expert.settings)
    limit = int(serving.request_mb * 2**20)
    agents = Endpoint(expert.settings.name, limit)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.service = service = ExpertService(expert)
        app.state.syncing = syncing = Syncing(expert)
        app.state.metrics.watch(service)
        await asyncio.to_thread(service.warm)
        syncing.open()
        app.state.ready = True
        try:
            async with agents.run():
                yield
        finally:
            app.state.ready = False
            stuck = await service.work.close(_GRACE_SECONDS)
            stuck += await service.pictures.close()
            await asyncio.to_thread(syncing.close)
            if tracing is not None:
                await asyncio.to_thread(tracing.close)
            if not stuck:  # else it is still used, and the process ends without: `server.listen`
                expert.close()
                keys.close()
                limits.close()

    app = FastAPI(
        title=f"Métier: {expert.settings.name}", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    limits = RateLimiter(shared=TokenLeases(expert.runtime.state))
    app.state.access = access = Access(
        keys, _sessions(expert.runtime.state), limits, owner_token=token,
        open_loopback=serving.open_loopback and hosts.is_loopback(host),
    )  # fmt: skip
    app.add_middleware(FirstVisit, access=access)
    app.add_middleware(Gate, access=access, sizes=RequestSizes(serving), refuse=_told)
    app.state.ready, app.state.name, app.state.metrics = False, expert.settings.name, Metrics()
    add_api(app)
    app.include_router(openai.router, responses=RESPONSES)
    app.include_router(metrics.router, responses=RESPONSES)
    app.router.routes.append(agents.route)
    add_page(app)
    for kind in (MetierError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _told)
    app.add_exception_handler(Exception, _failed)

    @app.get("/health", tags=["State"])
    async def health() -> dict[str, str]:
        """Whether the server runs at all."""
        return {"status": "ok"}

    @app.get("/ready", tags=["State"], response_model=None, responses={503: {"description": "The models are loaded."}})
    async def ready() -> JSONResponse:
        """Whether it answers questions: 503 while the models are loaded, and where as many threads are stuck as there
        are places."""
        is_ready = app.state.ready and app.state.service.work.stuck < serving.parallel
        return JSONResponse({"status": "ready" if is_ready else "loading"}, 200 if is_ready else 503)

    placed = PathPrefix(app, path_prefix) if path_prefix else app
    safe = secured(
        placed, host=host, names=serving.names, origins=serving.origins, limit=limit, seconds=serving.client_seconds
    )
    return Observed(safe, [app.state.metrics.observe, *observers], tracing)


def _sessions(state: Place) -> Sessions:
    if not isinstance(state, PostgresState):
        return Sessions()
    from metier.state.session_store import SessionStore

    return Sessions(shared=SessionStore(state))


def _tracing(settings: Settings) -> Tracing | None:
    if not settings.serving.traces:
        return None
    with needing("tracing"):
        from metier.serving.http.tracing import Tracing

    return Tracing(settings.serving.traces, settings.name, settings.generation)


async def _told(request: Request, error: Exception) -> Response:
    """An error as a page where a browser asked for one, else in OpenAI's form."""
    note_error(error)
    if isinstance(error, MetierError) and errors.is_ours(error):
        return await _failed(request, error)
    return await _sent(request, error)


async def _failed(request: Request, error: Exception) -> Response:
    """What went wrong in the server itself is told without its place; the log has all of it under the request's id."""
    return await _sent(request, errors.without_place(error, request.state.request_id))


async def _sent(request: Request, error: Exception) -> Response:
    if errors.wants_page(request):
        return await asyncio.to_thread(problem, request, error)
    return await errors.as_json(request, error)
