"""Base, rag, tuned and rag+tuned evaluated on the same questions of real sets, with the packaged 135M model.

    python benchmarks/four_way.py                        # TyDi English, MedQuAD, PubMedQA; hours
    python benchmarks/four_way.py pubmedqa --exam 200 --practice 300

Every set goes through the verbs of Métier as a user would take them: documents, sync, questions, calibration on the
practice half, training rows from the practice half, LoRA, comparison on the exam half. Experts are kept in --work and
every step is resumable: a run that was interrupted goes on where it was. Writes benchmarks/results/four_way.json.

    tydi-en    Wikipedia passages as a knowledge base; short answers written by native speakers       (fact)
    medquad    NIH health pages; the reference is the beginning of the answer, up to 80 words          (text)
    pubmedqa   abstracts; yes, no or maybe (the official training half, split again)                   (yesno)
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sets import data_folder

from metier import Expert
from metier.dataset.checks import Report
from metier.evaluation.result import ComparisonResult
from metier.text.sentences import sentence_spans

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "four_way.json"
WORK = HERE.parent / "build" / "four_way"
MOST_WORDS = 80  # of a MedQuAD reference
SHOWN = ("score", "token_f1", "rouge_l", "faithful", "cited_precision", "retrieved", "macro_f1")


@dataclass(frozen=True, slots=True)
class Exam:
    """`documents`: file name to (title, text). `questions`: rows of a questions file, without their split."""

    documents: dict[str, tuple[str, str]]
    questions: list[dict]


def tydi() -> Exam:
    documents, questions = {}, []
    raw = json.loads((data_folder() / "tydiqa" / "english_tydiqa_dev.json").read_text(encoding="utf-8"))
    for number, (title, paragraph) in enumerate((a["title"], p) for a in raw["data"] for p in a["paragraphs"]):
        name = f"p{number:04}.md"
        documents[name] = (title, paragraph["context"])
        for qa in paragraph["qas"]:
            answers = list(dict.fromkeys(answer["text"] for answer in qa["answers"]))
            questions.append({"id": qa["id"], "question": qa["question"], "answers": answers, "document": name})
    return Exam(documents, [row | {"kind": "fact"} for row in questions])


def medquad() -> Exam:
    documents, questions = {}, {}
    with (data_folder() / "medquad" / "medquad_nih4.jsonl").open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if not row["answer"].strip() or row["question"] in questions:
                continue
            name = row["id"].replace("/", "-") + ".md"
            documents[name] = (row["question"], row["answer"])
            answer = beginning(row["answer"])
            questions[row["question"]] = {
                "id": row["id"], "question": row["question"], "answers": [answer], "document": name, "kind": "text",
            }  # fmt: skip
    return Exam(documents, list(questions.values()))


def pubmedqa() -> Exam:
    documents, questions = {}, []
    raw = json.loads((data_folder() / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8"))
    for identity, row in raw.items():
        documents[f"{identity}.md"] = (f"Abstract {identity}", "\n\n".join(row["CONTEXTS"]))
        questions.append({
            "id": identity, "question": f"{row['QUESTION']} Answer yes, no or maybe.", "kind": "yesno",
            "answers": [row["final_decision"]], "choices": ["yes", "no", "maybe"], "document": f"{identity}.md",
        })  # fmt: skip
    return Exam(documents, questions)


SETS = {"tydi-en": tydi, "medquad": medquad, "pubmedqa": pubmedqa}


def beginning(text: str) -> str:
    """Whole sentences from the start, up to `MOST_WORDS` words, at least one."""
    end, words = 0, 0
    for start, stop in sentence_spans(text, "en"):
        words += len(text[start:stop].split())
        if end and words > MOST_WORDS:
            break
        end = stop
    return text[:end]


def prepare(name: str, folder: Path, options: argparse.Namespace) -> None:
    """Documents, questions and an expert that has read them."""
    exam = SETS[name]()
    drawn = random.Random(0).sample(exam.questions, min(len(exam.questions), options.exam + options.practice))
    docs = folder / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    for file, (title, text) in exam.documents.items():
        (docs / file).write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    with (folder / "questions.jsonl").open("w", encoding="utf-8") as file:
        for number, row in enumerate(drawn):
            split = "exam" if number < options.exam else "practice"
            file.write(json.dumps(row | {"split": split, "language": "en"}, ensure_ascii=False) + "\n")
    with Expert.create(folder / "expert") as expert:
        expert.add(str(docs))
    if name == "medquad":
        settings = folder / "expert" / "metier.toml"
        settings.write_text(settings.read_text().replace("[generation]", "[generation]\nmax_tokens = 160"))


def examine(name: str, options: argparse.Namespace) -> dict:
    folder, took = options.work / name, {}
    if options.anew:
        shutil.rmtree(folder, ignore_errors=True)
    if not (folder / "expert" / "metier.toml").exists():
        prepare(name, folder, options)
    with Expert.open(folder / "expert") as expert:
        for step, act in steps(expert, folder, options):
            began = time.monotonic()
            print(f"{name}: {step}", flush=True)
            act()
            took[step] = time.monotonic() - began
        began = time.monotonic()
        result = expert.evaluation.compare(tell=told(name))
        took["comparison"] = time.monotonic() - began
        card = expert.adapters.registry.production()
    return result.without_answers().to_json() | {
        "seconds": took,
        "tuning": card.result if card else None,
        "documents": len(list((folder / "docs").iterdir())),
    }


def steps(expert: Expert, folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, object]]:
    """What is not done yet."""
    yield "sync", expert.sync
    yield "questions", lambda: expert.exam.import_file(folder / "questions.jsonl", skip_leaks=True)
    yield "calibration", lambda: expert.evaluation.calibrate_where_needed(told(folder.name))
    if not expert.dataset.rows():
        yield "training rows", expert.dataset.from_practice
    if expert.adapters.registry.production() is None:
        yield "tuning", lambda: tuned(expert, options)


def tuned(expert: Expert, options: argparse.Namespace) -> None:
    report: Report = expert.dataset.check(exam=[q for q in expert.exam.questions() if q.split == "exam"])
    if report.stops:
        raise SystemExit(f"the training data leaks: {report}")
    card = expert.adapters.tune(
        resume=(expert.runtime.state_folder / "runs").exists(), epochs=options.epochs, on_step=lambda tick: None
    )
    expert.adapters.promote(card.reference)


def told(name: str):
    last = [0.0]

    def tell(stage: str, done: int, total: int, note: str) -> None:
        if time.monotonic() - last[0] > 20 or done == total:
            last[0] = time.monotonic()
            print(f"\r{name}: {stage} {done}/{total}   ", end="" if done < total else "\n", file=sys.stderr, flush=True)

    return tell


def show(results: dict[str, dict]) -> None:
    console = Console(width=150)
    for name, plain in results.items():
        result = ComparisonResult.from_json(plain)
        table = Table(title=f"{name}: {result.questions} exam questions")
        metrics = [metric for metric in SHOWN if any(metric in figures for figures in result.modes.values())]
        for title in ("", *metrics, "s/answer"):
            table.add_column(title)
        for mode, figures in result.modes.items():
            cells = (figures.get(metric) for metric in metrics)
            said = (f"{c.mean:.3f} ({c.low:.3f} to {c.high:.3f})" if c else "" for c in cells)
            table.add_row(mode, *said, f"{result.costs[mode].total_p50:.2f}")
        console.print(table)
        for pair in result.pairs:
            if pair.metric == "score" and {pair.a, pair.b} == {"rag", "rag+tuned"}:
                reach = f"{pair.low:.3f} to {pair.high:.3f}, p {pair.p_adjusted:.4f}"
                console.print(f"{pair.a} over {pair.b}: {pair.difference:+.3f} ({reach})")
        console.print(result.verdict.reason)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--exam", type=int, default=200)
    parser.add_argument("--practice", type=int, default=300)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--anew", action="store_true", help="throw away what earlier runs left")
    options = parser.parse_args()
    if unknown := sorted(set(options.sets) - set(SETS)):
        parser.error(f"no such set: {', '.join(unknown)}; there are {', '.join(SETS)}")
    results = json.loads(RESULTS.read_text()).get("sets", {}) if RESULTS.exists() else {}
    for name in options.sets:
        results[name] = examine(name, options)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"command": " ".join(sys.argv), "sets": results}, indent=1))
    show({name: results[name] for name in options.sets})


if __name__ == "__main__":
    main()
