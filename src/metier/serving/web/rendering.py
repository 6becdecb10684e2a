"""From a template and values to a page: the frame, the language, the navigation that this caller has a use for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from metier.core.errors import DatabaseUnavailable
from metier.parsing.core.locators import locator_of
from metier.serving.auth.access import FORM_TOKEN, Caller, Denied, Unauthorized
from metier.serving.http.errors import told
from metier.serving.http.path_prefix import cookie_of, root_of
from metier.serving.responses import document_url
from metier.serving.web.translations import COOKIE, LANGUAGES, PageTranslations, preferred

# Name of the page, address, and the scope without which it is not shown.
NAVIGATION = (
    ("chat", "/", "ask"), ("search", "/search", "ask"), ("documents", "/documents", "ask"),
    ("sources", "/sources", "ask"), ("report", "/report", "admin"), ("adapters", "/adapters", "admin"),
    ("corrections", "/corrections", "feedback"), ("api", "/api", "ask"),
)  # fmt: skip
_OF_EVERYTHING = {"report"}  # its questions and answers come from all documents

_environment = Environment(
    loader=PackageLoader("metier.serving.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_environment.filters["locator"] = locator_of
_environment.filters["citation_url"] = lambda each: document_url(each.document_id, each.start, each.end)


def redirect(request: Request, path: str) -> RedirectResponse:
    """To a page: `path` as the application knows it."""
    return RedirectResponse(root_of(request) + path, 303)


def words_for(request: Request) -> PageTranslations:
    language = request.app.state.service.expert.settings.language if hasattr(request.app.state, "service") else "en"
    accepted = request.headers.get("accept-language", "")
    return PageTranslations(preferred(cookie_of(request, COOKIE), accepted, language))


def page(
    request: Request, template: str, active: str, caller: Caller | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A whole page. `active`: its name in the navigation, "" for none; `caller`: None before anybody signed in. In the
    template: `words`, `caller`, `token` (hidden field of every form), `expert` (its name), `root` (that every path
    in a link begins with) and `values`."""
    words, access = words_for(request), request.app.state.access
    token = access.form_token(request) if caller is not None else ""
    html = _environment.get_template(template).render(
        words=words, language=words.language, languages=LANGUAGES, active=active, caller=caller, root=root_of(request),
        navigation=_open_to(caller), expert=request.app.state.name, here=_here(request),
        token=_field(token) if caller is not None else "", form_token=token, script_words=_data(words.script()),
        **values,
    )  # fmt: skip
    return HTMLResponse(html, status)


def _open_to(caller: Caller | None) -> list[tuple[str, str]]:
    if caller is None:
        return []
    allowed = [(name, path) for name, path, scope in NAVIGATION if caller.may(scope)]
    return [(name, path) for name, path in allowed if caller.groups is None or name not in _OF_EVERYTHING]


def fragment(request: Request, template: str, **values: Any) -> str:
    """A part of a page, as HTML; `words` and `root` are there, too."""
    return _environment.get_template(template).render(words=words_for(request), root=root_of(request), **values)


def problem(request: Request, error: Exception) -> Response:
    """An error as a page; who has to sign in is sent there."""
    if isinstance(error, Unauthorized):
        return redirect(request, f"/sign-in?{_next(request)}")
    status, said, headers = told(error)
    try:
        caller = request.app.state.access.caller(request)
    except (Denied, DatabaseUnavailable):
        caller = None
    made = page(request, "problem.html", "", caller, status, message=said["error"]["message"])
    made.headers.update(headers)
    return made


def _next(request: Request) -> str:
    return urlencode({"next": _here(request)})


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _field(token: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_TOKEN, token)


def _data(values: dict[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False)
