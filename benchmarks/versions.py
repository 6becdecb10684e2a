"""What it costs on the disk to know what was known: versions kept by an archive, or by LanceDB's own versions.

    python benchmarks/versions.py [--documents 2000] [--days 30] [--share 0.01]

The same table of documents, five passages each with a vector of 384 numbers, of which a share is replaced every day and
then optimised, three times: with nothing kept, with the archive of `[store] keep_versions_days` (rows that are replaced
go into a table of their own), and with LanceDB's versions kept instead (`checkout` reads one). Vectors are random; no
model runs. Writes benchmarks/results/versions.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import numpy as np
from ingest import RESULTS, circumstances

from metier.core.documents import Document, Passage, document_id, passage_id
from metier.core.settings import StoreSettings
from metier.store.base import Entry, Identity
from metier.store.lance import store as lance_store
from metier.store.lance.store import LanceStore

DIMENSION, PASSAGES = 384, 5
KEPT = {"nothing": (0, 1 / 24), "archive": (30, 1 / 24), "LanceDB's versions": (0, 60)}  # days of either


def entry(number: int, day: int, dice: np.random.Generator) -> Entry:
    uri = f"docs/{number}.md"
    lines = [
        f"Day {day}: bolt {number}.{n} takes {dice.integers(10**9)} Nm at station {n}. " * 5 for n in range(PASSAGES)
    ]
    text, name = "\n".join(lines), document_id(uri)
    starts = np.cumsum([0, *(len(line) + 1 for line in lines[:-1])]).tolist()
    passages = [
        Passage(passage_id(name, start, start + len(line), line), name, line, start, start + len(line), uri=uri)
        for start, line in zip(starts, lines, strict=True)
    ]
    vectors = dice.normal(size=(PASSAGES, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    document = Document(name, uri, uri, text, (), "text/plain", content_hash=f"{day}")
    return Entry(document, passages, vectors, [line.split() for line in lines])


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def measure(kept: str, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    days, versions = KEPT[kept]
    dice, first = np.random.default_rng(0), datetime.now(UTC) - timedelta(days=options.days)
    store = LanceStore(folder, StoreSettings(keep_versions_days=days), Identity("none", "1", DIMENSION, "1"))
    changed = max(1, int(options.documents * options.share))
    with mock.patch.object(lance_store, "_KEEP_VERSIONS", timedelta(days=versions)):
        seconds = 0.0
        for day in range(options.days + 1):
            whose = range(options.documents) if not day else range(day * changed, (day + 1) * changed)
            made = [entry(number % options.documents, day, dice) for number in whose]
            with mock.patch.object(lance_store, "_now", lambda day=day: first + timedelta(days=day)):
                began = time.perf_counter()
                store.replace(made)
                # Versions that nobody wants are gone by the next day, and no benchmark waits for it.
                with mock.patch.object(
                    lance_store, "_KEEP_VERSIONS", timedelta(milliseconds=1 if versions < 1 else 10**9)
                ):
                    store.optimize()
                seconds += (time.perf_counter() - began) if day else 0.0
    vector = entry(0, 0, dice).vectors[0]
    began = time.perf_counter()
    for _ in range(10):
        store.dense(vector, 10)
    return {"mib": size(folder), "seconds_a_day": seconds / options.days, "search": (time.perf_counter() - began) / 10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--share", type=float, default=0.01)
    options = parser.parse_args()
    result = circumstances("versions.py") | {"options": vars(options), "kept": {}}
    print(f"{'kept':20}{'MiB':>9}{'s a day':>9}{'search s':>10}")
    for kept in KEPT:
        with tempfile.TemporaryDirectory(prefix="metier-versions-") as folder:
            found = result["kept"][kept] = measure(kept, options, Path(folder))
        print(f"{kept:20}{found['mib']:>9.1f}{found['seconds_a_day']:>9.3f}{found['search']:>10.4f}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "versions.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
