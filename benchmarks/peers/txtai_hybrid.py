"""txtai with `hybrid=True`: its BM25 beside the vectors, at its own default weights."""

from __future__ import annotations

from pathlib import Path

from txtai import Embeddings

from peers import txtai
from peers.txtai import PACKAGES, search

__all__ = ["PACKAGES", "build", "search"]


def build(documents: list[tuple[str, str, str]], workdir: Path) -> Embeddings:
    return txtai.build(documents, workdir, hybrid=True)
