"""txtai: Embeddings with content (SQLite beside Faiss); a document is one passage, of which 512 tokens are read."""

from __future__ import annotations

from pathlib import Path

from txtai import Embeddings

from peers import best_first, full_text, weights

PACKAGES = ("txtai", "faiss-cpu", "transformers", "torch")


def build(documents: list[tuple[str, str, str]], workdir: Path, **settings: object) -> Embeddings:
    embeddings = Embeddings(path=weights.folder(), content=True, **settings)
    embeddings.index((id_, full_text(title, text)) for id_, title, text in documents)
    return embeddings


def search(index: Embeddings, question: str, k: int) -> list[str]:
    return best_first(hit["id"] for hit in index.search(question, k))
