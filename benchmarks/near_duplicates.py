"""How many reworded questions the near-duplicate check finds, and how often it takes two questions for one.

    python benchmarks/near_duplicates.py
    python benchmarks/near_duplicates.py tydi-bn banking77 --questions 200 --show 5

The exam is `--questions` of a set's questions, the training data all the others. To these is added, one kind of edit
after another, a copy of each exam question: one that is reworded (should be found), or one that asks for another thing
(should not): a rare word exchanged for a rare word of another question, or a number for another number. The pairs are
found by `metier.dataset.leaks`, which compares the answers too; what is known of them differs:

    unknown     the exam has no answers
    known       real questions have their own, a reworded copy that of its question, a copy that asks for another
                thing the answer of another question
    misjudged   a reworded copy, too, has the answer of another question

    recall      share of the reworded copies that are found, all kinds together
    other       share of the copies that ask for another thing and are flagged all the same
    different   flagged pairs of real questions that the data set does not hold to be the same: another label
                (banking77), another disease and another answer (medquad), another passage (tydi), any (pubmedqa).
                Some of them are true repeats that the labels do not show; --show prints them.
    precision   right ones among all that is flagged: reworded copies / (reworded + other + different)
    LSH misses  pairs over the threshold that MinHash did not offer, of those that comparing everything finds

The words for edits are the set's own, so they are in its language. `*` marks `near_duplicates.THRESHOLD`.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex
from sets import TYDI_LANGUAGES, data_folder

from metier.core.questions import Question
from metier.dataset import leaks
from metier.dataset.rows import Row
from metier.text import near_duplicates

NAMES = ("banking77", "medquad", "pubmedqa", "tydi-bn", "tydi-en", "tydi-id", "tydi-sw")
THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8)
MARKED = near_duplicates.THRESHOLD
ANSWERS = ("unknown", "known", "misjudged")
SHOUTED = "case"


@dataclass(frozen=True, slots=True)
class Set:
    """`groups`: for each question what it is about, by the data set; shared ones may be the same question."""

    language: str
    questions: list[str]
    groups: list[frozenset[str]]
    answers: list[str]
    labelled: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=NAMES, help=f"any of {', '.join(NAMES)}")
    parser.add_argument("--questions", type=int, default=100, help="size of the exam")
    parser.add_argument("--show", type=int, default=0, help="flagged pairs of different questions to print")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.sets:
        measure(name, options.questions, options.show, random.Random(options.seed))


def measure(name: str, size: int, show: int, rng: random.Random) -> None:
    data = read(name)
    order = rng.sample(range(len(data.questions)), len(data.questions))
    exam, rest = order[:size], order[size:]
    edits = Edits(data.questions, rng)
    copies = [edits.all(data.questions[index]) for index in exam]
    questions = [data.questions[index] for index in exam]
    print(f"\n{name}: {len(exam)} exam questions, {len(rest)} others")
    print("  ".join(["answers   ", "threshold", *edits.kinds, "recall", "other", "different", "precision"]))
    for answers in ANSWERS:
        runs = {kind: run(data, exam, rest, copies, kind, answers) for kind in edits.kinds}
        for threshold in THRESHOLDS:
            print_row(answers, threshold, runs, edits)
        for pair in [pair for pair in runs["added"].different if pair.similarity >= MARKED][:show]:
            print(f"      {pair.similarity:.2f}  {data.questions[rest[pair.first]]}  |  {questions[pair.second]}")
    missed, alike = lsh_misses(data.questions, questions)
    print(f"LSH misses {missed} of {alike} pairs over {MARKED}")


@dataclass(frozen=True, slots=True)
class Run:
    """`edited`: how many copies there were. `found`: pairs of a copy and its question. `different`: see above."""

    edited: int
    found: list[near_duplicates.Pair]
    different: list[near_duplicates.Pair]


def run(data: Set, exam: list[int], rest: list[int], copies: list[dict[str, str]], kind: str, answers: str) -> Run:
    """One kind of edit at the lowest threshold; a pair's similarity tells which higher ones it passes."""
    made = {len(rest) + n: place for n, place in enumerate(p for p, copy in enumerate(copies) if kind in copy)}
    training = [data.questions[index] for index in rest] + [copies[place][kind] for place in made.values()]

    own = answers == "known" and kind in Edits.reworded
    replies = [data.answers[index] for index in rest]
    replies += [data.answers[exam[place if own else (place + 1) % len(exam)]] for place in made.values()]
    label = "label" if data.labelled else ""
    rows = [Row(question, reply, kind=label) for question, reply in zip(training, replies, strict=True)]
    asked = [
        Question(str(index), data.questions[index], () if answers == "unknown" else (data.answers[index],))
        for index in exam
    ]
    pairs = leaks.find(rows, asked, data.language, THRESHOLDS[0])
    return Run(
        len(made),
        [pair for pair in pairs if made.get(pair.first) == pair.second],
        [
            pair
            for pair in pairs
            if pair.first < len(rest) and not data.groups[rest[pair.first]] & data.groups[exam[pair.second]]
        ],
    )


