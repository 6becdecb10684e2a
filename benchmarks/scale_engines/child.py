"""One engine in one process: `python -m scale_engines.child ENGINE CORPUS PASSAGES FOLDER` builds its index and then
does what each line of standard input says, with a line of JSON for an answer.

    {"effort": 64}                                       for the searches that follow
    {"search": "all", "first": 0, "count": 100}          those queries; {"ms": […], "found": [[…], …]}
    {"memory": true}                                     {"mb": resident memory of all its processes, MiB}
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time
from pathlib import Path
from typing import Any

from scale_engines.corpus import TOP, Corpus


def main(engine: str, corpus_folder: Path, passages: int, folder: Path) -> None:
    module = importlib.import_module(f"scale_engines.{engine}")
    corpus = Corpus.read(corpus_folder, passages)
    folder.mkdir(parents=True)
    start = time.perf_counter()
    index = module.Index(corpus, folder)
    seconds = time.perf_counter() - start
    versions = {name: importlib.metadata.version(name) for name in module.PACKAGES}
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    say(
        {"build_s": seconds, "disk_mb": size / 2**20, "efforts": module.EFFORTS, "filters": module.FILTERS}
        | {"versions": versions, "note": getattr(index, "note", "")}
    )
    try:
        for line in sys.stdin:
            say(answered(index, corpus, json.loads(line)))
    finally:
        index.close()


def answered(index: Any, corpus: Corpus, asked: dict[str, Any]) -> dict[str, Any]:
    if "effort" in asked:
        index.try_harder(asked["effort"])
        return {}
    if "memory" in asked:
        return {"mb": (resident_bytes() + index.resident_bytes()) / 2**20}
    milliseconds, found = [], []
    for query in corpus.queries[asked["first"] : asked["first"] + asked["count"]]:
        start = time.perf_counter()
        names = index.search(query, TOP, asked["search"])
        milliseconds.append(1000 * (time.perf_counter() - start))
        found.append([int(name) for name in names])
    return {"ms": milliseconds, "found": found}


def resident_bytes(process: str = "self") -> int:
    """What of a process lies in memory and is its own, files that are mapped into it among it."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return 1024 * int(line.split()[1])
    return 0


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
