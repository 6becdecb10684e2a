"""What autograd keeps of one layer between the forward and the backward pass, in bytes per token.

The accounting of Korthikanti et al. 2022 ("Reducing Activation Recomputation in Large Transformer Models", §4), done
again for the block that is trained here: RMSNorm in fp32, rotary positions, attention that does not keep its
probabilities (flash attention; torch's own kernel on the CPU), SwiGLU, frozen matrices with LoRA beside them. A frozen
matrix needs no input for its own gradient; the adapter on it does. tests/tuning/test_plan.py compares every byte with
what torch's saved-tensor hooks see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from metier.tuning.recipe import Recipe
from metier.tuning.shapes import ModelShape


@dataclass(frozen=True, slots=True)
class SavedActivation:
    """`bytes`: per token of one layer."""

    what: str
    bytes: float


def kept_by_layer(shape: ModelShape, recipe: Recipe, on_cpu: bool = False) -> tuple[SavedActivation, ...]:
    """Everything one layer keeps. `on_cpu`: torch's CPU kernels keep a dropout mask in the number format of its
    input, and bitsandbytes' autocast test looks at CUDA only."""
    return (
        *_norms(shape, recipe),
        *_attention(shape, recipe),
        *_feed_forward(shape, recipe),
        *_inputs(shape, recipe, on_cpu),
    )


def _norms(shape: ModelShape, recipe: Recipe) -> Iterator[SavedActivation]:
    """transformers' RMSNorm squares an fp32 copy; only a trained scale needs the normalised values."""
    yield SavedActivation("norms: fp32 copy and root mean square", shape.norms * (4 * shape.hidden + 4))
    if recipe.method == "full":
        yield SavedActivation("norms: normalised values", shape.norms * recipe.number * shape.hidden)


def _attention(shape: ModelShape, recipe: Recipe) -> Iterator[SavedActivation]:
    number, wide = recipe.number, shape.heads * shape.head_width
    narrow = shape.kv_heads * shape.head_width
    repeated = recipe.masked and narrow != wide  # a mask makes transformers repeat the shared heads
    if shape.fused_attention and not repeated:
        # The values stay a window on the product of the fused matrix and keep all of it alive.
        yield SavedActivation("attention: rotated queries and keys", number * (wide + narrow))
        yield SavedActivation("attention: the fused matrix's product", number * (wide + 2 * narrow))
    else:
        yield SavedActivation("attention: queries, keys, values", number * (wide + 2 * (wide if repeated else narrow)))
    yield SavedActivation("attention: output and log-sums", number * wide + 4 * shape.heads)
    if recipe.masked:
        yield SavedActivation("attention: mask, as numbers to add", number * recipe.length)


def _feed_forward(shape: ModelShape, recipe: Recipe) -> Iterator[SavedActivation]:
    # SwiGLU: both branches and the activated gate. Without a gate: the pre-activation.
    yield SavedActivation("feed-forward: inside", recipe.number * shape.intermediate * (3 if shape.gated else 1))


def _inputs(shape: ModelShape, recipe: Recipe, on_cpu: bool) -> Iterator[SavedActivation]:
    """Inputs of the matrices, and what an adapter makes of them."""
    number = recipe.number
    per_layer = [(linear, linear.count / shape.layers) for linear in shape.linears]
    own = own_input_bytes(recipe, on_cpu)
    if recipe.method == "full" or own is None:
        # One tensor for all matrices that read it; attention's output is counted there already, unless the rotary
        # embedding of a fused model left it in another order, of which the output matrix reads a copy.
        copied = shape.heads * shape.head_width if shape.fused_attention else 0
        yield SavedActivation("inputs of the matrices", number * (2 * shape.hidden + shape.intermediate + copied))
    else:
        yield SavedActivation(
            "inputs of the matrices, one copy each", own * sum(n * linear.inputs for linear, n in per_layer)
        )
        if recipe.dropout:
            yield SavedActivation(
                "dropout masks", mask_bytes(recipe, on_cpu) * sum(n * linear.inputs for linear, n in per_layer)
            )
    if recipe.method != "full":
        yield SavedActivation(
            "products of the adapters' A", recipe.adapter_product * recipe.rank * sum(n for _, n in per_layer)
        )
    if recipe.method != "full" and recipe.dora:
        # Both summands are scaled by a trained vector, whose gradient needs them.
        outputs = sum(n * linear.outputs for linear, n in per_layer)
        yield SavedActivation("products of matrix and adapter, for DoRA", (number + recipe.adapter_product) * outputs)


def own_input_bytes(recipe: Recipe, on_cpu: bool) -> int | None:
    """Bytes per number of the input that each adapter keeps for itself, None where neighbours share one tensor."""
    casts = recipe.adapter_number != recipe.number
    if recipe.method == "qlora" and recipe.autocast and not on_cpu:
        casts = False  # PEFT's 4-bit layer leaves the cast to autocast, which has nothing to cast
    if not casts and not recipe.dropout:
        return None
    return recipe.adapter_product


def mask_bytes(recipe: Recipe, on_cpu: bool) -> int:
    return recipe.adapter_number if on_cpu else 1


def passing_by(shape: ModelShape, recipe: Recipe, on_cpu: bool = False) -> float:
    """Bytes per token of one layer that come and go on top of what it keeps, at their most."""
    number, product = recipe.number, max(recipe.number, recipe.adapter_product)
    # Backward, at the feed-forward's way out: gradients by its input from the matrix and from the adapter, their sum;
    # then those of both branches.
    backward = (2 * number + product) * shape.intermediate
    # Forward, at the matrix with the most outputs: its product, the adapter's and a scaled copy of that, or their sum.
    # Adding bfloat16 to fp32, the CPU converts first. What the layer keeps from there on is not there yet.
    mixed = on_cpu and recipe.method == "lora" and recipe.adapter_product != number
    most = max(linear.outputs for linear in shape.linears)
    own = own_input_bytes(recipe, on_cpu) or number
    later = (number * (3 if most > shape.intermediate else 1) + own) * shape.intermediate
    forward = (number + recipe.adapter_product * (3 if mixed else 2)) * most - later
    return backward if recipe.method == "full" else max(backward, forward)
