"""Train the reader: LoRA and three heads on a packaged encoder, from public question sets and examples made by rule.

    python training/reader.py train english --epochs 2
    python training/reader.py train multilingual --epochs 2
    python training/reader.py export english         # calibrated, into src/metier/models/reader/; prints the pins
    python training/reader.py figures english        # what the held-out examples say, by kind

Reads the data sets of $METIER_DATA (default `../shared/data`): TyDi QA train, TAT-QA, MedQuAD, PubMedQA train. A tenth
of TAT-QA, MedQuAD and PubMedQA, by document, is held out. Every epoch draws its examples anew with its own seed; a run
that is interrupted goes on from its last checkpoint (`--state`, default `build/reader`).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "training"))

import made_by_rule  # noqa: E402
import pages  # noqa: E402
import public_sets  # noqa: E402
import questions_in_languages  # noqa: E402

from examples import Example, held_out  # noqa: E402
from metier.models import ensure  # noqa: E402
from metier.models.cross_encoder import MATRICES, Base, convert  # noqa: E402
from metier.models.wheels import sha256  # noqa: E402
from metier.reader.encoding import Encoder, Row  # noqa: E402

ADAPTERS = Path(os.environ.get("READER_OUT", ROOT / "src" / "metier" / "models" / "reader"))
BATCH_TOKENS = 2048
RANK = 32
SCALE = 2.0  # of B·A, as alpha / rank in LoRA (Hu et al., 2021)
RATE = 6e-4
WARM_UP = 0.05
# of each set's examples that an epoch sees; MedQuAD's questions have few wordings
SHARES = {"tydi": 0.6, "tatq": 0.75, "medq": 0.35, "pubm": 0.9}


@dataclass(frozen=True, slots=True)
class Flavour:
    """What a reader is made of. `layers`: how many of the encoder's it keeps."""

    base: str
    layers: int
    languages: tuple[str, ...]


FLAVOURS = {
    "english": Flavour("all-minilm-l6-v2", 6, ("english",)),
    "multilingual": Flavour("multilingual-e5-small", 8, ("english", "swahili")),
}


# ---------------------------------------------------------------------------------------------------------- examples


def examples(flavour: Flavour, seed: int, share: float = 1.0) -> tuple[list[Example], list[Example]]:
    """(to train on, held out), the first in random order. `share`: of all that is not from pages; less makes pages
    weigh more."""
    rng, data = random.Random(seed), Path(os.environ.get("METIER_DATA", ROOT.parent / "shared" / "data"))
    across = 0.75 if len(flavour.languages) > 1 else 0.0
    drawn = [example for language in flavour.languages for example in public_sets.tydi(data, language, rng, across)]
    drawn += public_sets.tatqa(data, rng)
    drawn += public_sets.medquad(data, rng)
    drawn += public_sets.pubmedqa(data, rng)
    drawn = [example for example in drawn if rng.random() < share * SHARES[example.kind[:4]]]
    made = [*made_by_rule.tables(rng, int(900 * share)), *made_by_rule.procedures(rng, int(350 * share))]
    made += [example for _ in range(4) for example in pages.pages(rng, languages=len(flavour.languages) > 1)]
    if len(flavour.languages) > 1:
        made += made_by_rule.tables(rng, int(700 * share), questions_in_languages.ask)
        rng.shuffle(made)
    kept, aside = [], []
    for example in drawn:
        (aside if held_out(example.group, 0.03 if example.kind.startswith("tydi") else 0.12) else kept).append(example)
    made += made_by_rule.talk(rng, drawn)
    for example in made:
        (aside if held_out(example.group, 0.2 if example.kind.startswith("page") else 0.08) else kept).append(example)
    rng.shuffle(kept)
    return kept, aside


@dataclass(frozen=True, slots=True)
class Encoded:
    """`span`: numbers of the span's first and last token, 0 (the first token) where there is none; `known`: whether the
    span says anything (an answerable example without one does not)."""

    row: Row
    answerable: bool
    span: tuple[int, int]
    known: bool
    example: Example


