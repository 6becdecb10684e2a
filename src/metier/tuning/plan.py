"""What a training run takes in memory, from the model's shape alone.

Every line is a count of numbers times their width; the words beside it say which. The sum is the peak of one device:
what is there all the time, and the larger of two moments, the loss (logits) and the backward pass through one layer
(its activations, computed again where they are checkpointed, and gradients on their way). Checked against measured
peaks by benchmarks/tuning_memory.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from metier.tuning.activations import kept_by_layer, passing_by
from metier.tuning.devices import GIB, USUAL_SIZES, Device, devices
from metier.tuning.modules import adapter_parameters, trainable_share
from metier.tuning.recipe import Recipe
from metier.tuning.shapes import ModelShape

__all__ = ["Device", "Part", "Plan", "Recipe", "devices", "plan"]

Sharding = Literal["none", "fsdp"]
Moment = Literal["always", "loss", "backward"]

# NF4 with double quantisation (QLoRA, Dettmers et al. 2023, §3): 4 bits a weight, an 8-bit constant for every 64
# weights, a 32-bit one for every 256 of those. 4.127 bits.
NF4_BYTES = 4 / 8 + 1 / 64 + 4 / (64 * 256)
# Two moments a trained number. 8-bit ones carry a 32-bit constant for every 256 (Dettmers et al. 2022, and
# bitsandbytes' block size).
STATES_8BIT_BYTES = 2 * (1 + 4 / 256)
# Log-probabilities, the gradient of the loss by them, and its gradient by the logits: three tensors in fp32.
LOSS_BYTES = 3 * 4
CUDA_CONTEXT = 0.6 * GIB  # with cuBLAS's workspace, 0.4 to 0.6 GiB are usual
FRAGMENTED = 0.05  # torch rounds blocks over a megabyte up to two, and rows differ in length
CPU_PROCESS = 0.5 * GIB  # 466 MiB measured, torch 2.13 with transformers, peft and bitsandbytes
MOST_DEVICES = 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a plan. `bytes`: on one device. `formula`: what is counted, in words. `moment`: when it is there."""

    name: str
    bytes: int
    formula: str
    moment: Moment = "always"


@dataclass(frozen=True, slots=True)
class Plan:
    """`parameters`: of the model, the adapter not counted. `parts`: on one device. `devices`: what was planned for.
    `trainable`: numbers that are trained, in all, and `share` of all numbers. `needed`: for usual GPU sizes (GiB), the
    smallest number of them that holds the run with everything sharded (FSDP), None = over `MOST_DEVICES`."""

    model: str
    parameters: int
    recipe: Recipe
    sharding: Sharding
    parts: tuple[Part, ...]
    devices: tuple[Device, ...]
    trainable: int
    share: float
    needed: tuple[tuple[int, int | None], ...]

    @property
    def peak(self) -> Moment:
        """The moment that takes the most, "loss" or "backward"."""
        return "loss" if _bytes(self.parts, "loss") >= _bytes(self.parts, "backward") else "backward"

    @property
    def total(self) -> int:
        """Bytes on one device at the peak."""
        return _peak(self.parts)

    @property
    def fits(self) -> tuple[bool, ...]:
        """For each of `devices`, whether the peak goes into what is free there."""
        return tuple(self.total <= device.free for device in self.devices)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    def at_peak(self, part: Part) -> bool:
        """Whether `part` counts towards `total`."""
        return part.moment in ("always", self.peak)

    def to_json(self) -> dict[str, Any]:
        """`*_gb` are GiB on one device, for scripts; `parts` are exact."""
        sizes = {f"{part.name.replace(' ', '_')}_gb": round(part.bytes / GIB, 3) for part in self.parts}
        return {
            "model": self.model,
            "parameters": self.parameters,
            "method": self.recipe.method,
            "sharding": self.sharding,
            "gpus": sum(device.kind == "cuda" for device in self.devices),
            "total_gb": round(self.total / GIB, 3),
            **sizes,
            "trainable": self.trainable,
            "trainable_share": self.share,
            "peak": self.peak,
            "fits": [
                {"device": device.name, "free_gb": round(device.free / GIB, 3), "fits": fits}
                for device, fits in zip(self.devices, self.fits, strict=True)
            ],
            "needed": [{"gpu_gb": size, "gpus": count} for size, count in self.needed],
            "parts": [
                {"name": part.name, "bytes": part.bytes, "formula": part.formula, "at_peak": self.at_peak(part)}
                for part in self.parts
            ],
        }