def print_row(answers: str, threshold: float, runs: dict[str, Run], edits: Edits) -> None:
    def passing(pairs: list[near_duplicates.Pair]) -> int:
        return sum(pair.similarity >= threshold for pair in pairs)

    found = {kind: passing(runs[kind].found) for kind in edits.kinds}
    edited = {kind: runs[kind].edited for kind in edits.kinds}
    right, wrong = (sum(found[kind] for kind in kinds) for kinds in (edits.reworded, edits.others))
    different = passing(runs["added"].different)
    cells = [f"{found[kind] / edited[kind]:.2f}" if edited[kind] else "-" for kind in edits.kinds]
    cells += [f"{right / sum(edited[kind] for kind in edits.reworded):.3f}"]
    cells += [f"{wrong / max(1, sum(edited[kind] for kind in edits.others)):.3f}", str(different)]
    cells += [f"{right / max(1, right + wrong + different):.3f}"]
    head = [*edits.kinds, "recall", "other", "different", "precision"]
    row = "  ".join(cell.rjust(len(title)) for cell, title in zip(cells, head, strict=True))
    print(f"{answers:10}  {threshold:8.1f}{'*' if threshold == MARKED else ' '}  {row}")


def lsh_misses(texts: Sequence[str], questions: Sequence[str]) -> tuple[int, int]:
    """Pairs whose shingles are alike enough and that were not offered, and all that are alike enough."""
    shingled = [near_duplicates.shingles(near_duplicates.normalise(text)) for text in texts]
    asked = [near_duplicates.shingles(near_duplicates.normalise(text)) for text in questions]
    index = near_duplicates.Index()
    offered = set(index.between(shingled, asked))
    alike = {
        (i, j)
        for j, one in enumerate(asked)
        for i, other in enumerate(shingled)
        if len(one & other) >= near_duplicates.THRESHOLD * len(one | other)
    }
    return len(alike - offered), len(alike)


