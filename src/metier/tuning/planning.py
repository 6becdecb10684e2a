"""The plan for an expert's own settings, on what is there or on GPUs that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import regex

from metier.core import settings as settings_module
from metier.core.errors import InputError
from metier.core.settings import Settings, TuningSettings
from metier.tuning import launch, plan
from metier.tuning.devices import Device, devices
from metier.tuning.modules import target_modules
from metier.tuning.plan import Plan, Sharding
from metier.tuning.recipe import Method, Recipe
from metier.tuning.shapes import shape_of

_LEARNED = 0.1  # share of the tokens that carry a label: of a row with sources nine in ten are prompt
_METHODS: tuple[Method, ...] = ("lora", "qlora", "full")
_GPUS = regex.compile(r"(?P<count>\d+)x(?P<size>\d+)")


def plans_for(
    folder: Path | None,
    model: str | None,
    gpus: str | None,
    changes: Mapping[str, object] | None = None,
    on: str | None = None,
) -> tuple[list[Plan], Sequence[Device]]:
    """LoRA, QLoRA and full fine-tuning side by side. `folder`: of the expert whose settings count, None = defaults.
    `model`: another than the expert's. `gpus`: as `2x48`, None = what this machine has. `changes`: other settings of
    `[tuning]`. `on`: as `local:4`, so many workers on this machine. Raises `InputError`."""
    settings = settings_module.load(folder) if folder is not None else Settings()
    if changes:
        settings = settings_module.with_tuning(settings, changes)
    shape = shape_of(model or _own(settings, folder or Path()))
    target_modules(shape, settings.tuning.modules)
    there = _devices(gpus) if gpus else devices()
    there = _workers(there, on) if on else there
    checkpointing = settings.tuning.gradient_checkpointing or shape.parameters > 1e9
    sharding: Sharding | None = "none" if settings.tuning.sharding == "none" else None
    recipes = [recipe_of(settings.tuning, method, checkpointing=checkpointing) for method in _METHODS]
    return [plan.plan(shape, recipe, there, sharding) for recipe in recipes], there


def recipe_of(tuning: TuningSettings, method: Method, *, checkpointing: bool) -> Recipe:
    """How our loop trains with these settings."""
    return Recipe(
        method=method,
        rank=tuning.rank,
        modules=tuning.modules,
        dora=tuning.dora and method != "full",
        dropout=tuning.dropout,
        adapter_dtype="float32" if method == "full" else "bfloat16",
        master=method != "full",
        batch=1,
        length=tuning.micro_tokens,
        label_tokens=max(1, round(tuning.micro_tokens * _LEARNED)),
        gradient_checkpointing=checkpointing,
        masked=True,
    )


def _own(settings: Settings, folder: Path) -> str:
    """The expert's model as a place where its configuration can be read, without fetching weights."""
    from metier.tuning import base_model

    return base_model.configuration(settings, folder)


def _workers(there: Sequence[Device], on: str) -> list[Device]:
    """A GPU for each worker; on the CPU they share its memory."""
    workers = launch.workers_of(on, len(there) if there[0].kind == "cuda" else None)
    if there[0].kind == "cpu":
        cpu = there[0]
        return [Device(cpu.name, "cpu", cpu.total // workers, cpu.free // workers)] * workers
    if workers > len(there):
        raise InputError(
            f"{workers} workers want as many GPUs, and there are {len(there)}",
            where="--on",
            hint=f"For GPUs that are not here: --gpus {workers}x48.",
        )
    return list(there[:workers])


def _devices(said: str) -> list[Device]:
    match = _GPUS.fullmatch(said)
    if match is None or not int(match["count"]):
        raise InputError(f"{said!r} names no GPUs", where="--gpus", hint="Write 2x48 for two of 48 GB.")
    return [Device.gpu(int(match["size"]))] * int(match["count"])
