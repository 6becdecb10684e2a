"""In how many passages a word occurs: what tells a rare word from a common one.

Kept beside the table as a sorted column of 64-bit hashes of tokens, beside it who may read the passages and how many
those are, so that a look-up costs nothing at start-up however large the vocabulary is. A reader's count is the sum over
the passages that are for them. Rebuilt when the store is optimised.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from metier.store.lance.files import StoreFiles
from metier.store.lance.labelled_rows import LabelledRows, Readers, label_rows

_COUNTED = np.dtype([("hash", "<u8"), ("readers", "<u4"), ("count", "<u4")])


def build(files: StoreFiles, name: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Count the passages each token occurs in, over batches with the columns `tokens` and `groups`, and write it
    atomically."""
    known: dict[tuple[str, ...], int] = {}
    passages, tokens = Counter[int](), Counter[int]()
    parts = [np.empty(0, _COUNTED)]
    for batch in batches:
        labels, words = label_rows(batch.column("groups"), known), pc.utf8_split_whitespace(batch.column("tokens"))
        for label, length in zip(labels.tolist(), pc.list_value_length(words).to_pylist(), strict=True):
            passages[label] += 1
            tokens[label] += length or 0
        parts.append(_counted(words, labels))
    rows = np.concatenate(parts)
    rows = rows[np.lexsort((rows["readers"], rows["hash"]))]
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (rows["hash"][1:] != rows["hash"][:-1]) | (rows["readers"][1:] != rows["readers"][:-1])
    first = np.flatnonzero(is_new)
    counts = np.add.reduceat(rows["count"], first) if len(rows) else rows["count"]
    readers = tuple(Readers(groups, passages[label], tokens[label]) for groups, label in known.items())
    LabelledRows(rows["readers"][first], (rows["hash"][first], counts.astype("<u4")), readers).save(files, name)


def _counted(words: pa.ListArray[Any], labels: np.ndarray) -> np.ndarray:
    """Of each word and each set of readers of one batch in how many passages it stands. `words`: of each passage."""
    vocabulary = pc.list_flatten(words).dictionary_encode()
    hashes = np.array([_hash(str(word)) for word in vocabulary.dictionary.to_pylist()], dtype=np.uint64)
    size = max(1, len(hashes))
    held = pc.list_parent_indices(words).to_numpy() * size + vocabulary.indices.to_numpy()
    of_passage, word = np.divmod(np.unique(held), size)
    pairs, counts = np.unique(labels[of_passage].astype(np.int64) * size + word, return_counts=True)
    rows = np.empty(len(pairs), _COUNTED)
    rows["readers"], rows["hash"], rows["count"] = pairs // size, hashes[pairs % size], counts
    return rows


def look_up(kept: LabelledRows | None, tokens: Sequence[str], groups: Sequence[str] | None) -> np.ndarray:
    """Counts of `tokens` in what a reader with `groups` may see, 0 for unknown ones; shape (n,), int64. All 0 before
    the first `build`."""
    found = np.zeros(len(tokens), dtype=np.int64)
    if kept is None or not len(tokens):
        return found
    hashes, counts = kept.columns
    seen, wanted = kept.opened_to(groups).sets, np.array([_hash(token) for token in tokens], dtype=np.uint64)
    starts, ends = np.searchsorted(hashes, wanted, "left"), np.searchsorted(hashes, wanted, "right")
    for place in np.flatnonzero(ends > starts).tolist():
        rows = slice(starts[place], ends[place])
        found[place] = counts[rows][seen[kept.labels[rows]]].sum()
    return found


def _hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")
