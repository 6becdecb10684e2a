"""Which questions a pin serves: how many other wordings of its question, and how many questions that ask another thing.

    python examples/turbines/make.py build/pins/docs
    python benchmarks/pins.py build/pins/docs
    python benchmarks/pins.py build/pins/docs --model multilingual-e5-small --show 20

Every question of the sample company whose document is known is pinned to the passage that answers it, and so is every
other wording of `pins.jsonl`, which were written by hand. Then is asked:

    again     another wording of the pinned question (should be served)
    other     every other question of the company whose answer stands in another passage (should not)
    twin      the question with another number, code, place or person in it (should not)
    word      the question with a rare word of another question in the place of one of its own; many of these make no
              sense, and where the word stands in the pinned passage, nothing is lost

The rows are thresholds of the cosine, `*` marks the one in force; the columns are shares of what is asked, and for
`other` a count. The rules for names, numbers and words are those of `metier.feedback.question_matching`, and
switched off one after another.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex
from near_duplicates import Edits

from metier import Expert
from metier.core.documents import Passage
from metier.core.questions import DocumentLookup, Question, load
from metier.feedback import question_matching
from metier.feedback.question_matching import Wording, brings_nothing_new
from metier.retrieval.retriever import Query

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "turbines"
MODELS = ("all-minilm-l6-v2", "multilingual-e5-small")
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
RULES = ("cosine alone", "+ numbers and names", "+ words of its own")
CODE = regex.compile(r"\p{Lu}{1,3}-\d+[-\d]*|এসভি-৭৫")
NAME = regex.compile(r"(?<=[^\s.?!:]\s)\p{Lu}[\p{Ll}\p{M}]+|চাঁদনিঘাট")
BENGALI = {"এসভি-৭৫": ["এসভি-৯০", "এনভি-৭৫"], "চাঁদনিঘাট": ["কাকদ্বীপ", "দীঘা", "সুন্দরপুর"]}

Pair = tuple[str, str]  # pinned, asked


@dataclass(frozen=True, slots=True)
class Pairs:
    again: list[Pair]
    other: list[Pair]
    twin: list[Pair]
    word: list[Pair]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path, help="folder that examples/turbines/make.py wrote")
    parser.add_argument("--model", choices=MODELS, action="append", help="embedder; default: all")
    parser.add_argument("--show", type=int, default=0, help="wrongly served and missed questions to print")
    options = parser.parse_args()
    for model in options.model or MODELS:
        with tempfile.TemporaryDirectory() as folder, Expert.create(Path(folder) / "e", embedding=model) as expert:
            expert.add(str(options.documents))
            expert.sync()
            measure(expert, model, options.show)


def measure(expert: Expert, model: str, show: int) -> None:
    questions = [q for name in ("questions", "more_questions") for q in load(EXAMPLE / f"{name}.jsonl")]
    again = {row["id"]: row["again"] for row in map(json.loads, (HERE / "pins.jsonl").read_text("utf-8").splitlines())}
    holds = oracles(expert, questions)
    texts = {question.id: question.question for question in questions}
    holds |= {wording: holds[texts[name]] for name, wordings in again.items() for wording in wordings}
    pairs = made(texts, again, holds)
    near = Near(expert, holds)
    print(
        f"\n{model}: {len(pairs.again)} again, {len(pairs.other)} other, {len(pairs.twin)} twin, {len(pairs.word)} word"
    )
    print(f"{'rules':22}{'cosine':>8}{'again':>8}{'other':>8}{'twin':>8}{'word':>8}")
    for rules, name in enumerate(RULES):
        closeness = {kind: near.closeness(getattr(pairs, kind), rules) for kind in Pairs.__slots__}
        for threshold in THRESHOLDS:
            share = {kind: float(np.mean(values >= threshold)) for kind, values in closeness.items()}
            mark = "*" if threshold == question_matching.CLOSE and rules == len(RULES) - 1 else " "
            count = int((closeness["other"] >= threshold).sum())
            print(
                f"{name:22}{threshold:7.2f}{mark}{share['again']:8.2f}{count:8}{share['twin']:8.3f}{share['word']:8.2f}"
            )
    for kind, wrong in (("other", True), ("twin", True), ("again", False)):
        among = getattr(pairs, kind)
        served = near.closeness(among, len(RULES) - 1) >= question_matching.CLOSE
        for pinned, asked in [pair for pair, is_served in zip(among, served, strict=True) if is_served == wrong][:show]:
            print(f"  {kind}: {pinned}  |  {asked}")


def oracles(expert: Expert, questions: list[Question]) -> dict[str, Passage]:
    """The passage that answers each question: of its document, the one with most words of the answer and question."""
    uris = expert.runtime.store.uris()
    known, found = DocumentLookup(uris), {}
    for question in questions:
        if question.answers and question.documents:
            (uri,) = known.find(question.documents[0])
            said = set(expert.runtime.analyser.tokens(" ".join((*question.answers, question.question))))
            found[question.question] = max(
                expert.runtime.store.passages(uris[uri]),
                key=lambda p: (
                    len(said & set(expert.runtime.analyser.tokens(p.indexed_text))),
                    p.page == question.page,
                ),
            )
    return found


def made(texts: dict[str, str], again: dict[str, list[str]], holds: dict[str, Passage]) -> Pairs:
    rng = random.Random(1)
    asked = sorted(set(texts.values()))
    rewordings = [p for name, said in again.items() for p in (*((texts[name], w) for w in said), (said[0], said[1]))]
    pinned = sorted(holds)
    edits = Edits(asked, rng)
    names = {"code": alternatives(CODE, asked), "name": alternatives(NAME, asked)}
    twins, words = set(), set()
    for text in pinned:
        for _ in range(2):
            edited = edits.all(text)
            twins |= {(text, edited[kind]) for kind in ("number",) if kind in edited}
            words |= {(text, edited[kind]) for kind in ("name",) if kind in edited}
        twins |= {(text, twin) for twin in exchanged(text, names, rng)}
    others = [
        (one, other)
        for one, other in itertools.product(sorted(set(texts.values()) & set(pinned)), asked)
        if one != other and (other not in holds or holds[other].id != holds[one].id)
    ]
    return Pairs(rewordings, others, sorted(twins), sorted(words))


def alternatives(pattern: regex.Pattern, texts: list[str]) -> list[str]:
    return sorted({found for text in texts for found in pattern.findall(text)} - set(BENGALI))


def exchanged(text: str, names: dict[str, list[str]], rng: random.Random) -> list[str]:
    """The text with another name in the place of one that it has: of the same kind where there are some."""
    twins = []
    for kind, pattern in (("code", CODE), ("name", NAME)):
        for name in set(pattern.findall(text)):
            alike = [x for x in names[kind] if x != name and x.split("-")[0] == name.split("-")[0]]
            choice = BENGALI.get(name) or (alike if kind == "code" and alike else [x for x in names[kind] if x != name])
            twins += [text.replace(name, other) for other in rng.sample(choice, min(2, len(choice)))]
    return twins


class Near:
    """Closeness of pairs, -1 where a rule says that they ask for different things."""

    def __init__(self, expert: Expert, holds: dict[str, Passage]) -> None:
        self._expert = expert
        self._holds = holds
        self._asked: dict[str, Query] = {}
        self._wordings: dict[str, Wording] = {}

    def closeness(self, pairs: list[Pair], rules: int) -> np.ndarray:
        """Shape (pairs,). `rules`: how many of `RULES` are in force beside the cosine."""
        self._embed({text for pair in pairs for text in pair})
        return np.array([self._close(*pair, rules) for pair in pairs])

    def _close(self, pinned: str, asked: str, rules: int) -> float:
        close = self._asked[asked].closeness(self._asked[pinned].vector)
        checks: list[Callable[[], bool]] = [
            lambda: self._wordings[pinned].names_the_same(self._wordings[asked]),
            lambda: brings_nothing_new(
                asked, pinned, [self._holds[pinned]], self._expert.runtime.analyser, self._expert.runtime.store
            ),
        ]
        if close < min(THRESHOLDS) or not all(check() for check in checks[:rules]):
            return -1.0
        return close

    def _embed(self, texts: set[str]) -> None:
        new = sorted(texts - self._asked.keys())
        for start in range(0, len(new), 64):
            some = new[start : start + 64]
            for text, vector in zip(some, self._expert.runtime.embedder.embed_queries(some), strict=True):
                self._asked[text] = Query(vector, *self._expert.runtime.store.background(vector))
                self._wordings[text] = Wording.of(text, self._expert.runtime.analyser)


if __name__ == "__main__":
    main()
