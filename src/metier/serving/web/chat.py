"""Asking: one conversation, in one way or in all of them side by side; and what a person says about an answer.

    GET  /                 the page; with ?q= and ?mode= it asks at once, with ?now=1 the answer is in it, for browsers
                           without scripts
    POST /chat             lines of JSON while an answer is written: {"piece": text} at once, {"sentence": …} as each is
                           checked, and at last {"answer": HTML}
    POST /chat/feedback    a thumb
    POST /chat/correct     the right answer, and what becomes of the passage that was cited

The server keeps no conversation: the page sends the turns before along.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal, TypedDict

from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from metier.answering.answer import Answer, Sentence
from metier.core.errors import MetierError
from metier.core.modes import FROM_DOCUMENTS, MODES, WITH_ADAPTER, Mode
from metier.feedback.proposals import LONGEST, Proposal
from metier.serving.api.requests import QuestionRequest
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, from_form, from_script, service_of
from metier.serving.feedback_views import cited_by, correct_for, outcome_of
from metier.serving.http.errors import told, wants_page
from metier.serving.http.request_context import note_error
from metier.serving.responses import SentenceResponse
from metier.serving.service import ExpertService, while_wanted
from metier.serving.web.answers import ShownAnswer
from metier.serving.web.rendering import fragment, page

router = APIRouter(include_in_schema=False)
SIDE_BY_SIDE = "all"  # the mode that asks in every way there is
_NAMES = 30  # documents offered while a name is typed
_MOST_PASSAGES = 50

TheService = Annotated[ExpertService, Depends(service_of)]
Asker = Annotated[Caller, Depends(caller_for("ask"))]
Critic = Annotated[Caller, Depends(caller_for("feedback"))]
Text = Annotated[str, Form(max_length=LONGEST)]
Identity = Annotated[str, Field(max_length=100)]
Sought = Annotated[str, Query(max_length=LONGEST)]


@router.get("/")
async def show(
    request: Request, service: TheService, caller: Asker, q: Sought = "", mode: Sought = Mode.RAG, now: bool = False
) -> Response:
    usable = await asyncio.to_thread(service.modes, caller)
    answers = []
    if q.strip() and now:
        for each in usable if mode == SIDE_BY_SIDE else [mode]:
            answers.append(await while_wanted(request, service.answer(caller, AskRequest(q, each))))
    shown = [ShownAnswer.of(answer) for answer in answers]
    return await asyncio.to_thread(
        page, request, "chat.html", "chat", caller, question=q.strip(), answers=shown, mode=mode, modes=MODES,
        usable=usable, **_KINDS,
    )  # fmt: skip


@router.post("/chat", dependencies=[Depends(from_script)])
async def ask(request: Request, service: TheService, caller: Asker, question: QuestionRequest) -> Response:
    """What goes wrong before anything was written has a status of its own, later it is a line with `error`."""
    pieces = service.written(caller, question.asked())
    first = await while_wanted(request, anext(pieces))
    lines = _lines(request, caller, first, pieces)
    return StreamingResponse(lines, media_type="application/x-ndjson", headers={"X-Accel-Buffering": "no"})


@router.get("/chat/documents")
def document_names(service: TheService, caller: Critic, name: Sought = "") -> list[str]:
    """Of the documents that the caller sees, a few whose name holds this."""
    wanted = name.strip().casefold()
    return [uri for uri in service.reading.from_sources(caller) if wanted in uri.casefold()][:_NAMES]


@router.post("/chat/feedback", dependencies=[Depends(from_form)])
def thumb(
    request: Request,
    service: TheService,
    caller: Critic,
    thumb: Annotated[Literal["up", "down"], Form()],
    mode: Annotated[Mode, Form()],
    cited: Annotated[
        list[Annotated[str, Field(max_length=100)]], Form(default_factory=list, max_length=_MOST_PASSAGES)
    ],
    question: Text,
    answer: Text = "",
    adapter: Annotated[str, Form(max_length=200)] = "",
    reason: Text = "",
) -> Response:
    citations = cited_by(service, caller, cited)
    service.expert.corrections.give_feedback(
        thumb, question, answer, reason=reason, mode=mode, adapter=adapter or None, citations=citations, who=caller.name
    )
    return _noted(request, caller, "thanks", question, mode)


@router.post("/chat/correct", dependencies=[Depends(from_form)])
async def correct(
    request: Request,
    service: TheService,
    caller: Critic,
    question: Text,
    answer: Text = "",
    document: Text = "",
    page: Annotated[int | None, Form(ge=1)] = None,
    change: Annotated[Literal["", "pin", "hide", "replace"], Form()] = "",
    passage: Text = "",
    text: Text = "",
    why: Text = "",
    at_once: Annotated[bool, Form()] = False,
    mode: Text = Mode.RAG,
) -> Response:
    """`change` is about the cited `passage`; but where a document is named, what is pinned stands there."""
    about = passage if change in ("hide", "replace") or (change == "pin" and not document) else ""
    said = Proposal(
        question, answer, document=document.strip() or None, page=page if document.strip() else None, change=change,
        passage=about or None, text=text if change == "replace" else "", why=why,
    )  # fmt: skip
    made = await correct_for(service, caller, said, at_once=at_once)
    return await asyncio.to_thread(_noted, request, caller, outcome_of(made), question, mode)


class _Kinds(TypedDict):
    from_documents: tuple[str, ...]
    with_adapter: tuple[str, ...]
    side_by_side: str


_KINDS: _Kinds = {"from_documents": FROM_DOCUMENTS, "with_adapter": WITH_ADAPTER, "side_by_side": SIDE_BY_SIDE}


async def _lines(
    request: Request,
    caller: Caller,
    first: str | Sentence | Answer,
    rest: AsyncGenerator[str | Sentence | Answer, None],
) -> AsyncIterator[str]:
    async with aclosing(rest):
        try:
            yield _line(request, caller, first)
            async for piece in rest:
                yield _line(request, caller, piece)
        except MetierError as error:
            note_error(error)
            status, said, headers = told(error)
            yield _json({**said, "status": status, "retry_after": headers.get("Retry-After")})


def _line(request: Request, caller: Caller, piece: str | Sentence | Answer) -> str:
    if isinstance(piece, str):
        return _json({"piece": piece})
    if isinstance(piece, Sentence):
        return _json({"sentence": SentenceResponse.of(piece).model_dump(mode="json")})
    # A script needs no field with the token: it sends the header.
    html = fragment(request, "chat_answer.html", shown=ShownAnswer.of(piece), caller=caller, token="", **_KINDS)
    return _json({"answer": html})


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def _noted(request: Request, caller: Caller, outcome: str, question: str, mode: str) -> Response:
    """What became of it: a page of its own for a browser without scripts."""
    if wants_page(request):
        return page(request, "chat_done.html", "chat", caller, outcome=outcome, question=question, mode=mode)
    html = fragment(request, "chat_noted.html", outcome=outcome, question=question, mode=mode)
    return JSONResponse({"html": html})
