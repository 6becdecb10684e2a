"""Twelve parts of a turbine and how often each is changed: documents that several tests make an expert of."""

from __future__ import annotations

import json
from pathlib import Path

from metier import Expert

PARTS = {
    "gearbox oil": 31, "brake pads": 19, "yaw grease": 7, "pitch batteries": 61, "nacelle lamps": 43, "rope grips": 13,
    "oil filter": 17, "wind vane": 83, "tower bolts": 29, "fire bottles": 23, "slip ring": 11, "hub seals": 37,
}  # fmt: skip


def write_documents(folder: Path) -> None:
    """A document for each part, in the new `folder`."""
    folder.mkdir()
    for name, months in PARTS.items():
        text = f"# {name.capitalize()}\n\nThe {name} of the NV-110 is changed every {months} months.\n"
        (folder / f"{name.replace(' ', '-')}.md").write_text(text)


def examined_expert(place: Path, questions: list[dict[str, object]]) -> Path:
    """The folder of an expert with these documents and these exam questions."""
    write_documents(place / "docs")
    (place / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")
    with Expert.create(place / "expert") as made:
        made.add(str(place / "docs"))
        made.sync()
        made.exam.import_file(place / "questions.jsonl")
    answer_briefly(place / "expert")
    read_nothing(place / "expert")
    return place / "expert"


def answer_briefly(expert: Path) -> None:
    """Short answers on one thread: two that wait for each other are slower."""
    _at_generation(expert, "", "max_tokens = 24\nthreads = 1\n")


def read_nothing(expert: Path) -> None:
    """No reader, which takes most of the time of a search: for tests of what does not depend on it."""
    _at_generation(expert, '[answering]\nreader = "none"\n\n', "")


def _at_generation(expert: Path, before: str, behind: str) -> None:
    path = expert / "metier.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[generation]\n", f"{before}[generation]\n{behind}"), encoding="utf-8")
