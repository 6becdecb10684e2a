"""How well refusals carry over from one corpus to another, and the coefficients that ship with Métier.

    python benchmarks/refusals.py                  # leave one corpus out: fit on the others, refuse on it
    python benchmarks/refusals.py --write          # also replace src/metier/answering/default_abstention.json

Corpora: the practice questions of the sample company, with its own unanswerable ones, and a drawn part of MedQuAD and
of TyDi in four languages. Everywhere a question's twin is the same question with its document left out. No exam
question of the sample company is looked at. Printed for each corpus: AUC, precision and recall of refusing, once by
coefficients and threshold of the other corpora, once by its own (five folds, weighted as calibration does), where half
of the cases are twins.
Writes benchmarks/results/refusals.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from answers import company
from ingest import circumstances
from peers import full_text
from sets import load

from metier import Expert
from metier.answering import abstention
from metier.answering.abstention import Labelled
from metier.evaluation import calibration, questions
from metier.questions import Question

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
SHIPPED = ROOT / "src/metier/answering/default_abstention.json"
SETS = ("medquad", "tydi-en", "tydi-bn", "tydi-id", "tydi-sw")
COMPANY = "sample company"


@dataclass(frozen=True, slots=True)
class Asked:
    """One case: its features, and whether nothing answers it. `own`: not a twin, but a question without an answer.
    `weight`: what it counts."""

    question: str
    features: dict[str, float]
    unanswerable: bool
    own: bool
    weight: float


def sample_company(folder: Path) -> tuple[Expert, list[Question]]:
    expert = company(folder)
    asked = [q for q in questions.load(folder / "questions.jsonl") if q.split == "practice"]
    return expert, questions.resolve(asked, expert.store.uris(), COMPANY)


def public(name: str, folder: Path, count: int) -> tuple[Expert, list[Question]]:
    """At most 1,000 documents, and `count` questions about them."""
    chosen = load(name)
    draw = random.Random(0)
    kept = draw.sample(sorted(chosen.documents), min(1000, len(chosen.documents)))
    docs = folder / "docs"
    docs.mkdir()
    file_of = {document: f"{number:05}.txt" for number, document in enumerate(kept)}
    for document, file in file_of.items():
        (docs / file).write_text(full_text(*chosen.documents[document]), encoding="utf-8")
    about = [q for q in sorted(chosen.questions) if set(chosen.relevant[q]) <= set(file_of)]
    asked = [
        Question(q, chosen.questions[q], documents=tuple(f"docs/{file_of[d]}" for d in chosen.relevant[q]))
        for q in draw.sample(about, min(count, len(about)))
    ]
    expert = Expert.create(folder / "expert", language=name[5:7] if name.startswith("tydi-") else "en")
    expert.add(str(docs))
    expert.sync()
    return expert, asked


def ask(name: str, count: int) -> list[Asked]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        expert, asked = sample_company(folder) if name == COMPANY else public(name, folder, count)
        rows = []
        with expert:
            drawn = calibration.cases(asked)
            for number, (case, weight) in enumerate(zip(drawn, calibration.weights(drawn), strict=True), start=1):
                answer = expert.ask(case.question.question, abstain=False, without=case.without)
                if answer.features:
                    own = not case.question.answerable
                    rows.append(Asked(case.question.question, answer.features, case.unanswerable, own, weight))
                print(f"\r{name}: {number}/{len(drawn)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows


def asked_before(path: Path) -> dict[str, list[Asked]]:
    raw = json.loads(path.read_text(encoding="utf-8"))
    return {name: [Asked(**case) for case in cases] for name, cases in raw.items()}


def fit(asked: Sequence[Asked], on: str) -> abstention.Abstention:
    return abstention.fit([Labelled(a.features, a.unanswerable, a.weight, a.question) for a in asked], on)


def measure(model: abstention.Logistic, asked: Sequence[Asked]) -> dict[str, float]:
    doubt = np.array([model.probability(a.features) for a in asked])
    wrong = np.array([a.unanswerable for a in asked])
    refused = doubt >= model.threshold
    above = doubt[wrong][:, None] - doubt[~wrong][None]
    return {
        "auc": float((above > 0).mean() + (above == 0).mean() / 2),
        "precision": float(wrong[refused].mean()) if refused.any() else 0.0,
        "recall": float(refused[wrong].mean()),
        "cases": len(asked),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=60, help="of each public set; each is asked twice")
    parser.add_argument("--cases", type=Path, help="features that an earlier run kept, instead of asking again")
    parser.add_argument("--write", action="store_true", help="replace the coefficients that ship with Métier")
    options = parser.parse_args()
    result = circumstances("refusals.py")
    asked = asked_before(options.cases) if options.cases else {n: ask(n, options.questions) for n in (COMPANY, *SETS)}
    RESULTS.mkdir(exist_ok=True)
    kept = {name: [asdict(case) for case in cases] for name, cases in asked.items()}
    (RESULTS / "refusals_cases.json").write_text(json.dumps(kept), encoding="utf-8")
    print(f"{'':16}{'fitted on':>12}{'AUC':>8}{'precision':>11}{'recall':>8}{'cases':>7}")
    for name, cases in asked.items():
        others = fit([a for other, rows in asked.items() if other != name for a in rows], "others")
        for label, chosen in (("others", others), ("itself", fit(cases, name))):
            for stage, model in (("before", chosen.before), ("decides", chosen.deciding)):
                row = measure(model, cases)
                if label == "itself":  # of held-out folds, not of what it was fitted on
                    row |= {"precision": model.precision, "recall": model.recall}
                result.setdefault("corpora", {}).setdefault(name, {})[f"{label}, {stage}"] = row
                print(
                    f"{name:16}{label:>9} {stage:7}{row['auc']:>5.3f}{row['precision']:>11.2f}"
                    f"{row['recall']:>8.2f}{row['cases']:>7}", flush=True,
                )  # fmt: skip
    shipped = fit([a for rows in asked.values() for a in rows], "the sample company, MedQuAD and TyDi")
    own = [a for a in asked[COMPANY] if a.own or not a.unanswerable]
    result["all"] = {"company's own unanswerable": measure(shipped.deciding, own)}
    print("fitted on all, the company's own unanswerable questions:", result["all"])
    if options.write:
        shipped.save(SHIPPED)
    (RESULTS / "refusals.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
