"""How many ordinary questions are taken for small talk, an edit, or a question about the collection or a document.

    python benchmarks/intents.py [--each 500]

Questions of XQuAD and TyDi in METIER_DATA and of the sample company (examples/turbines/questions.jsonl), each asked
first and after an answer: all are to be looked up. Those that are taken for something else are printed. A question that
seems to ask for a document is looked up after all where no document is called so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from metier.answering.intent import Kind, classify
from metier.generation.base import Message

HERE = Path(__file__).parents[1]
DATA = Path(os.environ.get("METIER_DATA", HERE.parent / "shared/data"))
ANSWERED = (Message("user", "How tight are the bolts?"), Message("assistant", "840 Nm."))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=500, help="questions of each file")
    each = parser.parse_args().each
    kinds: Counter[Kind] = Counter()
    for name, questions in _files():
        for question in random.Random(5).sample(questions, min(each, len(questions))):
            for history in ((), ANSWERED):
                found = classify(question, history)
                kinds[found.kind] += 1
                if found.kind is not Kind.QUESTION and not history:
                    print(f"{name}: {found.kind.value}: {question}")
    print(", ".join(f"{kind.value} {count}" for kind, count in kinds.most_common()))


def _files() -> Iterator[tuple[str, list[str]]]:
    for path in sorted([*DATA.glob("xquad/*.json"), *DATA.glob("tydiqa/*_dev.json")]):
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        yield path.name, [q["question"] for a in articles for p in a["paragraphs"] for q in p["qas"]]
    lines = (HERE / "examples/turbines/questions.jsonl").read_text(encoding="utf-8").splitlines()
    yield "turbines", [json.loads(line)["question"] for line in lines]


if __name__ == "__main__":
    main()
