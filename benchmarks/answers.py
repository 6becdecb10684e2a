"""Answers, citations and refusals on the sample company, on questions nothing was tuned on.

    python benchmarks/answers.py                    # makes the documents, syncs, calibrates on the practice half
    python benchmarks/answers.py --expert FOLDER    # an expert that is calibrated already

Practice questions set the fusion weight and the refusals; the exam half is asked once. Printed for it: the answer
contains the fact (whole words and numbers), the right document and page are cited, refusals are right.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import regex

from metier import Expert
from metier.answering.answer import Answer
from metier.core.questions import Question, load, resolve
from metier.text.analyzer import ascii_digits
from metier.text.phrases import SPACED_SIGN, UNSPACED

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"


def contains(text: str, answers: tuple[str, ...]) -> bool:
    """Whether one accepted wording stands in the text, as whole words and numbers; in a script that writes no spaces
    between words, as whole numbers."""
    said = _plain(text)
    return any(regex.search(_whole(_plain(answer)), said) for answer in answers)


def _whole(wording: str) -> str:
    before = "" if regex.match(rf"[{UNSPACED}]", wording) else rf"(?<!{SPACED_SIGN}|\.)"
    after = "" if regex.search(rf"[{UNSPACED}]$", wording) else rf"(?!{SPACED_SIGN})"
    return f"(?V1){before}{regex.escape(wording)}{after}"


def _plain(text: str) -> str:
    text = ascii_digits(text.casefold())
    return " ".join(regex.sub(r"(?<=\d),(?=\d{3})", "", text).split())


def page_right(answer: Answer, question: Question) -> tuple[bool, bool]:
    """(some citation, the first citation) is in a right document and, where it has pages, on the right page."""
    right = [
        c.document in question.documents
        and (question.page is None or len(question.documents) > 1 or c.page == question.page)
        for c in answer.citations
    ]
    return any(right), bool(right) and right[0]


def company(folder: Path) -> Expert:
    """An expert on the documents of the sample company; its questions lie beside them in `folder`."""
    docs = folder / "docs"
    subprocess.run(
        [sys.executable, str(ROOT / "examples/turbines/make.py"), str(docs)], check=True, capture_output=True
    )
    expert = Expert.create(folder / "turbines", embedding="multilingual-e5-small")  # some documents are in Bengali
    expert.add(str(docs))
    expert.sync()
    return expert


def prepare(folder: Path) -> Expert:
    expert = company(folder)
    learned = expert.evaluation.calibrate(load(folder / "questions.jsonl"))
    print(f"calibrated: {learned.fusion}, {learned.refusals}, {learned.errors}", flush=True)
    return expert


def interval(values: Sequence[float], draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean with its 95% bootstrap interval."""
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    drawn = np.random.default_rng(seed).choice(np.array(values, float), (draws, len(values))).mean(axis=1)
    return float(np.mean(values)), float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expert", type=Path)
    parser.add_argument("--questions", type=Path, default=ROOT / "examples/turbines/questions.jsonl")
    parser.add_argument("--split", default="exam")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        expert = Expert.open(options.expert) if options.expert else prepare(Path(temporary))
        report = examine(expert, options.questions, options.split)
        expert.close()
    RESULTS.mkdir(exist_ok=True)
    report |= {"command": " ".join(sys.argv), "machine": platform.machine()}
    (RESULTS / "answers.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))


def examine(expert: Expert, questions: Path, split: str) -> dict:
    asked = [q for q in resolve(load(questions), expert.runtime.store.uris(), str(questions)) if q.split == split]
    rows, began = [], time.monotonic()
    for number, question in enumerate(asked, start=1):
        answer = expert.ask(question.question)
        some, first = page_right(answer, question)
        rows.append({
            "id": question.id, "kind": question.kind, "language": question.language, "answerable": question.answerable,
            "abstained": answer.abstained, "text": answer.text, "confidence": answer.confidence,
            "fact": question.answerable and not answer.abstained and contains(answer.text, question.answers),
            "page": some, "first_page": first, "style": str(answer.style),
            "found": any(hit.passage.uri in question.documents for hit in answer.hits[:4]),
            "seconds": answer.timings["total"],
        })  # fmt: skip
        print(f"\r{number}/{len(asked)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    summary = summarise(rows)
    summary["seconds"] = time.monotonic() - began
    return {"summary": summary, "rows": rows}


def summarise(rows: list[dict]) -> dict:
    answered = [r for r in rows if r["answerable"] and not r["abstained"]]
    refused = [r for r in rows if r["abstained"]]
    measures = {
        "answered questions cite the right page (any citation)": [r["page"] for r in answered],
        "answered questions cite the right page (first citation)": [r["first_page"] for r in answered],
        "answered questions contain the fact": [r["fact"] for r in answered],
        "right document among the four passages shown": [r["found"] for r in rows if r["answerable"]],
        "refusal precision": [not r["answerable"] for r in refused],
        "refusal recall": [r["abstained"] for r in rows if not r["answerable"]],
    }
    by_kind = defaultdict(list)
    for row in answered:
        by_kind[f"{row['kind']}, {row['language']}: contains the fact"].append(row["fact"])
    summary = {}
    for name, values in (measures | by_kind).items():
        mean, low, high = interval(values)
        summary[name] = {"mean": mean, "low": low, "high": high, "questions": len(values)}
        print(f"{name:58} {mean:.3f}  [{low:.3f}, {high:.3f}]  n={len(values)}")
    return summary


if __name__ == "__main__":
    main()
