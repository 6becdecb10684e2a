"""The report: what the last comparison of the ways of answering found, or before any, what the rules advise.

GET /report        in the frame of the page
GET /report/full   the report itself, one HTML file that loads nothing
GET /report.json   its figures
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from metier.evaluation import result_store
from metier.evaluation.report.page import html, policy
from metier.evaluation.result import ComparisonResult
from metier.expert import Expert
from metier.serving.auth.access import Caller
from metier.serving.dependencies import reader_of_all_for, service_of
from metier.serving.http.errors import NotFound
from metier.serving.service import ExpertService
from metier.serving.web.rendering import page, words_for

router = APIRouter(include_in_schema=False)
# It holds what models wrote: its script runs as of no site at all, so that it could reach nothing here. Only our own
# page may show it inside.
_HEADERS = {
    "Content-Security-Policy": f"{policy()}; frame-ancestors 'self'; sandbox allow-scripts",
    "X-Frame-Options": "SAMEORIGIN",
}

TheService = Annotated[ExpertService, Depends(service_of)]
Admin = Annotated[Caller, Depends(reader_of_all_for("admin"))]


@router.get("/report")
def show(request: Request, service: TheService, caller: Admin) -> Response:
    result = result_store.latest(service.expert.runtime.state_folder)
    outdated = _outdated(service.expert, result) if result else []
    return page(request, "report.html", "report", caller, result=result, outdated=outdated)


@router.get("/report/full")
def full(request: Request, service: TheService, _caller: Admin) -> Response:
    return HTMLResponse(html(service.expert.evaluation.reported(), words_for(request).language), headers=_HEADERS)


@router.get("/report.json")
def figures(service: TheService, _caller: Admin) -> Response:
    result = result_store.latest(service.expert.runtime.state_folder)
    if result is None:
        raise NotFound("nothing was compared yet", hint="Run `metier compare`.")
    name = f"report-{result_store.name_of(result)}.json"
    return JSONResponse(result.to_json(), headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _outdated(expert: Expert, result: ComparisonResult) -> list[str]:
    """What has changed since the comparison: "documents", "adapter"."""
    moved = any(
        run.ended_at[:19] > result.created[:19] and (run.added or run.changed or run.deleted) for run in expert.syncs()
    )
    card = expert.adapters.registry.production()
    is_other = card is not None and card.reference != result.adapter
    return ["documents"] * moved + ["adapter"] * is_other
