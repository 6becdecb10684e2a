"""What a newcomer meets: small invented firms of different trades, 25 plain questions each, all settings at defaults.

    python benchmarks/firms.py                          # every firm that is not held out
    python benchmarks/firms.py --firm pool --threads 1  # one firm, gently
    python benchmarks/firms.py --firm pool --show       # every question with answer, citations and verdict

`make.py` in firms/ writes 10 to 20 documents a firm; an expert is created on them in the firm's language, synced and
asked, without calibration. A firm whose firm.toml says `held_out` runs only when it is named: nothing may be tuned on
it. 18 questions of 25 are answerable. The verdicts:

    right and cited      holds an accepted wording (all `parts`, where a question has them) as whole words, and some
                         citation is of a right document; a question for documents needs them named, in the text
    right, not cited     holds it, but no citation is of a right document
    wrong                answers an answerable question with something else
    answered anyway      answers what no document says
    wrongly refused, rightly refused

Targets: right and cited 70% of the answerable, wrongly refused at most 10% of them; wrong and answered anyway together
at most 10% of all. Accepted wordings can be met by accident and missed by a good answer: read `--show`, which prints
what a right answer must say.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from answers import contains

from metier import Expert

HERE = Path(__file__).resolve().parent
FIRMS = HERE / "firms"
RESULTS = HERE / "results"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a firm. `parts`: groups of wordings of which each must be met; none = any of `answers` will do.
    `page`: of the one right document, from 1, where it has pages. `must`: what a right answer says, for a person."""

    id: str
    question: str
    kind: str
    must: str
    answers: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    documents: tuple[str, ...]
    page: int | None
    answerable: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One question as it was answered. `on_page`: a citation is on the right page; None where none is asked for."""

    id: str
    kind: str
    answerable: bool
    verdict: str
    question: str
    must: str
    text: str
    citations: tuple[str, ...]
    on_page: bool | None
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firm", action="append", help="a folder of firms/; may be repeated")
    parser.add_argument("--threads", type=int, help="for the embedder and the model; default: the tool's own")
    parser.add_argument("--limit", type=int, help="only the first questions of each firm")
    parser.add_argument("--show", action="store_true", help="every question with answer, citations and verdict")
    options = parser.parse_args()
    settings = {path.parent.name: tomllib.loads(path.read_text("utf-8")) for path in sorted(FIRMS.glob("*/firm.toml"))}
    names = options.firm or [name for name, firm in settings.items() if not firm.get("held_out")]
    report: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        subprocess.run([sys.executable, str(FIRMS / "make.py"), temporary], check=True, capture_output=True)
        for name in names:
            print(f"\n{name}: {settings[name]['title']}", flush=True)
            folder = Path(temporary) / name
            with expert_on(folder, settings[name]["language"], options.threads) as expert:
                report[name] = examine(expert, load(folder / "questions.jsonl")[: options.limit], options.show)
            summarise(report[name])
    if len(names) > 1:
        print("\nall of them")
        summarise([row for rows in report.values() for row in rows])
    RESULTS.mkdir(exist_ok=True)
    kept = {name: [asdict(row) for row in rows] for name, rows in report.items()}
    kept |= {"command": " ".join(sys.argv), "machine": platform.machine()}
    (RESULTS / "firms.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False))


def expert_on(folder: Path, language: str, threads: int | None) -> Expert:
    """An expert with defaults on `folder`/docs, synced."""
    home, began = folder / "expert", time.monotonic()
    with Expert.create(home, language=language) as made:
        made.add(str(folder / "docs"))
    if threads:
        file = home / "metier.toml"
        text = file.read_text("utf-8")
        for section in ("[embedding]", "[generation]"):
            text = text.replace(section, f"{section}\nthreads = {threads}")
        file.write_text(text, "utf-8")
    expert = Expert.open(home)
    expert.sync()
    for failure in (item for item in expert.items() if item.reason):
        print(f"not read: {failure.uri}: {failure.reason}")
    print(f"{len(list(expert.runtime.store.uris()))} documents, synced in {time.monotonic() - began:.1f} s", flush=True)
    return expert


def load(path: Path) -> list[Asked]:
    asked = []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        documents = row["document"] or []
        asked.append(
            Asked(
                id=row["id"],
                question=row["question"],
                kind=row["kind"],
                must=row["must"],
                answers=tuple(row["answers"]),
                parts=tuple(tuple(part) for part in row.get("parts", [])),
                documents=(documents,) if isinstance(documents, str) else tuple(documents),
                page=row["page"],
                answerable=row["answerable"],
            )
        )
    return asked


def examine(expert: Expert, questions: list[Asked], show: bool) -> list[Row]:
    rows = []
    for number, question in enumerate(questions, start=1):
        began = time.monotonic()
        answer = expert.ask(question.question)
        cited = [(c.document, c.page) for c in answer.citations]
        rows.append(
            Row(
                id=question.id,
                kind=question.kind,
                answerable=question.answerable,
                verdict=verdict(question, answer.text, answer.abstained, [document for document, _ in cited]),
                question=question.question,
                must=question.must,
                text=answer.text,
                citations=tuple(f"{document}{f', page {page}' if page else ''}" for document, page in cited),
                on_page=on_page(question, cited) if question.page and not answer.abstained else None,
                seconds=time.monotonic() - began,
            )
        )
        if show:
            tell(rows[-1])
        else:
            print(f"\r{number}/{len(questions)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return rows


def verdict(question: Asked, text: str, abstained: bool, cited: list[str]) -> str:
    if abstained:
        return "wrongly refused" if question.answerable else "rightly refused"
    if not question.answerable:
        return "answered anyway"
    groups = question.parts or (question.answers,)
    if not all(contains(text, group) for group in groups):
        return "wrong"
    if question.kind == "documents" or any(_is_one_of(document, question.documents) for document in cited):
        return "right and cited"
    return "right, not cited"


def on_page(question: Asked, cited: list[tuple[str, int | None]]) -> bool:
    """Whether some citation is on the right page of a right document that has pages, or in one that has none."""
    pages = [page for document, page in cited if _is_one_of(document, question.documents)]
    return any(page in (None, question.page) for page in pages)


def _is_one_of(uri: str, documents: tuple[str, ...]) -> bool:
    return any(uri == document or uri.endswith("/" + document) for document in documents)


def tell(row: Row) -> None:
    print(f"\n{row.id} [{row.kind}] {row.question}")
    print(f"   {row.verdict.upper()}  ({row.seconds:.1f} s)   must: {row.must}")
    print("   > " + row.text.strip().replace("\n", "\n   > "))
    for citation in row.citations:
        print(f"   - {citation}")
    sys.stdout.flush()


def summarise(rows: list[Row]) -> None:
    counts = Counter(row.verdict for row in rows)
    answerable = sum(row.answerable for row in rows)
    unanswerable = len(rows) - answerable
    wrong = counts["wrong"] + counts["right, not cited"] + counts["answered anyway"]
    lines = [
        ("right and cited (target 70%)", counts["right and cited"], answerable),
        ("wrong, or right with a wrong citation, or answered anyway (at most 10%)", wrong, len(rows)),
        ("    wrong", counts["wrong"], answerable),
        ("    right, but no right document cited", counts["right, not cited"], answerable),
        ("    answered what no document says", counts["answered anyway"], unanswerable),
        ("wrongly refused (at most 10%)", counts["wrongly refused"], answerable),
        ("rightly refused", counts["rightly refused"], unanswerable),
        ("right page cited, of what was answered and has one", *_pages(rows)),
    ]
    for name, count, of in lines:
        print(f"{name:72} {count:3}/{of:<3} {count / of if of else float('nan'):6.0%}")
    times = sorted(row.seconds for row in rows)
    print(f"{'seconds an answer, median and slowest':72} {times[len(times) // 2]:.1f} {times[-1]:.1f}")


def _pages(rows: list[Row]) -> tuple[int, int]:
    asked = [row.on_page for row in rows if row.on_page is not None]
    return sum(asked), len(asked)


if __name__ == "__main__":
    main()
