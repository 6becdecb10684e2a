"""How long a sync takes when little has changed: 10,000 files, of which none, 1%, or 1% deleted or moved are others.

    python benchmarks/sync.py [--files 10000] [--place FOLDER]

The files are generated with a fixed seed, 1 to 3 sections each, so that nothing has to be there. Every step is a
process of its own, which opens the expert and syncs it:

    first       all files into an empty expert
    unchanged   nothing happened
    changed     one sentence in each of 1% of the files is another
    deleted     1% of the files are gone
    moved       1% of the files lie in another folder, under another name
    long        one document of 1,000 passages is added, then one line of it changes

`seconds` are those of the whole process, Python's start included; `sync` what `Expert.sync` took of them; `cpu` is
processor time, of the process that parses, too, which other work on the machine does not lengthen; `embedded` the texts
that went through the embedder; `peak` is the largest resident memory of the process. `share` is of `cpu`. Writes
benchmarks/results/sync.json.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ingest import RESULTS, circumstances, verdict

from metier import Expert

TARGET = 0.02  # of the first sync, where nothing has changed
SHARE = 0.01
IN_FOLDER = 100  # files
_WORDS = 3000
_LONG = 1000  # passages


def words(dice: random.Random) -> list[str]:
    parts = [first + second for first in "bdfgklmnprst" for second in "aeo"]
    return ["".join(dice.choices(parts, k=dice.randint(2, 4))) for _ in range(_WORDS)]


def section(dice: random.Random, known: list[str], number: int) -> str:
    told = (" ".join(dice.choices(known, k=14)).capitalize() + f" takes {dice.randint(1, 9999)} Nm." for _ in range(5))
    return f"## Part {number} {dice.choice(known)}\n\n" + " ".join(told)


def write(folder: Path, count: int) -> list[Path]:
    dice = random.Random(16)
    known, made = words(dice), []
    for number in range(count):
        path = folder / f"area-{number // IN_FOLDER:03}" / f"manual-{number:05}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        sections = (section(dice, known, each) for each in range(1 + number % 3 // 2))
        path.write_text(f"# Manual {number} {dice.choice(known)}\n\n" + "\n\n".join(sections) + "\n")
        made.append(path)
    return made


def change(paths: list[Path]) -> None:
    for path in paths:
        path.write_text(path.read_text().replace(" Nm.", " kN."))


def delete(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()


def move(paths: list[Path]) -> None:
    for number, path in enumerate(paths):
        to = path.parent.parent / "archive" / f"older-{number:04}.md"
        to.parent.mkdir(exist_ok=True)
        path.rename(to)


def write_long(path: Path) -> None:
    dice = random.Random(17)
    known = words(dice)
    path.write_text("# Long\n\n" + "\n\n".join(section(dice, known, number) for number in range(_LONG)) + "\n")


def change_long(path: Path) -> None:
    text = path.read_text()
    at = text.index(" Nm.", len(text) // 2)
    path.write_text(text[:at] + " kN." + text[at + len(" Nm.") :])


def sync(folder: Path) -> None:
    """What the process of one step does."""
    embedded = 0
    with Expert.open(folder) as expert:
        from metier.ingestion import embedding_cache

        inner = embedding_cache.EmbeddingCache._embedded

        def counted(self, texts):
            nonlocal embedded
            embedded += len(texts)
            return inner(self, texts)

        embedding_cache.EmbeddingCache._embedded = counted
        began = time.perf_counter()
        report = expert.sync()
        seconds = time.perf_counter() - began
    told = {name: getattr(report, name, 0) for name in ("added", "changed", "moved", "deleted", "unchanged")}
    spent = [resource.getrusage(whom) for whom in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in spent)
    peak = spent[0].ru_maxrss / 1024
    more = {"failed": len(report.failed), "embedded": embedded, "sync": seconds, "cpu": cpu, "peak": peak}
    print(json.dumps(told | more))


def step(folder: Path) -> dict:
    began = time.perf_counter()
    command = [sys.executable, __file__, "--step", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr)
    return {"seconds": seconds} | json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--place", type=Path, help="where files and expert are kept; default: a folder that goes")
    parser.add_argument("--step", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        sync(options.step)
        return
    result = circumstances("sync.py") | {"files": options.files, "steps": {}}
    place = options.place or Path(tempfile.mkdtemp(prefix="metier-sync-"))
    paths = write(place / "docs", options.files)
    with Expert.create(place / "expert") as expert:
        expert.add(str(place / "docs"))
    few, long = int(options.files * SHARE), place / "docs" / "long.md"
    happens: dict[str, Callable[[], None]] = {
        "first": lambda: None,
        "unchanged": lambda: None,
        "changed": lambda: change(paths[:few]),
        "deleted": lambda: delete(paths[few : 2 * few]),
        "moved": lambda: move(paths[2 * few : 3 * few]),
        "long added": lambda: write_long(long),
        "long changed": lambda: change_long(long),
    }
    print(f"{'':14}{'s':>9}{'sync s':>9}{'cpu s':>9}{'of first':>10}{'embedded':>10}{'peak MiB':>10}")
    for name, happen in happens.items():
        happen()
        found = step(place / "expert")
        found["share"] = found["cpu"] / result["steps"].get("first", found)["cpu"]
        result["steps"][name] = found
        did = ", ".join(f"{found[each]} {each}" for each in ("added", "changed", "moved", "deleted") if found[each])
        print(
            f"{name:14}{found['seconds']:>9.2f}{found['sync']:>9.2f}{found['cpu']:>9.2f}{found['share']:>10.4f}"
            f"{found['embedded']:>10}{found['peak']:>10.0f}   {did or 'nothing'}",
            flush=True,
        )
    print(f"unchanged / first: {verdict(result['steps']['unchanged']['share'], TARGET)}")
    kept = (place / "expert" / ".metier").rglob("*")
    result["state_mib"] = sum(path.stat().st_size for path in kept if path.is_file()) / 2**20
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "sync.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.place is None:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
