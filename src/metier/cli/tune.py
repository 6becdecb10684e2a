"""tune: teach the model itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metier.cli import workers
from metier.cli.generating import AllGroupsOption, GroupsOption, groups_of
from metier.cli.progress import progress
from metier.cli.show import (
    ExamOption,
    ExpertOption,
    JsonOption,
    exam_questions,
    find_expert,
    listed,
    open_expert,
    print_json,
    print_restriction,
)
from metier.cli.terminal import console, styled
from metier.core.errors import needing
from metier.core.groups import Required

if TYPE_CHECKING:
    from metier.services.sql_adapters import SqlAdapterOptions
    from metier.tuning.adapters import Card
    from metier.tuning.trainers.lora import Tick

_KIB_PER_GIB = 2**20


def register(app: typer.Typer) -> None:
    app.command()(tune)


def tune(
    expert: ExpertOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the adapter; default: the expert's name.")] = None,
    method: Annotated[str | None, typer.Option(help="lora, or qlora: the frozen weights in 4 bits.")] = None,
    epochs: Annotated[float | None, typer.Option(help="How often every row is seen.")] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the adapter's matrices.")] = None,
    alpha: Annotated[float | None, typer.Option(help="The adapter is added alpha / rank times.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at its peak.")] = None,
    batch: Annotated[int | None, typer.Option(help="Rows of one optimizer step.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Steps after which the run ends, whatever the epochs.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Rows with more tokens are left out, and counted.")] = None,
    modules: Annotated[str | None, typer.Option(help="Matrices with an adapter, as qkv_proj,o_proj.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the order of rows, and of dropout.")] = None,
    exam: ExamOption = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="An adapter that writes queries: rows are made of the expert's own tables.")
    ] = False,
    rows: Annotated[int, typer.Option(min=1, help="With --sql: rows to make.")] = 400,
    dpo: Annotated[
        bool,
        typer.Option("--dpo", help="On preferences: the right answers of corrections and thumbs, and the wrong ones."),
    ] = False,
    beta: Annotated[float | None, typer.Option(help="With --dpo: the higher, the nearer to where it started.")] = None,
    start: Annotated[
        str | None, typer.Option(help="With --dpo: adapter to start from, or base; default: the one in production.")
    ] = None,
    groups: GroupsOption = None,
    all_groups: AllGroupsOption = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Throw away the run that was interrupted.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what a run would take, and on what it fits.")] = False,
    model: Annotated[
        str | None, typer.Option(help="With --plan: a folder, a config.json, a GGUF file, or 70b-like and the like.")
    ] = None,
    gpus: Annotated[str | None, typer.Option(help="With --plan: GPUs that are not here, as 2x48 (GB).")] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", help="local:4: four workers on this machine, each with its GPU if there are any."),
    ] = None,
    sharding: Annotated[
        str | None, typer.Option(help="With several GPUs: none, a copy of the base on each; fsdp, a part on each.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a LoRA or QLoRA adapter on the dataset, in the very format in which the expert answers.

    Options count for this run; `tuning` in metier.toml says what counts without them.

    Example: metier tune --method qlora --rank 32 --lr 1e-4      metier tune --sql --rows 600
             metier tune --plan --model 70b-like --gpus 2x48     metier tune --on local:4
             metier tune --dpo --beta 0.1 --lr 1e-5
    """
    named = {
        "method": method, "epochs": epochs, "rank": rank, "alpha": alpha, "batch": batch,
        "dpo_learning_rate" if dpo else "learning_rate": lr, "dpo_beta": beta,
        "max_steps": max_steps, "max_length": max_length, "seed": seed, "sharding": sharding,
        "modules": None if modules is None else listed(modules),
    }  # fmt: skip
    changes: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    _check(dpo, {"--beta": beta, "--start": start}, {"--sql": sql, "--on": on})
    if plan:
        _plan(expert, model, gpus, on, changes, as_json)
        return
    if on is not None:
        sys.exit(workers.launch(on))
    if sql:
        from metier.services.sql_adapters import SqlAdapterOptions

        wanted = SqlAdapterOptions(rows, 0 if seed is None else seed, groups_of(groups, all_groups))
        with workers.as_worker():
            _tune_for_sql(expert, name, wanted, changes | {"resume": resume, "anew": anew}, as_json)
        return
    if dpo:
        changes |= {"start": start, "groups": groups_of(groups, all_groups)}
    with workers.as_worker():
        _tune(expert, name, exam, changes | {"resume": resume, "anew": anew}, as_json, on_preferences=dpo)


def _check(dpo: bool, alone: Mapping[str, object], others: Mapping[str, object]) -> None:
    """`alone`: options of --dpo; `others`: those that do not go with it. Raises `InputError`."""
    from metier.core.errors import InputError

    if wrong := [name for name, value in (others if dpo else alone).items() if value]:
        raise InputError(f"{wrong[0]} {'does not go with' if dpo else 'is for'} --dpo", hint="Leave one of them out.")


