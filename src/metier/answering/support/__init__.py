"""How far to trust an answer: each sentence compared with what was shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metier.answering.support.base import Checker, Checking
from metier.core.errors import SettingsError

if TYPE_CHECKING:
    from metier.answering.answer import Sentence
    from metier.answering.support.checker import Weigh
    from metier.core.settings import Settings
    from metier.embedding.base import Embedder
    from metier.text.analyzer import Analyser

__all__ = ["Checker", "Checking", "create", "sentences"]


def create(settings: Settings, embedder: Embedder, analyser: Analyser, weigh: Weigh, folder: Path = Path()) -> Checker:
    """The checker that `[answering] checker` names: "auto", or a cross-encoder as `onnx:FOLDER` (relative to `folder`).
    `weigh`: rarity of tokens, such as `WordWeights`. Raises `SettingsError`."""
    from metier.answering.support.checker import LearnedChecker
    from metier.answering.support.cross_encoding import OnnxEntailment

    name = getattr(settings.answering, "checker", "auto") or "auto"
    if name == "auto":
        return LearnedChecker(embedder, analyser, weigh)
    backend, _, path = name.partition(":")
    if backend == "onnx" and path:
        return LearnedChecker(embedder, analyser, weigh, OnnxEntailment(folder / Path(path).expanduser()))
    raise SettingsError(f"knows no checker {name!r}", where="[answering] checker", hint="Use auto or onnx:FOLDER.")


def sentences(checking: Checking, text: str) -> list[Sentence]:
    """Every sentence of a whole text, checked, in order."""
    return [checking.check(text, span) for span in checking.spans(text)]
