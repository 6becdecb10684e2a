"""From an expert's rows to an adapter in its registry."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from metier.core.errors import InputError
from metier.core.questions import DECIDED
from metier.core.settings import Settings, TuningSettings
from metier.dataset import preferences, provenance
from metier.dataset.preferences import PreferencePair
from metier.dataset.provenance import Provenance
from metier.dataset.rows import Row, content_hash
from metier.dataset.training_record import TrainingRecord
from metier.generation import gguf_file
from metier.tuning import adapted_model, base_model, distributed, gguf_adapter
from metier.tuning.adapters import Card, Registry, check_name
from metier.tuning.base_model import Base
from metier.tuning.checkpoints import RunFolder
from metier.tuning.trainers import lora
from metier.tuning.trainers.lora import Tick

if TYPE_CHECKING:
    from peft import PeftModel

_OF_ADAPTER = ("rank", "alpha", "modules", "rslora", "dora")
_MOST_LABELS = 500  # beyond that they are no labels


def tune(
    settings: Settings,
    rows: Sequence[Row],
    expert: Path,
    state: Path,
    name: str,
    *,
    learned: Provenance | None = None,
    record: TrainingRecord | None = None,
    run_name: str | None = None,
    resume: bool = False,
    anew: bool = False,
    on_step: Callable[[Tick], None] | None = None,
) -> Card:
    """Train on `rows` and keep the adapter as a new version of `name`. `expert`: what relative paths are relative to;
    `state`: where runs and adapters are kept; `learned`: what the rows were written from, None = what they say
    themselves; `record`: what is kept of them, to tell later how much still holds; `run_name`: of the folder of the
    run, None = `name`; `resume`, `anew`: what to do with a run that was interrupted. Called in each of several workers
    that torchrun or the like started, they train it together, and the first keeps it. Raises `InputError`,
    `ModelError`, `StoreError`, each with what to do."""
    if not rows:
        raise InputError("there is nothing to train on", hint="Bring rows in with `metier dataset import FILE`.")
    check_name(name)
    learned = learned or provenance.of(rows, {})
    base = base_model.locate(settings, expert)
    is_served = not (settings.tuning.rslora or settings.tuning.dora)
    if is_served:
        gguf_adapter.architecture_of(base_model.read_config(base.folder))
    run = RunFolder(state / "runs" / (run_name or name))
    world = distributed.from_environment()
    device = adapted_model.device_of(settings.tuning.device, world)
    with distributed.joined(world, device, alone=settings.tuning.sharding == "fsdp") as workers:
        model, result = lora.train(
            base, rows, settings.tuning, run, resume=resume, anew=anew, on_step=on_step, world=workers
        )
        card = Card(
            name=name, version=0, base=base.name, base_fingerprint=base.fingerprint, dataset=content_hash(rows),
            settings=settings.tuning.model_dump(mode="json"), result=asdict(result) | {"labels": _labels(rows)},
            language=settings.language, documents=learned.documents, groups=learned.groups,
        )  # fmt: skip
        return workers.once(lambda: keep(model, card, run, base, state, record, for_llama=is_served))


def tune_on_preferences(
    settings: Settings,
    pairs: Sequence[PreferencePair],
    expert: Path,
    state: Path,
    name: str,
    *,
    learned: Provenance,
    start: Card | None = None,
    record: TrainingRecord | None = None,
    resume: bool = False,
    anew: bool = False,
    on_step: Callable[[Tick], None] | None = None,
) -> Card:
    """Train by DPO and keep the adapter as a new version of `name`. `start`: the adapter that it starts from, whose
    rank and matrices it keeps; None = the base. Others and errors as in `tune`."""
    from metier.tuning.trainers import dpo

    check_name(name)
    if distributed.from_environment().size > 1:
        raise InputError("preferences are trained on in one process", hint="Leave out --on, or torchrun.")
    base = base_model.locate(settings, expert)
    tuning = settings.tuning
    if start is not None:
        start.require_base(base.fingerprint)
        own = {each: start.settings[each] for each in _OF_ADAPTER if each in start.settings}
        tuning = TuningSettings.model_validate(tuning.model_dump() | own)
    is_served = not (tuning.rslora or tuning.dora)
    if is_served:
        gguf_adapter.architecture_of(base_model.read_config(base.folder))
    run = RunFolder(state / "runs" / f"{name}.dpo")
    folder = Registry(state / "adapters").folder(start) if start is not None else None
    model, result, preference = dpo.train(
        base, pairs, tuning, run, start=folder, resume=resume, anew=anew, on_step=on_step
    )
    card = Card(
        name=name, version=0, base=base.name, base_fingerprint=base.fingerprint,
        dataset=preferences.content_hash(pairs),
        settings=tuning.model_dump(mode="json")
        | {"method": "dpo", "weights": tuning.method, "learning_rate": tuning.dpo_learning_rate},
        result=asdict(result) | asdict(preference) | {"labels": [], "start": start.reference if start else None},
        language=settings.language, documents=learned.documents, groups=learned.groups,
    )  # fmt: skip
    return keep(model, card, run, base, state, record, for_llama=is_served)


def keep(
    model: PeftModel, card: Card, run: RunFolder, base: Base, state: Path, record: TrainingRecord | None, *,
    for_llama: bool,
) -> Card:  # fmt: skip
    """The adapter in `model` as the next version of `card.name`, with the curve of its run, which is over then.
    `for_llama`: in the form of llama.cpp, too. Raises `StoreError`."""

    def finish(folder: Path) -> None:
        shutil.copyfile(run.folder / "metrics.jsonl", folder / "metrics.jsonl")
        if record is not None:
            record.save(folder)
        if for_llama:
            gguf_adapter.write(folder, base.folder, folder / gguf_adapter.FILE_NAME)

    kept = Registry(state / "adapters").add(model, card, finish)
    run.end()
    return kept


def _labels(rows: Sequence[Row]) -> list[str]:
    """The completions of rows that teach to decide, the usual ones first."""
    counts = Counter(row.completion for row in rows if row.kind in DECIDED)
    return [label for label, _ in counts.most_common(_MOST_LABELS)]


def served(registry: Registry, card: Card, settings: Settings, expert: Path) -> Path:
    """The adapter as llama.cpp loads it, converted where it came from elsewhere. Raises `InputError` for one that it
    cannot apply, `ModelError` for a damaged file."""
    registry.check(card)
    folder = registry.folder(card)
    path = folder / gguf_adapter.FILE_NAME
    if not path.exists():
        gguf_adapter.write(folder, base_model.locate(settings, expert).folder, path)
    gguf_file.read_header(path)
    return path
