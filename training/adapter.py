"""LoRA on a packaged encoder, trained with torch, and its export: what the reader and the support checker share.

model = build(base, layers=6, span=True)       a torch module: token numbers and mask to logits
fit(model, plan, loss_of, state, rate=6e-4)    goes on from its last checkpoint after an interruption
export(model, file, {"base": ..., ...})        float16 safetensors, W + B·A with the scale in B
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from metier.models.cross_encoder import MATRICES, EncoderWeights, convert, read_adapter
from metier.models.wheels import sha256
from metier.reader.encoding import EncodedPair

BATCH_TOKENS = 2048
RANK = 32
SCALE = 2.0  # of B·A, as alpha / rank in LoRA (Hu et al., 2021)
WARM_UP = 0.05


class HasRow(Protocol):
    @property
    def row(self) -> EncodedPair: ...


Item = TypeVar("Item", bound=HasRow)


def batches(items: Sequence[Item], rng: random.Random) -> Iterator[list[Item]]:
    """Batches of like length in random order, each of at most `BATCH_TOKENS` with its padding."""
    pool: list[list[Item]] = []
    for at in range(0, len(items), 512):
        batch: list[Item] = []
        for item in sorted(items[at : at + 512], key=lambda item: len(item.row.numbers)):
            if batch and (len(batch) + 1) * len(item.row.numbers) > BATCH_TOKENS:
                pool.append(batch)
                batch = []
            batch.append(item)
        if batch:
            pool.append(batch)
    rng.shuffle(pool)
    return iter(pool)


def tensors_of(batch: Sequence[HasRow]):
    """Token numbers, mask, and which tokens are of the text (and the first, which stands for "no span")."""
    import torch

    longest = max(len(item.row.numbers) for item in batch)
    numbers = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, text = torch.zeros(len(batch), longest, dtype=torch.bool), torch.zeros(len(batch), longest, dtype=torch.bool)
    for i, item in enumerate(batch):
        size = len(item.row.numbers)
        numbers[i, :size], mask[i, :size] = torch.tensor(item.row.numbers), True
        text[i, :size] = torch.tensor([place[0] >= 0 for place in item.row.places])
    text[:, 0] = True
    return numbers, mask, text


def build(base: EncoderWeights, layers: int):
    """Token numbers and mask to span logits (n, tokens, 2) and two logits (n, 2): from the first token and from the
    mean."""
    import torch
    from torch import nn
    from torch.nn import functional

    def fixed(array: np.ndarray):
        return nn.Parameter(torch.tensor(np.array(array, np.float32)), requires_grad=False)

    class Linear(nn.Module):
        def __init__(self, name: str, bias: np.ndarray) -> None:
            super().__init__()
            matrix = base.matrix(name)
            self.weight, self.bias = fixed(matrix), fixed(bias)
            outputs, inputs = matrix.shape
            self.a = nn.Parameter(torch.randn(RANK, inputs) / math.sqrt(inputs))
            self.b = nn.Parameter(torch.zeros(outputs, RANK))

        def forward(self, x):
            low = functional.linear(functional.linear(x, self.a), self.b)
            return torch.add(functional.linear(x, self.weight, self.bias), low, alpha=SCALE)

    class Layer(nn.Module):
        def __init__(self, layer: int) -> None:
            super().__init__()
            for part in MATRICES:
                setattr(self, part, Linear(f"{layer}.{part}", base.vector(f"{layer}.{part}.bias")))
            for norm in ("attention_norm", "output_norm"):
                weight = nn.Parameter(torch.tensor(np.array(base.vector(f"{layer}.{norm}.weight"))))
                bias = nn.Parameter(torch.tensor(np.array(base.vector(f"{layer}.{norm}.bias"))))
                setattr(self, f"{norm}_weight", weight)
                setattr(self, f"{norm}_bias", bias)

        def forward(self, x, mask):
            n, tokens, size = x.shape

            def split(y):
                return y.view(n, tokens, 12, size // 12).transpose(1, 2)

            attended = functional.scaled_dot_product_attention(
                split(self.query(x)), split(self.key(x)), split(self.value(x)), attn_mask=mask
            )
            y = x + self.out(attended.transpose(1, 2).reshape(n, tokens, size))
            y = functional.layer_norm(y, (size,), self.attention_norm_weight, self.attention_norm_bias, 1e-12)
            z = y + self.down(functional.gelu(self.up(y)))
            return functional.layer_norm(z, (size,), self.output_norm_weight, self.output_norm_bias, 1e-12)

    class CrossEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            size = base.dimension
            self.words = torch.tensor(np.array(base.words(), np.float32))  # no parameter: never saved
            self.positions = torch.tensor(np.array(base.vector("position")))
            self.norm = [torch.tensor(np.array(base.vector(f"norm.{part}"))) for part in ("weight", "bias")]
            self.layers = nn.ModuleList(Layer(layer) for layer in range(layers))
            self.span, self.first, self.mean = nn.Linear(size, 2), nn.Linear(size, 1), nn.Linear(size, 1)

        def forward(self, numbers, mask):
            x = functional.embedding(numbers, self.words) + self.positions[: numbers.shape[1]]
            x = functional.layer_norm(x, (x.shape[-1],), *self.norm, 1e-12)
            bias = torch.zeros(mask.shape).masked_fill(~mask, -1e9)[:, None, None, :]
            for layer in self.layers:
                x = layer(x, bias)
            weights = mask.float()[..., None]
            mean = (x * weights).sum(1) / weights.sum(1)
            return self.span(x), torch.cat([self.first(x[:, 0]), self.mean(mean)], dim=-1)

    return CrossEncoder()


def fit(
    model,
    plan: Sequence[Sequence[Item]],
    loss_of: Callable,
    checkpoint: Path,
    *,
    rate: float,
    start: Path | None = None,
) -> None:
    """One step per batch of `plan`, AdamW with a linear warm-up and decay. `start`: a checkpoint whose weights to begin
    with, as far as they fit; `checkpoint`: where to go on from, saved every 100 batches."""
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": trained, "lr": rate}], weight_decay=0.01, betas=(0.9, 0.98))
    done = 0
    if start:
        load(model, start)
    if checkpoint.is_file():
        saved = load(model, checkpoint)
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["batches"]
    print(f"{len(plan)} batches, {sum(map(len, plan))} examples, {done} done", flush=True)
    started, seen, lost = time.monotonic(), 0, []
    for number, batch in enumerate(plan):
        if number < done:
            continue
        progress = number / len(plan)
        optimizer.param_groups[0]["lr"] = rate * min(1, (number + 1) / (WARM_UP * len(plan))) * max(0.02, 1 - progress)
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        seen, lost = seen + len(batch), [*lost[-99:], loss.item()]
        if number % 50 == 49 or number == len(plan) - 1:
            speed = seen / (time.monotonic() - started)
            print(f"{number + 1}/{len(plan)} loss {np.mean(lost):.3f}, {speed:.1f} examples/s", flush=True)
        if number % 100 == 99 or number == len(plan) - 1:
            _save(checkpoint, model, optimizer, number + 1)


def predict(model, items: Sequence[Item]) -> Iterator[tuple[Item, np.ndarray, np.ndarray]]:
    """(example, its span logits (tokens, 2), its two logits (2,)) of each, in an order of its own."""
    import torch

    with torch.inference_mode():
        for batch in batches(items, random.Random(0)):
            numbers, mask, _ = tensors_of(batch)
            spans, judged = model(numbers, mask)
            for i, item in enumerate(batch):
                yield item, spans[i, : len(item.row.numbers)].numpy(), judged[i].numpy()


def area(scores: Sequence[tuple[float, bool]]) -> float:
    """Area under the ROC curve: how often a right one stands above a wrong one."""
    right = np.array([score for score, good in scores if good])
    wrong = np.array([score for score, good in scores if not good])
    return float(((right[:, None] > wrong).mean() + (right[:, None] >= wrong).mean()) / 2)


def logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> list[float]:
    """Weights of a logistic regression (Platt, 1999); the first column of `x`, the constant, is not held back."""
    found, ridge = np.zeros(x.shape[1]), np.diag([0.0, *[1.0] * (x.shape[1] - 1)])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ found))
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge
        found += np.linalg.solve(hessian, x.T @ (weights * (y - p)) - ridge @ found)
    return [float(value) for value in found]


def load(model, checkpoint: Path) -> dict:
    """What lies in a checkpoint; its weights, or those of an exported adapter, are taken where they fit."""
    import torch

    if checkpoint.suffix == ".safetensors":
        tensors = {
            _in_torch(key): value / (SCALE if key.endswith(".b") else 1)
            for key, value in read_adapter(checkpoint)[0].items()
        }
        saved = {"model": {key: torch.tensor(value, dtype=torch.float32) for key, value in tensors.items()}}
    else:
        saved = torch.load(checkpoint)
    model.load_state_dict(saved["model"], strict=False)
    return saved


def _in_torch(key: str) -> str:
    if not key[0].isdigit():
        return key
    return "layers." + key.replace("norm.weight", "norm_weight").replace("norm.bias", "norm_bias")


def _save(path: Path, model, optimizer, done: int) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    torch.save({"model": _trained(model), "optimizer": optimizer.state_dict(), "batches": done}, fresh)
    fresh.replace(path)


def _trained(model) -> dict:
    return {key: value for key, value in model.state_dict().items() if model.get_parameter(key).requires_grad}


def export(model, file: Path, metadata: Mapping[str, str], base: Path) -> None:
    """The adapter as float16 safetensors, W + B·A with the scale in B; what the catalogue must say of it is printed."""
    from safetensors.torch import save_file

    tensors = {}
    for key, value in _trained(model).items():
        parts = key.split(".")
        if parts[0] == "layers":
            layer, rest = parts[1], ".".join(parts[2:])
            rest = rest.replace("norm_weight", "norm.weight").replace("norm_bias", "norm.bias")
            key, value = f"{layer}.{rest}", value * SCALE if rest.endswith(".b") else value
        tensors[key] = value.half().contiguous()
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata=dict(metadata))
    print(f"{file}: {file.stat().st_size} bytes, {metadata}")
    with tempfile.TemporaryDirectory() as folder:
        convert(base, file, Path(folder))
        for made in sorted(Path(folder).iterdir()):
            print(f'            "{made.name}": Pin({made.stat().st_size}, "{sha256(made)}"),')
