"""plan: what storage, memory and machines an expert takes when it has grown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import ExpertOption, JsonOption, open_expert, print_json
from metier.cli.terminal import console, styled
from metier.core.amounts import count_of, share_of
from metier.core.errors import InputError

if TYPE_CHECKING:
    from rich.text import Text

    from metier.services.capacity.plan import Basis, CapacityPlan


def register(app: typer.Typer) -> None:
    app.command()(plan)


def plan(
    documents: Annotated[str, typer.Option(help="How many there will be: 5000, 20k, 1.5M, 50M.")],
    qps: Annotated[str, typer.Option(help="Questions a second at the busiest: 0.5, 20, 2k.")] = "1",
    growth: Annotated[str | None, typer.Option(help="Share by which documents grow on top: 30%.")] = None,
    latency: Annotated[float, typer.Option(min=0.001, help="Seconds that a search may take.")] = 0.3,
    cores: Annotated[int | None, typer.Option(min=1, help="Cores of a machine; default: as this one.")] = None,
    memory: Annotated[float | None, typer.Option(min=0.1, help="Its memory in GB; default: as this one.")] = None,
    busy: Annotated[float, typer.Option(min=0.05, max=1, help="Share of its processors to plan with.")] = 0.6,
    spare: Annotated[int, typer.Option(min=0, help="Servers more than are needed, so that one may fail.")] = 1,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Answers that one copy of the model writes at once.")
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Embed some passages now, too.")] = False,
    expert: ExpertOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what storage, memory, machines and money it takes to grow, from what is measured of this expert.

    Searches are timed now; how fast documents are read in comes from past syncs, how long an answer takes from the last
    `metier compare`, prices from `costs` in metier.toml. What nobody measured is marked as assumed.

    Example: metier plan --documents 50M --qps 200 --cores 16 --memory 128
    """
    from metier.services.capacity.measuring import measure as measured
    from metier.services.capacity.plan import CapacityTarget
    from metier.services.capacity.plan import plan as planned

    target = CapacityTarget(
        _given("--documents", documents, count_of), _given("--qps", qps, count_of),
        _given("--growth", growth, share_of) if growth else 0.0, latency, cores, memory, busy, spare, streams,
    )  # fmt: skip
    with open_expert(expert) as opened, progress() as bar:
        questions = [each.question for each in opened.exam.questions()]
        found = measured(opened.runtime, questions, embedding=measure, tell=bar.tell)
        made = planned(found, target, opened.settings)
    if as_json:
        print_json({**asdict(made), "measured": asdict(found)})
        return
    _print(made)


def _given(option: str, text: str, read: Callable[[str], float]) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise InputError(str(error), where=option) from None


def _shown(basis: Basis) -> Text:
    match basis:
        case "measured":
            return styled("[green]{}[/]", basis)
        case "setting":
            return styled("[cyan]{}[/]", basis)
        case "reckoned" | "asked":
            return styled("[dim]{}[/]", basis)
        case _:  # not of this expert
            return styled("[yellow]{}[/]", basis)


def _print(made: CapacityPlan) -> None:
    from rich.table import Table

    from metier.services.capacity.plan import in_parts

    screen = console()
    for part, lines in in_parts(made.lines).items():
        screen.print(styled("\n[bold]{}[/]", part.capitalize()))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(min_width=22)
        table.add_column(justify="right", min_width=10)
        table.add_column(min_width=9)
        table.add_column(ratio=1)
        for line in lines:
            value = f"{_number(line.value)} {line.unit}".strip()
            table.add_row(line.name, value, _shown(line.basis), styled("[dim]{}[/]", line.how))
        screen.print(table)
    screen.print(styled("\n[bold]{}[/]", made.store + "."))
    machines = f"{made.servers} servers" + (f", {made.databases} for PostgreSQL" if made.databases else "")
    copies = f", {made.model_replicas} copies of the model" if made.model_replicas else ""
    screen.print(
        styled(
            "{}{}; {} GB of storage; {} GB of memory each; {} s a search.",
            machines, copies, _number(made.storage_gb), _number(made.memory_gb), _number(made.search_seconds),
        )
    )  # fmt: skip
    if made.cost is not None:
        screen.print(styled("[bold]{} {} a month[/]", _number(made.cost), made.currency))
    for note in made.notes:
        screen.print(styled("[yellow]![/] {}", note))


def _number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:,.3g}"
