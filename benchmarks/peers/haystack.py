"""Haystack: its usual indexing pipeline (cleaner, splitter of 200 words, embedder, in-memory store), dense search."""

from __future__ import annotations

from pathlib import Path

from haystack import Document, Pipeline
from haystack.components.preprocessors import DocumentCleaner, DocumentSplitter
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)

from peers import best_first, full_text, weights

PACKAGES = ("haystack-ai", "sentence-transformers-haystack", "sentence-transformers", "torch")


def build(documents: list[tuple[str, str, str]], workdir: Path) -> Pipeline:
    store = fill_store(documents)
    query = Pipeline()
    query.add_component("embedder", SentenceTransformersTextEmbedder(model=weights.folder(), progress_bar=False))
    query.add_component("retriever", InMemoryEmbeddingRetriever(document_store=store))
    query.connect("embedder.embedding", "retriever.query_embedding")
    query.warm_up()
    return query


def fill_store(documents: list[tuple[str, str, str]]) -> InMemoryDocumentStore:
    store = InMemoryDocumentStore()
    indexing = Pipeline()
    indexing.add_component("cleaner", DocumentCleaner())
    indexing.add_component("splitter", DocumentSplitter())
    indexing.add_component("embedder", SentenceTransformersDocumentEmbedder(model=weights.folder(), progress_bar=False))
    indexing.add_component("writer", DocumentWriter(document_store=store))
    for giver, taker in (("cleaner", "splitter"), ("splitter", "embedder"), ("embedder", "writer")):
        indexing.connect(giver, taker)
    contents = [Document(content=full_text(title, text), meta={"source": id_}) for id_, title, text in documents]
    indexing.run({"cleaner": {"documents": contents}})
    return store


def search(index: Pipeline, question: str, k: int) -> list[str]:
    found = index.run({"embedder": {"text": question}, "retriever": {"top_k": k}})
    return best_first(document.meta["source"] for document in found["retriever"]["documents"])
