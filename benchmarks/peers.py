"""The same questions and the same embedding weights through Métier and through the default pipelines of others.

    python benchmarks/peers.py [SET...] [--peers NAME,NAME] [--limit N] [--questions N] [--rounds 3]

Sets: those of `sets.py` (default cranfield medquad tydi-en) or a path. Every system runs in a process of its own, on
the same cores, without a network or GPU, in rounds (A B C, A B C, …). Speed is the median over rounds with the lowest
and highest; quality is by document (rank of its best passage among the 100 found), and so is documents a second, from
strings to a searchable index. Writes benchmarks/results/peers.json.

The others live in an environment of their own, named by --peers-python or $METIER_PEERS_PYTHON:

    python -m venv .venv-peers
    .venv-peers/bin/pip install torch==2.13.0
    .venv-peers/bin/pip install -r benchmarks/requirements-peers.txt
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from peers import NAMES, tree
from rich.console import Console
from rich.table import Table
from sets import RetrievalSet, load, metrics

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "peers.json"
QUALITY = ("ndcg@10", "recall@100", "mrr")
SPEED = {"documents_per_s": "docs/s", "query_p50_ms": "p50 ms", "query_p95_ms": "p95 ms", "rss_mb": "RSS MiB"}


def main() -> int:
    options = parse()
    peers = options.peers.split(",")
    if unknown := sorted(set(peers) - set(NAMES)):
        print(f"no such peer: {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    if set(peers) - {"metier"} and not Path(options.peers_python).exists():
        recipe = __doc__.rpartition(":")[2].strip("\n")
        print(f"{options.peers_python} is missing. Make it with:\n{recipe}", file=sys.stderr)
        return 2
    report = {"command": shlex.join(["python", "benchmarks/peers.py", *sys.argv[1:]]), **circumstances(options)}
    report["sets"] = {}
    console = Console(width=150)
    failed = False
    for name in options.sets:
        corpus = narrowed(load(name), options.limit, options.questions)
        runs = run_rounds(corpus, peers, options)
        summary = {peer: summarise(runs[peer], corpus) for peer in peers}
        report["sets"][corpus.name] = {
            "documents": len(corpus.documents),
            "questions": len(corpus.questions),
            "peers": summary,
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        console.print(table(corpus, summary))
        failed |= any("error" in result for result in summary.values())
    console.print(
        f"{options.rounds} rounds; × is the ratio to Métier's value; all in benchmarks/results/{RESULTS.name}"
    )
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default_python = os.environ.get("METIER_PEERS_PYTHON") or str(HERE.parent / ".venv-peers" / "bin" / "python")
    parser.add_argument("sets", nargs="*", default=["cranfield", "medquad", "tydi-en"], metavar="SET")
    parser.add_argument("--peers", default=",".join(NAMES), help="comma-separated, in the order in which they run")
    parser.add_argument("--limit", type=int, help="only the first N documents, and the questions they answer")
    parser.add_argument("--questions", type=int, help="at most N questions, evenly spread")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="cores that every system gets")
    parser.add_argument("--k", type=int, default=100, help="passages asked for")
    parser.add_argument("--warm-up", type=int, default=10, help="questions asked before latency is measured")
    parser.add_argument("--peers-python", default=default_python, metavar="PATH")
    return parser.parse_args()


def narrowed(corpus: RetrievalSet, limit: int | None, questions: int | None) -> RetrievalSet:
    documents = dict(list(corpus.documents.items())[:limit])
    relevant = {
        question: kept
        for question, grades in corpus.relevant.items()
        if (kept := {document: grade for document, grade in grades.items() if document in documents})
    }
    keys = list(relevant)
    if questions is not None and questions < len(keys):
        keys = [keys[index * len(keys) // questions] for index in range(questions)]
    return RetrievalSet(
        corpus.name, documents, {key: corpus.questions[key] for key in keys}, {key: relevant[key] for key in keys}
    )


def run_rounds(corpus: RetrievalSet, peers: Sequence[str], options: argparse.Namespace) -> dict[str, list[dict]]:
    runs: dict[str, list[dict]] = {peer: [] for peer in peers}
    with tempfile.TemporaryDirectory(prefix="metier-peers-") as folder:
        given = Path(folder) / "input.json"
        rows = [(key, title, text) for key, (title, text) in corpus.documents.items()]
        settings = {"k": options.k, "threads": options.threads, "warm_up": options.warm_up}
        given.write_text(json.dumps({"documents": rows, "questions": corpus.questions, **settings}), encoding="utf-8")
        for number in range(1, options.rounds + 1):
            for peer in peers:
                if any("error" in run for run in runs[peer]):
                    continue
                start = time.perf_counter()
                result = run_child(peer, given, Path(folder) / f"{peer}-{number}", options)
                runs[peer].append(result)
                outcome = result.get("error") or f"{time.perf_counter() - start:.0f} s"
                print(f"{corpus.name}, round {number}: {peer}: {outcome}", file=sys.stderr, flush=True)
    return runs


def run_child(peer: str, given: Path, workdir: Path, options: argparse.Namespace) -> dict:
    """The child's JSON line, plus the memory of processes that it started; its chatter only where it failed."""
    python = sys.executable if peer == "metier" else options.peers_python
    workdir.mkdir()
    with (workdir / "stdout").open("w+") as out, (workdir / "stderr").open("w+") as err:
        command = [python, "-m", "peers.child", peer, str(given), str(workdir)]
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment(options.threads))
        workers_mb = tree.peak_workers_mb(process)
        out.seek(0)
        err.seek(0)
        lines = out.read().splitlines()
        result = json.loads(lines[-1]) if lines else {"peer": peer, "error": f"ended with code {process.returncode}"}
        if "error" in result:
            print(err.read()[-3000:], file=sys.stderr)
        else:
            result["rss_mb"] += workers_mb
    return result


