"""Asking, searching, reading: what every key may do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from metier.core.errors import InputError
from metier.serving.api.requests import QuestionRequest
from metier.serving.api.responses import (
    DocumentEntry,
    DocumentListResponse,
    DocumentPassageResponse,
    DocumentResponse,
    SourceItemResponse,
    SourceResponse,
    SyncResponse,
)
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, service_of
from metier.serving.document_access import LONGEST_GLOB, MOST_HITS
from metier.serving.responses import AnswerResponse, SearchResponse
from metier.serving.service import ExpertService, while_wanted
from metier.serving.source_status import items_for, sources_for

router = APIRouter()
_MOST_LISTED = 1000
_MOST_SOUGHT = 2000  # characters: more does not fit into an address
_FAR = 10**12

TheService = Annotated[ExpertService, Depends(service_of)]
Asker = Annotated[Caller, Depends(caller_for("ask"))]
Offset = Annotated[int, Query(ge=0, le=_FAR)]
Limit = Annotated[int, Query(ge=1, le=_MOST_LISTED)]


@router.post("/ask", tags=["Questions"])
async def ask(request: Request, body: QuestionRequest, service: TheService, caller: Asker) -> AnswerResponse:
    """Answer a question, in one of the four ways."""
    return AnswerResponse.of(await while_wanted(request, service.answer(caller, body.asked())))


@router.get("/search", tags=["Questions"])
async def search(
    request: Request,
    service: TheService,
    caller: Asker,
    q: Annotated[str, Query(max_length=_MOST_SOUGHT, description="a question, or words", examples=["gearbox oil"])],
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 10,
    document: Annotated[str | None, Query(max_length=LONGEST_GLOB, description="a glob over their names")] = None,
    as_of: Annotated[
        str | None, Query(max_length=40, description="what was known on that day", examples=["2026-10-01"])
    ] = None,
) -> SearchResponse:
    """Passages that may answer, best first."""
    return SearchResponse.of(q, await while_wanted(request, service.search(caller, q, limit, document, as_of)))


@router.get("/documents", tags=["Documents"])
def documents(service: TheService, caller: Asker, offset: Offset = 0, limit: Limit = 100) -> DocumentListResponse:
    """All that the caller may see, by name."""
    known = list(service.reading.documents(caller).items())
    listed = [DocumentEntry(document=uri, document_id=identity) for uri, identity in known[offset : offset + limit]]
    return DocumentListResponse(documents=listed, total=len(known))


@router.get("/documents/{document_id}", tags=["Documents"])
def document(
    service: TheService,
    caller: Asker,
    document_id: str,
    start: Offset = 0,
    end: Annotated[int, Query(ge=0, le=_FAR)] = _FAR,
) -> DocumentResponse:
    """A document's text, or a part of it. What somebody hid is blank."""
    shown = service.reading.document(caller, document_id).document
    end = min(end, len(shown.text))
    if start > end:
        raise InputError(f"nothing stands from {start} to {end}", hint=f"The text has {len(shown.text)} characters.")
    return DocumentResponse.of(shown, start, end)


@router.get("/documents/{document_id}/passages", tags=["Documents"])
def passages(
    service: TheService, caller: Asker, document_id: str, offset: Offset = 0, limit: Limit = _MOST_LISTED
) -> list[DocumentPassageResponse]:
    """What of a document is found as a whole, in reading order."""
    found = service.reading.document(caller, document_id).passages[offset : offset + limit]
    return [DocumentPassageResponse.of(each) for each in found]


@router.get("/sources", tags=["Sources"])
def sources(service: TheService, caller: Asker) -> list[SourceResponse]:
    """Where the documents come from."""
    return [SourceResponse.of(each) for each in sources_for(service, caller, items_for(service, caller))[0]]


@router.get("/items", tags=["Sources"])
def items(service: TheService, caller: Asker, offset: Offset = 0, limit: Limit = 100) -> list[SourceItemResponse]:
    """What of the sources is indexed, and what failed and why; failures first."""
    return [SourceItemResponse.of(each) for each in items_for(service, caller)[offset : offset + limit]]


@router.get("/syncs", tags=["Sources"])
def syncs(service: TheService, caller: Asker) -> list[SyncResponse]:
    """What every sync did, the last one first; nothing for callers who see only some of the documents."""
    if caller.groups is not None:
        return []
    return [SyncResponse.of(each) for each in reversed(service.expert.syncs())]
