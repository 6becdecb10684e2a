"""A run on disk: its settings, its curve, and checkpoints from which it goes on after any kind of death.

RUN/
  run.json            settings, base and data of the run; a run goes on only with the same ones
  metrics.jsonl       one line a step: what `metier tune` shows, and what is drawn
  tensorboard/        the same live, for `tensorboard --logdir`
  checkpoint-000120/  adapter, optimizer states and the state of the run, all safetensors and JSON
  best/               the adapter with the lowest validation loss so far
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.core.atomic import write_text
from metier.core.errors import InputError, ModelError, StoreError
from metier.core.permissions import make_folder, opener

if TYPE_CHECKING:
    import torch

_KEPT = 2  # checkpoints; the one before the last is there in case a disk loses the last


@dataclass(slots=True)
class TrainingProgress:
    """Where a run is. `step`: optimizer steps done; `worse`: evaluations since the best one; `seconds`, `tokens`: spent
    over all sittings (tokens of rows as they stand, not as they were packed). `losses`: of the last steps."""

    step: int = 0
    best_loss: float | None = None
    worse: int = 0
    seconds: float = 0.0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)


class RunFolder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._board: Any = None

    def begin(self, facts: Mapping[str, Any], anew: bool = False) -> None:
        """Start a run. Raises `InputError` where one was interrupted, unless it is to be thrown away (`anew`)."""
        if not anew and (checkpoint := self.latest()) is not None:
            raise InputError(
                f"a run was interrupted here at step {_step(checkpoint)}",
                where=str(self.folder),
                hint="Go on with `metier tune --resume`, or throw it away with `metier tune --anew`.",
            )
        with _disk_errors(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
            make_folder(self.folder)
            write_text(self.folder / "run.json", json.dumps(facts, indent=1, ensure_ascii=False))

    def resume(self, facts: Mapping[str, Any]) -> Path | None:
        """The checkpoint to go on from, None where there is none yet. Raises `InputError` where there is no run, or
        one with other settings, naming them."""
        try:
            known = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError("there is no run to go on with", hint="Start one with `metier tune`.") from None
        except ValueError as error:
            raise StoreError(f"cannot be read ({error})", where=str(self.folder / "run.json")) from None
        wanted = json.loads(json.dumps(facts))
        before, now = _flat(known), _flat(wanted)
        other = [f"{key}: {before.get(key)!r}, now {now[key]!r}" for key in now if before.get(key) != now[key]]
        if other:
            raise InputError(
                f"the run that was interrupted had other settings ({'; '.join(other)})",
                hint="Set them back to go on, or throw it away with `metier tune --anew`.",
            )
        checkpoint = self.latest()
        self._cut_curve(_step(checkpoint) if checkpoint else 0)
        return checkpoint

    def end(self) -> None:
        """The run is over and its adapter kept: what was there to go on with can go."""
        for old in (*self.folder.glob("checkpoint-*"), self.folder / "best"):
            shutil.rmtree(old, ignore_errors=True)

    def latest(self) -> Path | None:
        return max(self.folder.glob("checkpoint-*[0-9]"), key=_step, default=None)

    def save(
        self, adapter: Mapping[str, torch.Tensor], optimizer: Mapping[str, torch.Tensor], at: TrainingProgress
    ) -> None:
        """Write a checkpoint beside the others, then name it the last. Raises `StoreError`; what was there stays."""
        name = f"checkpoint-{at.step:06}"
        with _disk_errors(self.folder):
            part = self._empty(f"{name}.part")
            _write(part / "adapter.safetensors", adapter)
            _write(part / "optimizer.safetensors", optimizer)
            write_text(part / "progress.json", json.dumps(asdict(at)))
            shutil.rmtree(self.folder / name, ignore_errors=True)
            part.rename(self.folder / name)
        for old in sorted(self.folder.glob("checkpoint-*[0-9]"))[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self, checkpoint: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], TrainingProgress]:
        """Adapter, optimizer states and progress. Raises `ModelError` for a file that was cut."""
        try:
            progress = TrainingProgress(**json.loads((checkpoint / "progress.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(
                f"its progress.json cannot be read ({error})",
                where=str(checkpoint),
                hint="Delete this checkpoint: `metier tune --resume` then goes on from the one before.",
            ) from None
        return read(checkpoint / "adapter.safetensors"), read(checkpoint / "optimizer.safetensors"), progress

    def save_best(self, adapter: Mapping[str, torch.Tensor]) -> None:
        with _disk_errors(self.folder):
            part = self._empty("best.part")
            _write(part / "adapter.safetensors", adapter)
            shutil.rmtree(self.folder / "best", ignore_errors=True)
            part.rename(self.folder / "best")

    def best(self) -> dict[str, torch.Tensor] | None:
        path = self.folder / "best" / "adapter.safetensors"
        return read(path) if path.exists() else None

    def note(self, row: Mapping[str, Any]) -> None:
        """Append to the curve. A line that a kill cut in half is left out when it is read."""
        with _disk_errors(self.folder):
            with open(self.folder / "metrics.jsonl", "a", encoding="utf-8", opener=opener) as file:
                file.write(json.dumps(row) + "\n")
            if self._board is None:
                from tensorboardX import SummaryWriter

                self._board = SummaryWriter(str(self.folder / "tensorboard"), purge_step=row["step"], flush_secs=5)
            for name, value in row.items():
                if name != "step":
                    self._board.add_scalar(f"train/{name}", value, row["step"])

    def close(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None

    def curve(self) -> list[dict[str, Any]]:
        """What is known of every step. In runs of before, a step walked twice has two lines; the last holds."""
        path = self.folder / "metrics.jsonl"
        rows: dict[int, dict[str, Any]] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            rows[row["step"]] = rows.get(row["step"], {}) | row
        return [rows[step] for step in sorted(rows)]

    def _cut_curve(self, step: int) -> None:
        """Take from the curve what comes after `step`, and is walked again from there."""
        lines = (json.dumps(row) + "\n" for row in self.curve() if row["step"] <= step)
        with _disk_errors(self.folder):
            write_text(self.folder / "metrics.jsonl", "".join(lines))

    def _empty(self, name: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        return folder


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Settings beside the other facts; `base` is the fingerprint, not the setting."""
    return dict(facts.get("settings") or {}) | {key: value for key, value in facts.items() if key != "settings"}


def read(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file, in memory of their own. Raises `ModelError`."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"is not a whole safetensors file ({error})", where=str(path), hint="Restore it, or train again."
        ) from None


def _write(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import save

    with open(path, "wb", opener=opener) as file:
        file.write(save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _disk_errors(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"could not be written ({error.strerror or error})",
            where=str(where),
            hint="Free some space there or make it writable, then go on from the last checkpoint with "
            "`metier tune --resume`.",
        ) from error
