"""Many passages: build time, disk, memory, recall and query time of Métier's stores, beside the engines they stand on
and others.

    python benchmarks/scale.py 10000 100000 1000000 [--engines NAME,NAME] [--rounds 5] [--queries 500] [--work FOLDER]

Vectors are drawn around those of real passages (`scale_engines/corpus.py`), queries are real questions; MiniLM, 384
numbers each. Every engine runs in a process of its own, all with one HNSW graph of the same size; the recall of its ten
best is measured against exact search, and of the engines that have to be told how hard to look, the least effort counts
that reaches .95. Then all are asked in rounds (A B C, A B C, …), one question at a time: all passages, and 1% and 50%
of the documents by a filter. Writes benchmarks/results/scale_PASSAGES.json.

Those of other makers live in an environment of their own, named by --peers-python or $METIER_PEERS_PYTHON:

    python -m venv .venv-peers
    .venv-peers/bin/pip install -r benchmarks/requirements-scale.txt
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ingest import circumstances
from rich.console import Console
from rich.table import Table
from scale_engines import NAMES
from scale_engines.corpus import SHARES, TOP, Corpus
from sets import load

from metier.core.settings import EmbeddingSettings
from metier.text.analyzer import Analyser

HERE = Path(__file__).resolve().parent
OF_OTHERS = ("usearch_hnsw", "hnswlib_hnsw", "qdrant_edge_shard")
WANTED = 0.95  # recall of the ten best
SETS, REAL, WORDS = ("medquad", "tydi-en", "cranfield"), 20_000, 120  # of a passage
WARM_UP = 50


def main() -> int:
    options = parse()
    for passages in options.passages:
        with tempfile.TemporaryDirectory(prefix="metier-scale-") as made:
            work = Path(options.work or made)
            made_real(work, options.queries)
            report = circumstances("scale.py") | {"passages": passages}
            report["engines"] = measured(Corpus.made(work, passages), work, passages, options)
        target = HERE / "results" / f"scale_{passages}.json"
        target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        show(report)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("passages", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--engines", default=",".join(NAMES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--work", help="where vectors are kept for the next time")
    parser.add_argument("--peers-python", default=os.environ.get("METIER_PEERS_PYTHON", ".venv-peers/bin/python"))
    options = parser.parse_args()
    if unknown := sorted(set(options.engines.split(",")) - set(NAMES)):
        parser.error(f"no such engine: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    return options


def made_real(work: Path, queries: int) -> None:
    """Real passages and questions, embedded once."""
    from metier import embedding

    if (work / "queries.npy").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    texts, questions = [], []
    for name in SETS:
        known = load(name)
        for _, text in known.documents.values():
            words = text.split()
            texts += [" ".join(words[first : first + WORDS]) for first in range(0, len(words), WORDS)]
        questions += list(known.questions.values())
    random = np.random.default_rng(0)
    texts = [texts[at] for at in random.permutation(len(texts))[:REAL]]
    chosen = [questions[at] for at in random.permutation(len(questions))[:queries]]
    made = embedding.create(EmbeddingSettings(), folder=work)
    print(f"embedding {len(texts)} passages", file=sys.stderr, flush=True)
    np.save(work / "real.npy", made.embed_passages(texts))
    analyser = Analyser("en")
    with (work / "texts.jsonl").open("w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps([text, analyser.tokens(text)], ensure_ascii=False) + "\n")
    np.save(work / "queries.npy", made.embed_queries(chosen))


class Engine:
    """One in a process of its own, its index built."""

    def __init__(self, name: str, work: Path, passages: int, python: str) -> None:
        self.name, self.folder = name, work / "indexes" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        command = [python if name in OF_OTHERS else sys.executable, "-m", "scale_engines.child", name]
        command += [str(work), str(passages), str(self.folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        self.built: dict[str, Any] = self._heard()
        self.effort: int | None = None
        self.milliseconds: dict[str, list[float]] = {}

    def ask(self, **what: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def recall(self, corpus: Corpus, share: str) -> float:
        truth = corpus.truth(share)
        found = self.ask(search=share, first=0, count=len(truth))["found"]
        return float(np.mean([len(set(a) & set(b.tolist())) / TOP for a, b in zip(found, truth, strict=True)]))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(120)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended: {self._process.wait()}")
        heard: dict[str, Any] = json.loads(line)
        return heard


def measured(corpus: Corpus, work: Path, passages: int, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    engines = []
    for name in options.engines.split(","):
        print(f"{passages:,} passages: {name}", file=sys.stderr, flush=True)
        engines.append(Engine(name, work, passages, options.peers_python))
    result: dict[str, dict[str, Any]] = {}
    for engine in engines:
        recalls = {}
        for effort in engine.built["efforts"]:
            engine.ask(effort=effort)
            engine.effort = effort
            recalls[effort] = engine.recall(corpus, "all")
            if recalls[effort] >= WANTED:
                break
        shares = ["all", *SHARES] if engine.built["filters"] else ["all"]
        result[engine.name] = engine.built | {
            "effort": engine.effort, "recalls": recalls,
            "recall": {share: engine.recall(corpus, share) for share in shares},
        }  # fmt: skip
    ask_in_rounds(engines, len(corpus.queries), options.rounds)
    for engine in engines:
        spread = {share: percentiles(times) for share, times in engine.milliseconds.items()}
        result[engine.name] |= {"milliseconds": spread, "memory_mb": engine.ask(memory=True)["mb"]}
        engine.close()
    return result


def ask_in_rounds(engines: list[Engine], queries: int, rounds: int) -> None:
    """All questions, a share of them in each round, of each engine."""
    each = queries // rounds
    for place in range(rounds):
        for engine in engines:
            for share in ["all", *SHARES] if engine.built["filters"] else ["all"]:
                engine.ask(search=share, first=0, count=WARM_UP)
                times = engine.ask(search=share, first=place * each, count=each)["ms"]
                engine.milliseconds.setdefault(share, []).extend(times)


def percentiles(times: list[float]) -> dict[str, float]:
    return {f"p{share}": float(np.percentile(times, share)) for share in (50, 95, 99)}


def show(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['passages']:,} passages", box=None)
    shares = ("all", *SHARES)
    for name in ("", "build s", "disk MiB", "memory MiB", "effort", *(f"recall {s}" for s in shares)):
        table.add_column(name, justify="right" if name else "left")
    for share in shares:
        table.add_column(f"p50/p95/p99 ms {share}", justify="right")
    for name, of in report["engines"].items():
        recalls = [f"{of['recall'][share]:.3f}" if share in of["recall"] else "" for share in shares]
        times = [
            "/".join(f"{value:.1f}" for value in of["milliseconds"][share].values()) if share in of["recall"] else ""
            for share in shares
        ]
        table.add_row(
            name, f"{of['build_s']:.0f}", f"{of['disk_mb']:.0f}", f"{of['memory_mb']:.0f}", str(of["effort"] or ""),
            *recalls, *times,
        )  # fmt: skip
    Console(width=170).print(table)


if __name__ == "__main__":
    sys.exit(main())
