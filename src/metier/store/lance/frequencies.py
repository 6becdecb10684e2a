"""In how many passages a word occurs: what tells a rare word from a common one.

Kept beside the table as two sorted arrays (64-bit hash of the token, count), mapped into memory, so that a look-up
costs nothing at start-up however large the vocabulary is. Rebuilt when the store is optimised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from metier.core.atomic import replacing

_FILE = "frequencies.npy"


def build(folder: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Count the passages each token occurs in, over batches with one `tokens` column, and write it atomically."""
    counts: dict[str, int] = {}
    for batch in batches:
        words = pc.utf8_split_whitespace(batch.column("tokens").drop_null())
        pairs = pa.table({"passage": pc.list_parent_indices(words), "word": pc.list_flatten(words)})
        distinct = pairs.group_by(["passage", "word"]).aggregate([])["word"]
        for entry in pc.value_counts(distinct.combine_chunks()):
            word = entry["values"].as_py()
            counts[word] = counts.get(word, 0) + entry["counts"].as_py()
    table = np.empty(len(counts), dtype=[("hash", "<u8"), ("count", "<u4")])
    table["hash"] = [_hash(word) for word in counts]
    table["count"] = list(counts.values())
    table.sort(order="hash")
    with replacing(folder / _FILE) as file:
        np.save(file, table)


def look_up(folder: Path, tokens: Sequence[str]) -> np.ndarray:
    """Counts of `tokens`, 0 for unknown ones; shape (n,), int64. All 0 before the first `build`."""
    try:
        table = np.load(folder / _FILE, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return np.zeros(len(tokens), dtype=np.int64)
    wanted = np.array([_hash(token) for token in tokens], dtype=np.uint64)
    if not len(table) or not len(wanted):
        return np.zeros(len(tokens), dtype=np.int64)
    at = np.minimum(np.searchsorted(table["hash"], wanted), len(table) - 1)
    return np.where(table["hash"][at] == wanted, table["count"][at], 0).astype(np.int64)


def _hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