def plan(shape: ModelShape, recipe: Recipe, devices: Sequence[Device] = (), sharding: Sharding | None = None) -> Plan:
    """The memory of `recipe` on `devices`, none = one GPU of no particular size.

    `sharding`: "fsdp" shares weights among the devices, in full fine-tuning gradients and optimizer states as well,
    "none" gives each a whole copy; None = "fsdp" where there are several. Every device works on a micro-batch of its
    own.
    """
    sharding = sharding or ("fsdp" if len(devices) > 1 else "none")
    count = max(1, len(devices))
    on_cpu = bool(devices) and devices[0].kind == "cpu"
    trainable = (
        shape.parameters
        if recipe.method == "full"
        else adapter_parameters(shape, recipe.rank, recipe.dora, recipe.modules)
    )
    return Plan(
        model=shape.name,
        parameters=shape.parameters,
        recipe=recipe,
        sharding=sharding,
        parts=_parts(shape, recipe, count, sharding, on_cpu),
        devices=tuple(devices),
        trainable=trainable,
        share=1.0 if recipe.method == "full" else trainable_share(shape, recipe.rank, recipe.dora, recipe.modules),
        needed=tuple((size, _needed(shape, recipe, size)) for size in USUAL_SIZES),
    )


def _needed(shape: ModelShape, recipe: Recipe, gigabytes: int) -> int | None:
    """By bisection: what a device holds only falls with their number, but for the step from one to two."""

    def holds(count: int) -> bool:
        parts = _parts(shape, recipe, count, "fsdp" if count > 1 else "none", on_cpu=False)
        return _peak(parts) <= gigabytes * GIB

    if holds(1):
        return 1
    low, high = 1, MOST_DEVICES
    if not holds(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _peak(parts: Sequence[Part]) -> int:
    return _bytes(parts, "always") + max(_bytes(parts, "loss"), _bytes(parts, "backward"))


def _bytes(parts: Sequence[Part], moment: Moment) -> int:
    return sum(part.bytes for part in parts if part.moment == moment)


def _parts(shape: ModelShape, recipe: Recipe, count: int, sharding: Sharding, on_cpu: bool) -> tuple[Part, ...]:
    parts = [
        *_states(shape, recipe, count if sharding == "fsdp" else 1),
        *_exchange(shape, recipe, count, sharding),
        *_moments(shape, recipe, on_cpu),
    ]
    parts = [part for part in parts if part.bytes]
    return (*parts, _process(parts, on_cpu))


def _states(shape: ModelShape, recipe: Recipe, shards: int) -> list[Part]:
    """What is there all the time, on each of `shards` devices that share it."""
    among = f", shared by {shards}" if shards > 1 else ""
    full = recipe.method == "full"

    def part(name: str, size: float, formula: str) -> Part:
        """An adapter is whole on every device, see `sharding`."""
        return Part(name, int(size / shards), formula + among) if full else Part(name, int(size), formula)

    number = recipe.number
    weights = _weights(shape, recipe, shards, among)
    if recipe.method == "full":
        trained, width = shape.parameters, number
        master = 4 * trained if number < 4 else 0
        kept = [part("master weights", master, f"{trained:,} in fp32, which small steps need")]
        states = 8.0
    else:
        trained, width = adapter_parameters(shape, recipe.rank, recipe.dora, recipe.modules), recipe.adapter_number
        kept = [part("adapter", width * trained, f"rank {recipe.rank} x (in + out): {trained:,} at {width} bytes")]
        if recipe.autocast and width > number:
            kept.append(part("autocast copies", number * trained, f"of the adapter at {number} bytes"))
        inner = 4 if recipe.master else width
        if recipe.master:
            kept.append(part("master weights", 4 * trained, f"{trained:,} in fp32, which small steps need"))
            width += inner  # gradients as they come, and their sum over a step
        states = 2.0 * inner
    said = f"two moments of {trained:,} at {states / 2:g} bytes"
    if recipe.optimizer == "adamw_8bit":
        states, said = STATES_8BIT_BYTES, f"two moments of {trained:,} in 8 bits"
    return [
        weights,
        *kept,
        part("gradients", width * trained, f"{trained:,} at {width} bytes, kept over the micro-batches of a step"),
        part("optimizer", states * trained, said),
    ]


def _weights(shape: ModelShape, recipe: Recipe, shards: int, among: str) -> Part:
    """The base. Beside an adapter only the layers are shared, and of NF4 the 4 bits without their constants."""
    number, rest = recipe.number, shape.parameters - shape.in_linears
    if recipe.method == "qlora":
        said = f"{shape.in_linears:,} in NF4 at 4.127 bits, {rest:,} at {number} bytes"
        shared, whole = 4 / 8 * shape.in_linears, (NF4_BYTES - 4 / 8) * shape.in_linears
    else:
        said = f"{shape.parameters:,} at {number} bytes"
        shared, whole = number * shape.in_linears, 0.0
    if recipe.method == "full":
        return Part("weights", int(number * shape.parameters / shards), said + among)
    outside = shape.parameters - shape.in_layers
    shared += number * (shape.in_layers - shape.in_linears)
    among = f"; layers{among}, {outside:,} outside of them whole" if among else ""
    return Part("weights", int(shared / shards + whole + number * outside), said + among)


def _exchange(shape: ModelShape, recipe: Recipe, count: int, sharding: Sharding) -> list[Part]:
    """What working together costs on each of several devices. Gradients of an adapter are added up where they are."""
    if count == 1 or (sharding == "none" and recipe.method != "full"):
        return []
    number = recipe.number
    if sharding == "none":
        size = number * shape.parameters
        return [Part("gradient buckets", size, "a second copy of the gradients, on its way to the others")]
    # FSDP (Zhao et al. 2023): the layer at work and the next one are whole on every device.
    linear = 4 / 8 if recipe.method == "qlora" else number
    layers = linear * shape.in_linears + number * (shape.in_layers - shape.in_linears)
    gathered = int(2 * layers / shape.layers)
    if recipe.method != "full":
        return [Part("gathered", gathered, "two whole layers")]
    # Embedding, head and last norm form the outermost unit, which stays whole to the end of the backward pass.
    gathered += number * (shape.embedding + shape.head + shape.hidden)
    largest = max(shape.in_layers / shape.layers, shape.embedding + shape.head)
    return [
        Part("gathered", gathered, "two whole layers, the embedding and the head"),
        Part("unshared gradients", int(number * largest), "of the largest unit before it is shared"),
    ]


def _moments(shape: ModelShape, recipe: Recipe, on_cpu: bool) -> list[Part]:
    """Activations, and what the loss and the backward pass take on top."""
    tokens, number = recipe.tokens, recipe.number
    one_layer = sum(each.bytes for each in kept_by_layer(shape, recipe, on_cpu)) * tokens
    last_norm = (4 * shape.hidden + 4) * tokens
    head_input = number * shape.hidden * recipe.labelled
    at_head = last_norm + head_input
    again = 0.0
    kept: float
    if recipe.gradient_checkpointing:
        kept = number * shape.hidden * tokens * shape.layers
        said = f"the input of each of {shape.layers} layers, {tokens} x {shape.hidden} at {number} bytes"
        again = one_layer
    else:
        kept = one_layer * shape.layers
        said = f"{one_layer / tokens:,.0f} bytes a token and layer, {tokens} tokens, {shape.layers} layers"
    parts = [
        Part("activations", int(kept + at_head), said),
        Part(
            "logits",
            LOSS_BYTES * recipe.labelled * shape.vocabulary,
            f"{recipe.labelled} positions x {shape.vocabulary:,} words, three times in fp32",
            "loss",
        ),
        Part("recomputed layer", int(again), "all that one layer keeps, computed again", "backward"),
    ]
    passing, magnitudes = _passing(shape, recipe, on_cpu), _magnitudes(shape, recipe)
    return parts + max(passing, magnitudes, key=lambda group: sum(part.bytes for part in group))


def _passing(shape: ModelShape, recipe: Recipe, on_cpu: bool) -> list[Part]:
    """What comes and goes within one layer."""
    size = int(passing_by(shape, recipe, on_cpu) * recipe.tokens)
    parts = [Part("in passing", size, "products or gradients on their way through one layer", "backward")]
    if recipe.method == "qlora":
        matrix = max(shape.linears, key=lambda linear: linear.inputs * linear.outputs)
        size = recipe.number * matrix.inputs * matrix.outputs
        parts.append(
            Part("dequantised", size, f"the largest matrix, {matrix.name}, at {recipe.number} bytes", "backward")
        )
    return parts


def _magnitudes(shape: ModelShape, recipe: Recipe) -> list[Part]:
    """Within the forward pass of a matrix with DoRA, for the length of its columns: PEFT multiplies the adapter out by
    way of an identity matrix, and holds weight, product, scaled product and their sum at once."""
    if recipe.method == "full" or not recipe.dora:
        return []
    numbers = max(linear.inputs * (4 * linear.outputs + linear.inputs) for linear in shape.linears)
    said = f"one matrix four times and an identity matrix, at {recipe.adapter_number} bytes"
    return [Part("DoRA norms", recipe.adapter_number * numbers, said, "backward")]


def _process(parts: Sequence[Part], on_cpu: bool) -> Part:
    """What the process takes beside tensors: assumed, from what is usual, and left out of the check against
    measurements, which count tensors."""
    if on_cpu:
        return Part("process", int(CPU_PROCESS), "Python, torch, transformers and peft, loaded")
    moving = sum(part.bytes for part in parts if part.name in ("activations", "logits", "recomputed layer"))
    return Part(
        "process", int(CUDA_CONTEXT + FRAGMENTED * moving), "CUDA context; 5% lost between blocks of activations"
    )
