"""Métier: an expert with default settings, from strings to a searchable store on disk.

Métier takes files, not strings: every document is written as a .txt file first, and that writing counts as ingest, as
do reading, hashing and parsing it in the worker process. A file is named by its place in the list, and since a text
file carries no title of its own, Métier takes that number for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metier import Expert
from peers import best_first, full_text

PACKAGES = ("metier", "lancedb", "onnxruntime")
MODEL = "all-minilm-l6-v2"  # the weights of every peer; its threads are the cores that child.py leaves


@dataclass(frozen=True, slots=True)
class Index:
    expert: Expert
    ids: dict[str, str]  # uri: document id


def build(documents: list[tuple[str, str, str]], workdir: Path) -> Index:
    """Make an expert in `workdir` and take in `full_text(title, text)` of every document."""
    folder = workdir / "documents"
    folder.mkdir()
    ids = {}
    for number, (id_, title, text) in enumerate(documents):
        (folder / f"{number:07}.txt").write_text(full_text(title, text), encoding="utf-8")
        ids[f"{folder.name}/{number:07}.txt"] = id_
    expert = Expert.create(workdir / "expert")
    if (model := expert.settings.embedding.model) != MODEL:
        raise RuntimeError(f"a new expert embeds with {model}, the peers with {MODEL}")
    expert.add(str(folder))
    report = expert.sync()
    if report.failed:
        raise RuntimeError(f"{len(report.failed)} documents were not taken in, first {report.failed[0]}")
    return Index(expert, ids)


def search(index: Index, question: str, k: int) -> list[str]:
    """Default search (dense + lexical, fused) for `k` passages."""
    return best_first(index.ids[hit.passage.uri] for hit in index.expert.search(question, k))
