"""How often the language of a question, and of a paragraph, is told right.

    python benchmarks/languages.py [--each 300]

Questions and paragraphs of XQuAD (en, de) and TyDi (en, id, sw) in METIER_DATA; the expected language is each of the
others in turn, so that every question has to be told against it. For es, fr and pt there is no data: see the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

from metier.text.detection import detect

DATA = Path(os.environ.get("METIER_DATA", Path(__file__).parents[2] / "shared/data"))
FILES = {
    "xquad/de.json": "de", "xquad/en.json": "en", "tydiqa/english_tydiqa_dev.json": "en",
    "tydiqa/indonesian_tydiqa_dev.json": "id", "tydiqa/swahili_tydiqa_dev.json": "sw",
}  # fmt: skip
EXPECTED = ("en", "de", "es", "fr", "pt", "id", "sw")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=300, help="questions and paragraphs of each file")
    each = parser.parse_args().each
    print(f"{'file':36} {'texts':10} {'n':>5} {'right':>6} {'as expected':>12} {'wrong':>6}  {'us/text':>8}")
    for file, language in FILES.items():
        for kind, texts in _texts(DATA / file, each).items():
            outcomes: Counter[str] = Counter()
            began = time.perf_counter()
            for text in texts:
                for expected in EXPECTED:
                    found = detect(text, expected)
                    outcomes["right" if found == language else "expected" if found == expected else "wrong"] += 1
            n, seconds = outcomes.total(), time.perf_counter() - began
            print(
                f"{file:36} {kind:10} {n:5} {outcomes['right'] / n:6.3f} {outcomes['expected'] / n:12.3f} "
                f"{outcomes['wrong'] / n:6.3f}  {1e6 * seconds / n:8.0f}"
            )


def _texts(path: Path, each: int) -> dict[str, list[str]]:
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    questions = [question["question"] for paragraph in paragraphs for question in paragraph["qas"]]
    chance = random.Random(3)
    return {
        "questions": chance.sample(questions, min(each, len(questions))),
        "paragraphs": [p["context"] for p in chance.sample(paragraphs, min(each, len(paragraphs)))],
    }


if __name__ == "__main__":
    main()
