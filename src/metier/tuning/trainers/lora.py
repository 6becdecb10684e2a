"""The run: rows in, an adapter out. Read it downwards.

    prepare     base weights frozen, adapter on every linear layer, rows in tokens, a part kept apart
    train       for each step: pack the rows, forward, backward, clip, update; at times: evaluate, checkpoint
    finish      the adapter with the lowest validation loss, and what the run was like

Three things make it faster than the usual loop, and none changes the loss: what rows share is computed once
(`packing`), logits are made only where there is a label, and everything frozen is in bfloat16 while the adapter's
own numbers and their optimizer keep 32 bits. Measured in docs/benchmarks.md.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.core.errors import InputError, ModelError
from metier.core.settings import TuningSettings
from metier.dataset.rows import Row, content_hash
from metier.tuning import base_model, packing, sharding
from metier.tuning.adapted_model import device_of, loaded
from metier.tuning.base_model import Base
from metier.tuning.checkpoints import RunFolder, TrainingProgress
from metier.tuning.distributed import ALONE, World, losing
from metier.tuning.encoding import Encoder, Example
from metier.tuning.optimization import Trained, learning_rate

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

_LEAST_ROWS = 4
_LEAST_VALIDATION = 2
_RECENT = 10  # steps whose loss is called that of the run


@dataclass(frozen=True, slots=True)
class Tick:
    """Told after each step. `loss`: mean over the tokens learned in it; `validation_loss` where it was measured."""

    step: int
    steps: int
    loss: float
    validation_loss: float | None
    learning_rate: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a run was like. `loss`: of the last steps, `validation_loss` of the adapter that was kept, nats a token.
    `steps` were done of `planned`. `tokens_per_second`: tokens of the rows as they stand, over the time of training
    alone. `trainable`: numbers of the adapter, `share` of all. `workers`: of the last sitting; `sharding` as in
    [tuning], without "auto"."""

    method: str
    rows: int
    validation_rows: int
    too_long: int
    steps: int
    planned: int
    loss: float
    validation_loss: float | None
    tokens: int
    tokens_per_second: float
    seconds: float
    trainable: int
    share: float
    stopped: str
    workers: int = 1
    sharding: str = "none"


@dataclass(frozen=True, slots=True)
class _Data:
    train: list[Example]
    validation: list[Example]
    too_long: int


def train(
    base: Base,
    rows: Sequence[Row],
    settings: TuningSettings,
    run: RunFolder,
    *,
    resume: bool = False,
    anew: bool = False,
    on_step: Callable[[Tick], None] | None = None,
    world: World = ALONE,
) -> tuple[PeftModel, TrainingResult]:
    """Train an adapter on `rows`. With `resume`, go on with the run that was interrupted in `run`; it ends at the loss
    of one that never was. With `anew`, throw that run away. `world`: the workers that train it together, each with this
    call; the first alone writes and tells. Raises `InputError` for data or settings that cannot be trained with,
    `ModelError` where the loss is no number any more or a worker was lost; the last checkpoint stays."""
    data = _data(base, rows, settings)
    # How a run is shared out changes no number of it: it may go on with other workers.
    kept = settings.model_dump(mode="json", exclude={"sharding"})
    facts = {"settings": kept, "base": base.fingerprint, "data": content_hash(rows)}
    world.check_same(facts)
    checkpoint = world.once(lambda: run.resume(facts) if resume else run.begin(facts, anew))
    device = device_of(settings.device, world)
    sharded = world.once(lambda: sharding.chosen(settings, str(base.folder), world, device)) == "fsdp"
    model = loaded(base, settings, device, world, sharded)
    loop = _Loop(model, data, settings, run, device, on_step, world, sharded)
    if checkpoint is not None:
        loop.restore(checkpoint)
    world.share(list(loop.adapter.exact.values()))
    loop.adapter.write_back()
    with losing():
        stopped = loop.go()
    return model, loop.finish(stopped)


# --- prepare -----------------------------------------------------------------------------------------------------


