"""The API put into an application, and its description made true."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute

from metier.serving.api import administration, knowledge, openai
from metier.serving.api.responses import Problem
from metier.serving.auth.access import FORM_TOKEN_HEADER
from metier.serving.dependencies import scope_of
from metier.serving.http import metrics

# What any route may answer beside its own; FastAPI's 422 is answered as 400 here.
_ERRORS = {
    400: "What was sent cannot be used.", 401: "No valid key came with the request.",
    403: "The key may not do this, or another site sent it.", 404: "There is no such thing for this key.",
    408: "The request came too slowly.", 413: "More is asked for at once than a request may.",
    429: "Too many questions wait, or the key has spent its minute.",
    500: "It went wrong in the server.", 502: "The model's endpoint failed.", 503: "The server is ending.",
    504: "It took too long.", 507: "It cannot be kept: the disk is full or read-only. Questions are answered.",
}  # fmt: skip
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": meaning} for status, meaning in _ERRORS.items()
}


def add_api(app: FastAPI) -> None:
    router = APIRouter(prefix="/api", responses=RESPONSES, dependencies=[Depends(_from_own_page)])
    router.include_router(knowledge.router)
    router.include_router(administration.router)
    app.include_router(router)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _mended(described())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change it


def _from_own_page(request: Request) -> None:
    """A browser sends its session whoever made it ask, so what is posted with one carries the token of a page, too. The
    owner's programs have neither key nor page. Raises as `Access.caller`, and `Forbidden` without the token."""
    access = request.app.state.access
    if request.method == "POST" and access.caller(request).key_id is not None:
        access.check_form(request, request.headers.get(FORM_TOKEN_HEADER))


def _scopes() -> dict[tuple[str, str], str]:
    """What a key must be allowed, by path and method."""
    routers = (("/api", knowledge.router), ("/api", administration.router), ("", openai.router), ("", metrics.router))
    return {
        (prefix + route.path, method.lower()): scope
        for prefix, router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
        for wanted in route.dependant.dependencies
        if (scope := scope_of(wanted.call)) is not None
    }


def _mended(schema: dict[str, Any]) -> dict[str, Any]:
    """With the key that routes want and what it must be allowed, errors as JSON whatever else a route answers with, and
    without the 422 that none of them answers."""
    scopes = _scopes()
    parts = schema.setdefault("components", {})
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of `metier keys create`; none on loopback."}
    }
    for name in ("HTTPValidationError", "ValidationError"):
        parts.get("schemas", {}).pop(name, None)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "content" in answer:
                    answer["content"] = {"application/json": next(iter(answer["content"].values()))}
            if scope := scopes.get((path, method)):
                operation["security"] = [{"key": [scope]}, {}]
    return schema
