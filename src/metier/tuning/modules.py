"""Which matrices of a model an adapter is put on, and how many numbers that makes trainable.

All linear layers but the output head (QLoRA, Dettmers et al. 2023, §4: adapters on every linear layer are what
matches full fine-tuning). They are found in the model. Lists of names copied from a llama tutorial leave two thirds
of Phi-3 without an adapter, and no error says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from metier.core.errors import InputError, ModelError
from metier.tuning.shapes import ModelShape, head_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def target_modules(model: PreTrainedModel | ModelShape, only: Sequence[str] = ()) -> tuple[str, ...]:
    """Names for `LoraConfig.target_modules`, in the model's order: `qkv_proj`, `o_proj`, `gate_up_proj`, `down_proj`
    for Phi-3. `only`: these of them. Raises `ModelError` for a model without linear layers, `InputError` for a name
    that it has not."""
    if isinstance(model, ModelShape):
        names = [linear.name for linear in model.linears]
    else:
        from torch import nn

        head = head_of(model)
        names = [
            path.rpartition(".")[2]
            for path, module in model.named_modules()
            if isinstance(module, nn.Linear) and module is not head
        ]
    if not names:
        raise ModelError("has no linear layers to adapt", where=getattr(model, "name", type(model).__name__))
    found = tuple(dict.fromkeys(names))
    if unknown := [name for name in only if name not in found]:
        raise InputError(
            f"the model has no {', '.join(unknown)}", where="[tuning] modules", hint=f"It has {', '.join(found)}."
        )
    return tuple(name for name in found if name in only) if only else found


def adapter_parameters(shape: ModelShape, rank: int, dora: bool = False, only: Sequence[str] = ()) -> int:
    """Trainable numbers of an adapter on `target_modules(shape, only)`: for a matrix with m inputs and n outputs,
    rank x (m + n) (LoRA, Hu et al. 2021), and n magnitudes with DoRA (Liu et al. 2024)."""
    return sum(
        linear.count * (rank * (linear.inputs + linear.outputs) + (linear.outputs if dora else 0))
        for linear in shape.linears
        if not only or linear.name in only
    )


def trainable_share(shape: ModelShape, rank: int, dora: bool = False, only: Sequence[str] = ()) -> float:
    """Adapter / (model + adapter), as PEFT's `print_trainable_parameters` has it; 0..1."""
    adapter = adapter_parameters(shape, rank, dora, only)
    return adapter / (shape.parameters + adapter)
