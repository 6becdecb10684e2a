"""Whether a change made Métier slower: an earlier commit and the working tree, in turn.

    python benchmarks/before_after.py --before REVISION [--rounds 3] [--documents PATH ...]

Both run from their sources in this environment, each over an expert of its own on the sample company, or with
`--documents` over the files named, and those in the folders named; then only the sync is measured. Every figure is the
median of its rounds, and the ratio that of the medians; the order changes from round to round, so that a slow moment of
the machine hits both. Processor time is that of all processes a command starts, so other work on the machine hardly
moves it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
METIER = str(Path(sys.executable).parent / "metier")
QUESTION = "How tight are the blade root nuts of the NV-110?"
_ASKED, _CLIENTS = 120, 4
_READ = {".pdf", ".docx", ".html", ".xlsx", ".pptx", ".md", ".csv"}
_INSIDE = """
import json, sys, threading, time
from metier import Expert
what, folder, file = sys.argv[1:]
questions = json.load(open(file))
with Expert.open(folder) as expert:
    ask = {"search": lambda q: expert.search(q, 10), "ask": expert.ask}[what.removeprefix("many ")]
    ask("What is asked first?")
    def spent(some):
        times = []
        for question in some:
            began = time.perf_counter()
            ask(question)
            times.append(time.perf_counter() - began)
        return times
    if what.startswith("many "):
        parts = [questions[n::4] for n in range(4)]
        began = time.perf_counter()
        threads = [threading.Thread(target=spent, args=(part,)) for part in parts]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print((time.perf_counter() - began) / len(questions))
    else:
        times = sorted(spent(questions if what == "search" else questions[:30]))
        print(times[len(times) // 2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, help="revision to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", type=Path, nargs="+", default=[], metavar="PATH", help="files, folders")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work, earlier = Path(place), Path(place) / "earlier"
        subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "-q", str(earlier), options.before], check=True)
        try:
            sources = {"before": earlier / "src", "now": ROOT / "src"}
            compare(work, sources, options.rounds, [path.resolve() for path in options.documents])
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(earlier)], check=True)


def compare(work: Path, sources: dict[str, Path], rounds: int, documents: Sequence[Path]) -> None:
    def run(way: str, *command: str, cwd: Path = work) -> tuple[dict[str, float], str]:
        """Seconds that it took, and what it printed."""
        began, cpu = time.perf_counter(), _cpu()
        of_way = os.environ | {"PYTHONPATH": str(sources[way])}
        done = subprocess.run(command, cwd=cwd, env=of_way, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{way}: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return {"s": time.perf_counter() - began, "CPU s": _cpu() - cpu}, done.stdout

    def cold(way: str, *verb: str) -> dict[str, float]:
        return run(way, METIER, *verb, cwd=work / way)[0]

    def warm(way: str, what: str) -> dict[str, float]:
        return {"s": float(run(way, sys.executable, str(inside), what, str(work / way), str(asked))[1])}

    figures: dict[str, Callable[[str], dict[str, float]]] = {"ingest": lambda way: cold(way, "sync", "--rebuild")}
    if documents:
        copy(documents, work / "docs")
    else:
        asked, inside = make_sample(work)
        figures |= {
            "search in a new process": lambda way: cold(way, "search", QUESTION),
            "ask in a new process": lambda way: cold(way, "ask", QUESTION),
            "search, median": lambda way: warm(way, "search"),
            f"search, {_CLIENTS} at once, a question": lambda way: warm(way, "many search"),
            "ask, median": lambda way: warm(way, "ask"),
        }
    for way in sources:
        run(way, METIER, "init", way)
        cold(way, "add", "../docs")
    for name, measure in figures.items():
        found: dict[str, list[dict[str, float]]] = {way: [] for way in sources}
        for number in range(rounds):
            for way in sorted(sources, reverse=bool(number % 2)):
                found[way].append(measure(way))
        for unit in found["now"][0]:
            before, now = (statistics.median(each[unit] for each in found[way]) for way in ("before", "now"))
            told = f"{name}, {unit}"
            print(f"{told:36} before {before:8.4f}  now {now:8.4f}  ratio {now / before:.3f}", flush=True)


def make_sample(work: Path) -> tuple[Path, Path]:
    """The documents of the sample company; a file with questions on it, and a program that asks them."""
    example = ROOT / "examples" / "turbines"
    subprocess.run([sys.executable, str(example / "make.py"), str(work / "docs")], check=True, capture_output=True)
    lines = (example / "questions.jsonl").read_text(encoding="utf-8").splitlines()[:_ASKED]
    asked, inside = work / "questions.json", work / "inside.py"
    asked.write_text(json.dumps([json.loads(line)["question"] for line in lines]), encoding="utf-8")
    inside.write_text(_INSIDE, encoding="utf-8")
    return asked, inside


def copy(paths: Sequence[Path], folder: Path) -> None:
    """Put the documents of files and folders into one folder, without the answers that lie beside them."""
    folder.mkdir()
    for number, path in enumerate(paths):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in _READ and file.parent.name != "groundtruth":
                shutil.copy(file, folder / f"{number}-{file.name}")


def _cpu() -> float:
    """Seconds of processor time of all processes that were started from here and have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
