"""Documents: the list of those that the caller may see, and each opened at a place.

GET /documents                          the list; ?q= filters by name
GET /documents/{id}                     ?start=&end= marks a place; ?page= of a PDF; ?whole=1 its text alone
GET /documents/{id}/pages/{n}.png       a page of a PDF, drawn
GET /documents/{id}/picture             a picture as it is
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from metier.core.errors import MetierError, ParseError, SourceError
from metier.parsing.core import formats
from metier.parsing.core.protocol import Box
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, service_of
from metier.serving.http.errors import NotFound
from metier.serving.page_images import can_show
from metier.serving.service import ExpertService
from metier.serving.web.document_view import DocumentView, Wish
from metier.serving.web.rendering import page

router = APIRouter(include_in_schema=False)
_LISTED = 200
_SCALE = 1000  # units of a picture's width, in which boxes are placed
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")

TheService = Annotated[ExpertService, Depends(service_of)]
Reader = Annotated[Caller, Depends(caller_for("ask"))]


@dataclass(frozen=True, slots=True)
class Sight:
    """How the original is shown: at `url`, `width` by `height` units with `boxes` in the same. `trouble`: why it is
    not, or not as it should be; "" where all is well."""

    url: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLink:
    name: str
    url: str


@router.get("/documents")
def listing(request: Request, service: TheService, caller: Reader, q: str = "", part: str = "") -> Response:
    sought = q.casefold().split()
    found = [
        (uri, name)
        for uri, name in service.reading.from_sources(caller).items()
        if all(word in uri.casefold() for word in sought)
    ]
    count = max(1, -(-len(found) // _LISTED))
    number = min(int(part), count) if _NUMBER.fullmatch(part) else 1
    shown = found[(number - 1) * _LISTED : number * _LISTED]
    folders = [
        (folder, [DocumentLink(uri.rpartition("/")[2], f"/documents/{name}") for uri, name in group])
        for folder, group in groupby(shown, key=lambda each: each[0].rpartition("/")[0])
    ]
    return page(
        request, "documents.html", "documents", caller, folders=folders, total=len(found), sought=q.strip(),
        part=number, part_count=count,
    )  # fmt: skip


@router.get("/documents/{document_id}")
async def show(
    request: Request, service: TheService, caller: Reader, document_id: str, wish: Annotated[Wish, Query()]
) -> Response:
    shown = await asyncio.to_thread(service.reading.document, caller, document_id)
    view = await asyncio.to_thread(DocumentView.of, shown, wish)
    corrected = None
    if view.is_correction:
        known = await asyncio.to_thread(service.reading.documents, caller)
        corrected = known.get(view.document.metadata.get("corrects", ""))
    sight = await _sight(service, caller, view)
    return await asyncio.to_thread(
        page, request, "document.html", "documents", caller, view=view, document=view.document, sight=sight,
        corrected=corrected,
    )  # fmt: skip


@router.get("/documents/{document_id}/pages/{number}.png")
async def drawn(service: TheService, caller: Reader, document_id: str, number: str) -> Response:
    shown = await asyncio.to_thread(service.reading.document, caller, document_id)
    document = shown.document
    wanted = int(number) if _NUMBER.fullmatch(number) else 0
    if document.media_type != formats.PDF or not 1 <= wanted <= (document.pages or 0):
        raise NotFound(f"there is no page {number!r}")
    with _as_not_found():
        return Response(await service.pictures.page(caller, document, wanted), media_type=formats.PNG)


@router.get("/documents/{document_id}/picture")
async def picture(service: TheService, caller: Reader, document_id: str) -> Response:
    shown = await asyncio.to_thread(service.reading.document, caller, document_id)
    if shown.document.media_type == formats.PDF or not can_show(shown.document):
        raise NotFound("this document is no picture")
    with _as_not_found():
        content = await service.pictures.picture(caller, shown.document)
    return Response(content, media_type=shown.document.media_type)


@contextmanager
def _as_not_found() -> Iterator[None]:
    """What is not at its source any more, or cannot be drawn, has no picture."""
    try:
        yield
    except (SourceError, ParseError) as error:
        raise NotFound(error.what) from None


async def _sight(service: ExpertService, caller: Caller, view: DocumentView) -> Sight | None:
    """None where there is nothing to look at but text."""
    document = view.document
    if document.media_type == formats.TIFF:
        return Sight(trouble="tiff")
    if not can_show(document) or (document.media_type == formats.PDF and view.page is None):
        return None
    if view.shown.blanked:
        return Sight(trouble="hidden")
    try:
        if view.page is None:
            await service.pictures.picture(caller, document)
            return Sight(f"/documents/{document.id}/picture")
        text, spans = view.printed()
        found = await service.pictures.places(caller, document, view.page, text, spans)
    except MetierError as error:
        return Sight(trouble=error.what)
    height = round(_SCALE * found.height / max(1.0, found.width))
    boxes = tuple((x * _SCALE, y * height, w * _SCALE, h * height) for x, y, w, h in found.boxes)
    trouble = "" if found.has_text else "scan"
    if found.has_text and spans and not boxes:
        trouble = "not_found"
    return Sight(f"/documents/{document.id}/pages/{view.page}.png", _SCALE, max(1, height), boxes, trouble)