def environment(threads: int) -> dict[str, str]:
    count = str(threads)
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "VIRTUAL_ENV")} | {
        "PYTHONPATH": str(HERE),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "RAYON_NUM_THREADS": count,
    }


def summarise(runs: list[dict], corpus: RetrievalSet) -> dict:
    """Quality of the first round; speed as {median, low, high} over rounds; whether rounds ranked alike."""
    if errors := [run["error"] for run in runs if "error" in run]:
        return {"error": errors[0]}
    speed = {
        "start_s": [run["start_s"] for run in runs],
        "documents_per_s": [len(corpus.documents) / run["ingest_s"] for run in runs],
        "query_p50_ms": [percentile(run["query_ms"], 50) for run in runs],
        "query_p95_ms": [percentile(run["query_ms"], 95) for run in runs],
        "rss_mb": [run["rss_mb"] for run in runs],
    }
    return {
        **metrics(runs[0]["ranked"], corpus.relevant),
        **{
            name: {"median": statistics.median(values), "low": min(values), "high": max(values)}
            for name, values in speed.items()
        },
        "same_ranking_every_round": all(run["ranked"] == runs[0]["ranked"] for run in runs),
        "documents_found": statistics.mean(len(found) for found in runs[0]["ranked"].values()),
        "versions": runs[0]["versions"],
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank: the smallest value that at least `percent` of them do not exceed."""
    return sorted(values)[max(math.ceil(percent / 100 * len(values)), 1) - 1]


def table(corpus: RetrievalSet, summary: dict[str, dict]) -> Table:
    title = f"{corpus.name}: {len(corpus.documents)} documents, {len(corpus.questions)} questions"
    view = Table(title=title, show_lines=True)
    view.add_column("system")
    for heading in (*QUALITY, *SPEED.values()):
        view.add_column(heading, justify="right")
    ours = summary.get("metier", {})
    for peer, result in summary.items():
        if "error" in result:
            view.add_row(peer, "failed")
            continue
        cells = [f"{result[name]:.3f}{ratio(result[name], ours.get(name))}" for name in QUALITY]
        for name in SPEED:
            value, reference = result[name], ours.get(name, {}).get("median")
            spread = f" ({value['low']:.4g}–{value['high']:.4g})" if value["low"] != value["high"] else ""
            cells.append(f"{value['median']:.4g}{spread}{ratio(value['median'], reference)}")
        view.add_row(peer, *cells)
    return view


def ratio(value: float, reference: float | None) -> str:
    return f"\n{value / reference:.2f}×" if reference else ""


def circumstances(options: argparse.Namespace) -> dict:
    cpu = ""
    if (info := Path("/proc/cpuinfo")).exists():
        cpu = next((line.partition(":")[2].strip() for line in info.open() if line.startswith("model name")), "")
    describe = ["git", "describe", "--always", "--dirty"]
    git = subprocess.run(describe, cwd=HERE, capture_output=True, text=True, check=False)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": git.stdout.strip(),
        "machine": {
            "cpu": cpu,
            "cores": os.cpu_count(),
            "load_average_at_start": round(os.getloadavg()[0], 2),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "system": platform.platform(),
        },
        **{name: getattr(options, name) for name in ("rounds", "threads", "k", "warm_up", "limit", "questions")},
    }


if __name__ == "__main__":
    sys.exit(main())
