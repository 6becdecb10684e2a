"""Sources: what is indexed of each, what failed and why; and syncs, started and watched by those who may.

GET  /sources             ?q= filters by name and reason, ?part= of the list
POST /sources/sync        with `retry`, what failed and did not change is read again, too; with `allow_empty`, what was
                          indexed of a source that is gone or empty goes
GET  /sources/progress    JSON, of the sync that runs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, from_form, service_of
from metier.serving.service import ExpertService
from metier.serving.source_status import ShownItem, items_for, sources_for
from metier.serving.sync_service import Syncing, SyncState
from metier.serving.web.rendering import page, redirect

router = APIRouter(include_in_schema=False)
_LISTED = 100  # items on one page
_SYNCS = 5
_LONGEST = 1000  # characters of what is looked for

TheService = Annotated[ExpertService, Depends(service_of)]
Reader = Annotated[Caller, Depends(caller_for("ask"))]
Admin = Annotated[Caller, Depends(caller_for("admin"))]


class SyncProgressResponse(BaseModel):
    """`total`: null until the first item is done. `item`: the one just finished, "" for who may not know of it."""

    running: bool
    done: int
    total: int | None
    item: str

    @classmethod
    def of(cls, state: SyncState, caller: Caller) -> Self:
        now = state.progress
        return cls(
            running=state.is_running, done=now.done if now else 0, total=now.total if now else None,
            item=now.item if now and caller.groups is None else "",
        )  # fmt: skip


def syncing_of(request: Request) -> Syncing:
    syncing: Syncing = request.app.state.syncing
    return syncing


TheSyncing = Annotated[Syncing, Depends(syncing_of)]


@router.get("/sources")
def show(
    request: Request,
    service: TheService,
    caller: Reader,
    syncing: TheSyncing,
    q: Annotated[str, Query(max_length=_LONGEST)] = "",
    part: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    said: Annotated[str, Query(max_length=_LONGEST)] = "",
) -> Response:
    items = items_for(service, caller)
    wanted = q.strip().casefold()
    found = [each for each in items if wanted in each.item.uri.casefold() or wanted in each.item.reason.casefold()]
    sources, problem = sources_for(service, caller, items)
    runs = service.expert.syncs() if caller.groups is None else []  # each says that something has changed
    return page(
        request, "sources.html", "sources", caller, sources=sources, problem=problem,
        items=found[(part - 1) * _LISTED : part * _LISTED], found=len(found), count=len(items), sought=q.strip(),
        part=part, parts=max(1, -(-len(found) // _LISTED)), runs=runs[: -_SYNCS - 1 : -1],
        failed=sum(each.has_failed for each in items), state=syncing.state, said=said,
        notes=_notes(syncing.state, items, caller),
    )  # fmt: skip


@router.post("/sources/sync", dependencies=[Depends(from_form)])
def sync(
    request: Request,
    _caller: Admin,
    syncing: TheSyncing,
    retry: Annotated[bool, Form()] = False,
    allow_empty: Annotated[bool, Form()] = False,
) -> Response:
    has_begun = syncing.start(retry=retry, allow_empty=allow_empty)
    return redirect(request, "/sources" if has_begun else "/sources?said=already")


@router.get("/sources/progress")
async def progress(caller: Admin, syncing: TheSyncing) -> SyncProgressResponse:
    return SyncProgressResponse.of(syncing.state, caller)


def _notes(state: SyncState, items: Sequence[ShownItem], caller: Caller) -> list[tuple[str, str]]:
    """What the last sync said that stands at no item: sources out of reach, corrections to look at again."""
    if state.report is None or caller.groups is not None:
        return []
    known = {each.item.uri for each in items}
    return [
        (each.item, each.reason)
        for each in (*state.report.failed, *state.report.overlaps, *state.report.warnings)
        if each.item not in known
    ]
