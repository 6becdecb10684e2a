"""Train the reader: LoRA and three heads on a packaged encoder, from public question sets and examples made by rule.

    python training/reader.py train english --epochs 2
    python training/reader.py train multilingual --epochs 2
    python training/reader.py export english         # calibrated, into src/metier/models/reader/; prints the pins
    python training/reader.py figures english        # what the held-out examples say, by kind

Reads the data sets of $METIER_DATA (default `../shared/data`): TyDi QA train, TAT-QA, MedQuAD, PubMedQA train. A tenth
of TAT-QA, MedQuAD and PubMedQA, by document, is held out. Every epoch draws its examples again with its own seed; a run
that is interrupted goes on from its last checkpoint (`--state`, default `build/reader`).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "training"))

import made_by_rule  # noqa: E402
import pages  # noqa: E402
import public_sets  # noqa: E402
import questions_in_languages  # noqa: E402
from adapter import area, batches, build, export, fit, load, logistic, predict, tensors_of  # noqa: E402

from examples import Example, held_out  # noqa: E402
from metier.models import ensure  # noqa: E402
from metier.models.cross_encoder import EncoderWeights  # noqa: E402
from metier.reader.encoding import EncodedPair, PairEncoder  # noqa: E402

ADAPTERS = Path(os.environ.get("READER_OUT", ROOT / "src" / "metier" / "models" / "reader"))
RATE = 6e-4
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


def examples(
    flavour: Flavour, seed: int, share: float = 1.0, alone: float = 1.0
) -> tuple[list[Example], list[Example]]:
    """(to train on, held out), the first in random order. `share`: of all that is not from pages; less makes pages
    weigh more; `alone`: of the pages that are of no firm."""
    rng, data = random.Random(seed), Path(os.environ.get("METIER_DATA", ROOT.parent / "shared" / "data"))
    across = 0.75 if len(flavour.languages) > 1 else 0.0
    drawn = [example for language in flavour.languages for example in public_sets.tydi(data, language, rng, across)]
    drawn += public_sets.tatqa(data, rng)
    drawn += public_sets.medquad(data, rng)
    drawn += public_sets.pubmedqa(data, rng)
    drawn = [example for example in drawn if rng.random() < share * SHARES[example.kind[:4]]]
    made = [*made_by_rule.tables(rng, int(900 * share)), *made_by_rule.procedures(rng, int(350 * share))]
    made += pages.pages(rng, languages=len(flavour.languages) > 1, share=alone)
    if len(flavour.languages) > 1:
        made += made_by_rule.tables(rng, int(700 * share), questions_in_languages.ask)
        rng.shuffle(made)
    kept, aside = [], []
    for example in drawn:
        (aside if held_out(example.group, 0.03 if example.kind.startswith("tydi") else 0.12) else kept).append(example)
    made += made_by_rule.talk(rng, drawn)
    for example in made:
        share = pages.HELD_OUT if example.group.startswith(("page", "firm")) else 0.08
        (aside if held_out(example.group, share) else kept).append(example)
    rng.shuffle(kept)
    return kept, aside


@dataclass(frozen=True, slots=True)
class Encoded:
    """`span`: numbers of the span's first and last token, 0 (the first token) where there is none; `known`: whether the
    span says anything (an answerable example without one does not)."""

    row: EncodedPair
    answerable: bool
    span: tuple[int, int]
    known: bool
    example: Example


def encode(encoder: PairEncoder, example: Example) -> Encoded:
    row = encoder.rows(example.question, example.headings, example.text)[0]
    span, known = (0, 0), not example.answerable
    if example.span:
        inside = [i for i, (a, b) in enumerate(row.places) if a < example.span[1] and b > example.span[0]]
        if inside:
            span, known = (inside[0], inside[-1]), True
    return Encoded(row, example.answerable, span, known, example)


# ---------------------------------------------------------------------------------------------------------- training


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


def train(
    name: str,
    epochs: int,
    seed: int,
    state: Path,
    rate: float,
    limit: int | None,
    start: Path | None,
    share: float,
    alone: float,
) -> None:
    import torch

    flavour = FLAVOURS[name]
    torch.manual_seed(seed)
    folder = ensure(flavour.base)
    encoder, model = PairEncoder(folder), build(EncoderWeights(folder), flavour.layers)
    plan = [batch for epoch in range(epochs) for batch in _epoch(flavour, encoder, seed + epoch, limit, share, alone)]
    fit(model, plan, loss_of, state / f"{name}.pt", rate=rate, start=start)
    print_figures(name, model, encoder, seed)


def _epoch(
    flavour: Flavour, encoder: PairEncoder, seed: int, limit: int | None, share: float, alone: float
) -> list[list[Encoded]]:
    kept = examples(flavour, seed, share, alone)[0][:limit]
    return list(batches([encode(encoder, example) for example in kept], random.Random(seed)))


# ----------------------------------------------------------------------------------------------------------- figures


def print_figures(name: str, model, encoder: PairEncoder, seed: int) -> None:
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
    bias, both, margin = logistic(x, y, weights)
    named = {"bias": bias, "first": both / 2, "mean": both / 2, "margin": margin}
    return {key: f"{value:.5f}" for key, value in named.items()}


def write(name: str, state: Path, seed: int) -> None:
    flavour = FLAVOURS[name]
    base = ensure(flavour.base)
    encoder, model = PairEncoder(base), build(EncoderWeights(base), flavour.layers)
    load(model, state / f"{name}.pt")
    aside = examples(flavour, seed + 1000)[1]
    aside = aside[:: max(1, len(aside) // 700)]
    manners = calibrate(model, [encode(encoder, example) for example in aside])
    export(
        model, ADAPTERS / f"{name}.safetensors", {"base": flavour.base, "layers": str(flavour.layers), **manners}, base
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "export", "figures"))
    parser.add_argument("name", choices=tuple(FLAVOURS))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--limit", type=int, help="examples an epoch, for a trial")
    parser.add_argument("--share", type=float, default=1.0, help="of all examples but those of pages, 0 to 1")
    parser.add_argument("--alone", type=float, default=1.0, help="of the pages that are of no firm, 0 to 1")
    parser.add_argument("--start", type=Path, help="a checkpoint whose weights to begin with")
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "reader")
    given = parser.parse_args()
    if given.action == "train":
        train(
            given.name, given.epochs, given.seed, given.state, given.rate, given.limit, given.start, given.share,
            given.alone,
        )  # fmt: skip
        return
    if given.action == "export":
        write(given.name, given.state, given.seed)
        return
    folder = ensure(FLAVOURS[given.name].base)
    model = build(EncoderWeights(folder), FLAVOURS[given.name].layers)
    load(model, given.state / f"{given.name}.pt")
    print_figures(given.name, model, PairEncoder(folder), given.seed)


if __name__ == "__main__":
    main()
