"""Where a sync has documents prepared and texts embedded: in this process, or on a cluster (`metier.cluster`).

What is asked for is waited for by calling what comes back, so that a cluster can be given more meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from metier.core.errors import MetierError
from metier.embedding.base import Embedder
from metier.ingestion.preparation import Preparation, PreparedDocument
from metier.sources.base import Item


class StageError(MetierError):
    """Nothing is prepared or embedded any more: it is no fault of a document, and the sync ends."""


class IngestionStages(Protocol):
    """`documents_ahead`, `batches_ahead`: how many of them are asked for before the first is waited for."""

    @property
    def documents_ahead(self) -> int: ...

    @property
    def batches_ahead(self) -> int: ...

    def read(self, path: Path, item: Item, expected: str) -> Callable[[], PreparedDocument]:
        """The file is read before this returns. Errors as of `Preparation.read`, at once or when it is waited for."""
        ...

    def embed(self, texts: Sequence[str]) -> Callable[[], np.ndarray]:
        """As `Embedder.embed_passages`. May be waited for several times."""
        ...

    def cancel(self) -> None:
        """What is waited for raises `StageError`."""
        ...


class LocalStages:
    """In this process, at once."""

    documents_ahead = 0
    batches_ahead = 4

    def __init__(self, preparation: Preparation, embedder: Embedder) -> None:
        self._preparation, self._embedder = preparation, embedder

    def read(self, path: Path, item: Item, expected: str) -> Callable[[], PreparedDocument]:
        prepared = self._preparation.read(path, item.uri, item.groups, expected)
        return lambda: prepared

    def embed(self, texts: Sequence[str]) -> Callable[[], np.ndarray]:
        vectors = self._embedder.embed_passages(texts)
        return lambda: vectors

    def cancel(self) -> None:
        """Nothing is under way."""