class Edits:
    """Copies of a question that ask the same in other words, and copies that ask for another thing."""

    reworded = (SHOUTED, "added", "dropped", "misspelt", "swapped", "common")
    others = ("name", "number")
    kinds = (*reworded, *others)

    def __init__(self, questions: Sequence[str], rng: random.Random) -> None:
        self._rng = rng
        counts = Counter(word for question in questions for word in {*question.casefold().split()})
        self._common = [word for word, count in counts.items() if count > max(3, 0.02 * len(questions))]
        self._names = sorted(word for word, count in counts.items() if count <= 2 and len(word) >= 4 and _letters(word))
        self._counts = counts

    def all(self, question: str) -> dict[str, str]:
        words = question.split()
        makers: dict[str, Callable[[list[str]], str | None]] = {
            SHOUTED: lambda words: " ".join(words).upper().replace("?", " …!").replace(",", " "),
            "added": lambda words: f"{self._rng.choice(self._common)} {' '.join(words)}",
            "dropped": self._dropped,
            "misspelt": self._misspelt,
            "swapped": self._swapped,
            "common": self._exchanged,
            "name": self._other_name,
            "number": self._other_number,
        }
        made = {kind: make(list(words)) for kind, make in makers.items()}
        return {kind: text for kind, text in made.items() if text is not None and text != question}

    def _dropped(self, words: list[str]) -> str | None:
        common = [place for place, word in enumerate(words) if word.casefold() in self._common]
        if len(words) < 4 or not common:
            return None
        words.pop(self._rng.choice(common))
        return " ".join(words)

    def _misspelt(self, words: list[str]) -> str | None:
        long = [place for place, word in enumerate(words) if len(word) > 5 and _letters(word)]
        if not long:
            return None
        place = self._rng.choice(long)
        word = words[place]
        words[place] = word[:2] + word[3] + word[2] + word[4:]
        return " ".join(words)

    def _swapped(self, words: list[str]) -> str:
        place = self._rng.randrange(max(1, len(words) - 1))
        words[place : place + 2] = reversed(words[place : place + 2])
        return " ".join(words)

    def _exchanged(self, words: list[str]) -> str | None:
        common = [place for place, word in enumerate(words) if word.casefold() in self._common]
        if not common:
            return None
        words[self._rng.choice(common)] = self._rng.choice(self._common)
        return " ".join(words)

    def _other_name(self, words: list[str]) -> str | None:
        rare = [p for p, word in enumerate(words) if self._counts[word.casefold()] <= 2 and _letters(word)]
        if not rare:
            return None
        words[self._rng.choice(rare)] = self._rng.choice(self._names)
        return " ".join(words)

    def _other_number(self, words: list[str]) -> str | None:
        text = " ".join(words)
        found = regex.search(r"\p{N}+", text)
        return f"{text[: found.start()]}{int(found.group()) + 7}{text[found.end() :]}" if found else None


def _letters(word: str) -> bool:
    return bool(regex.fullmatch(r"[\p{L}\p{M}]+", word))


def read(name: str) -> Set:
    if name == "banking77":
        with (data_folder() / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        labels = [frozenset([row["category"]]) for row in rows]
        return Set("en", [row["text"] for row in rows], labels, [row["category"] for row in rows], True)
    if name == "pubmedqa":
        rows = json.loads((data_folder() / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8"))
        keys = [frozenset([key]) for key in rows]
        return Set(
            "en", [row["QUESTION"] for row in rows.values()], keys, [row["LONG_ANSWER"] for row in rows.values()]
        )
    if name == "medquad":
        return read_medquad()
    return read_tydi(name.removeprefix("tydi-"))


def read_tydi(language: str) -> Set:
    path = data_folder() / "tydiqa" / f"{TYDI_LANGUAGES[language]}_tydiqa_dev.json"
    paragraphs = [p for article in json.loads(path.read_text(encoding="utf-8"))["data"] for p in article["paragraphs"]]
    asked = [(asked, paragraph["context"]) for paragraph in paragraphs for asked in paragraph["qas"]]
    return Set(
        language,
        [question["question"] for question, _ in asked],
        [frozenset([context]) for _, context in asked],
        [question["answers"][0]["text"] for question, _ in asked],
    )


def read_medquad() -> Set:
    """Distinct questions; one is about every disease it is asked of, and has the answers given to it."""
    groups: dict[str, set[str]] = {}
    answers: dict[str, str] = {}
    with (data_folder() / "medquad" / "medquad_nih4.jsonl").open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            asked = " ".join(row["question"].split())
            groups.setdefault(asked, set()).update({f"{row['focus']} {row['qtype']}", row["answer"]})
            answers.setdefault(asked, row["answer"])
    return Set("en", list(groups), [frozenset(each) for each in groups.values()], list(answers.values()))


if __name__ == "__main__":
    main()
