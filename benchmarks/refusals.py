"""How well questions that nothing answers are refused, on corpora of every size, and the coefficients that ship.

    python benchmarks/refusals.py                  # measure what ships
    python benchmarks/refusals.py --write          # fit on the corpora of FITTED first, and ship that
    python benchmarks/refusals.py --only tydi-bn,xquad-hi

Every question is asked as it is, with its document left out (twin), with the passages that hold its answer left out and
the rest of its document there (near miss), and with a numbered name changed into one of no document (near miss).
Printed for each corpus: precision and recall of refusing where half of the cases are unanswerable, the share of the
answerable questions that is wrongly refused, and the share refused of each kind. Then the same for one corpus cut to 1,
3, 10, 100 and 3,000 passages, and by the length of the question.

The coefficients are fitted on TAT-QA and the training split of TyDi, of each the documents that the packaged reader
was not trained on. TyDi's dev split, XQuAD, the firms that were written for the training of the reader and are held out
from it (open: asked of a firm none of whose documents answers), and the sample company's practice questions are only
measured on. The threshold that ships was chosen on `firms.py`.
Writes benchmarks/results/refusals.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from answers import company
from ingest import circumstances
from refusal_corpora import CORPORA, FIRMS, FITTED, Corpus, firm_corpora, long_versions

from metier import Expert
from metier.answering import abstention
from metier.answering.abstention import Labelled
from metier.core import questions
from metier.core.questions import Question
from metier.evaluation import refusal_calibration
from metier.evaluation.refusal_calibration import Case
from metier.store.base import Filter

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
SHIPPED = ROOT / "src/metier/answering/default_abstention.json"
COMPANY = "sample company"
SIZES = (1, 3, 10, 100, 3000)  # passages


@dataclass(frozen=True, slots=True)
class Looked:
    """A case that was looked up. `kind`: "answerable", "own", "twin", "hidden", "renamed" or "open"."""

    kind: str
    words: int
    labelled: Labelled


def expert_on(corpus: Corpus, folder: Path, threads: int, documents: dict[str, str] | None = None) -> Expert:
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for name, text in (documents or corpus.documents).items():
        (docs / name).write_text(text, encoding="utf-8")
    expert = Expert.create(folder / "expert", language=corpus.language, embedding=corpus.embedding)
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text().replace("[embedding]", f"[embedding]\nthreads = {threads}"))
    expert = Expert.open(expert.folder)
    expert.add(str(docs))
    expert.sync()
    return expert


def look_up(expert: Expert, asked: Sequence[Question]) -> list[Looked]:
    def is_known(name: str) -> bool:
        return bool(expert.runtime.store.frequencies(expert.runtime.analyser.tokens(name)[-1:]).any())

    found = []
    drawn = refusal_calibration.cases(asked, expert.runtime.store.passages, is_known)
    for number, case in enumerate(drawn, start=1):
        features = expert.runtime.answerer.features(case.question.question, Filter(hidden=case.hidden), case.without)
        if features:
            labelled = Labelled(features, case.unanswerable, 1.0, case.asked_as, case.near_miss)
            found.append(Looked(kind_of(case), len(case.question.question.split()), labelled))
        print(f"\r{number}/{len(drawn)}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    return found


def kind_of(case: Case) -> str:
    if not case.unanswerable:
        return "answerable"
    if case.hidden:
        return "hidden"
    if case.changed:
        return "renamed"
    return "twin" if case.without else "own"


def on_firms(threads: int) -> list[Looked]:
    found = []
    for firm, corpus in firm_corpora():
        with tempfile.TemporaryDirectory() as folder, expert_on(corpus, Path(folder), threads) as expert:
            asked = [*((question, False) for question in firm.answered), *((q, True) for q in firm.open_ones)]
            for question, is_open in asked:
                if features := expert.runtime.answerer.features(question, None):
                    labelled = Labelled(features, is_open, 1.0, question, is_open)
                    found.append(Looked("open" if is_open else "answerable", len(question.split()), labelled))
        print(f"\r{firm.name}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    return found


def on_corpus(name: str, count: int, threads: int) -> list[Looked]:
    if name == FIRMS:
        return on_firms(threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if name == COMPANY:
            with company(folder) as expert:
                asked = [q for q in questions.load(folder / "questions.jsonl") if q.split == "practice"]
                return look_up(expert, questions.resolve(asked, expert.runtime.store.uris(), COMPANY))
        corpus = CORPORA[name](count)
        with expert_on(corpus, folder, threads) as expert:
            return look_up(expert, corpus.questions)


def on_sizes(name: str, count: int, threads: int) -> dict[int, list[Looked]]:
    """The same few documents and questions among more and more unrelated ones."""
    found = {}
    corpus = CORPORA[name](3000)
    asked = corpus.questions[:count]
    for size in SIZES:
        with tempfile.TemporaryDirectory() as temporary:
            if size < count:  # one expert a question: its own document and others
                looked = []
                for number, question in enumerate(asked[:12]):
                    own = question.documents[0].removeprefix("docs/")
                    others = [each for each in corpus.documents if each != own][: size - 1]
                    kept = {each: corpus.documents[each] for each in (own, *others)}
                    with expert_on(corpus, Path(temporary) / str(number), threads, kept) as expert:
                        looked += look_up(expert, [question])
                found[size] = looked
                continue
            own = {document.removeprefix("docs/") for question in asked for document in question.documents}
            others = [each for each in corpus.documents if each not in own][: max(0, size - len(own))]
            kept = {each: corpus.documents[each] for each in (*own, *others)}
            with expert_on(corpus, Path(temporary) / "all", threads, kept) as expert:
                found[size] = look_up(expert, asked)
    return found


def measure(model: abstention.Abstention, looked: Sequence[Looked]) -> dict[str, float]:
    """Where half of the cases are unanswerable, whatever their number."""
    refused = np.array([model.refuses(each.labelled.features) for each in looked])
    wrong = np.array([each.labelled.unanswerable for each in looked])
    doubt = np.array([model.probability(each.labelled.features) for each in looked])
    recall, wrongly = float(refused[wrong].mean()), float(refused[~wrong].mean())
    above = doubt[wrong][:, None] - doubt[~wrong][None]
    by_kind = defaultdict(list)
    for each, was in zip(looked, refused, strict=True):
        by_kind[each.kind].append(float(was))
    return {
        "auc": float((above > 0).mean() + (above == 0).mean() / 2),
        "precision": recall / max(1e-9, recall + wrongly),
        "recall": recall,
        "wrongly_refused": wrongly,
        "cases": len(looked),
    } | {f"refused_{kind}": float(np.mean(values)) for kind, values in sorted(by_kind.items()) if kind != "answerable"}


def show(name: str, row: dict[str, float]) -> None:
    kinds = "  ".join(f"{key[8:]} {value:.2f}" for key, value in row.items() if key.startswith("refused_"))
    print(
        f"{name:22}{row['auc']:>6.3f}{row['precision']:>11.2f}{row['recall']:>8.2f}{row['wrongly_refused']:>9.2f}"
        f"{row['cases']:>7}   {kinds}", flush=True,
    )  # fmt: skip


def fitted(looked: dict[str, list[Looked]]) -> abstention.Abstention:
    """On all corpora, each counting the same, and the unanswerable cases of each as much as the answerable ones."""
    cases = []
    for rows in looked.values():
        yes = sum(not each.labelled.unanswerable for each in rows)
        for each in rows:
            weight = 1 / (yes if not each.labelled.unanswerable else len(rows) - yes)
            own = each.labelled
            cases.append(Labelled(own.features, own.unanswerable, weight, own.group, own.near_miss))
    return abstention.fit(cases, ", ".join(looked), prior=abstention.standardised(cases))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=60, help="of each set; each is asked in up to four ways")
    parser.add_argument("--only", help="corpora, separated by commas")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-sizes", action="store_true")
    parser.add_argument("--write", action="store_true", help="fit, and replace the coefficients that ship")
    options = parser.parse_args()
    result = circumstances("refusals.py") | {"corpora": {}, "sizes": {}, "lengths": {}}
    head = f"{'':22}{'AUC':>6}{'precision':>11}{'recall':>8}{'wrongly':>9}{'cases':>7}   refused"
    model = abstention.shipped()
    if options.write:
        known = {name: on_corpus(name, options.questions, options.threads) for name in FITTED}
        model = fitted(known)
        model.save(SHIPPED)
        print("fitted:", model)
        print(head)
        for name, rows in known.items():
            show(f"{name} (fitted)", measure(model, rows))
    print(head)
    every = [*CORPORA, FIRMS, COMPANY]
    names = options.only.split(",") if options.only else [name for name in every if name not in FITTED]
    measured = {name: on_corpus(name, options.questions, options.threads) for name in names}
    for name, rows in measured.items():
        result["corpora"][name] = measure(model, rows)
        show(name, result["corpora"][name])
    together = [each for rows in measured.values() for each in rows]
    for low, high in ((1, 6), (7, 12), (13, 20), (21, 80)):
        rows = [each for each in together if low <= each.words <= high]
        if len({each.labelled.unanswerable for each in rows}) == 2:
            result["lengths"][f"{low}-{high}"] = measure(model, rows)
            show(f"{low} to {high} words", result["lengths"][f"{low}-{high}"])
    if not options.no_sizes:
        for size, rows in on_sizes("tydi-en", 24, options.threads).items():
            result["sizes"][size] = measure(model, rows)
            show(f"{size} passages", result["sizes"][size])
        corpus = CORPORA["tydi-en"](200)
        with tempfile.TemporaryDirectory() as temporary, expert_on(corpus, Path(temporary), options.threads) as expert:
            asked = long_versions(corpus.questions[:40], random.Random(0))
            result["lengths"]["made long"] = measure(model, look_up(expert, asked))
            show("made long", result["lengths"]["made long"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "refusals.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
