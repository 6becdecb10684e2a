"""ONNX Runtime: the packaged models and any sentence-transformers model exported to ONNX.

A folder holds `model.onnx` (or `onnx/model.onnx`) and `tokenizer.json`, and may hold what sentence-transformers
writes: `1_Pooling/config.json` (mean by default), `sentence_bert_config.json` (`max_seq_length`), and prompts in
`config_sentence_transformers.json`, of which `query` and `document` (or `passage`) are put before a text.

Many small batches on one thread each serve a CPU better than a large one on all: the numbers in work stay in its
cache, texts of one length need no padding, and no thread waits for another
(docs/decisions/0001-embedding-runtime.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from metier.embedding.tokens import Tokens
from metier.errors import ModelError
from metier.settings import EmbeddingSettings

BATCH_TOKENS = 512
POOLINGS = ("cls", "mean", "max")


class OnnxEmbedder:
    """See `metier.embedding.base.Embedder`."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        fingerprint: str | None = None,
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
        dimension: int | None = None,
        threads: int | None = None,
        fetch: Callable[[], Path] | None = None,
    ) -> None:
        """`fetch` brings a packaged model's folder, called before the first reading of it."""
        self.name = name
        self._folder, self._fetch = folder, fetch
        self._wanted_prefixes = (query_prefix, passage_prefix)
        self._wanted_dimension = dimension
        self._weights = fingerprint
        self._threads = threads or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(4))
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: EmbeddingSettings, folder: str | Path, **packaged) -> OnnxEmbedder:
        folder = Path(folder).expanduser()
        if not packaged and not folder.is_dir():
            raise ModelError("is not a folder", where=str(folder), hint="onnx: takes a folder with model.onnx")
        return cls(
            folder,
            **{"name": settings.model} | packaged,
            query_prefix=settings.query_prefix,
            passage_prefix=settings.passage_prefix,
            dimension=settings.dimension,
            threads=settings.threads,
        )

    @property
    def dimension(self) -> int:
        return self._wanted_dimension or self._load().dimension

    @property
    def max_tokens(self) -> int:
        return self._load().max_tokens

    @property
    def fingerprint(self) -> str:
        loaded = self._load()
        self._weights = self._weights or _hash(loaded.file)
        parts = (self._weights, *self._prefixes(), str(self.dimension), str(self.max_tokens))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([self._prefixes()[1] + text for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([self._prefixes()[0] + text for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._load().tokens.count(texts)

    def _prefixes(self) -> tuple[str, str]:
        own = self._load().prefixes
        query, passage = self._wanted_prefixes
        return own[0] if query is None else query, own[1] if passage is None else passage

    def _embed(self, texts: list[str]) -> np.ndarray:
        loaded = self._load()
        vectors = np.empty((len(texts), loaded.dimension), np.float32)
        if not texts:
            return vectors[:, : self.dimension]
        numbers = loaded.tokens.numbers(texts)

        def work(batch: list[int]) -> None:
            vectors[batch] = loaded.run([numbers[index] for index in batch])

        work_all(list(batches([len(text) for text in numbers])), work, self._threads)
        return shortened(vectors, self._wanted_dimension, self.name)

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                folder = self._fetch() if self._fetch else self._folder
                self._loaded = _Loaded(folder)
            return self._loaded


class _Loaded:
    """A model's session, tokenizer and manners. `run` may be called from several threads at once."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        self.file = next((p for p in (folder / "model.onnx", folder / "onnx" / "model.onnx") if p.is_file()), None)
        if self.file is None or not (folder / "tokenizer.json").is_file():
            raise ModelError("holds no model.onnx and tokenizer.json", where=str(folder), hint="Export the model again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # parallel over batches instead
        options.enable_mem_pattern = False  # shapes differ from batch to batch
        options.log_severity_level = 3
        if not (folder / "quick.json").is_file() and _is_ours(self.file):
            pass
        try:
            self._session = onnxruntime.InferenceSession(
                str(self.file), options, providers=["CPUExecutionProvider"]
            )
            self._inputs = {value.name for value in self._session.get_inputs()}
            self._output, self._pooling = self._choose_output(folder)
            self.max_tokens = _max_tokens(folder)
            self.tokens = Tokens(folder, self.max_tokens)
        except ModelError:
            raise
        except Exception as error:  # onnxruntime and tokenizers raise types of their own, without a common base
            raise ModelError(
                f"could not be loaded ({str(error).strip().splitlines()[-1][:300]})",
                where=str(folder),
                hint="`metier doctor` checks packaged models; export another one again",
            ) from error
        self.prefixes = _prompts(folder)
        shape = next(value.shape for value in self._session.get_outputs() if value.name == self._output)
        self.dimension = shape[-1] if isinstance(shape[-1], int) else self.run([[0]]).shape[1]
