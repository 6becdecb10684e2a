"""Whether a change made Métier slower: an earlier commit and the working tree, in turn.

    python benchmarks/before_after.py --before REVISION [--rounds 3]

Both run from their sources in this environment, each over an expert of its own on the sample company. Every figure is
the median of its rounds, and the ratio that of the medians; the order changes from round to round, so that a slow
moment of the machine hits both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
METIER = str(Path(sys.executable).parent / "metier")
QUESTION = "How tight are the blade root nuts of the NV-110?"
_ASKED, _CLIENTS = 120, 4
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work, earlier = Path(place), Path(place) / "earlier"
        subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "-q", str(earlier), options.before], check=True)
        try:
            compare(work, {"before": earlier / "src", "now": ROOT / "src"}, options.rounds)
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(earlier)], check=True)


def compare(work: Path, sources: dict[str, Path], rounds: int) -> None:
    example = ROOT / "examples" / "turbines"
    subprocess.run([sys.executable, str(example / "make.py"), str(work / "docs")], check=True, capture_output=True)
    lines = (example / "questions.jsonl").read_text(encoding="utf-8").splitlines()[:_ASKED]
    asked = work / "questions.json"
    asked.write_text(json.dumps([json.loads(line)["question"] for line in lines]), encoding="utf-8")
    inside = work / "inside.py"
    inside.write_text(_INSIDE, encoding="utf-8")

    def run(way: str, *command: str, cwd: Path = work) -> tuple[float, str]:
        """Seconds that it took, and what it printed."""
        began = time.perf_counter()
        of_way = os.environ | {"PYTHONPATH": str(sources[way])}
        done = subprocess.run(command, cwd=cwd, env=of_way, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{way}: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return time.perf_counter() - began, done.stdout

    def cold(way: str, *verb: str) -> float:
        return run(way, METIER, *verb, cwd=work / way)[0]

    def warm(way: str, what: str) -> float:
        return float(run(way, sys.executable, str(inside), what, str(work / way), str(asked))[1])

    figures = {
        "ingest, s": lambda way: cold(way, "sync", "--rebuild"),
        "search in a new process, s": lambda way: cold(way, "search", QUESTION),
        "ask in a new process, s": lambda way: cold(way, "ask", QUESTION),
        "search, median, s": lambda way: warm(way, "search"),
        f"search, {_CLIENTS} at once, s a question": lambda way: warm(way, "many search"),
        "ask, median, s": lambda way: warm(way, "ask"),
    }
    for way in sources:
        run(way, METIER, "init", way)
        cold(way, "add", "../docs")
    for name, measure in figures.items():
        found: dict[str, list[float]] = {way: [] for way in sources}
        for number in range(rounds):
            for way in sorted(sources, reverse=bool(number % 2)):
                found[way].append(measure(way))
        before, now = (statistics.median(found[way]) for way in ("before", "now"))
        print(f"{name:36} before {before:8.4f}  now {now:8.4f}  ratio {now / before:.3f}", flush=True)


if __name__ == "__main__":
    main()
