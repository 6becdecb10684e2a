"""Whether `metier plan` is right: what it says of a larger expert, from a smaller one, beside what that one takes.

    python benchmarks/capacity.py [10000 100000] [--largest 1000000] [--work FOLDER]

Of each size an expert is made whose passages are drawn around real ones (scale_engines/corpus.py: texts of MedQuAD,
TyDi and Cranfield, vectors of MiniLM), written and indexed as `metier sync` does it, and measured as `metier plan`
measures. Then the plan made of each but the last is held against the next one: storage, time to write and index, memory
of a process that searches, seconds and processor time of a search. Embedding is left out of the build: it takes the
same for every passage. Writes benchmarks/results/capacity.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ingest import circumstances
from rich.console import Console
from rich.table import Table
from scale import made_real
from scale_engines.corpus import PER_DOCUMENT, Corpus
from sets import load

from metier import Expert
from metier.core.documents import Block, Document, Passage, document_id, passage_id
from metier.core.settings import Settings
from metier.services.capacity.growth import dense_at, lexical_at
from metier.services.capacity.measuring import MeasuredExpert, PartTimes, SearchTimes, measure
from metier.services.capacity.plan import CapacityTarget, plan
from metier.state.catalog import SyncRun
from metier.store.base import Entry

HERE = Path(__file__).resolve().parent
SIZES = (10_000, 100_000)
EXACT_UNTIL = {"exact": 10**9, "indexed": 0}  # passages, of each way to search
TOGETHER = 50  # documents of a commit
SETTINGS = '[store]\nexact_until = {exact_until}\n[answering]\nreader = "none"\n'


def main() -> int:
    options = parse()
    if options.child:
        print(
            json.dumps(asdict(measured(Path(options.child), options.sizes[0], Path(options.work), options.exact_until)))
        )
        return 0
    results = HERE / "results" / "capacity.json"
    if options.again:
        show(beside_plans(json.loads(results.read_text(encoding="utf-8"))["rows"]))
        return 0
    with tempfile.TemporaryDirectory(prefix="metier-capacity-") as made:
        work = Path(options.work or made)
        made_real(work, 500)
        report: dict[str, Any] = circumstances("capacity.py")
        sizes = [*options.sizes, *([options.largest] if options.largest else [])]
        rows = [row for search in EXACT_UNTIL for row in made_and_measured(sizes, search, work, Path(made))]
        report["rows"] = beside_plans(rows)
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    show(report["rows"])
    return 0


def made_and_measured(sizes: list[int], search: str, work: Path, place: Path) -> list[dict[str, Any]]:
    """An expert of each size, and what it takes."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        Corpus.made(work, size)
        folder = place / f"{search}-{size}"
        command = [sys.executable, __file__, str(size), "--child", str(folder), "--work", str(work)]
        command += ["--exact-until", str(EXACT_UNTIL[search])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        plain = json.loads(done.stdout.splitlines()[-1])
        took = figures(read(plain))
        rows.append({"search": search, "passages": size, "took": took, "said": None, "measured": plain})
        print(f"{search} {size:,}: {took}", file=sys.stderr, flush=True)
    return rows


def beside_plans(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each with what the plan of the size before it says of it now."""
    for before, row in pairwise(rows):
        if row["search"] == before["search"]:
            row["said"] = predicted(read(before["measured"]), read(row["measured"]), row["search"])
    return rows


def figures(found: MeasuredExpert) -> dict[str, float]:
    return {
        "storage_gb": (found.stored_bytes or 0) / 1e9, "build_s": found.sync_seconds, "held_gb": found.held_bytes / 1e9,
        "search_s": found.search.seconds, "search_cpu_s": found.search.cpu_seconds,
        "dense_s": found.search.dense.seconds, "dense_cpu_s": found.search.dense.cpu_seconds,
        "lexical_s": found.search.lexical.seconds, "lexical_cpu_s": found.search.lexical.cpu_seconds,
    }  # fmt: skip


def predicted(before: MeasuredExpert, after: MeasuredExpert, search: str) -> dict[str, float]:
    settings = Settings.model_validate({"store": {"exact_until": EXACT_UNTIL[search]}})
    made = plan(before, CapacityTarget(after.documents, 1.0, latency=1e6 if search == "exact" else 1e-9), settings)
    each = next(line.value for line in made.lines if line.name == "processor time a question")
    dense, lexical = dense_at(before, after.passages, search == "indexed"), lexical_at(before, after.passages)
    return {
        "storage_gb": made.storage_gb, "build_s": (made.build_hours or 0) * 3600, "memory_gb": made.memory_gb,
        "search_s": made.search_seconds, "search_cpu_s": each, "dense_s": dense.seconds,
        "dense_cpu_s": dense.cpu_seconds, "lexical_s": lexical.seconds, "lexical_cpu_s": lexical.cpu_seconds,
    }  # fmt: skip


def measured(folder: Path, size: int, work: Path, exact_until: int) -> MeasuredExpert:
    """An expert of that size, made in `folder`, as a process measures it that has only searched."""
    if not folder.exists():
        with Expert.create(folder) as made:
            toml = folder / "metier.toml"
            toml.write_text(f"{toml.read_text()}\n" + SETTINGS.format(exact_until=exact_until))
        with Expert.open(folder) as made:
            corpus = Corpus.read(work, size)
            store, waiting, started = made.runtime.store, list[Entry](), time.perf_counter()
            for entry in entries(corpus):
                waiting.append(entry)
                if len(waiting) == TOGETHER:
                    store.replace(waiting)
                    waiting = []
            if waiting:
                store.replace(waiting)
            store.optimize()
            seconds, now = time.perf_counter() - started, datetime.now(UTC).isoformat(timespec="microseconds")
            with made.runtime.catalog() as catalog:
                catalog.put_sync(SyncRun(now, size // PER_DOCUMENT, 0, 0, 0, 0, size, seconds))
        command = [sys.executable, __file__, str(size), "--child", str(folder), "--work", str(work)]
        done = subprocess.run([*command, "--exact-until", str(exact_until)], capture_output=True, text=True, check=True)
        return read(json.loads(done.stdout.splitlines()[-1]))
    with Expert.open(folder) as made:
        questions = load("tydi-en").questions.values()
        return measure(made.runtime, list(questions))


def entries(corpus: Corpus) -> Iterator[Entry]:
    """Documents of twenty passages, as a store takes them."""
    for number, of in corpus.documents():
        texts, tokens = zip(*(corpus.text(at) for at in range(of.start, of.stop)), strict=True)
        uri, blocks, at = f"{number}.md", list[Block](), 0
        for text in texts:
            blocks.append(Block("paragraph", at, at + len(text)))
            at += len(text) + 1
        document = Document(
            id=document_id(uri), uri=uri, title=f"Document {number}", text="\n".join(texts), blocks=tuple(blocks),
            media_type="text/plain", content_hash=str(number), language="en",
        )  # fmt: skip
        passages = [
            Passage(
                id=passage_id(document.id, block.start, block.end, text), document_id=document.id, text=text,
                start=block.start, end=block.end, uri=uri, title=document.title, language="en",
            )
            for block, text in zip(blocks, texts, strict=True)
        ]  # fmt: skip
        yield Entry(document, passages, np.array(corpus.vectors[of]), tokens)


def read(plain: dict[str, Any]) -> MeasuredExpert:
    search = plain["search"]
    parts = {name: PartTimes(**search[name]) for name in ("dense", "lexical")}
    return MeasuredExpert(**{**plain, "search": SearchTimes(**{**search, **parts}), "answer": None})


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("search", "passages", "figure", "took", "said from the size below", "said / took")
    for row in rows:
        for name, took in row["took"].items():
            said = (row["said"] or {}).get("memory_gb" if name == "held_gb" else name)
            ratio = f"{said / took:.2f}" if said and took else ""
            table.add_row(
                row["search"], f"{row['passages']:,}", name, f"{took:.4g}", f"{said:.4g}" if said else "", ratio
            )
    Console().print(table)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--largest", type=int, help="one size more, 1000000")
    parser.add_argument(
        "--work", default="", help="folder that the drawn vectors are kept in; benchmarks/scale.py has the same"
    )
    parser.add_argument(
        "--again", action="store_true", help="measure nothing: hold the plan as it is now against the last results"
    )
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--exact-until", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
