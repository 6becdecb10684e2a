"""Direct preference optimisation (Rafailov et al. 2023) by TRL's `DPOTrainer`: of two answers to one prompt, one is to
become likelier than the other, measured against the model as it was at the start.

The prompt is in the very tokens of answering (`encoding`), as for the trainer of rows, and the run is kept in the same
folder: metrics.jsonl, and checkpoints from which it goes on. The checkpoints are those of transformers' Trainer.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.core.errors import InputError, ModelError
from metier.core.settings import TuningSettings
from metier.dataset.preferences import PreferencePair, content_hash
from metier.dataset.rows import Row
from metier.generation import gguf_file
from metier.tuning import base_model
from metier.tuning.adapted_model import device_of, number_format, with_adapter
from metier.tuning.base_model import Base
from metier.tuning.checkpoints import RunFolder
from metier.tuning.encoding import Encoder
from metier.tuning.trainers.lora import Tick, TrainingResult

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import TrainingArguments
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

LEAST_PAIRS = 4
_RECENT = 10  # steps whose figures are called those of the run
_REFERENCE = "ref"  # TRL's copy of the adapter as it was at the start
_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True, slots=True)
class Preference:
    """How far a run came, over its last steps. `margin`: of the chosen answer's reward over the other's (beta times the
    change of their log-probabilities, nats); `accuracy`: share of the pairs where it is above 0."""

    pairs: int
    beta: float
    margin: float
    accuracy: float


def train(
    base: Base,
    pairs: Sequence[PreferencePair],
    settings: TuningSettings,
    run: RunFolder,
    *,
    start: Path | None = None,
    resume: bool = False,
    anew: bool = False,
    on_step: Callable[[Tick], None] | None = None,
) -> tuple[PeftModel, TrainingResult, Preference]:
    """Train the adapter in the folder `start`, None = a fresh one, on `pairs`. `resume`, `anew`: as for rows. Raises
    `InputError` for too few pairs or other settings than those of the run to go on with, `ModelError` where the loss is
    no number any more."""
    examples, too_long = _encoded(base, pairs, settings)
    kept = settings.model_dump(mode="json", exclude={"sharding"})
    origin = gguf_file.fingerprint(start / "adapter_model.safetensors") if start else None
    facts = {"settings": kept, "base": base.fingerprint, "data": content_hash(pairs), "start": origin}
    _drop_cut(run)
    checkpoint = run.resume(facts) if resume else None
    if not resume:
        run.begin(facts, anew)
    device = device_of(settings.device)
    model = _loaded(base, settings, device, start)
    with base_model.quiet():
        trainer = _trainer(model, examples, settings, run, device, base)
        tokens = sum(map(_tokens, examples)) / len(examples)
        trainer.add_callback(_watch(trainer.args, settings, run, tokens, on_step))
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    run.close()
    model.delete_adapter(_REFERENCE)
    model.eval()
    return model, *_results(model, settings, len(examples), too_long, trainer.state.max_steps, run)


def _encoded(
    base: Base, pairs: Sequence[PreferencePair], settings: TuningSettings
) -> tuple[list[dict[str, list[int]]], int]:
    encoder = Encoder(base_model.load_tokenizer(base))

    def encode(pair: PreferencePair) -> dict[str, list[int]]:
        chosen = encoder.encode(pair.chosen)
        rejected = encoder.encode(Row("", pair.rejected)).completion
        return {"prompt_ids": [*chosen.prompt], "chosen_ids": [*chosen.completion], "rejected_ids": [*rejected]}

    encoded = [encode(pair) for pair in pairs]
    kept = [each for each in encoded if _longer(each) <= settings.max_length]
    if len(kept) < LEAST_PAIRS:
        too_long = len(encoded) - len(kept)
        why = f" ({too_long} had over {settings.max_length} tokens)" if too_long else ""
        raise InputError(
            f"{len(kept)} preference pairs are too few to learn from{why}",
            hint=f"At least {LEAST_PAIRS} are wanted, and hundreds are usual. Each is an answer with a thumb down, and "
            "the right one: a correction that was accepted, or an answer with a thumb up. `metier dataset preferences` "
            "shows them.",
        )
    return kept, len(encoded) - len(kept)


def _longer(example: dict[str, list[int]]) -> int:
    return len(example["prompt_ids"]) + max(len(example["chosen_ids"]), len(example["rejected_ids"]))


def _tokens(example: dict[str, list[int]]) -> int:
    return 2 * len(example["prompt_ids"]) + len(example["chosen_ids"]) + len(example["rejected_ids"])


def _drop_cut(run: RunFolder) -> None:
    """A checkpoint of the Trainer is whole when its state is written, which comes last."""
    for folder in run.folder.glob("checkpoint-*[0-9]"):
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)


def _loaded(base: Base, settings: TuningSettings, device: torch.device, start: Path | None) -> PeftModel:
    if start is None:
        return with_adapter(base, settings, device)
    with base_model.quiet():
        from peft import PeftModel

        frozen = base_model.load_model(
            base, quantised=settings.method == "qlora", dtype=number_format(settings, device), device=str(device)
        )
        return PeftModel.from_pretrained(frozen, start, is_trainable=True)


def _trainer(
    model: PeftModel,
    examples: Sequence[dict[str, list[int]]],
    settings: TuningSettings,
    run: RunFolder,
    device: torch.device,
    base: Base,
) -> DPOTrainer:
    from datasets import Dataset  # type: ignore[import-untyped]  # no types
    from datasets.utils import logging as datasets_logging  # type: ignore[import-untyped]  # as above
    from transformers import PrinterCallback
    from trl.trainer.dpo_trainer import DPOTrainer

    datasets_logging.disable_progress_bar()

    class EncodedDPOTrainer(DPOTrainer):
        """On examples that are in tokens: the template of TRL would not neutralise what stands in documents."""

        def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
            return dataset

    trainer = EncodedDPOTrainer(
        model=model,
        args=_config(examples, settings, run, device),
        train_dataset=Dataset.from_list(list(examples)),
        processing_class=base_model.load_tokenizer(base),
    )
    for name, number in model.named_parameters():  # in 32 bits, which small steps need
        if number.requires_grad or f".{_REFERENCE}." in name:
            number.data = number.data.float()
    trainer.remove_callback(PrinterCallback)  # which has its own idea of what a person should read
    return trainer


def _config(
    examples: Sequence[dict[str, list[int]]], settings: TuningSettings, run: RunFolder, device: torch.device
) -> DPOConfig:
    from trl.trainer.dpo_config import DPOConfig

    batch = min(settings.batch, len(examples))
    room = max(1, settings.micro_tokens // (2 * max(map(_longer, examples))))
    at_once = max(size for size in range(1, batch + 1) if batch % size == 0 and size <= room)
    steps = max(1, round(math.ceil(len(examples) / batch) * settings.epochs))
    steps = min(steps, settings.max_steps or steps)
    config = DPOConfig(
        output_dir=str(run.folder), beta=settings.dpo_beta, learning_rate=settings.dpo_learning_rate,
        max_steps=steps, per_device_train_batch_size=at_once, gradient_accumulation_steps=batch // at_once,
        lr_scheduler_type=_SCHEDULES[settings.schedule], warmup_steps=math.ceil(steps * settings.warmup),
        weight_decay=settings.weight_decay, max_grad_norm=settings.clip, max_length=None, seed=settings.seed,
        activation_checkpointing=settings.gradient_checkpointing, bf16=False, use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type != "cpu", logging_steps=1, logging_nan_inf_filter=False, report_to="none",
        save_strategy="no", save_total_limit=2, disable_tqdm=True,
    )  # fmt: skip
    if config.n_gpu > 1:
        config._n_gpu = 1  # one process and one GPU: the others are not for `DataParallel`
    return config


def _watch(
    config: TrainingArguments,
    settings: TuningSettings,
    run: RunFolder,
    tokens: float,
    on_step: Callable[[Tick], None] | None,
) -> Any:
    """Writes the curve, tells of each step, and says when a checkpoint is due. `tokens`: of a pair, on average."""
    from transformers import TrainerCallback, TrainerControl, TrainerState

    began = saved = time.monotonic()
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
            nonlocal began, saved
            before = run.curve()
            began = time.monotonic() - (before[-1]["seconds"] if before and state.global_step else 0)
            saved = time.monotonic()

        def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
            nonlocal saved
            if state.global_step == state.max_steps or time.monotonic() - saved >= settings.checkpoint_seconds:
                control.should_save, saved = True, time.monotonic()

        def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
            logs: dict[str, float] = kwargs["logs"]
            if "rewards/margins" not in logs:
                return
            seconds = time.monotonic() - began
            speed = state.global_step * batch * tokens / max(seconds, 1e-9)
            loss, norm = float(logs["loss"]), float(logs.get("grad_norm", 0.0))
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise ModelError(
                    f"the loss is {loss} and its gradient {norm} at step {state.global_step}: nothing can be learned",
                    hint="Lower `[tuning] dpo_learning_rate` and start again; the last checkpoint is from before.",
                )
            run.note({
                "step": state.global_step, "loss": loss, "learning_rate": logs["learning_rate"], "gradient_norm": norm,
                "margin": logs["rewards/margins"], "accuracy": logs["rewards/accuracies"], "tokens_per_second": speed,
                "seconds": seconds,
            })  # fmt: skip
            if on_step is not None:
                on_step(Tick(state.global_step, state.max_steps, loss, None, logs["learning_rate"], speed))

    return Watch()


def _results(
    model: PeftModel, settings: TuningSettings, pairs: int, too_long: int, planned: int, run: RunFolder
) -> tuple[TrainingResult, Preference]:
    curve = run.curve()
    last = curve[-max(1, min(_RECENT, len(curve) // 4)) :]  # at the start no pair is preferred yet

    def mean(name: str) -> float:
        total: float = sum(row[name] for row in last)
        return total / len(last)

    trainable, everything = model.get_nb_trainable_parameters()
    seconds, speed = curve[-1]["seconds"], curve[-1]["tokens_per_second"]
    result = TrainingResult(
        method=f"dpo, {settings.method}", rows=pairs, validation_rows=0, too_long=too_long, steps=curve[-1]["step"],
        planned=planned, loss=mean("loss"), validation_loss=None, tokens=round(seconds * speed),
        tokens_per_second=speed, seconds=seconds, trainable=trainable, share=trainable / everything, stopped="done",
    )  # fmt: skip
    return result, Preference(pairs, settings.dpo_beta, mean("margin"), mean("accuracy"))
