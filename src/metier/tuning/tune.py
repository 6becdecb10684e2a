"""From an expert's rows to an adapter in its registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from metier.dataset.rows import Row, content_hash
from metier.errors import InputError
from metier.settings import Settings
from metier.tuning import base_model, gguf_adapter, training
from metier.tuning.adapters import Card, Registry
from metier.tuning.checkpoints import RunFolder
from metier.tuning.training import Tick


def tune(
    settings: Settings,
    rows: Sequence[Row],
    expert: Path,
    state: Path,
    name: str,
    *,
    resume: bool = False,
    anew: bool = False,
    on_step: Callable[[Tick], None] | None = None,
) -> Card:
    """Train on `rows` and keep the adapter as a new version of `name`. `expert`: what relative paths are relative to;
    `state`: where runs and adapters are kept; `resume`, `anew`: what to do with a run that was broken off.
    Raises `InputError`, `ModelError`, `StoreError`, each with what to do."""
    if not rows:
        raise InputError("there is nothing to train on", hint="Bring rows in with `metier dataset import FILE`.")
    base = base_model.locate(settings, expert)
    run = RunFolder(state / "runs" / name)
    model, result = training.train(base, rows, settings.tuning, run, resume=resume, anew=anew, on_step=on_step)
    registry = Registry(state / "adapters")
    card = registry.add(
        model,
        Card(
            name=name, version=0, base=base.name, base_fingerprint=base.fingerprint, dataset=content_hash(rows),
            settings=settings.tuning.model_dump(), result=asdict(result),
        ),
        run.folder / "metrics.jsonl",
    )  # fmt: skip
    if not (settings.tuning.rslora or settings.tuning.dora):
        folder = registry.folder(card)
        gguf_adapter.write(folder, base.folder, folder / gguf_adapter.FILE_NAME)
    run.end()
    return card


def served(registry: Registry, card: Card) -> Path:
    """The adapter as llama.cpp loads it. Raises `InputError` for one that it cannot apply."""
    registry.check(card)
    path = registry.folder(card) / gguf_adapter.FILE_NAME
    if not path.exists():
        raise InputError(
            f"{card.reference} is rsLoRA or DoRA, which llama.cpp cannot apply",
            hint=f"Export it: `metier adapters export {card.reference} --as merged`, and serve that.",
        )
    return path
