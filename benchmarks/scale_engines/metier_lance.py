"""Métier's embedded store, as an expert has it."""

from __future__ import annotations

from pathlib import Path

from metier.core.settings import StoreSettings
from scale_engines.corpus import Corpus
from scale_engines.metier_store import EFFORTS, FILTERS, StoreIndex

__all__ = ["EFFORTS", "FILTERS", "PACKAGES", "Index"]
PACKAGES = ("metier", "lancedb")


class Index(StoreIndex):
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        super().__init__(corpus, folder, StoreSettings())
