"""tune, adapters: teach the model itself, and choose what is in production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from metier.core.groups import Required, in_words

if TYPE_CHECKING:
    from metier.services.sql_adapters import SqlAdapterOptions
    from metier.tuning.adapters import Card
    from metier.tuning.trainers.lora import Tick

adapters = typer.Typer(no_args_is_help=True, help="What was tuned: list, compare, promote, roll back, export.")
ReferenceArgument = Annotated[str, typer.Argument(help="NAME (its newest version) or NAME@VERSION.")]
_KIB_PER_GIB = 2**20
_LEARNED = "It learned what not everybody may read"


def register(app: typer.Typer) -> None:
    app.command()(tune)
    app.add_typer(adapters, name="adapters")
    for name, verb in (
        ("list", list_adapters), ("show", show), ("compare", compare), ("promote", promote), ("rollback", rollback),
        ("export", export),
    ):  # fmt: skip
        adapters.command(name)(verb)


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
    groups: GroupsOption = None,
    all_groups: AllGroupsOption = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Throw away the run that was interrupted.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what a run would take, and on what it fits.")] = False,
    model: Annotated[
        str | None, typer.Option(help="With --plan: a folder, a config.json, a GGUF file, or 70b-like and the like.")
    ] = None,
    gpus: Annotated[str | None, typer.Option(help="With --plan: GPUs that are not here, as 2x48 (GB).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a LoRA or QLoRA adapter on the dataset, in the very format in which the expert answers.

    Options count for this run; `tuning` in metier.toml says what counts without them.

    Example: metier tune --method qlora --rank 32 --lr 1e-4      metier tune --sql --rows 600
             metier tune --plan --model 70b-like --gpus 2x48
    """
    named = {
        "method": method, "epochs": epochs, "rank": rank, "alpha": alpha, "learning_rate": lr, "batch": batch,
        "max_steps": max_steps, "max_length": max_length, "seed": seed,
        "modules": None if modules is None else listed(modules),
    }  # fmt: skip
    changes: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if plan:
        _plan(expert, model, gpus, changes, as_json)
        return
    if sql:
        from metier.services.sql_adapters import SqlAdapterOptions

        wanted = SqlAdapterOptions(rows, 0 if seed is None else seed, groups_of(groups, all_groups))
        _tune_for_sql(expert, name, wanted, changes | {"resume": resume, "anew": anew}, as_json)
        return
    with open_expert(expert) as opened, progress() as bar:
        bar.counting("Preparing", None)

        def tell(tick: Tick) -> None:
            bar.tell("Training", tick.step, tick.steps, figures=_figures(tick))

        card = opened.adapters.tune(
            name, resume=resume, anew=anew, exam=exam_questions(opened, exam), on_step=tell, **changes
        )
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
    screen.print(f"  {result['rows']} rows, {result['validation_rows']} kept apart to validate{left_out}")
    early = ", stopped early: the validation loss no longer fell" if result["stopped"] == "early" else ""
    screen.print(f"  {result['steps']} of {result['planned']} steps{early}")
    validation = result["validation_loss"]
    said = "" if validation is None else f", validation {validation:.3f}"
    screen.print(f"  loss {result['loss']:.3f}{said}; {result['share']:.2%} of the numbers trained")
    screen.print(f"  {result['tokens_per_second']:.0f} tokens/s, {result['seconds']:.0f} s, {_peak_memory():.1f} GB")
    print_restriction(groups, _LEARNED)


def _plan(expert: str | None, model: str | None, gpus: str | None, changes: Mapping[str, Any], as_json: bool) -> None:
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
        plans, devices = plans_for(folder, model, gpus, changes)
    if as_json:
        print_json([plan.to_json() for plan in plans])
        return
    print_plan(plans, devices)


