"""flow run, watch, history, explain, approve, reject: keep what was tuned current."""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metier.cli.progress import Stages, progress
from metier.cli.show import ExpertOption, JsonOption, open_expert, print_error, print_json, print_json_line
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.core.errors import MetierError
    from metier.services.flow import FlowPlan
    from metier.services.flow_steps import Tell
    from metier.state.flow_runs import FlowRun

flow = typer.Typer(no_args_is_help=True, help="Keep what was tuned current: run, watch, history, explain, approve.")
RunArgument = Annotated[int | None, typer.Argument(help="Number of the run; default: the last one.")]
WhoOption = Annotated[str, typer.Option(help="Who decides; kept with the run.")]
KEPT, WAITING = 3, 4  # exit codes; 5 where another run holds the lock
_CODES = {"kept": KEPT, "waiting": WAITING}


def register(app: typer.Typer) -> None:
    app.add_typer(flow, name="flow")
    for verb in (run, watch, history, explain, approve, reject):
        flow.command()(verb)


def run(
    expert: ExpertOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, and why.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Give up a run that was interrupted or waits.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sync; train another adapter where that is due, and promote it if it is better.

    Better somewhere, and nowhere worse by more than the margin, on the same exam as the one in production. A run that
    was interrupted goes on where it was.

    Ends with 0: promoted, or nothing to do; 3: the adapter in production was kept; 4: waits to be approved; 5: another
    run is under way; 1: failed; 2: bad input.

    Example: metier flow run --dry-run
    """
    with open_expert(expert) as opened, progress() as bar:
        if dry_run:
            plan = opened.flow.plan(tell=_teller(bar))
        else:
            done = opened.flow.run(anew=anew, tell=_teller(bar))
    if dry_run:
        _print_plan(plan, as_json)
        return
    _print_run(done, as_json)
    raise typer.Exit(_code(done))


def watch(
    expert: ExpertOption = None,
    every: Annotated[
        str | None, typer.Option(help="From one run to the next: 30min, 6h, 7d; default: the setting flow.every.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each run as JSON in a line of its own.")] = False,
) -> None:
    """Run the flow now, and again and again, until it is stopped.

    By Ctrl-C or SIGTERM; a run that was under way goes on with the next call.

    Example: metier flow watch --every 6h
    """
    from metier.core.errors import MetierError

    stop = threading.Event()
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def told(found: FlowRun | MetierError) -> None:
        if isinstance(found, MetierError):
            print_error(found)
        elif as_json:
            print_json_line(_plain(found))
        else:
            _print_line(found)

    try:
        with open_expert(expert) as opened:
            opened.flow.watch(told, stop, every=every)
    except KeyboardInterrupt:
        console(stderr=True).print(styled("[dim]Stopped. A run that was under way goes on with the next call.[/]"))


def history(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """All runs, and what came of each.

    Example: metier flow history
    """
    with open_expert(expert) as opened:
        runs = opened.flow.runs()
    if as_json:
        print_json([_brief(each) for each in runs])
        return
    if not runs:
        console().print(styled("The flow has not run yet. [bold]metier flow run --dry-run[/] says what it would do."))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("run", "began", "outcome", "candidate", "production", "why"):
        table.add_column(name)
    for each in reversed(runs):
        shown = each.outcome if each.state == "ended" else each.state
        began = each.began[:16].replace("T", " ")
        table.add_row(str(each.number), began, shown, each.candidate, each.production, each.reason)
    console().print(table)


def explain(number: RunArgument = None, expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Why a run ended as it did, in sentences with figures.

    Example: metier flow explain 3
    """
    with open_expert(expert) as opened:
        found = opened.flow.get(number)
    if as_json:
        print_json(_plain(found))
        return
    _print_explanation(found)


def approve(
    number: RunArgument = None, expert: ExpertOption = None, who: WhoOption = "", as_json: JsonOption = False
) -> None:
    """Promote the candidate of a run that waits.

    Example: metier flow approve 3 --who "Ada"
    """
    with open_expert(expert) as opened:
        done = opened.flow.approve(number, who=who)
    _print_run(done, as_json)


def reject(
    number: RunArgument = None,
    expert: ExpertOption = None,
    who: WhoOption = "",
    why: Annotated[str, typer.Option(help="The reason; kept with the run.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Keep the adapter in production, whatever the candidate of a run that waits scored.

    Example: metier flow reject 3 --why "the manuals are about to change again"
    """
    with open_expert(expert) as opened:
        done = opened.flow.reject(number, who=who, why=why)
    _print_run(done, as_json)


def _teller(bar: Stages) -> Tell:
    return lambda stage, done, total, note: bar.tell(stage, done, total, note)


def _code(done: FlowRun) -> int:
    return _CODES.get(done.state if done.state == "waiting" else done.outcome, 0)


def _plain(done: FlowRun) -> dict[str, Any]:
    from metier.flow.explanation import explanation, headline

    return asdict(done) | {
        "headline": headline(done),
        "exit_code": _code(done),
        "explanation": [{"title": each.title, "sentences": list(each.sentences)} for each in explanation(done)],
    }


def _brief(done: FlowRun) -> dict[str, Any]:
    return {name: value for name, value in asdict(done).items() if name != "steps"}


def _print_run(done: FlowRun, as_json: bool) -> None:
    if as_json:
        print_json(_plain(done))
        return
    _print_line(done)
    if done.reason:
        console().print(styled("  {}", done.reason), soft_wrap=True)
    found = done.steps.get("tell") or {}
    for warning in found.get("warnings", ()):
        console().print(styled("[yellow]![/] {}", warning), soft_wrap=True)
    console().print(styled("  Why, with all figures: [bold]metier flow explain {}[/].", done.number))


def _print_line(done: FlowRun) -> None:
    from metier.flow.explanation import headline

    marks = {"promoted": styled("[green]✓[/]"), "kept": styled("[yellow]–[/]"), "rejected": styled("[yellow]–[/]")}
    mark = styled("[yellow]?[/]") if done.state == "waiting" else marks.get(done.outcome, styled("[dim]·[/]"))
    console().print(styled("{} run {}: [bold]{}[/]", mark, done.number, headline(done)), soft_wrap=True)


def _print_explanation(found: FlowRun) -> None:
    from metier.flow.explanation import explanation

    _print_line(found)
    for section in explanation(found):
        console().print(styled("\n[bold]{}[/]", section.title))
        for sentence in section.sentences:
            console().print(styled("  {}", sentence), soft_wrap=True)
    report = (found.steps.get("report") or {}).get("path")
    if report:
        console().print(styled("\n[dim]{}[/]", report), soft_wrap=True)


def _print_plan(plan: FlowPlan, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    screen = console()
    begins = f"Run {plan.goes_on} would go on" if plan.goes_on is not None else "A new run would do"
    screen.print(styled("[bold]{}: {}[/]", begins, ", ".join(plan.steps)), soft_wrap=True)
    for reason in (*plan.decision.reasons, *plan.drift):
        screen.print(styled("  {}", reason), soft_wrap=True)
    screen.print(styled("  [dim]By the documents as they were last synced; nothing was changed.[/]"))
