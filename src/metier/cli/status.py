"""status, which is also what `metier` alone says where there is an expert; remove."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.show import ExpertOption, JsonOption, counted, local_time, open_expert, print_json
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.services.status import Status


def register(app: typer.Typer) -> None:
    for verb in (status, remove):
        app.command()(verb)


def status(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Say where the expert stands, and what to do next.

    Example: metier status
    """
    from metier.services.status import next_steps

    with open_expert(expert) as opened:
        found = opened.status()
    steps = next_steps(found)
    if as_json:
        print_json({**asdict(found), "next": [asdict(step) for step in steps]})
        return
    screen = console()
    screen.print(styled("[bold]{}[/] [dim]{}[/]", found.name, found.folder))
    for name, value in _facts(found):
        screen.print(styled("  [dim]{:<11}[/]{}", name, value), soft_wrap=True)
    screen.print("\nNext:")
    width = max(len(step.command) for step in steps)
    for step in steps:
        screen.print(styled("  [bold]{}[/]  [dim]{}[/]", step.command.ljust(width), step.why), soft_wrap=True)


def _facts(found: Status) -> list[tuple[str, str]]:
    failed = f", {found.failed} could not be read" if found.failed else ""
    failed += f", {counted(found.unread, 'source')} not read yet" if found.unread else ""
    never = "never synced from here" if found.store else "never synced"
    synced = f"synced {local_time(found.synced_at)}" if found.synced_at else never
    answers = found.model + (f" with {found.adapter}" if found.adapter else "")
    exam = (
        f"{found.exam} questions, {found.practice} to practise on" if found.exam or found.practice else "no questions"
    )
    store = f"{found.store}: {found.store_problem}" if found.store_problem else found.store
    return [
        *([("store", store)] if store else []),
        ("documents", f"{found.documents} from {counted(found.sources, 'source')}{failed}, {synced}"),
        ("models", f"{found.embedder} finds, {answers} answers"),
        ("exam", exam + (", refusals calibrated" if found.calibrated else "")),
        ("dataset", f"{found.rows} rows to tune on"),
        ("verdict", f"{found.verdict} ({local_time(found.compared_at)})" if found.verdict else "not compared yet"),
    ]


def remove(
    sources: Annotated[list[str], typer.Argument(help="As `metier sources` or metier.toml names them.")],
    expert: ExpertOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take sources from the expert; the next sync takes what came from them out of the index.

    Example: metier remove ./docs
    """
    opened = open_expert(expert)
    for source in sources:
        opened.remove(source)
        if not as_json:
            console().print(styled("[green]✓[/] Removed {}", source), soft_wrap=True)
    if as_json:
        print_json({"removed": sources})
        return
    console().print(styled("  Next: [bold]metier sync[/]."))
