"""Twelve parts of a turbine and how often each is changed: documents that several tests make an expert of."""

from __future__ import annotations

from pathlib import Path

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