def list_adapters(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """All adapters of the expert, newest version first.

    Example: metier adapters list
    """
    with open_expert(expert) as opened:
        cards = opened.adapters.registry.cards()
        groups = {card.reference: opened.adapters.required(card) for card in cards}
    if as_json:
        print_json([_brief(card) | {"groups": groups[card.reference]} for card in cards])
        return
    if not cards:
        console().print(styled("No adapters yet. [bold]metier tune[/] makes one."))
        return
    _table(cards)
    _print_readers(cards, groups)


def show(reference: ReferenceArgument, expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Everything that is known of one adapter: data, settings, curve, exams.

    Example: metier adapters show turbines@2
    """
    from metier.tuning.checkpoints import RunFolder

    with open_expert(expert) as opened:
        card = opened.adapters.registry.get(reference)
        curve, groups = RunFolder(opened.adapters.registry.folder(card)).curve(), opened.adapters.required(card)
    if as_json:
        print_json(asdict(card) | {"curve": curve, "groups": groups})
        return
    from rich.table import Table

    screen = console()
    screen.print(styled("[bold]{}[/]  {}, made {}", card.reference, card.state, card.created))
    table = Table(box=None, pad_edge=False, show_header=False)
    readers = in_words(groups) or "everybody"
    facts = {"base": f"{card.base} ({card.base_fingerprint})", "dataset": card.dataset, "for": readers, **card.result}
    for name, value in facts.items():
        table.add_row(styled("[dim]{}[/]", name), _plain(value))
    screen.print(table)
    screen.print(styled("[dim]settings[/] ") + ", ".join(f"{k} {v}" for k, v in card.settings.items()))
    if losses := [row["loss"] for row in curve]:
        screen.print(styled("[dim]loss[/] {}  {:.3f} to {:.3f}", _spark(losses), losses[0], losses[-1]))
    for name, value in card.exam.items():
        screen.print(styled("[dim]exam[/] {}: {}", name, _plain(value)))


def compare(
    first: ReferenceArgument, second: ReferenceArgument, expert: ExpertOption = None, as_json: JsonOption = False
) -> None:
    """Where two adapters differ: settings, data, how the run went, exams.

    Example: metier adapters compare turbines@1 turbines@2
    """
    with open_expert(expert) as opened:
        cards = [opened.adapters.registry.get(reference) for reference in (first, second)]
    flat = [_flat(card) for card in cards]
    names = dict.fromkeys(name for each in flat for name in each)
    rows = {name: [each.get(name) for each in flat] for name in names}
    rows = {name: values for name, values in rows.items() if values[0] != values[1]}
    if as_json:
        print_json({"adapters": [card.reference for card in cards], "differ": rows})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", *(card.reference for card in cards)):
        table.add_column(name)
    for name, values in rows.items():
        table.add_row(styled("[dim]{}[/]", name), *(_plain(value) for value in values))
    console().print(table if rows else "They differ in nothing.")


def promote(reference: ReferenceArgument, expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Put an adapter into production: the tuned modes answer with it from now on.

    Example: metier adapters promote turbines@2
    """
    with open_expert(expert) as opened:
        card = opened.adapters.promote(reference)
        groups = opened.adapters.required(card)
    if as_json:
        print_json(_brief(card) | {"groups": groups})
        return
    console().print(styled("[green]✓[/] {} is in production.", card.reference))
    print_restriction(groups, _LEARNED)


def rollback(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Back to the adapter that was in production before.

    Example: metier adapters rollback
    """
    with open_expert(expert) as opened:
        card = opened.adapters.rollback()
    if as_json:
        print_json(_brief(card) if card else None)
        return
    said = f"{card.reference} is in production again" if card else "no adapter is in production any more"
    console().print(styled("[green]✓[/] {}.", said))


def export(
    reference: ReferenceArgument,
    to: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    form: Annotated[str, typer.Option("--as", help="peft, merged, gguf-f16, gguf-q8_0 or ollama.")] = "merged",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Refuse an export that does not answer as the adapter does.")
    ] = True,
    expert: ExpertOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an adapter for use elsewhere: PEFT folder for vLLM, merged safetensors, GGUF, Ollama. What was written is
    asked some training rows and exam questions, and refused where it is not the adapter.

    Example: metier adapters export turbines@2 ./turbines-ollama --as ollama
    """
    with open_expert(expert) as opened, progress() as bar:
        done = opened.adapters.export(
            reference, to, form, check=check, questions=opened.exam.questions("exam"),
            tell=lambda what: bar.tell("Exporting", 0, None, f"{form}: {what}"),
        )  # fmt: skip
        groups = opened.adapters.required(opened.adapters.registry.get(reference))
    if as_json:
        files = [str(file) for file in done.files]
        print_json({"files": files, "groups": groups, "parity": done.parity, "notes": done.notes})
        return
    for file in done.files:
        console().print(styled("[green]✓[/] {}", str(file)), soft_wrap=True)
    for note in done.notes:
        console().print(styled("[yellow]![/] {}", note))
    if done.parity is not None and done.parity.difference is not None:
        told = (done.parity.difference, done.parity.tokens)
        console().print(styled("  It differs from the adapter by {:.3f} nats a token, over {} tokens.", *told))
    elif check and form != "peft":
        console().print(
            styled("[yellow]![/] Not compared with the adapter: there are no training rows and no exam questions.")
        )
    print_restriction(groups, _LEARNED)


def _print_readers(cards: list[Card], groups: Mapping[str, Required]) -> None:
    for card in cards:
        name = card.reference
        if card.groups is None and groups[card.reference]:
            console().print(
                styled(
                    "[yellow]![/] What {} learned was not noted: it answers only who holds {}, as if it were all. Tune "
                    "again.",
                    name, in_words(groups[card.reference]),
                ), soft_wrap=True,
            )  # fmt: skip
        else:
            print_restriction(groups[card.reference], f"{name} learned what not everybody may read")


def _brief(card: Card) -> dict[str, Any]:
    brief = ("name", "version", "base", "method", "state", "exam")
    return {name: getattr(card, name) for name in brief} | {"created": card.created, "loss": card.result.get("loss")}


def _table(cards: list[Card]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "adapter", "method", "base", "rows", "validation loss", "made"):
        table.add_column(name)
    for card in cards:
        mark = {"production": styled("[green]●[/]"), "retired": styled("[dim]○[/]")}.get(card.state, "")
        loss = card.result.get("validation_loss")
        table.add_row(
            mark, styled("[bold]{}[/]", card.reference), card.method, card.base, str(card.result.get("rows")),
            "" if loss is None else f"{loss:.3f}", card.created[:16].replace("T", " "),
        )  # fmt: skip
    console().print(table)
    console().print(styled("[dim]● in production   ○ was in production[/]"))


def _flat(card: Card) -> dict[str, Any]:
    facts: dict[str, Any] = {"base": card.base_fingerprint, "dataset": card.dataset}
    return facts | card.settings | card.result | {f"exam {name}": value for name, value in card.exam.items()}


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _spark(values: list[float], width: int = 40) -> str:
    """A curve in one line of text."""
    step = max(1, len(values) // width)
    means = [sum(values[at : at + step]) / len(values[at : at + step]) for at in range(0, len(values), step)]
    low, high = min(means), max(means)
    return "".join("▁▂▃▄▅▆▇█"[round((value - low) / (high - low or 1) * 7)] for value in means)
