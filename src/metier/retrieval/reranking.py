"""Cross-encoders: read question and passage together and score how well one answers the other.

Slower than vectors by the number of candidates, better in order. Optional: `[retrieval] reranker` in metier.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from metier.core.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from tokenizers import Tokenizer


class Reranker(Protocol):
    def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Relevance of each passage, higher is better; shape (n,), float32."""
        ...


def create(model: str, *, folder: Path = Path()) -> Reranker:
    """`onnx:FOLDER` (model.onnx and tokenizer.json; relative to `folder`) or `sentence-transformers:NAME`.
    Raises `SettingsError`."""
    backend, _, name = model.partition(":")
    if backend == "onnx" and name:
        return OnnxReranker(folder / Path(name).expanduser())
    if backend == "sentence-transformers" and name:
        return SentenceTransformersReranker(name)
    raise SettingsError(
        f"knows no reranker {model!r}",
        where="[retrieval] reranker",
        hint="Use onnx:FOLDER or sentence-transformers:NAME.",
    )


class OnnxReranker:
    """A cross-encoder exported to ONNX, with one logit for each pair."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: tuple[Any, Tokenizer] | None = None  # onnxruntime, which comes without types

    def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
        if not passages:
            return np.zeros(0, dtype=np.float32)
        return self.logits([(question, passage) for passage in passages])[:, -1]

    def logits(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """What the model gives for each of at least one pair of texts; float32 (pairs, logits)."""
        session, tokenizer = self._loaded or self._load()
        encodings = tokenizer.encode_batch(list(pairs))
        inputs = {
            "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
            "attention_mask": np.array([e.attention_mask for e in encodings], dtype=np.int64),
            "token_type_ids": np.array([e.type_ids for e in encodings], dtype=np.int64),
        }
        wanted = {node.name for node in session.get_inputs()}
        logits = session.run(None, {name: value for name, value in inputs.items() if name in wanted})[0]
        return np.asarray(logits, dtype=np.float32).reshape(len(pairs), -1)

    def _load(self) -> tuple[Any, Tokenizer]:
        import onnxruntime
        from tokenizers import Tokenizer

        model = next((p for p in (self._folder / "model.onnx", self._folder / "onnx/model.onnx") if p.is_file()), None)
        file = self._folder / "tokenizer.json"
        if model is None or not file.is_file():
            raise ModelError("holds no model.onnx with a tokenizer.json", where=str(self._folder))
        try:
            tokenizer = Tokenizer.from_file(str(file))
            session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - both libraries raise what they like for a damaged file
            raise ModelError(
                f"cannot be loaded: {str(error).splitlines()[0]}", where=str(self._folder), hint="Export it again."
            ) from None
        tokenizer.enable_truncation(512)  # of the longer one first: a question is nearly never cut
        tokenizer.enable_padding()
        self._loaded = session, tokenizer
        return self._loaded


class SentenceTransformersReranker:
    """Any CrossEncoder of sentence-transformers, by hub name or folder."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._model: CrossEncoder | None = None

    def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
        if not passages:
            return np.zeros(0, dtype=np.float32)
        if self._model is None:
            try:
                from sentence_transformers import CrossEncoder
            except ImportError:
                raise ModelError(
                    "sentence-transformers is not installed",
                    hint='Install it: `pip install "metier[sentence-transformers]"`.',
                ) from None
            try:
                self._model = CrossEncoder(self._name)
            except (OSError, ValueError) as error:
                raise ModelError(f"cannot be loaded: {str(error).splitlines()[0]}", where=self._name) from None
        pairs = [(question, passage) for passage in passages]
        return np.asarray(self._model.predict(pairs, show_progress_bar=False), dtype=np.float32).reshape(-1)