def encode(encoder: Encoder, example: Example) -> Encoded:
    row = encoder.rows(example.question, example.headings, example.text)[0]
    span, known = (0, 0), not example.answerable
    if example.span:
        inside = [i for i, (a, b) in enumerate(row.places) if a < example.span[1] and b > example.span[0]]
        if inside:
            span, known = (inside[0], inside[-1]), True
    return Encoded(row, example.answerable, span, known, example)


def batches(items: Sequence[Encoded], rng: random.Random) -> Iterator[list[Encoded]]:
    """Batches of like length in random order, each of at most `BATCH_TOKENS` with its padding."""
    pool: list[list[Encoded]] = []
    for at in range(0, len(items), 512):
        batch: list[Encoded] = []
        for item in sorted(items[at : at + 512], key=lambda item: len(item.row.numbers)):
            if batch and (len(batch) + 1) * len(item.row.numbers) > BATCH_TOKENS:
                pool.append(batch)
                batch = []
            batch.append(item)
        pool.append(batch)
    rng.shuffle(pool)
    return iter(pool)


# ------------------------------------------------------------------------------------------------------------- model


def build(flavour: Flavour, base: Base):
    """A torch module: token numbers and mask to span logits (n, tokens, 2) and two answerable logits (n, 2)."""
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

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            size = base.dimension
            self.words = torch.tensor(np.array(base.words(), np.float32))  # no parameter: never saved
            self.positions = torch.tensor(np.array(base.vector("position")))
            self.norm = [torch.tensor(np.array(base.vector(f"norm.{part}"))) for part in ("weight", "bias")]
            self.layers = nn.ModuleList(Layer(layer) for layer in range(flavour.layers))
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

    return Reader()


def tensors_of(batch: Sequence[Encoded]):
    import torch

    longest = max(len(item.row.numbers) for item in batch)
    numbers = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, text = torch.zeros(len(batch), longest, dtype=torch.bool), torch.zeros(len(batch), longest, dtype=torch.bool)
    for i, item in enumerate(batch):
        size = len(item.row.numbers)
        numbers[i, :size], mask[i, :size] = torch.tensor(item.row.numbers), True
        text[i, :size] = torch.tensor([place[0] >= 0 for place in item.row.places])
    text[:, 0] = True  # the first token stands for "no span"
    return numbers, mask, text


def loss_of(model, batch: Sequence[Encoded]):
    import torch
    from torch.nn import functional

    numbers, mask, text = tensors_of(batch)
    spans, answerable = model(numbers, mask)
    truth = torch.tensor([float(item.answerable) for item in batch])
    decided = functional.binary_cross_entropy_with_logits(answerable, truth[:, None].expand_as(answerable))
    spans = spans.masked_fill(~text[..., None], -1e4)
    places = torch.tensor([item.span for item in batch])
    known = torch.tensor([float(item.known) for item in batch]) * torch.where(truth > 0, 1.0, 0.4)
    lost = functional.cross_entropy(spans[..., 0], places[:, 0], reduction="none")
    lost = lost + functional.cross_entropy(spans[..., 1], places[:, 1], reduction="none")
    return 2 * decided + 0.5 * (lost * known).sum() / known.sum().clamp(min=1)


# ---------------------------------------------------------------------------------------------------------- training


