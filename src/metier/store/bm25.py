"""What BM25 is made of, wherever it is worked out."""

from __future__ import annotations

import numpy as np

K1, B = 1.2, 0.75


def inverse_frequency(counts: np.ndarray, passages: int) -> np.ndarray:
    """What a word weighs in BM25 (Robertson and Spärck Jones, as Lucene keeps it positive). `counts`: in how many of
    `passages` it occurs, 0 for one that the index does not know. Shape (n,) to (n,), in nats."""
    counts = np.minimum(counts, passages)  # counted at the last `optimize`
    return np.log1p((passages - counts + 0.5) / (counts + 0.5))
