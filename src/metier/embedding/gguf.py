"""llama.cpp: any embedding model in a GGUF file, on the CPU or, where the wheel was built for it, the GPU.

xllamacpp runs llama.cpp's server inside this process. It also listens on a loopback port, which is used here for
tokenizing and closed to everybody else by a random key.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metier.core.errors import ModelError
from metier.core.settings import EmbeddingSettings
from metier.embedding.onnx import normalised, shortened

LONGEST_TOKENS = 2048  # llama.cpp needs a whole text in one batch, and memory for it in advance
BATCH_TEXTS = 64


class GgufEmbedder:
    """See `metier.embedding.base.Embedder`."""

    def __init__(self, settings: EmbeddingSettings, file: Path) -> None:
        if not file.is_file():
            raise ModelError("is not a file", where=str(file), hint="gguf: takes the path of a GGUF file")
        self.name = settings.model
        self._settings, self._file = settings, file
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: EmbeddingSettings, file: Path) -> GgufEmbedder:
        return cls(settings, file)

    @property
    def dimension(self) -> int:
        return self._settings.dimension or self._load().dimension

    @property
    def max_tokens(self) -> int:
        return self._load().max_tokens

    @property
    def fingerprint(self) -> str:
        with self._file.open("rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
        parts = (weights, *self._prefixes(), str(self.dimension), str(self.max_tokens))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([self._prefixes()[1] + text for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed([self._prefixes()[0] + text for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        loaded = self._load()
        return [len(loaded.tokens(text, special=False)) for text in texts]

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _prefixes(self) -> tuple[str, str]:
        """A GGUF file does not say; models that want a prefix need it in `metier.toml`."""
        return self._settings.query_prefix or "", self._settings.passage_prefix or ""

    def _embed(self, texts: list[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        loaded = self._load()
        vectors = np.concatenate(
            [loaded.run(texts[start : start + BATCH_TEXTS]) for start in range(0, len(texts), BATCH_TEXTS)]
        )
        return shortened(normalised(vectors), self._settings.dimension, self.name)

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _Loaded(self._file, self._settings.threads or os.cpu_count() or 1)
            return self._loaded


class _Loaded:
    """The server, its limits and its tokenizer."""

    def __init__(self, file: Path, threads: int) -> None:
        import xllamacpp

        key = secrets.token_hex(16)
        params = xllamacpp.CommonParams()
        params.model.path, params.embedding, params.api_keys = str(file), True, [key]
        params.verbosity = 0
        params.n_parallel, params.n_ctx = 1, LONGEST_TOKENS
        params.n_batch = params.n_ubatch = LONGEST_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self._file = file
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelError(
                f"could not be loaded ({error})", where=str(file), hint="Is it a GGUF file of an embedding model?"
            ) from error
        self._address, self._key = self._server.listening_address.removeprefix("http://"), key
        about = self._ask("GET", "/v1/models")["data"][0]["meta"]
        self.dimension = int(about["n_embd"])
        self.max_tokens = min(int(about["n_ctx_train"]), LONGEST_TOKENS)

    def tokens(self, text: str, *, special: bool) -> list[int]:
        body = {"content": text.encode("utf-8", "replace").decode(), "add_special": special}
        numbers: list[int] = self._ask("POST", "/tokenize", body)["tokens"]
        return numbers

    def _ask(self, method: str, route: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        try:
            connection.request(method, route, json.dumps(body), {"Authorization": f"Bearer {self._key}"})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ModelError(f"llama.cpp does not answer ({error})", where=str(self._file)) from None
        finally:
            connection.close()

    def run(self, texts: list[str]) -> np.ndarray:
        """Pooled vectors (texts, dimension)."""
        numbers = [self._cut(self.tokens(text, special=True)) for text in texts]
        answer = self._server.handle_embeddings(json.dumps({"input": numbers}))
        answer = json.loads(answer) if isinstance(answer, str | bytes) else answer
        if "data" not in answer:
            raise ModelError(f"gave no vectors ({json.dumps(answer)[:300]})", where=str(self._file))
        rows = sorted(answer["data"], key=lambda row: row["index"])
        return np.array([row["embedding"] for row in rows], np.float32)

    def _cut(self, numbers: list[int]) -> list[int]:
        """At most `max_tokens`; the last token, which marks the end, is kept."""
        return numbers if len(numbers) <= self.max_tokens else [*numbers[: self.max_tokens - 1], numbers[-1]]
