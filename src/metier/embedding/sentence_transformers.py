"""sentence-transformers: any model it can load, on torch. Needs `pip install "metier[sentence-transformers]"`."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metier.core.errors import ModelError
from metier.core.settings import EmbeddingSettings
from metier.embedding.onnx import shortened

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceTransformersEmbedder:
    """See `metier.embedding.base.Embedder`."""

    def __init__(self, settings: EmbeddingSettings, name: str) -> None:
        self.name = settings.model
        self._settings, self._model_name = settings, name
        self._model: SentenceTransformer | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: EmbeddingSettings, name: str) -> SentenceTransformersEmbedder:
        return cls(settings, name)

    @property
    def dimension(self) -> int:
        return self._settings.dimension or self._load().get_sentence_embedding_dimension()

    @property
    def max_tokens(self) -> int:
        return self._load().max_seq_length or 512

    @property
    def fingerprint(self) -> str:
        """From name, prefixes, sizes and the vector of one fixed text, which tells other weights of the same name."""
        probe = np.round(self.embed_queries(["fingerprint"])[0], 3).tobytes()
        parts = (self._model_name, *self._prefixes(), str(self.dimension), str(self.max_tokens))
        return hashlib.sha256("\0".join(parts).encode() + probe).hexdigest()[:16]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([self._prefixes()[1] + text for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([self._prefixes()[0] + text for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = self._load().tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(numbers) for numbers in encoded["input_ids"]]

    def _prefixes(self) -> tuple[str, str]:
        prompts = self._load().prompts or {}
        own = prompts.get("query") or "", prompts.get("document") or prompts.get("passage") or ""
        query, passage = self._settings.query_prefix, self._settings.passage_prefix
        return own[0] if query is None else query, own[1] if passage is None else passage

    def _embed(self, texts: list[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        vectors = self._load().encode(
            texts, prompt="", normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return shortened(np.asarray(vectors, np.float32), self._settings.dimension, self.name)

    def close(self) -> None:
        self._model = None

    def _load(self) -> SentenceTransformer:
        with self._lock:
            if self._model is None:
                self._model = self._open()
            return self._model

    def _open(self) -> SentenceTransformer:
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                f"needs a library that is not installed ({error.name})",
                where=self.name,
                hint="Install it with `pip install 'metier[sentence-transformers]'`",
            ) from error
        if self._settings.threads:
            torch.set_num_threads(self._settings.threads)
        try:
            return SentenceTransformer(self._model_name)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"could not be loaded ({str(error).strip().splitlines()[0][:300]})",
                where=self.name,
                hint="Give the path of a folder, or a name that the model hub knows and can be reached for",
            ) from error
