"""How a route gets what it needs: the desk, and the caller who may do this."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request

from metier.serving.access import Caller
from metier.serving.desk import Desk


def desk_of(request: Request) -> Desk:
    return request.app.state.desk


def caller_for(scope: str) -> Callable[[Request], Caller]:
    """A dependency that lets those in who may do what `scope` names. It is no coroutine, so that it runs in a thread:
    a key is looked up on disk."""

    def admit(request: Request) -> Caller:
        return request.app.state.access.admit(request, scope)

    return admit