def _data(base: Base, rows: Sequence[Row], settings: TuningSettings) -> _Data:
    """Rows in tokens; those that are too long are left out. The same `settings.seed` keeps the same part apart."""
    encoder = Encoder(base_model.load_tokenizer(base))
    encoded = [encoder.encode(row) for row in rows]
    kept = [example for example in encoded if len(example) <= settings.max_length]
    too_long = len(encoded) - len(kept)
    if len(kept) < _LEAST_ROWS:
        raise InputError(
            f"{len(kept)} rows are too few to train on ({too_long} had over {settings.max_length} tokens)",
            hint=f"Give at least {_LEAST_ROWS}, better hundreds: `metier dataset import FILE`.",
        )
    apart = math.ceil(len(kept) * settings.validation)
    if 0 < apart < _LEAST_VALIDATION:
        raise InputError(
            f"{settings.validation:.0%} of {len(kept)} rows is {apart} to validate on, which shows nothing",
            where="tuning.validation",
            hint="Give more rows, or set it to 0: the run then does all its epochs and keeps the last adapter.",
        )
    if len(kept) - apart < _LEAST_VALIDATION:
        raise InputError(
            f"of {len(kept)} rows {apart} would be kept apart and {len(kept) - apart} be left to train on",
            where="tuning.validation",
            hint="Lower it: a tenth is usual.",
        )
    random.Random(settings.seed).shuffle(kept)
    return _Data(kept[apart:], kept[:apart], too_long)


# --- train -------------------------------------------------------------------------------------------------------


