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
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from metier.core.errors import ModelError, SettingsError
from metier.core.settings import EmbeddingSettings
from metier.embedding.tokens import EmbeddingTokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BATCH_TOKENS = 512
_Item = TypeVar("_Item")


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
    def from_settings(
        cls,
        settings: EmbeddingSettings,
        folder: str | Path,
        *,
        fingerprint: str | None = None,
        fetch: Callable[[], Path] | None = None,
    ) -> OnnxEmbedder:
        """`fingerprint`, `fetch`: of a packaged model."""
        folder = Path(folder).expanduser()
        if fetch is None and not folder.is_dir():
            raise ModelError("is not a folder", where=str(folder), hint="onnx: takes a folder with model.onnx")
        return cls(
            folder,
            name=settings.model,
            fingerprint=fingerprint,
            query_prefix=settings.query_prefix,
            passage_prefix=settings.passage_prefix,
            dimension=settings.dimension,
            threads=settings.threads,
            fetch=fetch,
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

    def close(self) -> None:
        self._loaded = None

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                folder = self._fetch() if self._fetch else self._folder
                self._loaded = _Loaded(folder)
            return self._loaded


class _Loaded:
    """A model's session, tokenizer and manners. `run` may be called from several threads at once."""

    def __init__(self, folder: Path) -> None:
        self.file = find_model(folder)
        try:
            self._session = open_session(self.file)
            self._inputs = {value.name for value in self._session.get_inputs()}
            self._output, self._pooling = self._choose_output(folder)
            self.max_tokens = _max_tokens(folder)
            self.tokens = EmbeddingTokenizer(folder, self.max_tokens)
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

    def run(self, batch: list[list[int]]) -> np.ndarray:
        """Unit vectors, float32 (texts, dimension), of token numbers. Shorter texts are padded and masked."""
        longest = max(map(len, batch))
        ids = np.zeros((len(batch), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, numbers in enumerate(batch):
            ids[row, : len(numbers)] = numbers
            mask[row, : len(numbers)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {name: value for name, value in feeds.items() if name in self._inputs}
        try:
            result = self._session.run([self._output], wanted)[0]
        except Exception as error:  # onnxruntime raises types of its own, without a common base
            raise ModelError(f"failed in ONNX Runtime ({str(error)[:300]})", where=str(self.file)) from error
        if result.ndim == 3:
            result = _pool(result, mask, self._pooling)
        return normalised(result)

    def _choose_output(self, folder: Path) -> tuple[str, str]:
        """The output to read and how to pool it: a pooled one where the graph has it, else one vector a token."""
        names = [value.name for value in self._session.get_outputs()]
        for name in ("sentence_embedding", "last_hidden_state", "token_embeddings"):
            if name in names:
                return name, _pooling(folder)
        return names[0], _pooling(folder)


def find_model(folder: Path) -> Path:
    """The graph in an exported model's folder. Raises `ModelError` where it, or the tokenizer, is missing."""
    file = next((p for p in (folder / "model.onnx", folder / "onnx" / "model.onnx") if p.is_file()), None)
    if file is None or not (folder / "tokenizer.json").is_file():
        raise ModelError("holds no model.onnx and tokenizer.json", where=str(folder), hint="Export the model again")
    return file


def open_session(file: Path) -> InferenceSession:
    """An `onnxruntime.InferenceSession` for many small batches on one thread each. Raises types of onnxruntime's own,
    without a common base, where the file is none."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # parallel over batches instead
    options.enable_mem_pattern = False  # shapes differ from batch to batch
    options.log_severity_level = 3
    if _bytes_overflow():
        options.add_session_config_entry("session.x64quantprecision", "1")  # an exact kernel, a third slower
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Indices grouped by similar length, longest first; a batch with its padding has at most `tokens` tokens, or one
    text. A batch mixes lengths only within an eighth, so that padding never costs more."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        longest = lengths[batch[0]] if batch else 0
        if batch and ((len(batch) + 1) * longest > tokens or lengths[index] < longest - longest // 8):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def work_all(items: Sequence[_Item], work: Callable[[_Item], None], threads: int) -> None:
    """Call `work` with every item, on `threads` threads; the first error is raised."""
    if len(items) < 2 or threads < 2:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        for _ in pool.map(work, items):
            pass


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros stays."""
    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


def shortened(vectors: np.ndarray, dimension: int | None, name: str) -> np.ndarray:
    """The first `dimension` numbers of each row, length 1 again (Matryoshka: only right for models trained so)."""
    if dimension is None or dimension == vectors.shape[1]:
        return vectors
    if dimension > vectors.shape[1]:
        raise SettingsError(f"{name} makes only {vectors.shape[1]} numbers", where="embedding.dimension")
    return normalised(vectors[:, :dimension])


def _bytes_overflow() -> bool:
    """Whether this processor adds products of bytes up in 16 bits, where they overflow: x86 without VNNI."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux: better slow than wrong
        return True
    return "avx512_vnni" not in flags and "avx_vnni" not in flags


def _pool(states: np.ndarray, mask: np.ndarray, how: str) -> np.ndarray:
    """One vector a text from one a token: states (texts, tokens, dimension), mask (texts, tokens)."""
    pooled: np.ndarray
    if how == "cls":
        pooled = states[:, 0]
    elif how == "max":
        pooled = np.where(mask[:, :, None] == 1, states, -np.inf).max(axis=1)
    else:
        pooled = np.einsum("bt,btd->bd", mask.astype(np.float32), states) / mask.sum(axis=1, keepdims=True)
    return pooled


def _pooling(folder: Path) -> str:
    config = _json(folder / "1_Pooling" / "config.json")
    keys = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "max": "pooling_mode_max_tokens"}
    chosen = [how for how, key in keys.items() if config.get(key)]
    if config and chosen not in (["cls"], ["mean"], ["max"]):
        raise ModelError(
            f"pools in a way that is not supported ({config})",
            where=str(folder),
            hint=f"Supported is one of {', '.join(keys)}; sentence-transformers:NAME runs any",
        )
    return chosen[0] if chosen else "mean"


def _max_tokens(folder: Path) -> int:
    """`max_seq_length`, else the positions of the model, else 512."""
    if length := _json(folder / "sentence_bert_config.json").get("max_seq_length"):
        return int(length)
    if length := _json(folder / "tokenizer_config.json").get("model_max_length"):
        return int(min(length, _json(folder / "config.json").get("max_position_embeddings", 512)))
    return int(_json(folder / "config.json").get("max_position_embeddings", 512))


def _prompts(folder: Path) -> tuple[str, str]:
    """Prefixes of queries and of passages, as sentence-transformers stores them."""
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return prompts.get("query") or "", prompts.get("document") or prompts.get("passage") or ""


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelError(f"is not valid JSON ({error})", where=str(path), hint="Export the model again") from None


def _hash(file: Path) -> str:
    """Of the graph and the weights beside it. Reads all of them: about a second for a gigabyte."""
    digest = hashlib.sha256()
    for path in sorted([file, *file.parent.glob(f"{file.name}?data")]):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