def _tune(
    expert: str | None,
    name: str | None,
    exam: Path | None,
    changes: Mapping[str, Any],
    as_json: bool,
    *,
    on_preferences: bool,
) -> None:
    with open_expert(expert) as opened, progress() as bar:

        def on_step(tick: Tick) -> None:
            bar.tell("Training", tick.step, tick.steps, figures=_figures(tick))

        tell = bar.counting("Pairs" if on_preferences else "Preparing", None)
        questions = exam_questions(opened, exam)
        if on_preferences:
            card = opened.preferences.tune(name, exam=questions, tell=tell, on_step=on_step, **changes)
        else:
            card = opened.adapters.tune(name, exam=questions, on_step=on_step, **changes)
        required = opened.adapters.required(card)
    if as_json:
        print_json(_result(card) | {"groups": required})
        return
    _print_result(card, required)


def _tune_for_sql(
    expert: str | None, name: str | None, wanted: SqlAdapterOptions, changes: Mapping[str, Any], as_json: bool
) -> None:
    with open_expert(expert) as opened, progress() as bar:

        def on_step(tick: Tick) -> None:
            bar.tell("Training", tick.step, tick.steps, figures=_figures(tick))

        made = opened.sql_adapters.tune(name, wanted, tell=bar.tell, on_step=on_step, **changes)
        required = opened.adapters.required(made.card)
    if as_json:
        measured = {"questions": made.questions, "exact_before": made.before, "exact": made.after}
        print_json(_result(made.card) | measured | {"groups": required})
        return
    _print_trained(made.card, required)
    screen = console()
    if made.before is not None and made.after is not None:
        told = (made.questions, round(made.before * made.questions), round(made.after * made.questions))
        screen.print(
            styled("  Of {} questions in other words, no rule asked: {} exact before, [bold]{}[/] now.", *told)
        )
    screen.print(styled("  To have it asked where no rule answers, in metier.toml under [bold][answering][/]:"))
    screen.print(styled('        [bold]sql_adapter = "{}"[/]', made.card.reference))


def _figures(tick: Tick) -> str:
    validation = "" if tick.validation_loss is None else f" · validation {tick.validation_loss:.3f}"
    return f"loss {tick.loss:.3f}{validation} · {tick.tokens_per_second:.0f} tokens/s"


def _result(card: Card) -> dict[str, Any]:
    """The fields that scripts rely on."""
    return {"adapter": card.reference, "base": card.base, "peak_memory_gb": _peak_memory(), **card.result}


def _peak_memory() -> float:
    """GiB: of the GPU where there is one, else of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_GIB


def _print_result(card: Card, groups: Required) -> None:
    _print_trained(card, groups)
    screen, reference = console(), card.reference
    screen.print(styled('  Next: [bold]metier ask "…" --mode tuned --adapter {}[/],', reference))
    screen.print(styled("        [bold]metier adapters promote {}[/].", reference))


def _print_trained(card: Card, groups: Required) -> None:
    screen, result = console(), card.result
    screen.print(styled("[green]✓[/] [bold]{}[/]  {} on {}", card.reference, card.method, card.base))
    left_out = f", {result['too_long']} left out as too long" if result["too_long"] else ""
    if "pairs" in result:
        screen.print(f"  {result['pairs']} preference pairs{left_out}, from {result['start'] or 'the base'}")
        preferred, margin = result["accuracy"], result["margin"]
        screen.print(f"  beta {result['beta']:g}: {preferred:.0%} of them preferred as wanted, by {margin:.2f} nats")
    else:
        screen.print(f"  {result['rows']} rows, {result['validation_rows']} kept apart to validate{left_out}")
    early = ", stopped early: the validation loss no longer fell" if result["stopped"] == "early" else ""
    screen.print(f"  {result['steps']} of {result['planned']} steps{early}")
    validation = result["validation_loss"]
    said = "" if validation is None else f", validation {validation:.3f}"
    screen.print(f"  loss {result['loss']:.3f}{said}; {result['share']:.2%} of the numbers trained")
    several = f", {result['workers']} workers" if result["workers"] > 1 else ""
    several += ", each with a part of the base (FSDP)" if result["sharding"] == "fsdp" else ""
    speed, took = result["tokens_per_second"], result["seconds"]
    screen.print(f"  {speed:.0f} tokens/s, {took:.0f} s, {_peak_memory():.1f} GB{several}")
    print_restriction(groups, "It learned what not everybody may read")


def _plan(
    expert: str | None, model: str | None, gpus: str | None, on: str | None, changes: Mapping[str, Any], as_json: bool
) -> None:
    from metier.cli.plan_table import print_plan
    from metier.core.errors import InputError
    from metier.tuning.planning import plans_for

    try:
        folder = find_expert(expert)
    except InputError:
        if model is None:
            raise
        folder = None
    with needing("tune"):
        plans, devices = plans_for(folder, model, gpus, changes, on)
    if as_json:
        print_json([plan.to_json() for plan in plans])
        return
    print_plan(plans, devices)