class _Loop:
    def __init__(
        self,
        model: PeftModel,
        data: _Data,
        settings: TuningSettings,
        run: RunFolder,
        device: torch.device,
        on_step: Callable[[Tick], None] | None,
        world: World = ALONE,
        sharded: bool = False,
    ) -> None:
        self.model, self.data, self.settings, self.run, self.device = model, data, settings, run, device
        self.world, self.sharded = world, sharded
        self.adapter = Trained(model, settings.weight_decay)
        self.at = TrainingProgress()
        self.in_epoch = math.ceil(len(data.train) / settings.batch)
        self.planned = max(1, round(self.in_epoch * settings.epochs))
        if settings.max_steps is not None:
            self.planned = min(self.planned, settings.max_steps)
        self.evaluate_every = max(1, self.planned // settings.evaluations)
        self._on_step = on_step

    def go(self) -> str:
        """Steps until the end; returns why it ended."""
        saved = time.monotonic()
        epoch, order = -1, []
        while self.at.step < self.planned and self.at.worse < self.settings.patience:
            if self.at.step // self.in_epoch != epoch:
                epoch = self.at.step // self.in_epoch
                order = packing.steps(self.data.train, self.settings.batch, self.settings.seed, epoch)
            self._step(order[self.at.step % self.in_epoch])
            if time.monotonic() - saved >= self.settings.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        self._save()
        return "done" if self.at.step == self.planned else "early"

    def _save(self) -> None:
        if self.world.is_first:
            self.run.save(self.adapter.exact, self.adapter.state(), self.at)

    def _step(self, rows: Sequence[Example]) -> None:
        began = time.monotonic()
        self._seed()
        rate = learning_rate(self.at.step, self.planned, self.settings)
        labels = sum(len(row.completion) for row in rows)
        loss = 0.0
        for batch in self._share(rows):
            part = self._loss(batch) / labels
            part.backward()  # type: ignore[no-untyped-call]  # no types
            self.adapter.collect()
            loss += part.item()
        loss = self._added_up(loss)
        self.world.add_up(self.adapter.gradient)
        norm = self.adapter.update(rate, self.settings.clip)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise ModelError(
                f"the loss is {loss} and its gradient {norm} at step {self.at.step + 1}, so nothing can be learned",
                hint="Lower `[tuning] learning_rate` and start again; the last checkpoint is from before.",
            )
        self.at.step += 1
        self.at.seconds += time.monotonic() - began
        self.at.tokens += sum(map(len, rows))
        self.at.losses = [*self.at.losses, loss][-min(_RECENT, self.in_epoch) :]
        measured = self._evaluate() if self._due() else None
        self._tell(loss, measured, rate, norm)

    def _share(self, rows: Sequence[Example]) -> Iterator[packing.MicroBatch]:
        """This worker's part of the rows. Where layers are gathered from all, all pass through them equally often."""
        world, most = self.world, self.settings.micro_tokens
        return packing.micro_batches(rows, most, world.rank, world.size, even=self.sharded)

    def _added_up(self, number: float) -> float:
        """The sum over all workers."""
        import torch

        if self.world.size == 1:
            return number
        total = torch.tensor(number, dtype=torch.float64)
        self.world.add_up(total)
        return total.item()

    def _loss(self, batch: packing.MicroBatch) -> torch.Tensor:
        """Sum of the cross-entropies of a micro-batch, a scalar in 32 bits. Logits are made at labels alone: of a row
        with sources nine tokens in ten are prompt, and the head is the largest matrix there is."""
        import torch

        base: Any = self.model.get_base_model()  # a model of transformers, which PEFT does not say
        hidden = base.get_decoder()(
            input_ids=batch.tokens.to(self.device),
            position_ids=batch.positions.to(self.device),
            attention_mask=self._mask(batch),
            use_cache=False,
        ).last_hidden_state
        judged = hidden.flatten(0, 1).index_select(0, batch.judged.to(self.device))
        logits = base.get_output_embeddings()(judged).float()
        return torch.nn.functional.cross_entropy(logits, batch.labels.to(self.device), reduction="sum")

    def _mask(self, batch: packing.MicroBatch) -> torch.Tensor:
        """Who attends to whom. A model with a sliding window (Phi-3, Mistral) looks no further back than that."""
        window: int | None = getattr(self.model.config, "sliding_window", None)
        if not window:
            return batch.mask.to(self.device)
        positions = batch.positions[:, None]
        return (batch.mask & (positions[..., :, None] - positions[..., None, :] < window)).to(self.device)

    def _due(self) -> bool:
        at_end = self.at.step == self.planned
        return bool(self.data.validation) and (at_end or self.at.step % self.evaluate_every == 0)

    def _evaluate(self) -> float:
        import torch

        self.model.eval()
        rows = self.data.validation
        with torch.no_grad():
            share = sum(self._loss(batch).item() for batch in self._share(rows))
        loss = self._added_up(share) / sum(len(row.completion) for row in rows)
        self.model.train()
        if self.at.best_loss is None or loss < self.at.best_loss:
            self.at.best_loss, self.at.worse = loss, 0
            if self.world.is_first:
                self.run.save_best(self.adapter.exact)
        else:
            self.at.worse += 1
        return loss

    def _seed(self) -> None:
        """Dropout draws from the number of the step, so that a run that goes on draws what an unbroken one does; each
        worker has numbers of its own."""
        import torch

        if self.settings.dropout:
            torch.manual_seed((self.world.rank * 1_000_033 + self.settings.seed) * 1_000_003 + self.at.step)

    def _tell(self, loss: float, measured: float | None, rate: float, norm: float) -> None:
        speed = self.at.tokens / max(self.at.seconds, 1e-9)
        row: dict[str, Any] = {"step": self.at.step, "loss": loss, "learning_rate": rate, "gradient_norm": norm}
        row |= {"tokens_per_second": speed, "seconds": self.at.seconds}
        if measured is not None:
            row["validation_loss"] = measured
        if not self.world.is_first:
            return
        self.run.note(row)
        if self._on_step is not None:
            self._on_step(Tick(self.at.step, self.planned, loss, measured, rate, speed))

    # --- finish --------------------------------------------------------------------------------------------------

    def restore(self, checkpoint: Path) -> None:
        adapter, optimizer, self.at = self.world.once(lambda: self.run.load(checkpoint))
        self.adapter.restore(adapter, optimizer)

    def finish(self, stopped: str) -> TrainingResult:
        """Put the best adapter into the model of the first worker, in 32 bits."""
        self.run.close()
        best = (self.run.best() if self.world.is_first else None) or self.adapter.exact
        for name, number in self.adapter.used.items():
            number.data = best[name].to(number.device)
        self.model.eval()
        trainable = sum(number.numel() for number in self.adapter.used.values())
        frozen = sum(_numbers(number) for number in self.model.parameters() if not number.requires_grad)
        return TrainingResult(
            method=self.settings.method,
            rows=len(self.data.train),
            validation_rows=len(self.data.validation),
            too_long=self.data.too_long,
            steps=self.at.step,
            planned=self.planned,
            loss=sum(self.at.losses) / len(self.at.losses),
            validation_loss=self.at.best_loss,
            tokens=self.at.tokens,
            tokens_per_second=self.at.tokens / max(self.at.seconds, 1e-9),
            seconds=self.at.seconds,
            trainable=trainable,
            share=trainable / (trainable + frozen),
            stopped=stopped,
            workers=self.world.size,
            sharding="fsdp" if self.sharded else "none",
        )


def _numbers(number: torch.Tensor) -> int:
    """How many numbers a parameter stands for; two of NF4 share a byte."""
    import torch

    return number.numel() * (2 if number.dtype == torch.uint8 else 1)
