"""Haystack with the in-memory store's BM25 beside the vectors, joined by reciprocal ranks."""

from __future__ import annotations

from pathlib import Path

from haystack import Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersTextEmbedder

from peers import best_first, weights
from peers.haystack import PACKAGES, fill_store

__all__ = ["PACKAGES", "build", "search"]


def build(documents: list[tuple[str, str, str]], workdir: Path) -> Pipeline:
    store = fill_store(documents)
    query = Pipeline()
    query.add_component("embedder", SentenceTransformersTextEmbedder(model=weights.folder(), progress_bar=False))
    query.add_component("dense", InMemoryEmbeddingRetriever(document_store=store))
    query.add_component("lexical", InMemoryBM25Retriever(document_store=store))
    query.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
    query.connect("embedder.embedding", "dense.query_embedding")
    query.connect("dense", "joiner")
    query.connect("lexical", "joiner")
    query.warm_up()
    return query


def search(index: Pipeline, question: str, k: int) -> list[str]:
    found = index.run(
        {
            "embedder": {"text": question},
            "dense": {"top_k": k},
            "lexical": {"query": question, "top_k": k},
            "joiner": {"top_k": k},
        }
    )
    return best_first(document.meta["source"] for document in found["joiner"]["documents"])
