"""What a sync on Ray costs beside a local one, on one machine: the same documents, local and with 1 and 2 workers.

    python benchmarks/ray_ingestion.py [--files 300] [--rounds 3] [--place FOLDER]

The files are generated with a fixed seed. Each run is a process of its own that syncs them into an empty expert, as
`metier sync`, `metier sync --on local:1` and `--on local:2`, in turn; workers share the machine's cores.

`sync` is the time from the first document that is done to the last, which more documents would lengthen. `start` is
what comes before it: of Ray the cluster itself, the check of its nodes, and the workers, which import Métier and load
the model; `end`, what comes after it. `cpu` is processor time of all processes of the run, `sync_cpu` what of it falls
into `sync`, which other work on the machine does not lengthen. `overhead` compares the medians with local's. That all
stores hold the same, bit for bit, is checked. Writes benchmarks/results/ray_ingestion.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lancedb
import numpy as np
import psutil
from ingest import RESULTS, circumstances, verdict
from sync import write

from metier import Expert

TARGET = 0.15  # overhead of one worker
WAYS = {"local": "", "1 worker": "local:1", "2 workers": "local:2"}
LOOK = 0.2  # seconds between two looks at the processes
RUN = """
import json, sys, time
began = time.time()
from metier import Expert
first = last = None
def tell(state):
    global first, last
    last = time.time()
    first = first or (last if state.done else None)
with Expert.open(sys.argv[1]) as expert:
    report = expert.sync(on=sys.argv[2] or None, on_progress=tell)
told = {"start": first - began, "sync": last - first, "end": time.time() - last, "passages": report.passages}
print(json.dumps(told | {"first": first, "last": last}))
"""


def measured(expert: Path, on: str) -> dict[str, float]:
    """One sync in a process of its own: seconds of its parts, and of processors in all its processes."""
    process = psutil.Popen([sys.executable, "-c", RUN, str(expert), on], stdout=subprocess.PIPE, text=True)
    spent: dict[tuple[int, float], float] = {}
    series = [(time.time(), 0.0)]
    while process.poll() is None:
        try:
            for each in (process, *process.children(recursive=True)):
                times = each.cpu_times()
                spent[each.pid, each.create_time()] = times.user + times.system
        except psutil.Error:  # it ended meanwhile
            pass
        series.append((time.time(), sum(spent.values())))
        time.sleep(LOOK)
    assert process.stdout is not None
    assert process.returncode == 0
    told = json.loads(process.stdout.read())
    first, last = np.interp([told.pop("first"), told.pop("last")], *zip(*series, strict=True))
    return told | {"cpu": sum(spent.values()), "sync_cpu": float(last - first)}


def digest(expert: Path) -> str:
    """Of all that its store holds but for times."""
    folder = next((expert / ".metier" / "store").rglob("passages_*.lance"))
    rows = lancedb.connect(folder.parent).open_table(folder.stem).to_arrow().to_pylist()
    lines = sorted(json.dumps(row | {"since": None}, default=str) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--place", type=Path, help="a folder to work in, default: a temporary one")
    options = parser.parse_args()
    result = circumstances("ray_ingestion.py")
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    digests = set()
    with tempfile.TemporaryDirectory(prefix="metier-ray-", dir=options.place) as name:
        docs = Path(name) / "docs"
        docs.mkdir()
        write(docs, options.files)
        for number in range(options.rounds):
            for way, on in WAYS.items():
                expert = Path(name) / "expert"
                shutil.rmtree(expert, ignore_errors=True)
                with Expert.create(expert) as made:
                    made.add(str(docs))
                runs[way].append(measured(expert, on))
                digests.add(digest(expert))
                print(number + 1, way, {name: round(value, 1) for name, value in runs[way][-1].items()}, flush=True)
    middle = {way: {name: statistics.median(run[name] for run in of) for name in of[0]} for way, of in runs.items()}
    overheads = {way: of["sync"] / middle["local"]["sync"] - 1 for way, of in middle.items()}
    result |= {"files": options.files, "runs": runs, "medians": middle, "overheads": overheads}
    result["same"] = len(digests) == 1
    print(f"stores {'equal' if result['same'] else 'DIFFER'}")
    for way, overhead in overheads.items():
        cpu = middle[way]["sync_cpu"] / middle["local"]["sync_cpu"] - 1
        print(f"{way}: sync {overhead:+.1%}, processors {cpu:+.1%}, start {middle[way]['start']:.1f} s")
    print(verdict(overheads["1 worker"], TARGET))
    (RESULTS / "ray_ingestion.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
