"""What a step changes, and by how much: the numbers that are trained, and the learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from metier.core.settings import TuningSettings

if TYPE_CHECKING:
    import torch
    from peft import PeftModel


class Trained:
    """The numbers that are trained, twice: in the format of the model, which multiplies them, and in 32 bits, which
    collect gradients over a step and are what the optimizer changes. bfloat16 alone loses updates under 1/256.
    `gradient`: of all of them in a row, summed over the micro-batches of a step."""

    def __init__(self, model: PeftModel, weight_decay: float) -> None:
        import torch

        self.used = {name: number for name, number in model.named_parameters() if number.requires_grad}
        self.exact = {name: number.detach().float().clone() for name, number in self.used.items()}
        # One tensor, so that several workers add it up at once; each number's gradient is a window on it.
        sizes = [number.numel() for number in self.exact.values()]
        self.gradient = torch.zeros(sum(sizes), device=next(iter(self.exact.values())).device)
        windows = self.gradient.split(sizes)  # type: ignore[no-untyped-call]  # no types
        self._gradients = dict(zip(self.exact, windows, strict=True))
        for name, number in self.exact.items():
            number.grad = self._gradients[name] = self._gradients[name].view_as(number)
        self.optimizer = torch.optim.AdamW(self.exact.values(), lr=0.0, weight_decay=weight_decay, betas=(0.9, 0.999))

    def collect(self) -> None:
        """Add the gradients of one micro-batch to those of the step."""
        for name, number in self.used.items():
            if number.grad is not None:
                self._gradients[name] += number.grad
                number.grad = None

    def update(self, learning_rate: float, clip: float) -> float:
        """One optimizer step; returns the norm of the gradient before it was clipped."""
        import torch

        norm = torch.nn.utils.clip_grad_norm_(self.exact.values(), clip)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.gradient.zero_()
        self.write_back()
        return float(norm)

    def write_back(self) -> None:
        for name, number in self.used.items():
            number.data.copy_(self.exact[name])

    def state(self) -> dict[str, torch.Tensor]:
        """The optimizer's moments, one tensor each; `step` is the same for all."""
        state = {}
        for name, number in self.exact.items():
            for key, value in self.optimizer.state[number].items():
                state[f"{key}:{name}"] = value
        return state

    def restore(self, adapter: dict[str, torch.Tensor], optimizer: dict[str, torch.Tensor]) -> None:
        for name, number in self.exact.items():
            number.copy_(adapter[name])
        for key, value in optimizer.items():
            kind, _, name = key.partition(":")
            number = self.exact[name]
            self.optimizer.state[number][kind] = value.to(number.device) if kind != "step" else value
        self.write_back()


def learning_rate(step: int, steps: int, settings: TuningSettings) -> float:
    """Of the step after `step` done ones: a linear rise over the warm-up, then the schedule down to 0."""
    rising = max(1, math.ceil(steps * settings.warmup)) if settings.warmup else 0
    if step < rising:
        return settings.learning_rate * (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    falling = {"cosine": (1 + math.cos(math.pi * done)) / 2, "linear": 1 - done, "constant": 1.0}
    return settings.learning_rate * falling[settings.schedule]
