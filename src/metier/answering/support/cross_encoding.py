"""Cross-encoders that read sources and a claim together: packaged, or `[answering] checker = "onnx:FOLDER"`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from metier.embedding.onnx import open_session
from metier.errors import ModelError
from metier.reader.encoding import Encoder
from metier.retrieval.reranking import OnnxReranker


class Entailment(Protocol):
    def score(self, claim: str, premises: Sequence[str]) -> np.ndarray:
        """Probability that each premise carries the claim; float32 (premises,)."""
        ...


class PackagedEntailment:
    """An embedder's encoder with Métier's adapter (`metier.models.cross_encoder`). `fetch` brings its folder, called
    before the first claim. Safe to call from several threads."""

    def __init__(self, fetch: Callable[[], Path]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._loaded = False

    def score(self, claim: str, premises: Sequence[str]) -> np.ndarray:
        self._load()
        rows = [self._encoder.rows(claim, (), premise)[0].numbers for premise in premises]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)], mask[place, : len(row)] = row, 1
        logits = self._session.run(["carried"], {"input_ids": ids, "attention_mask": mask})[0]
        bias, first, mean = self._weights
        odds = bias + first * logits[:, 0] + mean * logits[:, 1]
        return (1 / (1 + np.exp(-odds))).astype(np.float32)

    def _load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            folder = self._fetch()
            try:
                kept = json.loads((folder / "support.json").read_text(encoding="utf-8"))
                self._weights = tuple(float(kept[key]) for key in ("bias", "first", "mean"))
                self._session = open_session(folder / "model.onnx")
                self._encoder = Encoder(folder)
            except Exception as error:  # onnxruntime and tokenizers raise types of their own, without a common base
                raise ModelError(
                    f"could not be loaded ({str(error).strip().splitlines()[-1][:300]})",
                    where=str(folder),
                    hint="`metier doctor` checks packaged models",
                ) from error
            self._loaded = True


class OnnxEntailment:
    """A model exported to ONNX, `model.onnx` with `tokenizer.json`. One logit: carried or not. Two: not, carried.
    Three: as for natural language inference; which of them is "entailment" is read from `config.json` (`id2label`),
    else it is the first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model = OnnxReranker(folder)

    def score(self, claim: str, premises: Sequence[str]) -> np.ndarray:
        logits = self._model.logits([(premise, claim) for premise in premises])
        if logits.shape[1] == 1:
            return (1 / (1 + np.exp(-logits[:, 0]))).astype(np.float32)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (raised / raised.sum(axis=1, keepdims=True))[:, self._carrying(logits.shape[1])].astype(np.float32)

    def _carrying(self, labels: int) -> int:
        path = self._folder / "config.json"
        if path.is_file():
            names = json.loads(path.read_text(encoding="utf-8")).get("id2label", {})
            for number, name in names.items():
                if str(name).lower().startswith(("entail", "support", "carried")):
                    return int(number)
        return 1 if labels == 2 else 0
