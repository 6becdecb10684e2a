"""Killed at any moment and begun again, a command ends in the very state of one that was never killed.

    python benchmarks/attack_kills.py [--kills 50] [--only sync,correct,promote,tune,compare,flow] [--place FOLDER]

Each command is run once without a break, on a copy of a small expert, and timed. Then, copy by copy, it is begun, its
whole process group is killed (SIGKILL), it is run again as a person would, and what it left is compared: documents,
passages and catalog of a sync; corrections, and passages as they read; what is in production and what a rollback would
bring; the bytes of an adapter's weights; the table and answers of a comparison; of a flow what it came to, both
adapters, rows, questions and figures. The kills are spread: one somewhere in
each of as many equal parts of that time as there are kills. Only runs that the kill did hit count.

With `--place`, what was done is kept there: a later call goes on, whichever commands it names, and tells of all.
Writes benchmarks/results/attack_kills.json, and ends with 1 where one did not hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attacks  # noqa: F401 - puts tests/ on the path
from flow import sample as flow_sample
from ingest import RESULTS, circumstances
from parts import PARTS, read_nothing
from serving.servers import COMMAND, sample_expert
from serving.tuned import QUESTIONS, TUNING, write_tuned

from metier import Expert
from metier.dataset import rows
from metier.evaluation import result_store
from metier.state.catalog import Catalog

ASKED = "How often is the yaw grease of the NV-110 changed?"
CORRECTED = "The yaw grease of the NV-110 is changed every 8 months."
ADAPTER = "killed"
LONGEST = 300  # seconds of one run
CLOCKS = ("created", "costs", "timings", "seconds", "total", "first_token", "latency", "memory")


@dataclass(frozen=True)
class Command:
    """`begin`: its words. `again`: those with which a person goes on in this folder, none where all was done. `left`:
    what is compared, read from the folder."""

    base: str
    begin: Callable[[Path], Sequence[str]]
    again: Callable[[Path], Sequence[Sequence[str]]]
    left: Callable[[Path], Any]


# --- the experts ---------------------------------------------------------------------------------------------------


def make_read(place: Path) -> Path:
    """Documents that were read, and since then changed, taken away, moved, renamed, added, and given groups."""
    folder = sample_expert(place)
    docs = place / "docs"
    for name in list(PARTS)[:3]:
        file = docs / f"{name.replace(' ', '-')}.md"
        file.write_text(file.read_text().replace("every", "every other time, at least every"))
    (docs / "slip-ring.md").unlink()
    (docs / "sub").mkdir()
    (docs / "moved").mkdir()
    for name in list(PARTS)[3:6]:
        (docs / f"{name.replace(' ', '-')}.md").rename(docs / "moved" / f"{name.replace(' ', '-')}.md")
    (docs / f"{list(PARTS)[6].replace(' ', '-')}.md").rename(docs / "renamed.md")
    for number in range(12):
        (docs / "sub" / f"manual-{number}.md").write_text(
            f"# Manual {number}\n\n" + f"Bolt {number} of the crane takes {400 + number} Nm. " * 40
        )
    with Expert.open(folder) as expert:
        expert.add(str(docs / "sub"), groups=("board",))
    return folder


def make_tuned(place: Path) -> Path:
    """Three adapters, the first in production, rows to learn, and questions to compare on."""
    folder = write_tuned(place)
    read_nothing(folder)
    settings = folder / "metier.toml"
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in (TUNING | {"epochs": 12}).items())
    settings.write_text(
        settings.read_text().replace('base = "base"\n', f'base = "base"\ncheckpoint_seconds = 0\n{lines}')
    )
    asked = [
        {"id": name, "question": f"How often is the {name} of the NV-110 changed?", "answers": [f"{months} months"],
         "document": f"{name.replace(' ', '-')}.md", "split": "exam"}
        for name, months in list(PARTS.items())[:5]
    ]  # fmt: skip
    (place / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)))
    with Expert.open(folder) as expert:
        rows.save(expert.dataset.path, [rows.Row(question, "mast lamp") for question in QUESTIONS])
        expert.adapters.promote("parts@1")
        expert.exam.import_file(place / "questions.jsonl")
    return folder


def make_flow(place: Path) -> Path:
    """Documents that changed since an adapter learned them, and rows of what they say now."""
    folder = flow_sample.write(place)
    flow_sample.say(folder, flow_sample.AFTER)
    flow_sample.learn(folder, flow_sample.AFTER)
    return folder


BASES = {"read": make_read, "tuned": make_tuned, "flow": make_flow}


# --- what is left ----------------------------------------------------------------------------------------------------


def synced(folder: Path) -> Any:
    with Expert.open(folder) as expert:
        store = expert.runtime.store
        passages = [
            [each.id, each.uri, each.text, each.start, list(each.groups)]
            for record in store.records()
            for each in store.passages(record.id)
        ]
        documents = dict(store.uris())
    catalog = Catalog(folder / ".metier" / "catalog.sqlite")
    items = {
        uri: [item.signature, item.content_hash, item.state, item.reason, item.passages]
        for uri, item in catalog.items().items()
    }
    catalog.close()
    return {"documents": documents, "passages": sorted(passages), "items": items}


def corrected(folder: Path) -> Any:
    with Expert.open(folder) as expert:
        found = [hit.passage.text for hit in expert.search(ASKED, 3)]
        said = [[each.question, each.answer, each.change, each.state, each.in_force] for each in _corrections(expert)]
        return {"found": found, "corrections": said}


def promoted(folder: Path) -> Any:
    with Expert.open(folder) as expert:
        now = expert.adapters.production()
        before = expert.adapters.rollback()
    return [card.reference if card else None for card in (now, before)]


def learned(folder: Path) -> Any:
    weights = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((folder / ".metier" / "adapters" / ADAPTER).rglob("*"))
        if file.suffix in (".safetensors", ".gguf")
    }
    with Expert.open(folder) as expert:
        return {"weights": weights, "adapters": sorted(card.reference for card in expert.adapters.cards())}


def compared(folder: Path) -> Any:
    result = result_store.latest(folder / ".metier")
    if result is None:
        return None
    return _without_clocks(json.loads(json.dumps(result.to_json())))


def flowed(folder: Path) -> Any:
    with Expert.open(folder) as expert:
        runs = expert.flow.runs()
        asked = sorted(question.id for question in expert.exam.questions())
        learned_rows = sorted(row.id for row in expert.dataset.rows())
        cards = {card.reference: card.state for card in expert.adapters.cards()}
        uses = expert.exam.wear().decisions
    found = [[run.number, run.state, run.outcome, run.production, run.candidate] for run in runs]
    told = [run.steps[step] for run in runs for step in ("rows", "exam", "judge") if step in run.steps]
    weights = [
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((folder / ".metier" / "adapters").rglob("*.safetensors"))
    ]
    rest = {"weights": weights, "rows": learned_rows, "questions": asked, "uses": uses}
    return {"runs": found, "adapters": cards, "figures": _without_clocks(told), **rest}


def _without_clocks(value: Any) -> Any:
    """What does not depend on when it ran, and how fast."""
    if isinstance(value, dict):
        return {key: _without_clocks(each) for key, each in value.items() if not key.startswith(CLOCKS)}
    return [_without_clocks(each) for each in value] if isinstance(value, list) else value


def _corrections(expert: Expert) -> list[Any]:
    return list(expert.corrections.all())


# --- the commands ----------------------------------------------------------------------------------------------------


def _correction(folder: Path) -> Sequence[str]:
    with Expert.open(folder) as expert:
        passage = expert.search(ASKED, 1)[0].passage.id
    return ("corrections", "add", ASKED, "--answer", "8 months.", "--replace", passage, "--text", CORRECTED)


def _correct_again(folder: Path) -> Sequence[Sequence[str]]:
    with Expert.open(folder) as expert:
        known = _corrections(expert)
    return () if known else (_correction(folder),)


def _tune_again(folder: Path) -> Sequence[Sequence[str]]:
    """A run of which no trace was left is begun anew."""
    with Expert.open(folder) as expert:
        done = any(card.name == ADAPTER for card in expert.adapters.cards())
    return () if done else (("tune", "--name", ADAPTER, "--resume"), ("tune", "--name", ADAPTER))


def _flow_again(folder: Path) -> Sequence[Sequence[str]]:
    with Expert.open(folder) as expert:
        runs = expert.flow.runs()
    return () if runs and runs[-1].state == "ended" else (("flow", "run"),)


COMPARE = ("compare", "--modes", "rag,tuned", "--no-calibrate")
COMMANDS = {
    "sync": Command("read", lambda _: ("sync",), lambda _: (("sync",),), synced),
    "correct": Command("read", _correction, _correct_again, corrected),
    "promote": Command("tuned", lambda _: ("adapters", "promote", "parts@3"),
                       lambda _: (("adapters", "promote", "parts@3"),), promoted),
    "tune": Command("tuned", lambda _: ("tune", "--name", ADAPTER), _tune_again, learned),
    "compare": Command("tuned", lambda _: COMPARE, lambda _: (COMPARE,), compared),
    "flow": Command("flow", lambda _: ("flow", "run"), _flow_again, flowed),
}  # fmt: skip


# --- kills -----------------------------------------------------------------------------------------------------------


def start(folder: Path, words: Sequence[str]) -> subprocess.Popen[str]:
    verb = 2 if words[0] in ("corrections", "adapters", "flow") else 1
    return subprocess.Popen(
        [*COMMAND, *words[:verb], "-e", str(folder), *words[verb:]], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def run(folder: Path, words: Sequence[str]) -> tuple[int, str]:
    with start(folder, words) as process:
        return process.wait(LONGEST), process.stderr.read()


def killed(folder: Path, words: Sequence[str], seconds: float) -> bool:
    """Begin it, and kill its process group after so long; whether it still ran."""
    process = start(folder, words)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    process.stderr.close()
    return code == -signal.SIGKILL


def go_on(command: Command, folder: Path) -> str:
    """What a person does after the kill. Returns what went wrong."""
    said, tried = "", command.again(folder)
    for words in tried:
        code, said = run(folder, words)
        if "Traceback" in said:
            return said[-300:]
        if code == 0:
            return ""
    return said[-300:] if tried else ""


def one_kill(command: Command, base: Path, whole: Any, seconds: float, place: Path) -> dict[str, Any] | None:
    """None where it had ended before."""
    copy = Path(shutil.copytree(base.parent, place / "copy"))
    folder = copy / base.name
    try:
        if not killed(folder, command.begin(base), seconds):
            return None
        wrong = go_on(command, folder)
        left = json.loads(json.dumps(command.left(folder)))
        held = not wrong and left == whole
        return {"after": round(seconds, 3), "held": held, "what": wrong or ("" if held else differs(left, whole))}
    finally:
        shutil.rmtree(copy)


def differs(left: Any, whole: Any) -> str:
    if isinstance(left, dict) and isinstance(whole, dict):
        return "; ".join(
            f"{key}: {differs(left.get(key), each)}" for key, each in whole.items() if left.get(key) != each
        )
    if isinstance(left, list) and isinstance(whole, list) and len(left) == len(whole):
        return "; ".join(
            f"{n}: {differs(*each)}" for n, each in enumerate(zip(left, whole, strict=True)) if each[0] != each[1]
        )[:300]
    return f"{left!r:.150} instead of {whole!r:.150}"


def unbroken(name: str, base: Path, place: Path) -> dict[str, Any]:
    """What the command leaves, and in how many seconds; kept, so that it is run once."""
    kept = place / f"{name}.whole.json"
    if kept.exists():
        return json.loads(kept.read_text())
    command = COMMANDS[name]
    copy = Path(shutil.copytree(base.parent, place / "copy"))
    began = time.monotonic()
    code, said = run(copy / base.name, command.begin(base))
    seconds = time.monotonic() - began
    if code:
        sys.exit(f"{name} ends with {code} without a kill: {said}")
    found = {"seconds": seconds, "left": command.left(copy / base.name)}
    shutil.rmtree(copy)
    kept.write_text(json.dumps(found))
    return json.loads(json.dumps(found))


def measure(name: str, kills: int, base: Path, place: Path, kept: Path) -> None:
    """Goes on with what stands in `kept`, a line a kill."""
    dice, whole, done = random.Random(), unbroken(name, base, place), killed_before(kept)
    began, cpu, before = time.monotonic(), cpu_seconds(), len(done)
    while len(done) < kills:
        after = (len(done) + dice.random()) / kills * whole["seconds"]
        # One that ended before is tried again a little earlier: how long a run takes is not the same each time.
        while (one := one_kill(COMMANDS[name], base, whole["left"], after, place)) is None:
            after *= 0.9
        done.append(one)
        with kept.open("a") as file:
            file.write(json.dumps(one) + "\n")
        print(f"{name} {len(done)}/{kills} {one}", file=sys.stderr, flush=True)
    if made := len(done) - before:
        spent = (time.monotonic() - began) / made, (cpu_seconds() - cpu) / made
        print(f"{name}: {spent[0]:.1f} s a kill, {spent[1]:.1f} s of them on a processor", file=sys.stderr, flush=True)


def killed_before(kept: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []


def told(name: str, place: Path) -> dict[str, Any]:
    """What is kept of a command."""
    done, whole = killed_before(place / f"{name}.jsonl"), json.loads((place / f"{name}.whole.json").read_text())
    wrong = [each for each in done if not each["held"]]
    return {"kills": len(done), "held": len(done) - len(wrong), "seconds": round(whole["seconds"], 2), "wrong": wrong}


def cpu_seconds() -> float:
    spent = [resource.getrusage(whom) for whom in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", default=",".join(COMMANDS))
    parser.add_argument("--place", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
    place = options.place or Path(tempfile.mkdtemp(prefix="metier-kills-"))
    place.mkdir(exist_ok=True)
    shutil.rmtree(place / "copy", ignore_errors=True)
    result: dict[str, Any] = circumstances("attack_kills.py") | {"commands": {}}
    for name in options.only.split(","):
        base = place / COMMANDS[name].base / "parts"
        if not (place / f"{base.parent.name}.made").exists():
            shutil.rmtree(base.parent, ignore_errors=True)
            base.parent.mkdir()
            BASES[COMMANDS[name].base](base.parent)
            (place / f"{base.parent.name}.made").touch()
        measure(name, options.kills, base, place, place / f"{name}.jsonl")
    for name in COMMANDS:
        if not (place / f"{name}.jsonl").exists():
            continue
        result["commands"][name] = found = told(name, place)
        print(f"{name:8} {found['held']} of {found['kills']} held, over {found['seconds']} s", flush=True)
        for each in found["wrong"]:
            print(f"         after {each['after']} s: {each['what']}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "attack_kills.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.place is None:
        shutil.rmtree(place)
    sys.exit(0 if all(each["held"] == each["kills"] for each in result["commands"].values()) else 1)


if __name__ == "__main__":
    main()
