"""drift: how far the documents of today are from what was trained and what is examined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import ExpertOption, JsonOption, open_expert, print_json
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.flow.drift import Drift

_SHOWN = 10
_WHY = {
    "gone": "its document is gone",
    "answer": "its answer no longer stands in its document",
    "changed": "its document changed, the answer still stands or cannot be looked up",
}


def register(app: typer.Typer) -> None:
    app.command()(drift)


def drift(
    expert: ExpertOption = None,
    ask: Annotated[
        int, typer.Option(min=0, help="Exam questions whose source changed that are asked, at most; 0 = none: quick.")
    ] = 30,
    as_json: JsonOption = False,
) -> None:
    """Say how far the documents of today are from what the adapter learned, and which exam questions are stale.

    Run `metier sync` first. What follows from it `metier flow run --dry-run` says.

    Example: metier drift --ask 0
    """
    with open_expert(expert) as opened, progress() as bar:
        bar.counting("Looking", None)
        found = opened.drift(ask=ask, tell=bar.tell)
    if as_json:
        print_json(found.to_json())
        return
    _print(found)


def _print(found: Drift) -> None:
    screen = console()
    for sentence in found.sentences():
        screen.print(styled("{}", sentence), soft_wrap=True)
    for each in found.stale[:_SHOWN]:
        mark = styled("[yellow]![/]") if each.misleads else styled("[dim]·[/]")
        told = styled("{} [dim]{} {} ({})[/]", each.question, each.id, _WHY[each.why], each.document)
        screen.print(styled("{} {}", mark, told), soft_wrap=True)
    if len(found.stale) > _SHOWN:
        screen.print(styled("  [dim]and {} more: metier drift --json[/]", len(found.stale) - _SHOWN))
    wear = found.wear
    if wear.decisions:
        screen.print(
            styled(
                "[dim]The exam decided {} times: {} of {} questions are worn, {} are fresh; that one decision was luck "
                "has a chance of up to {}.[/]",
                wear.decisions, wear.worn, wear.questions, wear.fresh, f"{wear.luck:.0%}",
            ), soft_wrap=True,
        )  # fmt: skip
    if any(each.misleads for each in found.stale):
        screen.print(styled("  Next: [bold]metier exam review[/]."))
