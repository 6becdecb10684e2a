"""How a model is to be trained, as far as memory depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metier.core.errors import InputError

Method = Literal["lora", "qlora", "full"]
Number = Literal["bfloat16", "float32"]
Optimizer = Literal["adamw", "adamw_8bit"]
BYTES = {"bfloat16": 2, "float32": 4}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run. `batch`, `length`: rows and tokens a row of one micro-batch on one device. `modules`: matrices
    with an adapter, none named = all linear layers.

    `label_tokens`: positions of a micro-batch at which logits are made, None = all, as plain training loops do.
    `compute_dtype`: number format of the frozen weights and of the activations. `adapter_dtype`: of the adapter, its
    gradients and its optimizer's states. `master`: the optimizer works on a float32 copy of a bfloat16 adapter.
    `autocast`: run under torch.autocast, so that a float32 adapter multiplies in bfloat16. `masked`: attention is
    given a mask, for rows of different lengths or several packed into one.
    """

    method: Method
    rank: int = 16
    modules: tuple[str, ...] = ()
    dora: bool = False
    dropout: float = 0.0
    batch: int = 1
    length: int = 2048
    label_tokens: int | None = None
    gradient_checkpointing: bool = True
    compute_dtype: Number = "bfloat16"
    adapter_dtype: Number = "float32"
    master: bool = False
    autocast: bool = False
    optimizer: Optimizer = "adamw"
    masked: bool = False

    def __post_init__(self) -> None:
        for name in ("rank", "batch", "length"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.label_tokens is not None and not 1 <= self.label_tokens <= self.tokens:
            raise InputError(f"label_tokens must be between 1 and {self.tokens}, not {self.label_tokens}")
        if self.autocast and self.compute_dtype != "bfloat16":
            raise InputError("autocast is for a bfloat16 model with a float32 adapter")

    @property
    def tokens(self) -> int:
        return self.batch * self.length

    @property
    def labelled(self) -> int:
        return self.tokens if self.label_tokens is None else self.label_tokens

    @property
    def number(self) -> int:
        """Bytes of an activation."""
        return BYTES[self.compute_dtype]

    @property
    def adapter_number(self) -> int:
        """Bytes of a number of the adapter."""
        return BYTES[self.adapter_dtype]

    @property
    def adapter_product(self) -> int:
        """Bytes of what comes out of an adapter's matrices."""
        return min(self.number, self.adapter_number) if self.autocast else self.adapter_number
