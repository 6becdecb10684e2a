"""adapters: what was tuned, and what of it is in production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metier.cli.progress import progress
from metier.cli.show import (
    ExpertOption,
    JsonOption,
    open_expert,
    print_json,
    print_restriction,
)
from metier.cli.terminal import console, styled
from metier.core.groups import Required, in_words

if TYPE_CHECKING:
    from metier.tuning.adapters import Card

adapters = typer.Typer(no_args_is_help=True, help="What was tuned: list, compare, promote, roll back, export.")
ReferenceArgument = Annotated[str, typer.Argument(help="NAME (its newest version) or NAME@VERSION.")]
_LEARNED = "It learned what not everybody may read"


def register(app: typer.Typer) -> None:
    app.add_typer(adapters, name="adapters")
    for name, verb in (
        ("list", list_adapters), ("show", show), ("compare", compare), ("promote", promote), ("rollback", rollback),
        ("export", export),
    ):  # fmt: skip
        adapters.command(name)(verb)


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
