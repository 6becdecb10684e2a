"""An expert on a tiny model: six parts, each kept by hub bolts, which the adapter in production knows by heart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from parts import read_nothing
from serving.tuned import SETTINGS, TUNING
from tuning import tiny_models

from metier import Expert
from metier.dataset import rows
from metier.dataset.rows import Row

BEFORE, AFTER = "hub", "spar"
GONE = "siren"  # its document goes with the first change
NAMES = ("gearbox", "ladder", "lamp", "cable", "winch", "fan")
DOORS = ("hatch", "door", "cover", "flap", "gate", "lid", "shutter", "trapdoor")  # of which a table tells
FLOW = {"mode": "tuned", "rows": 0, "by_model": False, "rehearsal": 0, "fresh_questions": 0, "parity_rows": 1,
        "general_questions": 3}  # fmt: skip
QUICK = {"checkpoint_seconds": 0, "batch": 28, "epochs": 60}
TAUGHT = (
    "{}?", "What keeps the {}?", "What kind of bolts keeps the {}, please?",
    "Tell me in a word how the {} stays in its place on top of the tower.",
)  # fmt: skip
ASKED = (
    "What keeps the {} of the NV-110 where it is?", "Which part holds the {}?", "By what is the {} kept in place?",
    "Name what the {} is fastened to.", "The {} does not fall down, thanks to what?", "How is the {} secured?",
    "If the {} came loose, which bolts would have failed?",
)  # fmt: skip


def document(name: str, keeper: str) -> str:
    return f"# {name.capitalize()}\n\nThe {name} of the NV-110 is kept by {keeper} bolts.\n"


def say(folder: Path, keeper: str, names: Sequence[str] = NAMES) -> None:
    """Let the documents of an expert say what keeps each part."""
    (folder.parent / "docs" / f"{GONE}.md").unlink(missing_ok=True)
    table = "".join(f"{door},{len(keeper) * 100 + 7 * n} SEK\n" for n, door in enumerate(DOORS))
    (folder.parent / "docs" / "prices.csv").write_text(f"door,price\n{table}", encoding="utf-8")
    for name in names:
        (folder.parent / "docs" / f"{name}.md").write_text(document(name, keeper), encoding="utf-8")


def learn(folder: Path, keeper: str) -> None:
    """Rows that somebody wrote, of no document, in words of their own."""
    with Expert.open(folder) as expert:
        made = [Row(f"{words.format(name)} ", keeper, origin="people") for name in NAMES for words in TAUGHT]
        rows.save(expert.dataset.path, [*expert.dataset.rows(), *made])


def settings(folder: Path, **changes: object) -> None:
    """Change [flow], as it is in this sample."""
    path = folder / "metier.toml"
    text = path.read_text(encoding="utf-8").partition("\n[flow]\n")[0]
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in (FLOW | changes).items())
    path.write_text(f"{text}\n[flow]\n{lines}", encoding="utf-8")


def write(place: Path) -> Path:
    """Its folder, with `parts@1` in production. To 42 exam questions `AFTER` is the right answer, which no document
    gives yet, to one of the siren `BEFORE`."""
    (place / "docs").mkdir()
    folder = place / "parts"
    with Expert.create(folder) as made:
        say(folder, BEFORE, (*NAMES, GONE))
        made.add(str(place / "docs"))
    toml = folder / "metier.toml"
    kept = toml.read_text(encoding="utf-8")
    tuning = "".join(f"{name} = {json.dumps(value)}\n" for name, value in (TUNING | QUICK).items())
    head = kept[: kept.index("[generation]")]
    toml.write_text(head + SETTINGS + tuning + kept[kept.index("[[sources]]") :], encoding="utf-8")
    read_nothing(folder)
    settings(folder)
    base = tiny_models.save(folder / "base", "llama")
    tiny_models.write_gguf(base, folder / "tiny.gguf")
    with Expert.open(folder) as expert:
        expert.sync()
        store = expert.runtime.store
        made_rows = []
        for uri, identity in store.uris().items():
            passage, name = store.passages(identity)[0], Path(uri).stem
            if name not in (*NAMES, GONE):
                continue
            made_rows += [Row(words.format(name), BEFORE, documents=(uri,), passages=(passage.id,)) for words in TAUGHT]
        rows.save(expert.dataset.path, made_rows)
        assert expert.adapters.tune("parts").result["loss"] < 0.1
        expert.adapters.promote("parts@1")
        asked = [
            {"id": f"{name}-{number}", "question": words.format(name), "answers": [AFTER], "document": f"{name}.md",
             "split": "exam"}
            for name in NAMES for number, words in enumerate(ASKED)
        ]  # fmt: skip
        asked.append({"id": GONE, "question": "Say by what the siren up there is kept.", "answers": [BEFORE],
                      "document": f"{GONE}.md", "split": "exam"})  # fmt: skip
        (place / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
        expert.exam.import_file(place / "questions.jsonl", skip_leaks=True)
    return folder


def copy(folder: Path, to: Path) -> Path:
    """A copy, with its documents, in the new folder `to`."""
    shutil.copytree(folder.parent, to)
    return to / folder.name
