"""Corrections: what people say is wrong, what is decided about it, and the thumbs that tell where to look.

GET  /corrections           ?state= queued (as a rule), accepted, dismissed, undone or all; ?part= of the list;
                            ?question= and ?passage= fill the form
POST /corrections           makes one
POST /corrections/decide    accept, dismiss or undo, which also lets a dismissed one wait again
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from metier.core.errors import MetierError
from metier.feedback.proposals import LONGEST, Proposal
from metier.feedback.records import STATES
from metier.serving.auth.access import Caller, Forbidden
from metier.serving.dependencies import caller_for, from_form, service_of
from metier.serving.feedback_views import FeedbackView, correct_for, outcome_of
from metier.serving.http.errors import NotFound, told
from metier.serving.http.request_context import note_error
from metier.serving.service import ExpertService
from metier.serving.web import rendering

router = APIRouter(include_in_schema=False)
_ALL = "all"
_LISTED = 50
_SAID = {"dismissed": "dismissed", "undone": "undone", "queued": "reopened"}  # by the state that a decision led to

TheService = Annotated[ExpertService, Depends(service_of)]
Critic = Annotated[Caller, Depends(caller_for("feedback"))]
Admin = Annotated[Caller, Depends(caller_for("admin"))]
Text = Annotated[str, Form(max_length=LONGEST)]
Asked = Annotated[str, Query(max_length=LONGEST)]
Change = Literal["", "pin", "hide", "replace"]
Tab = Literal["queued", "accepted", "dismissed", "undone", "all"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form."""

    question: str = ""
    answer: str = ""
    document: str = ""
    page: int | None = None
    change: str = ""
    passage: str = ""
    text: str = ""
    why: str = ""
    at_once: bool = True
    public: bool = False


@dataclass(frozen=True, slots=True)
class FormError:
    """What was refused, and why. `correction`: id of the one that was decided about, "" for the form; `why`: what was
    typed there."""

    message: str
    status: int
    correction: str = ""
    why: str = ""


@router.get("/corrections")
def show(
    request: Request,
    service: TheService,
    caller: Critic,
    state: Tab = "queued",
    part: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    question: Asked = "",
    passage: Asked = "",
    said: str = "",
) -> Response:
    return _page(request, service, caller, state, part, Draft(question=question, passage=passage), said=said)


@router.post("/corrections", dependencies=[Depends(from_form)])
async def make(
    request: Request,
    service: TheService,
    caller: Critic,
    question: Text = "",
    answer: Text = "",
    document: Text = "",
    page: Annotated[int | None, Form(ge=1)] = None,
    change: Annotated[Change, Form()] = "",
    passage: Text = "",
    text: Text = "",
    why: Text = "",
    at_once: Annotated[bool, Form()] = False,
    public: Annotated[bool, Form()] = False,
) -> Response:
    """Where a document is named, it is what the answer stands in and what is pinned, not the passage."""
    is_about_passage = change in ("hide", "replace") or not document.strip()
    proposed = Proposal(
        question, answer, document=document.strip() or None, page=page, change=change,
        passage=(passage or None) if is_about_passage else None, text=text if change == "replace" else "", why=why,
        groups=() if public and not document.strip() else None,
    )  # fmt: skip
    try:
        made = await correct_for(service, caller, proposed, at_once=at_once)
    except Forbidden:
        raise
    except MetierError as error:
        draft = Draft(question, answer, document, page, change, passage, text, why, at_once, public)
        return await _refused(request, service, caller, "queued", error, draft)
    return rendering.redirect(request, f"/corrections?state={made.state}&said={outcome_of(made)}")


@router.post("/corrections/decide", dependencies=[Depends(from_form)])
async def decide(
    request: Request,
    service: TheService,
    caller: Admin,
    correction: Annotated[str, Form(max_length=100)],
    verb: Annotated[Literal["accept", "dismiss", "undo"], Form()],
    why: Text = "",
    state: Annotated[Tab, Form()] = "queued",
) -> Response:
    known = await asyncio.to_thread(service.expert.corrections.all, where=caller.document_filter())
    if all(each.id != correction for each in known):
        raise NotFound(f"there is no correction {correction!r}", hint="Load the list again.")
    act = getattr(service.expert.corrections, verb)
    try:
        decided = await service.work.run(
            lambda stop: act(correction, who=caller.name, why=why, where=caller.document_filter()), share=caller.share
        )
    except MetierError as error:
        return await _refused(request, service, caller, state, error, Draft(), correction, why)
    said = _SAID.get(decided.state) or outcome_of(decided)
    return rendering.redirect(request, f"/corrections?state={state}&said={said}")


async def _refused(
    request: Request, service: ExpertService, caller: Caller, state: str, error: MetierError, draft: Draft,
    about: str = "", why: str = "",
) -> Response:  # fmt: skip
    note_error(error)
    problem = FormError(error.message, told(error)[0], about, why)
    return await asyncio.to_thread(_page, request, service, caller, state, 1, draft, problem=problem)


def _page(
    request: Request, service: ExpertService, caller: Caller, state: str, part: int, draft: Draft, *,
    problem: FormError | None = None, said: str = "",
) -> Response:  # fmt: skip
    known = service.expert.corrections.all(where=caller.document_filter())
    listed = [each for each in reversed(known) if state in (_ALL, each.state)]
    view = FeedbackView(service, caller)
    corrections = [view.correction(each) for each in listed[(part - 1) * _LISTED : part * _LISTED]]
    values: dict[str, Any] = {
        "corrections": corrections, "part": part, "parts": max(1, -(-len(listed) // _LISTED)), "state": state,
        "tabs": [(each, sum(of.state == each for of in known)) for each in STATES] + [(_ALL, len(known))],
        "thumbs": view.thumbs()[:_LISTED], "draft": draft, "passage": view.passage(draft.passage), "problem": problem,
        "said": said, "longest": LONGEST,
    }  # fmt: skip
    is_listed = problem is not None and any(each.correction.id == problem.correction for each in corrections)
    return rendering.page(
        request, "corrections.html", "corrections", caller, problem.status if problem else 200, is_listed=is_listed,
        **values,
    )  # fmt: skip
