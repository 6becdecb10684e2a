"""Fit the weights of `metier.answering.passage_ranking` on the firms that the reader was not trained on.

python training/ranking.py collect --to build/ranking.npz    # ask every question, a few minutes
python training/ranking.py fit --of build/ranking.npz        # figures by folds of firms; --write to ship them
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "training"), str(ROOT / "benchmarks")]

from adapter import logistic  # noqa: E402
from firm_corpora import Firm, held_out_firms  # noqa: E402
from refusal_corpora import Corpus  # noqa: E402
from refusals import expert_on  # noqa: E402

from metier import Expert  # noqa: E402
from metier.answering import passage_ranking  # noqa: E402
from metier.answering.passage_ranking import FEATURES  # noqa: E402
from metier.documents import Passage  # noqa: E402

SHIPPED = ROOT / "src" / "metier" / "answering" / "passage_ranking.json"


def collect(to: Path, threads: int) -> None:
    """Of every question and passage that was read for it: features, whether it answers, question, firm."""
    rows, right, asked, firm_of = [], [], [], []
    for number, firm in enumerate(held_out_firms()):
        with tempfile.TemporaryDirectory() as folder:
            corpus = Corpus(firm.language, firm.documents, [])
            with expert_on(corpus, Path(folder), threads) as expert:
                for question, file, answer in _questions(firm):
                    made, passages = look_up(expert, question)
                    if made is None:
                        continue
                    gold = [bool(file) and _answers(passage, file, answer) for passage in passages]
                    rows.append(made)
                    right += gold
                    asked += [len(rows)] * len(passages)
                    firm_of += [number] * len(passages)
        print(f"{firm.name}: {firm.language}, {len(firm.answered)} answered, {len(firm.open_ones)} open", flush=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    np.savez(to, x=np.concatenate(rows), y=np.array(right), question=np.array(asked), firm=np.array(firm_of))


def _questions(firm: Firm) -> list[tuple[str, str, str]]:
    return [*firm.answered, *((question, "", "") for question in firm.open_ones)]


def look_up(expert: Expert, question: str) -> tuple[np.ndarray | None, list[Passage]]:
    """Features (passages, features) of what is read for a question."""
    finder = expert.answerer.finder
    coverage = finder.coverage(question)
    hits = finder.candidates(coverage, expert.retriever.search_all([question], 50), 4)
    if not hits:
        return None, []
    readings = finder.read(question, [hit.passage for hit in hits])
    return passage_ranking.features(coverage, hits, readings), [hit.passage for hit in hits]


def _answers(passage: Passage, file: str, answer: str) -> bool:
    def plain(text: str) -> str:
        return "".join(character for character in text.casefold() if character.isalnum())

    first = answer.split("\n")[0]
    return passage.uri.endswith("/" + file) and plain(first) in plain(f"{' '.join(passage.headings)} {passage.text}")


def fit(of: Path, write: bool) -> None:
    kept = np.load(of)
    x, y, question, firm = kept["x"], kept["y"].astype(float), kept["question"], kept["firm"]
    answerable = np.isin(question, np.unique(question[y > 0]))
    print(f"{len(np.unique(question))} questions, {len(np.unique(question[answerable]))} whose passage was read")
    before = np.zeros(len(FEATURES))
    before[[FEATURES.index(name) for name in ("answerable", "search", "foreign")]] = 1.0, 1.0, 1.5
    out = np.empty(len(y))
    for one in np.unique(firm):
        out[firm == one] = _fitted(x[firm != one], y[firm != one], question[firm != one]) @ _with_one(x[firm == one]).T
    for name, scores in (("reader alone", x[:, 0]), ("before", x @ before), ("search alone", x[:, 2]), ("fitted", out)):
        first, area = _first_right(scores, y, question), _area(scores, y, question)
        print(f"{name:14} best passage right {first:.3f}, AUC of the best {area:.3f}")
    weights = _fitted(x, y, question)
    for name, weight in zip(("bias", *FEATURES), weights, strict=True):
        print(f"  {name:12}{weight:8.3f}")
    if write:
        named = {name: round(float(weight), 4) for name, weight in zip(FEATURES, weights[1:], strict=True)}
        SHIPPED.write_text(json.dumps({"bias": round(float(weights[0]), 4), "weights": named}, indent=1) + "\n")


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def _fitted(x: np.ndarray, y: np.ndarray, question: np.ndarray) -> np.ndarray:
    """Constant and weights: (1 + features,). A passage that answers weighs as much as all of its question's others."""
    sizes = np.bincount(question)[question]
    return np.array(logistic(_with_one(x), y, np.where(y > 0, 1.0, 3.0 / sizes)))


def _first_right(scores: np.ndarray, y: np.ndarray, question: np.ndarray) -> float:
    """Of the questions whose passage was read, the share that it is first."""
    right = [y[question == q][scores[question == q].argmax()] for q in np.unique(question[y > 0])]
    return float(np.mean(right))


def _area(scores: np.ndarray, y: np.ndarray, question: np.ndarray) -> float:
    """How often the best passage of an answered question has a higher score than that of an open one."""
    best = {q: scores[question == q].max() for q in np.unique(question)}
    answered = set(np.unique(question[y > 0]).tolist())
    yes = np.array([score for q, score in best.items() if q in answered])
    no = np.array([score for q, score in best.items() if q not in answered])
    return float((yes[:, None] > no).mean()) if len(no) else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("collect", "fit"))
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "ranking.npz")
    parser.add_argument("--of", type=Path, default=ROOT / "build" / "ranking.npz")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="replace the weights that ship")
    given = parser.parse_args()
    if given.action == "collect":
        collect(given.to, given.threads)
    else:
        fit(given.of, given.write)


if __name__ == "__main__":
    main()
