"""A cross-encoder that reads a source and a claim together: `[answering] checker = "onnx:FOLDER"`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from metier.retrieval.reranking import OnnxReranker


class Entailment(Protocol):
    def score(self, claim: str, premises: Sequence[str]) -> np.ndarray:
        """Probability that each premise carries the claim; float32 (premises,)."""
        ...


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
            falling: np.ndarray = np.exp(-logits[:, 0])
            return (1 / (1 + falling)).astype(np.float32)
        raised: np.ndarray = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
        return shares[:, self._carrying(logits.shape[1])].astype(np.float32)

    def _carrying(self, labels: int) -> int:
        path = self._folder / "config.json"
        if path.is_file():
            names = json.loads(path.read_text(encoding="utf-8")).get("id2label", {})
            for number, name in names.items():
                if str(name).lower().startswith(("entail", "support", "carried")):
                    return int(number)
        return 1 if labels == 2 else 0
