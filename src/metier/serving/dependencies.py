"""How a route gets what it needs: the service, the caller who may do this, and that a form is from our own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Request

from metier.serving.auth.access import FORM_TOKEN_HEADER, Access, Caller, Forbidden
from metier.serving.service import ExpertService


def service_of(request: Request) -> ExpertService:
    service: ExpertService = request.app.state.service
    return service


class _Admission:
    """Lets those in who may do what `scope` names. No coroutines, so that they run in a thread: a key is looked up on
    disk."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def any_reader(self, request: Request) -> Caller:
        access: Access = request.app.state.access
        return access.admit(request, self.scope)

    def reader_of_all(self, request: Request) -> Caller:
        caller = self.any_reader(request)
        if caller.groups is not None:
            raise Forbidden(
                f"this quotes documents of all groups, and the key {caller.name!r} may not read them all",
                hint="It takes a key made with `metier keys create … --all-groups`.",
            )
        return caller


def caller_for(scope: str) -> Callable[[Request], Caller]:
    """A dependency that lets those in who may do what `scope` names."""
    return _Admission(scope).any_reader


def reader_of_all_for(scope: str) -> Callable[[Request], Caller]:
    """As `caller_for`, for what quotes documents of all groups and cannot be cut to those of one."""
    return _Admission(scope).reader_of_all


def scope_of(dependency: Callable[..., object] | None) -> str | None:
    """What the two above were made for; None for any other dependency."""
    admission = getattr(dependency, "__self__", None)
    return admission.scope if isinstance(admission, _Admission) else None


def from_script(request: Request) -> None:
    """Raises `Forbidden` unless a script of our own page sent it."""
    request.app.state.access.check_form(request, request.headers.get(FORM_TOKEN_HEADER))


def from_form(request: Request, csrf_token: Annotated[str, Form()] = "") -> None:
    """Raises `Forbidden` unless a form or a script of our own page sent it."""
    request.app.state.access.check_form(request, request.headers.get(FORM_TOKEN_HEADER) or csrf_token)
