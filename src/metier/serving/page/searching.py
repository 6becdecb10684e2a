"""Search: passages that may answer, with what surrounds them one click away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from metier.serving.access import Caller
from metier.serving.desk import Desk
from metier.serving.page.rendering import page
from metier.serving.wiring import caller_for, desk_of
from metier.serving.written import place

router = APIRouter(include_in_schema=False)
_SHOWN = 20


@router.get("/search")
async def search(
    request: Request,
    desk: Annotated[Desk, Depends(desk_of)],
    caller: Annotated[Caller, Depends(caller_for("ask"))],
    q: str = "",
) -> Response:
    hits = await desk.work.run(lambda stop: desk.reading.search(caller, q, _SHOWN)) if q.strip() else []
    found = [
        {"passage": hit.passage, "url": place(hit.passage.document_id, hit.passage.start, hit.passage.end), "hit": hit}
        for hit in hits
    ]
    return page(request, "search.html", "search", caller, question=q, found=found)
