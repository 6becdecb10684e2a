"""Adapters: what was tuned, how each run went, and which one answers.

GET  /adapters             the list
GET  /adapters/card        ?adapter=NAME@1: settings, curve and exam of one
GET  /adapters/promote     ?adapter=NAME@1: asks whether it is meant
POST /adapters/promote     puts it into production
GET  /adapters/rollback    asks whether it is meant
POST /adapters/rollback    back to what was in production before
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from metier.core.errors import MetierError
from metier.core.groups import in_words
from metier.expert import Expert
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, from_form, service_of
from metier.serving.http.errors import NotFound, told
from metier.serving.http.request_context import note_error
from metier.serving.service import ExpertService
from metier.serving.web.rendering import page, redirect

if TYPE_CHECKING:
    from metier.tuning.adapters import Card

router = APIRouter(include_in_schema=False)
_POINTS = 400  # of a curve that is drawn

TheService = Annotated[ExpertService, Depends(service_of)]
Admin = Annotated[Caller, Depends(caller_for("admin"))]
Reference = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve as the page draws it. `points`: "x,y x,y …" in per mille, y downwards."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Curve:
    """`low`, `high`: loss at the foot and the top; `steps`: at its right end; `first`, `last`: of the training loss."""

    lines: tuple[Line, ...]
    low: float
    high: float
    steps: int
    first: float
    last: float


@router.get("/adapters")
def show(request: Request, service: TheService, caller: Admin, said: str = "") -> Response:
    return _list(request, service, caller, said=said)


@router.get("/adapters/card")
def card(request: Request, service: TheService, caller: Admin, adapter: Reference = "") -> Response:
    from metier.tuning.checkpoints import RunFolder

    found = _card(service.expert, caller, adapter)
    curve = _curve(RunFolder(service.expert.adapters.registry.folder(found)).curve())
    fits = bool(service.expert.adapters.fitting([found]))
    return page(
        request, "adapters_card.html", "adapters", caller, card=found, curve=curve, fits=fits,
        readers=in_words(service.expert.adapters.required(found)),
    )  # fmt: skip


@router.get("/adapters/promote")
def ask_promote(request: Request, service: TheService, caller: Admin, adapter: Reference = "") -> Response:
    found = _card(service.expert, caller, adapter)
    now = service.expert.adapters.production(caller.groups)
    return page(request, "adapters_sure.html", "adapters", caller, verb="promote", card=found, now=now)


@router.post("/adapters/promote", dependencies=[Depends(from_form)])
async def promote(
    request: Request, service: TheService, caller: Admin, adapter: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    found = await asyncio.to_thread(_card, service.expert, caller, adapter)
    try:
        await service.promote(found.reference)
    except MetierError as error:
        return await asyncio.to_thread(_refused, request, service, caller, error)
    return redirect(request, "/adapters?said=promoted")


@router.get("/adapters/rollback")
def ask_rollback(request: Request, service: TheService, caller: Admin) -> Response:
    now = service.expert.adapters.production(caller.groups)
    if now is None:
        return redirect(request, "/adapters?said=nothing")
    return page(request, "adapters_sure.html", "adapters", caller, verb="rollback", card=None, now=now)


@router.post("/adapters/rollback", dependencies=[Depends(from_form)])
async def rollback(
    request: Request, service: TheService, caller: Admin, adapter: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """`adapter`: that the person saw in production; where it is another one by now, nothing is done."""
    now = await asyncio.to_thread(service.expert.adapters.production, caller.groups)
    if now is None or now.reference != adapter:
        return redirect(request, "/adapters?said=changed")
    try:
        left = await service.rollback(caller)
    except MetierError as error:
        return await asyncio.to_thread(_refused, request, service, caller, error)
    return redirect(request, f"/adapters?said={'rolled_back' if left else 'base'}")


def _refused(request: Request, service: ExpertService, caller: Caller, error: MetierError) -> Response:
    note_error(error)
    return _list(request, service, caller, told(error)[0], problem=error.message)


def _list(
    request: Request, service: ExpertService, caller: Caller, status: int = 200, *, said: str = "", problem: str = ""
) -> Response:
    cards = service.expert.adapters.cards(caller.groups)
    fits = frozenset(card.reference for card in service.expert.adapters.fitting(cards))
    now = next((card for card in cards if card.state == "production"), None)
    readers = {card.reference: in_words(service.expert.adapters.required(card)) for card in cards}
    values = {"cards": cards, "readers": readers, "fits": fits, "now": now, "said": said, "problem": problem}
    return page(request, "adapters.html", "adapters", caller, status, **values)


def _card(expert: Expert, caller: Caller, reference: str) -> Card:
    """By its whole reference, looked up among those there are for the caller. Raises `NotFound`."""
    found = next((card for card in expert.adapters.cards(caller.groups) if card.reference == reference), None)
    if found is None:
        raise NotFound(f"there is no adapter {reference!r}", hint="It may have been removed.")
    return found


def _curve(rows: Sequence[dict[str, Any]]) -> Curve | None:
    """None where a run noted fewer than two steps."""
    losses = [(row["step"], row["loss"]) for row in rows]
    measured = [(row["step"], row["validation_loss"]) for row in rows if row.get("validation_loss") is not None]
    if len({step for step, _ in losses}) < 2:
        return None
    values = [loss for _, loss in (*losses, *measured)]
    low, high, steps = min(0.0, *values), max(values), losses[-1][0]

    def drawn(points: Sequence[tuple[int, float]]) -> str:
        every = max(1, -(-len(points) // _POINTS))
        kept = [*points[::every], points[-1]]
        return " ".join(f"{1000 * x / steps:.1f},{1000 * (high - y) / (high - low or 1):.1f}" for x, y in kept)

    lines = [Line("loss", drawn(losses))] + ([Line("validation", drawn(measured))] if len(measured) > 1 else [])
    return Curve(tuple(lines), low, high, steps, losses[0][1], losses[-1][1])
