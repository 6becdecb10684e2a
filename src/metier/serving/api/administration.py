"""Feedback, corrections, adapters, runs and the comparison: what keys with more scopes may do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from metier.core.errors import InputError
from metier.evaluation import result_store
from metier.feedback.records import Correction, State
from metier.serving.api.requests import CorrectionRequest, DecisionRequest, FeedbackRequest
from metier.serving.api.responses import (
    AdapterResponse,
    CorrectionResponse,
    FeedbackResponse,
    ProductionResponse,
    RunResponse,
)
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, reader_of_all_for, service_of
from metier.serving.feedback_views import FeedbackView, cited_by, correct_for
from metier.serving.http.errors import NotFound
from metier.serving.service import ExpertService
from metier.tuning.adapters import Card, Registry

router = APIRouter()

TheService = Annotated[ExpertService, Depends(service_of)]
Critic = Annotated[Caller, Depends(caller_for("feedback"))]
Admin = Annotated[Caller, Depends(caller_for("admin"))]
Reviewer = Annotated[Caller, Depends(reader_of_all_for("admin"))]


# --- feedback and corrections ------------------------------------------------------------------------------------


@router.post("/feedback", tags=["Corrections"], status_code=201)
def give_feedback(service: TheService, caller: Critic, body: FeedbackRequest) -> dict[str, int]:
    """Say what you think of an answer. Returns the id under which it is kept."""
    given = service.expert.corrections.give_feedback(
        body.thumb, body.question, body.answer, reason=body.reason, mode=body.mode, adapter=body.adapter,
        citations=cited_by(service, caller, body.passages), who=caller.name,
    )  # fmt: skip
    return {"id": given.id}


@router.get("/feedback", tags=["Corrections"])
def feedback(service: TheService, caller: Critic) -> list[FeedbackResponse]:
    """What people think of answers that the caller may read: down first, the newest first."""
    return [FeedbackResponse.of(each) for each in FeedbackView(service, caller).thumbs()]


@router.post("/corrections", tags=["Corrections"], status_code=201)
async def correct(service: TheService, caller: Critic, body: CorrectionRequest) -> CorrectionResponse:
    """Say what is right, or what is to happen to a passage."""
    made = await correct_for(service, caller, body.proposal(), at_once=body.at_once)
    return await asyncio.to_thread(_shown, service, caller, made)


@router.get("/corrections", tags=["Corrections"])
def corrections(service: TheService, caller: Critic, state: State | None = None) -> list[CorrectionResponse]:
    """All of them, or those in one state, the newest first."""
    said = FeedbackView(service, caller)
    known = service.expert.corrections.all(state, caller.document_filter())
    return [CorrectionResponse.of(said.correction(each)) for each in reversed(known)]


@router.get("/corrections/{correction_id}", tags=["Corrections"])
def correction(service: TheService, caller: Critic, correction_id: str) -> CorrectionResponse:
    """One, with what was done to it."""
    return _shown(service, caller, _known(service, caller, correction_id))


@router.post("/corrections/{correction_id}/{verb}", tags=["Corrections"])
async def decide(
    service: TheService,
    caller: Admin,
    correction_id: str,
    verb: Literal["accept", "dismiss", "undo"],
    body: DecisionRequest | None = None,
) -> CorrectionResponse:
    """Let it take effect, lay it aside, or take that back; a dismissed one that is undone waits again."""

    def act() -> CorrectionResponse:
        _known(service, caller, correction_id)
        why = body.why if body else ""
        decided = getattr(service.expert.corrections, verb)(
            correction_id, who=caller.name, why=why, where=caller.document_filter()
        )
        return _shown(service, caller, decided)

    return await service.work.run(lambda stop: act(), share=caller.share)


def _known(service: ExpertService, caller: Caller, identity: str) -> Correction:
    try:
        return service.expert.corrections.get(identity, caller.document_filter())
    except InputError as error:
        raise NotFound(error.what) from None


def _shown(service: ExpertService, caller: Caller, correction: Correction) -> CorrectionResponse:
    return CorrectionResponse.of(FeedbackView(service, caller).correction(correction))


# --- adapters and runs -------------------------------------------------------------------------------------------


@router.get("/adapters", tags=["Adapters"])
def adapters(service: TheService, caller: Admin) -> list[AdapterResponse]:
    """All versions of all that the caller may use, by name, the newest first."""
    return [AdapterResponse.of(card) for card in service.expert.adapters.cards(caller.groups)]


@router.post("/adapters/rollback", tags=["Adapters"])
async def rollback(service: TheService, caller: Admin) -> ProductionResponse:
    """Back to what was in production before."""
    return ProductionResponse.of(await service.rollback(caller))


@router.get("/adapters/{name}/{version}", tags=["Adapters"])
def adapter(service: TheService, caller: Admin, name: str, version: int) -> AdapterResponse:
    """What one was made of, and how it did."""
    return AdapterResponse.of(_card(service, caller, name, version))


@router.post("/adapters/{name}/{version}/promote", tags=["Adapters"])
async def promote(service: TheService, caller: Admin, name: str, version: int) -> ProductionResponse:
    """Answer with it from now on, in the tuned modes. Answers that run are finished by what they began with."""
    card = await asyncio.to_thread(_card, service, caller, name, version)
    return ProductionResponse.of(await service.promote(card.reference))


@router.get("/runs", tags=["Adapters"])
def runs(service: TheService, caller: Admin) -> list[RunResponse]:
    """The last training run of each name, whether it goes on, was interrupted, or became an adapter; those on
    what the caller may read."""
    adapters = service.expert.adapters
    newest = {card.name: card for card in reversed(adapters.registry.cards())}
    usable = {card.reference for card in adapters.cards(caller.groups)}
    found = sorted(path.parent for path in (service.expert.runtime.state_folder / "runs").glob("*/run.json"))
    told = []
    for path in found:
        card = newest.get(path.name)
        run = _run(path, adapters.registry, card)
        if (card is None or card.reference in usable) and (run.adapter or adapters.may_read_rows(caller.groups)):
            told.append(run)
    return told


@router.get("/comparison", tags=["Comparison"])
def comparison(
    service: TheService,
    _caller: Reviewer,
    answers: Annotated[bool, Query(description="with every single answer")] = False,
) -> dict[str, Any]:
    """What the last comparison of the four ways found; its layout is in docs/comparison.md."""
    result = result_store.latest(service.expert.runtime.state_folder)
    if result is None:
        raise NotFound("nothing was compared yet", hint="Run `metier compare`.")
    return (result if answers else result.without_answers()).to_json()


def _card(service: ExpertService, caller: Caller, name: str, version: int) -> Card:
    try:
        return service.expert.adapters.get(f"{name}@{version}", caller.groups)
    except InputError as error:
        raise NotFound(error.what, hint=error.hint) from None


def _run(folder: Path, registry: Registry, newest: Card | None) -> RunResponse:
    """`newest`: version of the adapter with the run's name."""
    from metier.tuning.checkpoints import RunFolder

    run, lines = RunFolder(folder), folder / "metrics.jsonl"
    curve, checkpoint = run.curve(), run.latest()
    made = newest if newest and _are_alike(lines, registry.folder(newest) / lines.name) else None
    at = datetime.fromtimestamp(lines.stat().st_mtime, UTC).isoformat(timespec="seconds") if curve else ""
    return RunResponse(
        name=folder.name, state="finished" if made else "unfinished", adapter=made.reference if made else None,
        updated=at, steps=curve[-1]["step"] if curve else 0, last=curve[-1] if curve else None,
        checkpoint=int(checkpoint.name.rpartition("-")[2]) if checkpoint else None,
    )  # fmt: skip


def _are_alike(curve: Path, kept: Path) -> bool:
    """Whether an adapter was kept with this very curve: what made it is over."""
    try:
        return curve.read_bytes() == kept.read_bytes()
    except FileNotFoundError:
        return False
