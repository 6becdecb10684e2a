"""One peer, one corpus, one process: `python -m peers.child PEER INPUT.json WORKDIR` prints one JSON line.

The input is {documents: [[id, title, text]], questions: {id: text}, k, threads, warm_up}. What is measured:

    start_s   import of the library, and a one-document index built and searched (weights read, code compiled)
    ingest_s  strings to a searchable index; the model is constructed again, out of the file cache
    query_ms  every question once, one at a time, after `warm_up` unmeasured ones
    rss_mb    highest resident memory of this process since its start; `peers.py` adds that of its workers
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
import traceback
from pathlib import Path


def main(peer: str, input_path: Path, workdir: Path) -> dict:
    given = json.loads(input_path.read_text(encoding="utf-8"))
    documents = [tuple(row) for row in given["documents"]]
    pin(given["threads"])
    start = time.perf_counter()
    module = importlib.import_module(f"peers.{peer}")
    index = module.build(documents[:1], _empty(workdir / "first"))
    module.search(index, "first", given["k"])
    start_seconds = time.perf_counter() - start
    del index
    gc.collect()

    folder = _empty(workdir / "whole")
    start = time.perf_counter()
    index = module.build(documents, folder)
    ingest_seconds = time.perf_counter() - start

    questions = given["questions"]
    for question in list(questions.values())[: given["warm_up"]]:
        module.search(index, question, given["k"])
    ranked, milliseconds = {}, []
    for key, question in questions.items():
        start = time.perf_counter()
        ranked[key] = module.search(index, question, given["k"])
        milliseconds.append(1000 * (time.perf_counter() - start))
    return {
        "peer": peer,
        "start_s": start_seconds,
        "ingest_s": ingest_seconds,
        "query_ms": milliseconds,
        "rss_mb": peak_rss_mb(),
        "ranked": ranked,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in module.PACKAGES},
    }


def pin(threads: int) -> None:
    """Keep this process and what it starts on `threads` cores: thread pools of every library obey that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def peak_rss_mb() -> float:
    """MiB. Not `ru_maxrss` on Linux: that one starts at the size of the process that called exec."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "-"


if __name__ == "__main__":
    line = os.fdopen(os.dup(1), "w")  # libraries print what they like; it goes to stderr
    os.dup2(2, 1)
    try:
        result = main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    except Exception as error:  # noqa: BLE001 - one peer that fails must not end the comparison
        traceback.print_exc()
        result = {"peer": sys.argv[1], "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), file=line, flush=True)
