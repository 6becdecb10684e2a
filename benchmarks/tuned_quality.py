"""What tuning teaches, and what it costs elsewhere: Banking77, PubMedQA, and 100 general questions.

    python benchmarks/tuned_quality.py [--sets banking77 pubmedqa]

    banking77   15 intents, drawn with a fixed seed; 40 messages of each to train on, 20 of each to be examined on. The
                prompt lists the intents, so the base has a fair chance.
    pubmedqa    yes, no or maybe over an abstract; 350 questions to train on, 150 to be examined on.

    base        the model as it comes
    tuned       on the rows of the trade
    rehearsed   on these and a fifth as many of `metier dataset rehearse`, none of them near a general question

All are asked the same questions, each through llama.cpp as `metier ask` does, the tuned ones by switching their adapter
on. General questions (evaluation/general_questions.jsonl) are asked with no instruction of the trade: what
a tuned one loses there is what it forgot. Intervals are 95% bootstraps over the questions; the
difference is paired. Nothing was chosen by these examinations: settings are the defaults of `[tuning]` but for the
epochs named below. Writes benchmarks/results/tuned_quality.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import regex
from answers import interval
from ingest import RESULTS, circumstances, verdict
from sets import data_folder

from metier import generation
from metier.core.documents import Passage
from metier.core.settings import Settings
from metier.dataset.rows import FILE_NAME, Row, load, save
from metier.evaluation.general import general_questions
from metier.generation.base import Generator
from metier.generation.completion_cache import Cache
from metier.synthesis import replay
from metier.tuning.adapters import Card, Registry
from metier.tuning.tune import served, tune

GAIN_TARGET = 0.30  # of accuracy on Banking77
EPOCHS = {"banking77": 3, "pubmedqa": 2}
REHEARSED = 0.2  # of the rows of the trade
MODES = ("base", "tuned", "rehearsed")


def banking77() -> tuple[list[Row], list[Row]]:
    by_label: dict[str, list[str]] = defaultdict(list)
    with (data_folder() / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            by_label[line["category"]].append(line["text"])
    draw = random.Random(0)
    chosen = draw.sample(sorted(label for label, texts in by_label.items() if len(texts) >= 60), 15)
    names = [label.replace("_", " ") for label in chosen]
    instruction = f"Which intent does the customer's message have? Answer with one of: {', '.join(names)}."
    train, exam = [], []
    for label, name in zip(chosen, names, strict=True):
        texts = draw.sample(by_label[label], 60)
        rows = [Row(text, name, kind="label", instruction=instruction) for text in texts]
        train += rows[:40]
        exam += rows[40:]
    return train, exam


def pubmedqa() -> tuple[list[Row], list[Row]]:
    raw = json.loads((data_folder() / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8"))
    rows = []
    for key, item in raw.items():
        text = "\n\n".join(item["CONTEXTS"])
        passage = Passage(key, key, text, 0, len(text), title=f"Abstract {key}")
        instruction = "Answer the question about the abstract with yes, no or maybe."
        rows.append(Row(item["QUESTION"], item["final_decision"], "label", instruction, context=(passage,)))
    random.Random(0).shuffle(rows)
    return rows[:350], rows[350:]


def answers(generator: Generator, rows: Sequence[Row], adapter: str | None, label: str) -> list[str]:
    said = []
    for number, row in enumerate(rows, start=1):
        said.append(generator.complete(row.prompt(), max_tokens=32, adapter=adapter).text)
        print(f"\r{label}: {number}/{len(rows)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return said


def first_label(text: str, labels: Sequence[str]) -> str:
    """The label that is named first; the base likes to write a sentence around it."""
    places = {label: _plain(text).find(_plain(label)) for label in labels}
    named = {label: place for label, place in places.items() if place >= 0}
    return min(named, key=lambda label: (named[label], -len(label)), default="")


def _plain(text: str) -> str:
    return regex.sub(r"[^\p{L}\p{N}]+", " ", text.casefold()).strip()


def macro_f1(said: Sequence[str], right: Sequence[str]) -> float:
    scores = []
    for label in set(right):
        hits = sum(a == b == label for a, b in zip(said, right, strict=True))
        scores.append(2 * hits / max(1, said.count(label) + right.count(label)))
    return float(np.mean(scores))


def general(generator: Generator, adapter: str | None) -> np.ndarray:
    """1 where an accepted answer stands in what was said."""
    asked = general_questions()
    said = answers(generator, [Row(item.question, "") for item in asked], adapter, "general")
    return np.array(
        [
            any(regex.search(rf"\b{regex.escape(_plain(a))}\b", _plain(text)) for a in item.answers)
            for item, text in zip(asked, said, strict=True)
        ],
        dtype=float,
    )


def with_rehearsal(rows: Sequence[Row], settings: Settings, folder: Path) -> list[Row]:
    file = folder / FILE_NAME
    save(file, rows)
    exam = general_questions()
    generator = generation.create(settings.generation)

    def told(made: int, wanted: int, topic: str) -> None:
        print(f"\rrehearsal: {made}/{wanted}, {topic:20}", end="", file=sys.stderr, flush=True)

    cache = Cache(folder / "completions.jsonl")
    replay.add(file, generator, cache, settings, round(REHEARSED * len(rows)), 0, exam, told)
    print(file=sys.stderr)
    generator.close()
    return load(file)


def trained(name: str, rows: Sequence[Row], settings: Settings, folder: Path) -> Card:
    def told(tick: Any) -> None:
        print(f"\r{name}: step {tick.step}/{tick.steps}, loss {tick.loss:.3f}", end="", file=sys.stderr, flush=True)

    card = tune(settings, rows, folder, folder, name, on_step=told)
    print(file=sys.stderr)
    return card


def examine(name: str, folder: Path) -> dict[str, Any]:
    train, exam = {"banking77": banking77, "pubmedqa": pubmedqa}[name]()
    plain = Settings()
    settings = plain.model_copy(update={"tuning": plain.tuning.model_copy(update={"epochs": EPOCHS[name]})})
    cards = {"tuned": trained("tuned", train, settings, folder)}
    cards["rehearsed"] = trained("rehearsed", with_rehearsal(train, settings, folder), settings, folder)
    registry = Registry(folder / "adapters")
    files = {card.reference: served(registry, card, settings, folder) for card in cards.values()}
    generator = generation.create(settings.generation, adapters=files)
    labels = sorted({row.completion for row in (*train, *exam)})
    right = [row.completion for row in exam]
    result: dict[str, Any] = {"questions": len(exam)}
    correct, kept = {}, {}
    for mode in MODES:
        adapter = cards[mode].reference if mode in cards else None
        said = [first_label(text, labels) for text in answers(generator, exam, adapter, f"{name} {mode}")]
        correct[mode] = np.array([a == b for a, b in zip(said, right, strict=True)], dtype=float)
        kept[mode] = general(generator, adapter)
        result[mode] = {
            "accuracy": interval(correct[mode], draws=5000),
            "macro_f1": macro_f1(said, right),
            "general": interval(kept[mode], draws=5000),
        }
        if mode in cards:
            result[mode] |= {
                "training": cards[mode].result,
                "gain": interval(correct[mode] - correct["base"], draws=5000),
                "forgotten": interval(kept["base"] - kept[mode], draws=5000),
            }
    generator.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(EPOCHS), default=list(EPOCHS))
    options = parser.parse_args()
    result = circumstances("tuned_quality.py")
    for name in options.sets:
        with tempfile.TemporaryDirectory() as folder:
            result[name] = examine(name, Path(folder))
        report(name, result[name])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "tuned_quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def report(name: str, told: dict[str, Any]) -> None:
    print(f"{name}, {told['questions']} questions")
    for mode in MODES:
        row = told[mode]
        accuracy, low, high = row["accuracy"]
        print(
            f"  {mode:10} accuracy {accuracy:.3f} [{low:.3f}, {high:.3f}]  macro-F1 {row['macro_f1']:.3f}  "
            f"general {row['general'][0]:.2f}"
        )
        if mode == "base":
            continue
        gain, low, high = row["gain"]
        target = f"  {verdict(gain, GAIN_TARGET, at_least=True)}" if name == "banking77" else ""
        print(f"             gain {gain:+.3f} [{low:+.3f}, {high:+.3f}]{target}")
        lost, low, high = row["forgotten"]
        print(f"             general questions lost {lost:+.3f} [{low:+.3f}, {high:+.3f}]", flush=True)


if __name__ == "__main__":
    main()
