"""Asking, searching, reading: what every key may do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from metier.core.errors import InputError
from metier.generation.base import Message
from metier.serving.api import models
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, service_of
from metier.serving.document_access import MOST_HITS
from metier.serving.serializers import found, full
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


@router.post("/ask", tags=["Questions"], response_model=models.Answer)
async def ask(request: Request, body: models.Question, service: TheService, caller: Asker) -> dict[str, Any]:
    """Answer a question, in one of the four ways."""
    history = tuple(Message(turn.role, turn.content) for turn in body.history)
    answer = await while_wanted(request, service.answer(caller, AskRequest(body.question, body.mode, history)))
    return full(answer)


@router.get("/search", tags=["Questions"], response_model=models.Hits)
async def search(
    service: TheService,
    caller: Asker,
    q: Annotated[str, Query(max_length=_MOST_SOUGHT, description="a question, or words", examples=["gearbox oil"])],
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 10,
    document: Annotated[str | None, Query(max_length=_MOST_SOUGHT, description="a glob over their names")] = None,
) -> dict[str, Any]:
    """Passages that may answer, best first."""
    hits = await service.work.run(lambda stop: service.reading.search(caller, q, limit, document))
    return {"query": q, "hits": [found(hit) for hit in hits]}


@router.get("/documents", tags=["Documents"])
def documents(service: TheService, caller: Asker, offset: Offset = 0, limit: Limit = 100) -> models.Documents:
    """All that the caller may see, by name."""
    known = list(service.reading.documents(caller).items())
    listed = [models.Listed(document=uri, document_id=identity) for uri, identity in known[offset : offset + limit]]
    return models.Documents(documents=listed, total=len(known))


@router.get("/documents/{document_id}", tags=["Documents"])
def document(
    service: TheService,
    caller: Asker,
    document_id: str,
    start: Offset = 0,
    end: Annotated[int, Query(ge=0, le=_FAR)] = _FAR,
) -> models.Document:
    """A document's text, or a part of it. What somebody hid is blank."""
    shown = service.reading.document(caller, document_id).document
    end = min(end, len(shown.text))
    if start > end:
        raise InputError(f"nothing stands from {start} to {end}", hint=f"The text has {len(shown.text)} characters.")
    return models.Document(
        document=shown.uri, document_id=shown.id, title=shown.title, media_type=shown.media_type,
        language=shown.language, pages=shown.pages, groups=list(shown.groups), metadata=dict(shown.metadata),
        warnings=list(shown.warnings), start=start, end=end, length=len(shown.text), text=shown.text[start:end],
    )  # fmt: skip


@router.get("/documents/{document_id}/passages", tags=["Documents"])
def passages(service: TheService, caller: Asker, document_id: str) -> list[models.Passage]:
    """What of a document is found as a whole, in reading order."""
    return [
        models.Passage(
            passage_id=each.id, text=each.text, start=each.start, end=each.end, page=each.page, row=each.row,
            headings=list(each.headings),
        )
        for each in service.reading.document(caller, document_id).passages
    ]  # fmt: skip


@router.get("/sources", tags=["Sources"])
def sources(service: TheService, caller: Asker) -> list[models.Source]:
    """Where the documents come from."""
    return [
        models.Source(
            name=each.name, groups=list(each.groups), indexed=each.indexed, failed=each.failed, read_at=each.read_at
        )
        for each in sources_for(service, caller, items_for(service, caller))[0]
    ]


@router.get("/items", tags=["Sources"])
def items(service: TheService, caller: Asker, offset: Offset = 0, limit: Limit = 100) -> list[models.Item]:
    """What of the sources is indexed, and what failed and why; failures first."""
    return [
        models.Item(
            document=each.item.uri, document_id=each.document_id, source=each.item.source, state=each.item.state,
            reason=each.item.reason, passages=each.item.passages, synced_at=each.item.synced_at,
        )
        for each in items_for(service, caller)[offset : offset + limit]
    ]  # fmt: skip


@router.get("/syncs", tags=["Sources"])
def syncs(service: TheService, caller: Asker) -> list[models.Sync]:
    """What every sync did, the last one first; nothing for callers who see only some of the documents."""
    if caller.groups is not None:
        return []
    return [models.Sync.model_validate(each, from_attributes=True) for each in reversed(service.expert.syncs())]