def train(
    name: str, epochs: int, seed: int, state: Path, rate: float, limit: int | None, start: Path | None, share: float
) -> None:
    import torch

    flavour = FLAVOURS[name]
    torch.manual_seed(seed)
    folder = ensure(flavour.base)
    encoder, model = Encoder(folder), build(flavour, Base(folder))
    groups = [{"params": [p for p in model.parameters() if p.requires_grad], "lr": rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    checkpoint, done = state / f"{name}.pt", 0
    if start:
        model.load_state_dict(torch.load(start)["model"], strict=False)
    if checkpoint.is_file():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"], strict=False)
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["batches"]
    plan = [batch for epoch in range(epochs) for batch in _epoch(flavour, encoder, seed + epoch, limit, share)]
    print(f"{name}: {len(plan)} batches, {sum(map(len, plan))} examples, {done} done", flush=True)
    started, seen, lost = time.monotonic(), 0, []
    for number, batch in enumerate(plan):
        if number < done:
            continue
        progress = number / len(plan)
        optimizer.param_groups[0]["lr"] = rate * min(1, (number + 1) / (WARM_UP * len(plan))) * max(0.02, 1 - progress)
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(groups[0]["params"], 1.0)
        optimizer.step()
        seen, lost = seen + len(batch), [*lost[-99:], loss.item()]
        if number % 50 == 49 or number == len(plan) - 1:
            speed = seen / (time.monotonic() - started)
            print(f"{number + 1}/{len(plan)} loss {np.mean(lost):.3f}, {speed:.1f} examples/s", flush=True)
        if number % 100 == 99 or number == len(plan) - 1:
            _save(checkpoint, model, optimizer, number + 1)
    print_figures(name, model, encoder, seed)


def _epoch(flavour: Flavour, encoder: Encoder, seed: int, limit: int | None, share: float) -> list[list[Encoded]]:
    kept = examples(flavour, seed, share)[0][:limit]
    return list(batches([encode(encoder, example) for example in kept], random.Random(seed)))


def _save(path: Path, model, optimizer, done: int) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in model.state_dict().items() if _trained(model, key)}
    fresh = path.with_suffix(".part")
    torch.save({"model": kept, "optimizer": optimizer.state_dict(), "batches": done}, fresh)
    fresh.replace(path)


def _trained(model, key: str) -> bool:
    return model.get_parameter(key).requires_grad


# ----------------------------------------------------------------------------------------------------------- figures


def predict(model, items: Sequence[Encoded]) -> Iterator[tuple[Encoded, np.ndarray, np.ndarray]]:
    """(example, span logits (tokens, 2), answerable logits (2,)) of each, in an order of its own."""
    import torch

    with torch.inference_mode():
        for batch in batches(items, random.Random(0)):
            numbers, mask, _ = tensors_of(batch)
            spans, answerable = model(numbers, mask)
            for item, span, logits in zip(batch, spans.numpy(), answerable.numpy(), strict=True):
                yield item, span[: len(item.row.numbers)], logits


def print_figures(name: str, model, encoder: Encoder, seed: int) -> None:
    """By kind: share judged right at .5; over all, the area under the curve; words of the spans (F1)."""
    from metier.reader.spans import best_span

    items = [encode(encoder, example) for example in examples(FLAVOURS[name], seed)[1]]
    right, scores, overlaps = defaultdict(list), [], []
    for item, span, logits in predict(model, items):
        score = float(logits.mean())
        scores.append((score, item.answerable))
        right[item.example.kind].append((score > 0) == item.answerable)
        if item.answerable and item.example.span:
            found = best_span(span, item.row.places)
            overlaps.append(overlap((found.start, found.end), item.example.span))
    for kind, values in sorted(right.items()):
        print(f"{kind:20} {np.mean(values):.3f} of {len(values)}")
    print(f"AUC {area(scores):.3f}, overlap of spans (F1 of characters) {np.mean(overlaps):.3f}", flush=True)


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    common = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return 2 * common / max(1, a[1] - a[0] + b[1] - b[0])


def area(scores: Sequence[tuple[float, bool]]) -> float:
    """Area under the ROC curve: how often a right one stands above a wrong one."""
    right = np.array([score for score, good in scores if good])
    wrong = np.array([score for score, good in scores if not good])
    return float(((right[:, None] > wrong).mean() + (right[:, None] >= wrong).mean()) / 2)


# ------------------------------------------------------------------------------------------------------------ export


def calibrate(model, items: Sequence[Encoded]) -> dict[str, str]:
    """Weights of the log-odds by logistic regression (Platt, 1999) on held-out examples; every kind weighs the same,
    and so do answerable and not."""
    from metier.reader.onnx import LARGEST_MARGIN
    from metier.reader.spans import best_span

    rows, truth, kinds = [], [], []
    for item, span, logits in predict(model, items):
        margin = float(np.clip(best_span(span, item.row.places).margin, -LARGEST_MARGIN, LARGEST_MARGIN))
        rows.append([1.0, float(logits.mean()), margin])
        truth.append(float(item.answerable))
        kinds.append(item.example.kind)
    x, y = np.array(rows), np.array(truth)
    weights = np.array([1 / math.sqrt(kinds.count(kind)) for kind in kinds])
    weights *= np.where(y > 0, 0.5 / weights[y > 0].sum(), 0.5 / weights[y == 0].sum()) * len(y)
    found, ridge = np.zeros(3), np.diag([0, 1.0, 1.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ found))
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge
        found += np.linalg.solve(hessian, x.T @ (weights * (y - p)) - ridge @ found)
    bias, both, margin = map(float, found)
    named = {"bias": bias, "first": both / 2, "mean": both / 2, "margin": margin}
    return {key: f"{value:.5f}" for key, value in named.items()}


def export(name: str, state: Path, seed: int) -> None:
    """The adapter as float16 safetensors, W + B·A with the scale in B; what the catalogue must say of it is printed."""
    import torch
    from safetensors.torch import save_file

    flavour = FLAVOURS[name]
    base = ensure(flavour.base)
    saved, tensors, model = torch.load(state / f"{name}.pt")["model"], {}, build(flavour, Base(base))
    model.load_state_dict(saved, strict=False)
    encoder = Encoder(base)
    aside = examples(flavour, seed + 1000)[1]
    aside = aside[:: max(1, len(aside) // 700)]
    manners = calibrate(model, [encode(encoder, example) for example in aside])
    for key, value in saved.items():
        parts = key.split(".")
        if parts[0] == "layers":
            layer, rest = parts[1], ".".join(parts[2:])
            rest = rest.replace("norm_weight", "norm.weight").replace("norm_bias", "norm.bias")
            key, value = f"{layer}.{rest}", value * SCALE if rest.endswith(".b") else value
        tensors[key] = value.half().contiguous()
    ADAPTERS.mkdir(parents=True, exist_ok=True)
    adapter = ADAPTERS / f"{name}.safetensors"
    save_file(tensors, adapter, metadata={"base": flavour.base, "layers": str(flavour.layers), **manners})
    print(f"{adapter}: {adapter.stat().st_size} bytes, {manners}")
    with tempfile.TemporaryDirectory() as folder:
        convert(base, adapter, Path(folder))
        for file in sorted(Path(folder).iterdir()):
            print(f'            "{file.name}": Pin({file.stat().st_size}, "{sha256(file)}"),')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "export", "figures"))
    parser.add_argument("name", choices=tuple(FLAVOURS))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--limit", type=int, help="examples an epoch, for a trial")
    parser.add_argument("--share", type=float, default=1.0, help="of all examples but those of pages, 0 to 1")
    parser.add_argument("--start", type=Path, help="a checkpoint whose weights to begin with")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "reader")
    given = parser.parse_args()
    if given.action == "train":
        train(given.name, given.epochs, given.seed, given.state, given.rate, given.limit, given.start, given.share)
        return
    if given.action == "export":
        export(given.name, given.state, given.seed)
        return
    import torch

    folder = ensure(FLAVOURS[given.name].base)
    model = build(FLAVOURS[given.name], Base(folder))
    model.load_state_dict(torch.load(given.state / f"{given.name}.pt")["model"], strict=False)
    print_figures(given.name, model, Encoder(folder), given.seed)


if __name__ == "__main__":
    main()
