"""The plan for an expert's own settings, on what is there or on GPUs that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import regex

from metier.core import settings as settings_module
from metier.core.errors import InputError
from metier.core.settings import Settings
from metier.tuning import plan
from metier.tuning.devices import Device, devices
from metier.tuning.modules import target_modules
from metier.tuning.plan import Plan
from metier.tuning.recipe import Method, Recipe
from metier.tuning.shapes import shape_of

_LEARNED = 0.1  # share of the tokens that carry a label: of a row with sources nine in ten are prompt
_METHODS: tuple[Method, ...] = ("lora", "qlora", "full")
_GPUS = regex.compile(r"(?P<count>\d+)x(?P<size>\d+)")


def plans_for(
    folder: Path | None, model: str | None, gpus: str | None, changes: Mapping[str, object] | None = None
) -> tuple[list[Plan], Sequence[Device]]:
    """LoRA, QLoRA and full fine-tuning side by side. `folder`: of the expert whose settings count, None = defaults.
    `model`: another than the expert's. `gpus`: as `2x48`, None = what this machine has. `changes`: other settings of
    `[tuning]`. Raises `InputError`."""
    settings = settings_module.load(folder) if folder is not None else Settings()
    if changes:
        settings = settings_module.with_tuning(settings, changes)
    shape = shape_of(model or _own(settings, folder or Path()))
    target_modules(shape, settings.tuning.modules)
    there = _devices(gpus) if gpus else devices()
    tuning = settings.tuning
    made = []
    for method in _METHODS:
        recipe = Recipe(
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
            gradient_checkpointing=tuning.gradient_checkpointing or shape.parameters > 1e9,
            masked=True,
        )
        made.append(plan.plan(shape, recipe, there))
    return made, there


def _own(settings: Settings, folder: Path) -> str:
    """The expert's model as a place where its configuration can be read, without fetching weights."""
    from metier.tuning import base_model

    return base_model.configuration(settings, folder)


def _devices(said: str) -> list[Device]:
    match = _GPUS.fullmatch(said)
    if match is None or not int(match["count"]):
        raise InputError(f"{said!r} names no GPUs", where="--gpus", hint="Write 2x48 for two of 48 GB.")
    return [Device.gpu(int(match["size"]))] * int(match["count"])
