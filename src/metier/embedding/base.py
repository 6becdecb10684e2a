"""The contract of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Embedder(Protocol):
    """Text to vectors. Light to construct; the weights are loaded at the first call that needs them.

    `name` is how `metier.toml` names it; `fingerprint` changes whenever the same text could get another vector
    (other weights, other prefix, other dimension); `max_tokens` is the longest input that is not cut, special
    tokens and prefix included.

    Vectors are float32, L2-normalised, shape (n, dimension), in the order of the input. Empty input gives (0, d).
    Raises `ModelError` with what to do when weights are missing or an endpoint fails.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray: ...

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix. Fast: called for every sentence."""
        ...

    def close(self) -> None:
        """Free what is held open. A later call opens it again."""
        ...
