"""How fast documents become searchable, and where the time goes.

    python benchmarks/ingest.py [--set medquad|cranfield|tydi-bn] [--documents 1000] [--rounds 3]

The set's documents are written as .txt and .md files in turn and taken in by an expert with default settings for the
language. Every round measures, one after the other, so that a neighbour slows each alike:

    sync    the whole of `expert.sync()` into an empty state folder
    embed   the embedder alone over exactly the same passages, all at once
    again   `expert.sync()` of the unchanged files by an expert opened again

Weights are loaded before each clock starts (`load` is what that takes). The stages of a sync run in three threads at
once, so their seconds add up to more than the sync, and hold waiting for a core as well. Writes
benchmarks/results/ingest.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from peers import full_text
from sets import load

import metier.ingestion.chunking
import metier.ingestion.sync
from metier import Expert
from metier.parsing import Parser
from metier.store import Entry

RESULTS = Path(__file__).resolve().parent / "results"
RATIO_TARGET = 0.9  # passages a second of a sync, of what the embedder does alone
AGAIN_TARGET = 0.02  # of the first sync
# What a sync does, by thread.
STAGES = {
    "parse": "read",
    "language": "read",
    "cut": "read",
    "analyse": "read",
    "embed": "embed",
    "commit": "write",
    "optimize": "end",
}


class Clock:
    """Seconds and calls by name; any thread may add to it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def timed(self, name: str, function: Callable) -> Callable:
        def wrapper(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                with self._lock:
                    self.seconds[name] += time.perf_counter() - began
                    self.calls[name] += 1

        return wrapper


@contextmanager
def watched(expert: Expert, clock: Clock, texts: list[str]) -> Iterator[None]:
    """Time the modules while `expert` syncs, and gather the text of every passage it commits, in order."""
    store, embedder, analyser = expert.runtime.store, expert.runtime.embedder, expert.runtime.analyser
    commit = clock.timed("commit", store.replace)

    def replace(entries: Sequence[Entry]) -> None:
        texts.extend(passage.indexed_text for entry in entries for passage in entry.passages)
        commit(entries)

    parse = clock.timed("parse", Parser.parse)
    with ExitStack() as stack:
        for target, name, replacement in (
            (Parser, "parse", lambda self, *args, **options: parse(self, *args, **options)),
            (metier.ingestion.sync, "detect", clock.timed("language", metier.ingestion.sync.detect)),
            (metier.ingestion.chunking, "cut", clock.timed("cut", metier.ingestion.chunking.cut)),
            (analyser, "tokens", clock.timed("analyse", analyser.tokens)),
            (embedder, "embed_passages", clock.timed("embed", embedder.embed_passages)),
            (store, "replace", replace),
            (store, "optimize", clock.timed("optimize", store.optimize)),
        ):
            stack.enter_context(mock.patch.object(target, name, replacement))
        yield


def write_files(name: str, limit: int, folder: Path) -> int:
    """`limit` documents spread evenly over the set, as text and Markdown in turn."""
    documents = list(load(name).documents.values())
    count = min(limit, len(documents))
    folder.mkdir()
    for number in range(count):
        title, text = documents[number * len(documents) // count]
        if number % 2 and title:
            (folder / f"{number:06}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
        else:
            (folder / f"{number:06}.{'md' if number % 2 else 'txt'}").write_text(full_text(title, text), "utf-8")
    return count


def opened(folder: Path) -> tuple[Expert, float]:
    """The expert with its weights in memory, and the seconds that loading took."""
    expert = Expert.open(folder)
    began = time.perf_counter()
    expert.runtime.embedder.embed_passages(["first"])
    return expert, time.perf_counter() - began


def one_round(folder: Path) -> dict:
    clock, texts = Clock(), []
    expert, load_seconds = opened(folder)
    shutil.rmtree(expert.runtime.state_folder, ignore_errors=True)
    with expert:
        opening = time.perf_counter()
        expert.runtime.store  # noqa: B018 - made here so that it can be watched; its making counts
        opening = time.perf_counter() - opening
        with watched(expert, clock, texts):
            began = time.perf_counter()
            report = expert.sync()
            sync_seconds = opening + time.perf_counter() - began
        began = time.perf_counter()
        expert.runtime.embedder.embed_passages(texts)
        embed_seconds = time.perf_counter() - began
    expert, _ = opened(folder)
    with expert:
        began = time.perf_counter()
        again = expert.sync()
        again_seconds = time.perf_counter() - began
    if again.added or again.changed or again.deleted or report.passages != len(texts):
        raise RuntimeError(f"the second sync found changes, or passages were missed: {again}")
    return {
        "documents": report.added,
        "failed": len(report.failed),
        "passages": len(texts),
        "load_seconds": load_seconds,
        "sync_seconds": sync_seconds,
        "embed_seconds": embed_seconds,
        "again_seconds": again_seconds,
        "sync_passages_per_s": len(texts) / sync_seconds,
        "embed_passages_per_s": len(texts) / embed_seconds,
        "ratio": embed_seconds / sync_seconds,
        "again_share": again_seconds / sync_seconds,
        "stages": {name: {"seconds": clock.seconds[name], "calls": clock.calls[name]} for name in STAGES},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def circumstances(script: str) -> dict:
    """Call it before the measurement: the load average is that of its start."""
    cpu = ""
    if (info := Path("/proc/cpuinfo")).exists():
        cpu = next((line.partition(":")[2].strip() for line in info.open() if line.startswith("model name")), "")
    describe = ["git", "describe", "--always", "--dirty"]
    git = subprocess.run(describe, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return {
        "command": shlex.join(["python", f"benchmarks/{script}", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "commit": git.stdout.strip(),
        "machine": {
            "cpu": cpu,
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_average_at_start": round(os.getloadavg()[0], 2),
        },
    }


def print_row(name: str, values: dict[str, float], note: str = "", form: str = ".3f") -> None:
    """Also of latency.py: one line of median, lowest and highest."""
    print(
        f"{name:26}" + "".join(f"{values[key]:>11{form}}" for key in ("median", "low", "high")) + f"   {note}".rstrip()
    )


def print_head() -> None:
    print(f"{'':26}{'median':>11}{'low':>11}{'high':>11}")


def verdict(value: float, target: float, *, at_least: bool = False) -> str:
    met = value >= target if at_least else value <= target
    return f"target {'≥' if at_least else '≤'} {target:g}: {'met' if met else 'missed'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="medquad", help="medquad, cranfield, tydi-bn or another of sets.py")
    parser.add_argument("--documents", type=int, default=1000, help="at most this many, spread over the set")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    result = circumstances("ingest.py")
    language = options.set[5:7] if options.set.startswith("tydi-") else "en"
    rounds = []
    with tempfile.TemporaryDirectory(prefix="metier-ingest-") as name:
        place = Path(name)
        try:
            count = write_files(options.set, options.documents, place / "documents")
        except FileNotFoundError as error:
            sys.exit(f"{error}: set METIER_DATA to the folder of the data sets")
        with Expert.create(place / "expert", language=language) as expert:
            expert.add(str(place / "documents"))
            model = expert.settings.embedding.model
        for number in range(1, options.rounds + 1):
            rounds.append(one_round(place / "expert"))
            last = rounds[-1]
            print(
                f"round {number}: sync {last['sync_seconds']:.2f} s, embed {last['embed_seconds']:.2f} s, "
                f"again {last['again_seconds']:.3f} s",
                file=sys.stderr, flush=True,
            )  # fmt: skip
    names = [key for key, value in rounds[0].items() if isinstance(value, float)]
    summary = {key: spread([each[key] for each in rounds]) for key in names}
    stages = {stage: spread([each["stages"][stage]["seconds"] for each in rounds]) for stage in STAGES}
    report(f"{options.set}: {count} files, {rounds[0]['passages']} passages, {model}", rounds, summary, stages)
    result |= {
        "set": options.set, "files": count, "model": model, "summary": summary, "stages": stages, "rounds": rounds,
        "targets": {"ratio": RATIO_TARGET, "again_share": AGAIN_TARGET},
        "load_average_at_end": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(title: str, rounds: list[dict], summary: dict, stages: dict) -> None:
    print(f"{title}, {len(rounds)} rounds")
    print_head()
    print_row("sync, passages/s", summary["sync_passages_per_s"], form=".1f")
    print_row("embed alone, passages/s", summary["embed_passages_per_s"], form=".1f")
    print_row("sync / embed alone", summary["ratio"], verdict(summary["ratio"]["median"], RATIO_TARGET, at_least=True))
    again = summary["again_share"]
    print_row("again / first sync", again, verdict(again["median"], AGAIN_TARGET))
    print_row("load, s", summary["load_seconds"])
    print_row("sync, s", summary["sync_seconds"])
    print_row("embed alone, s", summary["embed_seconds"])
    print_row("again, s", summary["again_seconds"])
    for stage, thread in STAGES.items():
        calls = rounds[0]["stages"][stage]["calls"]
        print_row(f"  {stage}, s", stages[stage], f"{thread} · {calls} calls")
    reading = sum(stages[stage]["median"] for stage, thread in STAGES.items() if thread == "read")
    print(
        f"busy: read {reading:.2f} s, embed {stages['embed']['median']:.2f} s, write {stages['commit']['median']:.2f} s"
    )
    if failed := rounds[0]["failed"]:
        print(f"{failed} files could not be read")


if __name__ == "__main__":
    main()
