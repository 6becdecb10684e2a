"""What cosines look like between a question and passages that have nothing to do with it.

A sample of the stored vectors, kept beside the table: the cosine of a question with all of them gives the mean and
the deviation that its best cosines are measured against.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from metier.core.atomic import replacing

_FILE = "background.npy"
_SAMPLE = 1024  # the deviation is then known to about 2%


def build(folder: Path, table: Any) -> None:
    """Draw the sample from a LanceDB table and write it atomically, as float16 of shape (n, dimension)."""
    ids = table.search().where("vector IS NOT NULL").select([]).with_row_id(True).to_arrow()["_rowid"].to_numpy()
    if not len(ids):
        (folder / _FILE).unlink(missing_ok=True)
        return
    chosen = np.sort(np.random.default_rng(0).permutation(ids)[:_SAMPLE])
    rows = table.take_row_ids(chosen.tolist()).select(["vector"]).to_arrow()["vector"].combine_chunks()
    sample = rows.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1).astype(np.float16)
    with replacing(folder / _FILE) as file:
        np.save(file, sample)


def measure(folder: Path, vector: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the cosine of `vector` (dimension,) with the sample; (0, 0) without one."""
    try:
        sample = np.load(folder / _FILE)
    except (FileNotFoundError, ValueError, EOFError):
        return 0.0, 0.0
    cosines = sample.astype(np.float32) @ vector
    return float(cosines.mean()), float(cosines.std())
