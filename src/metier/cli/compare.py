"""compare, advise, report: which way of answering to use, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.generating import endpoint
from metier.cli.progress import progress
from metier.cli.show import ExpertOption, JsonOption, OnOption, open_expert, print_json, print_restriction
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from rich.text import Text

    from metier.evaluation.questions.halves import Half
    from metier.evaluation.result import ComparisonResult, Figure, JudgeAgreement, Verdict

# Metric, heading; those of which there are figures are shown.
_COLUMNS = (
    ("score", "score"), ("faithful", "faithful"), ("cited_precision", "cites right"),
    ("refusal_recall", "refusals"), ("terms", "terms"),
)  # fmt: skip


def register(app: typer.Typer) -> None:
    for verb in (compare, advise, report):
        app.command()(verb)


def compare(
    expert: ExpertOption = None,
    modes: Annotated[
        str | None, typer.Option(help="Of base,rag,tuned,rag+tuned; default: all that this expert can answer in.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Ask so many of the exam questions.")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(help="Adapter of the tuned modes; default: the one in production.")
    ] = None,
    half: Annotated[
        str, typer.Option(help="Of the exam: all, routine (what the flow asks), release (what it leaves for releases).")
    ] = "all",
    calibrate: Annotated[
        bool, typer.Option("--calibrate/--no-calibrate", help="Learn from the practice questions first.")
    ] = True,
    judge: Annotated[str | None, typer.Option(help="Model that grades too, as openai:NAME.")] = None,
    judge_url: Annotated[str | None, typer.Option(help="Base URL of the judge's endpoint.")] = None,
    judge_key_env: Annotated[str | None, typer.Option(help="Environment variable that holds its key.")] = None,
    on: OnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate every way on the same questions, and say which to use and how sure that is.

    Answers are kept as they come: a run that was interrupted goes on where it was, and what has not changed is not
    asked again.

    Example: metier compare --modes rag,rag+tuned --limit 200
    Example: metier compare --on ray://head.local:6379
    """
    asked = [mode.strip() for mode in modes.split(",")] if modes else None
    with open_expert(expert) as opened, progress() as bar:
        result = opened.evaluation.compare(
            asked, limit=limit, adapter=adapter, half=_half(half), calibrate=calibrate,
            judge=endpoint("judge", judge, judge_url, judge_key_env), on=on, tell=bar.tell,
        )  # fmt: skip
    if as_json:
        print_json(result.to_json())
        return
    if result.verdict:
        _print_result(result, result.verdict)
    console().print(styled("  Every answer: [bold]metier report --open[/]."))


def _half(name: str) -> Half:
    """Raises `InputError` for another name than those of the halves."""
    from metier.core.errors import InputError
    from metier.evaluation.questions.halves import HALVES

    found = next((half for half in HALVES if half == name), None)
    if found is None:
        raise InputError(f"there is no half {name!r}", where="--half", hint=f"Choose one of {', '.join(HALVES)}.")
    return found


def advise(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Say which way to use: by the rules, and by the last comparison where there was one.

    Example: metier advise
    """
    with open_expert(expert) as opened:
        result = opened.evaluation.advise()
    if as_json:
        print_json(result.to_json())
        return
    if result.verdict:
        _print_result(result, result.verdict)
        console().print()
    _print_rules(result)
    if not result.verdict:
        console().print(
            styled("  Measure it: [bold]metier exam import FILE[/] or [bold]generate[/], then [bold]metier compare[/].")
        )


def report(
    expert: ExpertOption = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: in the expert's .metier/reports.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the last comparison as one HTML page that needs no network.

    Example: metier report --open
    """
    with open_expert(expert) as opened:
        path, groups = opened.evaluation.report(out).resolve(), opened.evaluation.restricted_to()
    if as_json:
        print_json({"report": path, "groups": groups})
    else:
        console().print(styled("[green]✓[/] {}", str(path)), soft_wrap=True)
        print_restriction(groups, "It quotes what not everybody may read")
    if show:
        import webbrowser

        webbrowser.open(path.as_uri())


def _print_result(result: ComparisonResult, verdict: Verdict) -> None:
    from rich.table import Table

    screen, figures = console(), result.modes
    columns = [(metric, title) for metric, title in _COLUMNS if any(metric in of for of in figures.values())]
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    table.title = f"{result.questions} exam questions, {result.model}"
    table.add_column("")
    for _, title in columns:
        table.add_column(title, justify="right")
    table.add_column("s/answer", justify="right")
    table.add_column("MiB", justify="right")
    chosen = verdict.choice
    for mode, of in figures.items():
        name = styled("[bold green]{}[/]", mode) if mode == chosen else styled("[bold]{}[/]", mode)
        spent = result.costs.get(mode)
        seconds, memory = (spent.total_p50, spent.peak_memory_mb) if spent else (None, None)
        table.add_row(
            name,
            *(_figure(of.get(metric)) for metric, _ in columns),
            "" if seconds is None else f"{seconds:.1f}",
            "" if memory is None else f"{memory:.0f}",
        )
    screen.print(table)
    mark = styled("[yellow]?[/]") if chosen == "undecided" else styled("[green]✓[/]")
    screen.print(styled("\n{} [bold]{}[/]", mark, verdict.reason), soft_wrap=True)
    for mode, why in verdict.excluded.items():
        screen.print(f"  {mode} is left out: {why}.", soft_wrap=True)
    screen.print(f"  {result.agreement}", soft_wrap=True)
    _print_failures(result, verdict)
    if result.judge:
        _print_judge(result.judge)
    for note in result.notes:
        screen.print(styled("[yellow]![/] {}", note), soft_wrap=True)


def _figure(figure: Figure | None) -> Text:
    if figure is None:
        return styled("[dim]–[/]")
    return styled("{:.2f} [dim]{:.2f}–{:.2f}[/]", figure.mean, figure.low, figure.high)


def _print_failures(result: ComparisonResult, verdict: Verdict) -> None:
    mode = verdict.choice if verdict.choice in result.failures else verdict.best
    for failure in result.failures.get(mode, ())[:2] if mode else ():
        console().print(
            styled(
                "  [dim]Where {} fails most:[/] {}, {} questions. {}",
                mode, failure.cause, failure.count, failure.next_step,
            ), soft_wrap=True,
        )  # fmt: skip


def _print_judge(agreed: JudgeAgreement) -> None:
    said = ", ".join(f"{mode} {figure.mean:.2f}" for mode, figure in agreed.modes.items())
    kappa = "" if agreed.kappa is None else f", kappa {agreed.kappa:.2f}"
    share = "none" if agreed.agreement is None else f"{agreed.agreement:.0%}"
    console().print(
        f"  The judge {agreed.model} says: {said}. It agrees with the score on {share} of "
        f"{agreed.answers} answers{kappa}.", soft_wrap=True,
    )  # fmt: skip


def _print_rules(result: ComparisonResult) -> None:
    screen = console()
    screen.print(styled("[bold]What the rules say[/]"))
    for rule in result.rules:
        points = styled("[bold]{}[/]", rule.points_to) if rule.points_to else styled("[dim]open[/]")
        screen.print(styled("  {}  → {}", rule.asks, points), soft_wrap=True)
        screen.print(styled("    [dim]{}[/]", rule.evidence), soft_wrap=True)
    if not result.verdict:
        screen.print(f"\n  {result.agreement}", soft_wrap=True)
