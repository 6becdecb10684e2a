"""Which matrices of a model an adapter is put on, and how many numbers that makes trainable.

All linear layers but the output head (QLoRA, Dettmers et al. 2023, §4: adapters on every linear layer are what
matches full fine-tuning). They are found in the model. Lists of names copied from a llama tutorial leave two thirds
of Phi-3 without an adapter, and no error says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metier.core.errors import ModelError
from metier.tuning.shapes import ModelShape, head_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def target_modules(model: PreTrainedModel | ModelShape) -> tuple[str, ...]:
    """Names for `LoraConfig.target_modules`, in the model's order: `qkv_proj`, `o_proj`, `gate_up_proj`, `down_proj`
    for Phi-3. Raises `ModelError` for a model without linear layers."""
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
    return tuple(dict.fromkeys(names))


def adapter_parameters(shape: ModelShape, rank: int, dora: bool = False) -> int:
    """Trainable numbers of an adapter on `target_modules(shape)`: for a matrix with m inputs and n outputs,
    rank x (m + n) (LoRA, Hu et al. 2021), and n magnitudes with DoRA (Liu et al. 2024)."""
    return sum(
        linear.count * (rank * (linear.inputs + linear.outputs) + (linear.outputs if dora else 0))
        for linear in shape.linears
    )


def trainable_share(shape: ModelShape, rank: int, dora: bool = False) -> float:
    """Adapter / (model + adapter), as PEFT's `print_trainable_parameters` has it; 0..1."""
    adapter = adapter_parameters(shape, rank, dora)
    return adapter / (shape.parameters + adapter)
