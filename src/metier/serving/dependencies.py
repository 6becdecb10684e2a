"""How a route gets what it needs: the service, the caller who may do this, and that a form is from our own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Request

from metier.serving.auth.access import FORM_TOKEN_HEADER, Caller, Forbidden
from metier.serving.service import ExpertService


def service_of(request: Request) -> ExpertService:
    return request.app.state.service


def caller_for(scope: str) -> Callable[[Request], Caller]:
    """A dependency that lets those in who may do what `scope` names, and has it as its own `scope`. It is no coroutine,
    so that it runs in a thread: a key is looked up on disk."""

    def admit(request: Request) -> Caller:
        return request.app.state.access.admit(request, scope)

    admit.scope = scope
    return admit


def reader_of_all_for(scope: str) -> Callable[[Request], Caller]:
    """As `caller_for`, for what quotes documents of all groups and cannot be cut to those of one."""
    admitted = caller_for(scope)

    def admit(request: Request) -> Caller:
        caller = admitted(request)
        if caller.groups is not None:
            raise Forbidden(
                f"this quotes documents of all groups, and the key {caller.name!r} may not read them all",
                hint="It takes a key made with `metier keys create … --all-groups`.",
            )
        return caller

    admit.scope = scope
    return admit


def from_script(request: Request) -> None:
    """Raises `Forbidden` unless a script of our own page sent it."""
    request.app.state.access.check_form(request, request.headers.get(FORM_TOKEN_HEADER))


def from_form(request: Request, csrf_token: Annotated[str, Form()] = "") -> None:
    """Raises `Forbidden` unless a form or a script of our own page sent it."""
    request.app.state.access.check_form(request, request.headers.get(FORM_TOKEN_HEADER) or csrf_token)
