"""Train the support checker's cross-encoder: LoRA on a packaged encoder, from claims before sources.

    python training/support_checker.py train english --epochs 3
    python training/support_checker.py export english     # calibrated, into src/metier/models/support/; prints the pins
    python training/support_checker.py figures english    # what the held-out examples say, by kind of error

Claims written by hand (`claims.txt`, `claims_in_languages.txt`) and made by rule from the data sets of $METIER_DATA
(default `../shared/data`), the halves that `benchmarks/support.py` does not measure with; nothing of ExpertQA. A run
that is interrupted goes on from its last checkpoint (`--state`, default `build/support`).
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))  # one of the imports below would set it to 1
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "training"))

import claims  # noqa: E402
from adapter import area, batches, build, export, fit, load, logistic, predict, tensors_of  # noqa: E402
from claims import ClaimExample  # noqa: E402

from metier.models import ensure  # noqa: E402
from metier.models.cross_encoder import Base  # noqa: E402
from metier.reader.encoding import Encoder, Row  # noqa: E402

ADAPTERS = Path(os.environ.get("SUPPORT_OUT", ROOT / "src" / "metier" / "models" / "support"))
READERS = ROOT / "src" / "metier" / "models" / "reader"  # adapters that know how to compare two texts: the beginning
RATE = 4e-4
MADE = 500  # passages of each public set in an epoch


@dataclass(frozen=True, slots=True)
class Flavour:
    base: str
    layers: int
    languages: bool


FLAVOURS = {
    "english": Flavour("all-minilm-l6-v2", 6, False),
    "multilingual": Flavour("multilingual-e5-small", 8, True),
}


@dataclass(frozen=True, slots=True)
class Encoded:
    row: Row
    example: ClaimExample


def encode(encoder: Encoder, example: ClaimExample) -> Encoded:
    return Encoded(encoder.rows(example.claim, (), example.text)[0], example)


def loss_of(model, batch: Sequence[Encoded]):
    import torch
    from torch.nn import functional

    numbers, mask, _ = tensors_of(batch)
    _, judged = model(numbers, mask)
    truth = torch.tensor([float(item.example.carried) for item in batch])
    return functional.binary_cross_entropy_with_logits(judged, truth[:, None].expand_as(judged))


def train(name: str, epochs: int, seed: int, state: Path, rate: float, made: int) -> None:
    import torch

    flavour = FLAVOURS[name]
    torch.manual_seed(seed)
    folder = ensure(flavour.base)
    encoder, model = Encoder(folder), build(Base(folder), flavour.layers, span=False)
    plan = [batch for epoch in range(epochs) for batch in _epoch(flavour, encoder, seed + epoch, made)]
    fit(model, plan, loss_of, state / f"{name}.pt", rate=rate, start=READERS / f"{name}.safetensors")
    print_figures(name, model, encoder, seed, made)


def _epoch(flavour: Flavour, encoder: Encoder, seed: int, made: int) -> list[list[Encoded]]:
    kept = claims.examples(seed, languages=flavour.languages, count=made)[0]
    return list(batches([encode(encoder, example) for example in kept], random.Random(seed)))


def print_figures(name: str, model, encoder: Encoder, seed: int, made: int) -> None:
    """By kind: share judged right at .5; of claims written by hand and of all, the area under the curve."""
    aside = claims.examples(seed, languages=FLAVOURS[name].languages, count=made)[1]
    right, scores = defaultdict(list), defaultdict(list)
    for item, _, logits in predict(model, [encode(encoder, example) for example in aside]):
        score, example = float(logits.mean()), item.example
        right[example.kind].append((score > 0) == example.carried)
        scores[example.kind.partition(":")[0]].append((score, example.carried))
    for kind, values in sorted(right.items()):
        print(f"{kind:28} {np.mean(values):.3f} of {len(values)}")
    for origin, values in sorted(scores.items()):
        if len({carried for _, carried in values}) == 2:
            print(f"AUC {origin:20} {area(values):.3f} of {len(values)}")
    print(f"AUC over all {area([pair for values in scores.values() for pair in values]):.3f}", flush=True)


def calibrate(model, items: Sequence[Encoded]) -> dict[str, str]:
    """Weights of the log-odds by logistic regression (Platt, 1999) on held-out claims that were written by hand;
    carried and not weigh the same."""
    rows, truth = [], []
    for item, _, logits in predict(model, items):
        rows.append([1.0, float(logits.mean())])
        truth.append(float(item.example.carried))
    x, y = np.array(rows), np.array(truth)
    weights = np.where(y > 0, 0.5 / max(1, (y > 0).sum()), 0.5 / max(1, (y == 0).sum())) * len(y)
    bias, both = logistic(x, y, weights)
    return {"bias": f"{bias:.5f}", "first": f"{both / 2:.5f}", "mean": f"{both / 2:.5f}"}


def write(name: str, state: Path, seed: int) -> None:
    flavour = FLAVOURS[name]
    base = ensure(flavour.base)
    encoder, model = Encoder(base), build(Base(base), flavour.layers, span=False)
    load(model, state / f"{name}.pt")
    aside = claims.examples(seed + 1000, languages=flavour.languages, count=0)[1]
    said = calibrate(model, [encode(encoder, example) for example in aside])
    export(model, ADAPTERS / f"{name}.safetensors", {"base": flavour.base, "layers": str(flavour.layers), **said}, base)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "export", "figures"))
    parser.add_argument("name", choices=tuple(FLAVOURS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--made", type=int, default=MADE, help="passages of each public set in an epoch")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "support")
    given = parser.parse_args()
    if given.action == "train":
        train(given.name, given.epochs, given.seed, given.state, given.rate, given.made)
        return
    if given.action == "export":
        write(given.name, given.state, given.seed)
        return
    folder = ensure(FLAVOURS[given.name].base)
    model = build(Base(folder), FLAVOURS[given.name].layers, span=False)
    load(model, given.state / f"{given.name}.pt")
    print_figures(given.name, model, Encoder(folder), given.seed, given.made)


if __name__ == "__main__":
    main()
