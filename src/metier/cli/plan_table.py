"""A memory plan on one screen: a row for each part, a column for each method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from metier.tuning.devices import Device
    from metier.tuning.plan import Plan

_METHODS = {"lora": "LoRA", "qlora": "QLoRA", "full": "full"}
_GIB = 2**30


def print_plan(plans: Sequence[Plan], devices: Sequence[Device]) -> None:
    """Plans of one model for the same devices, side by side, and what each would need."""
    screen = console()
    first = plans[0]
    recipe, place = first.recipe, "GPU" if any(device.kind == "cuda" for device in devices) or not devices else "CPU"
    rows = f"{recipe.batch} x {recipe.length:,} tokens on each {place}, {recipe.labelled:,} of them learned"
    again = ", activations recomputed" if recipe.gradient_checkpointing else ""
    screen.print(styled("[bold]{}[/]  {} parameters", first.model, _count(first.parameters)))
    screen.print(styled("[dim]{}{}[/]", rows, again))
    if first.sharding == "fsdp":
        screen.print(styled("[dim]{} workers, of the base a part on each (FSDP)[/]", len(devices)))
    screen.print()
    screen.print(_parts(plans, place))
    screen.print(styled("[dim]GB are 2^30 bytes. In brackets: not there at the peak.[/]\n"))
    if devices:
        screen.print(_fitting(plans, devices))
        screen.print()
    screen.print(_needed(plans))


def _table(plans: Sequence[Plan], first: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, min_width=20)
    for plan in plans:
        table.add_column(_METHODS[plan.recipe.method], justify="right", min_width=10)
    return table


def _parts(plans: Sequence[Plan], place: str) -> Table:
    table = _table(plans, f"GB on each {place}")
    names = dict.fromkeys(part.name for plan in plans for part in plan.parts)
    for name in sorted(names, key=_ORDER.index):
        table.add_row(name, *(_cell(plan, name) for plan in plans))
    table.add_row(styled("[bold]at the peak[/]"), *(styled("[bold]{}[/]", _gb(plan.total)) for plan in plans))
    table.add_row("share trained", *(f"{plan.share:.2%}" for plan in plans), style="dim")
    return table


_ORDER = (
    "weights",
    "master weights",
    "adapter",
    "autocast copies",
    "gradients",
    "optimizer",
    "gradient buckets",
    "gathered",
    "unshared gradients",
    "activations",
    "logits",
    "recomputed layer",
    "in passing",
    "dequantised",
    "DoRA norms",
    "process",
)


def _cell(plan: Plan, name: str) -> str | Text:
    part = next((part for part in plan.parts if part.name == name), None)
    if part is None:
        return styled("[dim]·[/]")
    return _gb(part.bytes) if plan.at_peak(part) else styled("[dim]({})[/]", _gb(part.bytes))


def _fitting(plans: Sequence[Plan], devices: Sequence[Device]) -> Table:
    table = _table(plans, "what is there")
    for device, count in Counter(devices).items():
        index = devices.index(device)
        marks = (styled("[green]✓ fits[/]") if plan.fits[index] else styled("[red]✗ too big[/]") for plan in plans)
        several = f"{count} x " if count > 1 else ""
        table.add_row(f"{several}{device.name}, {device.free / _GIB:.1f} GB free", *marks)
    return table


def _needed(plans: Sequence[Plan]) -> Table:
    table = _table(plans, "GPUs it takes")
    for index, (size, _) in enumerate(plans[0].needed):
        table.add_row(f"of {size} GB", *(str(plan.needed[index][1] or "too many") for plan in plans))
    return table


def _gb(size: int) -> str:
    gigabytes = size / _GIB
    return f"{gigabytes:,.1f}" if gigabytes >= 10 else f"{gigabytes:.2f}" if gigabytes >= 0.01 else "<0.01"


def _count(numbers: int) -> str:
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if numbers >= size:
            return f"{numbers / size:.1f} {name}"
    return f"{numbers:,}"
