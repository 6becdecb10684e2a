"""LlamaIndex: VectorStoreIndex in memory, SentenceSplitter (1024 tokens, 200 overlap), HuggingFaceEmbedding.

The embedding model reads the first 256 tokens of a passage; that is what these defaults give.
"""

from __future__ import annotations

from pathlib import Path

from llama_index.core import Document, VectorStoreIndex
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

from peers import best_first, full_text, weights

PACKAGES = ("llama-index-core", "llama-index-embeddings-huggingface", "sentence-transformers", "torch")


def build(documents: list[tuple[str, str, str]], workdir: Path) -> VectorStoreIndex:
    return VectorStoreIndex.from_documents(
        [Document(text=full_text(title, text), doc_id=id_) for id_, title, text in documents],
        embed_model=HuggingFaceEmbedding(model_name=weights.folder()),
    )


def search(index: VectorStoreIndex, question: str, k: int) -> list[str]:
    hits = index.as_retriever(similarity_top_k=k).retrieve(question)
    return best_first(hit.node.ref_doc_id for hit in hits)
