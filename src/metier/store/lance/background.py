"""What cosines look like between a question and passages that have nothing to do with it.

A sample of the stored vectors, kept beside the table: the cosine of a question with all of them gives the mean and
the deviation that its best cosines are measured against. Of each set of readers so many are kept that the sample of
whoever may read several of them is one of all that they may read: those whose ids come first as hashes, which are the
same whatever else is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from metier.store.lance.files import StoreFiles
from metier.store.lance.labelled_rows import LabelledRows, Readers, label_rows

_CODE = "S12"  # of a language
_SAMPLE = 1024  # the deviation is then known to about 2%


def build(files: StoreFiles, name: str, table: Any) -> None:
    """Draw the sample from a LanceDB table and write it atomically; vectors as float16."""
    stored = (
        table.search().where("vector IS NOT NULL").select(["id", "groups", "language"]).with_row_id(True).to_arrow()
    )
    if not len(stored):
        files.remove(name)
        return
    known: dict[tuple[str, ...], int] = {}
    labels, ids = label_rows(stored["groups"], known), stored["id"].to_pylist()
    by_rank = np.argsort(np.array([_rank(name) for name in ids], dtype=np.uint64), kind="stable")
    of_label = labels[by_rank]
    chosen = np.sort(np.concatenate([np.flatnonzero(of_label == label)[:_SAMPLE] for label in known.values()]))
    wanted = by_rank[chosen]
    rows = table.take_row_ids(stored["_rowid"].to_numpy()[np.sort(wanted)].tolist()).select(["id", "vector"]).to_arrow()
    places = {name: place for place, name in enumerate(rows["id"].to_pylist())}
    vectors = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
    vectors = vectors[[places[ids[at]] for at in wanted]].astype(np.float16)
    languages = np.array([said or "" for said in stored["language"].to_pylist()], dtype=_CODE)
    LabelledRows(labels[wanted], (vectors, languages[wanted]), tuple(map(Readers, known))).save(files, name)


def measure(kept: LabelledRows | None, vector: np.ndarray, groups: Sequence[str] | None) -> tuple[float, float]:
    """Mean and standard deviation of the cosine of `vector` (dimension,) with the sample of what a reader with `groups`
    may see; (0, 0) without one."""
    cosines = _cosines(kept, vector, groups)[1]
    return (float(cosines.mean()), float(cosines.std())) if len(cosines) else (0.0, 0.0)


def languages(
    kept: LabelledRows | None, vector: np.ndarray, groups: Sequence[str] | None
) -> dict[str, tuple[int, float, float]]:
    """Of each language how many passages of that sample it has, and mean and deviation of their cosines; empty of a
    sample that does not tell, as those of earlier versions."""
    if kept is None or len(kept.columns) < 2:
        return {}
    seen, cosines = _cosines(kept, vector, groups)
    codes = kept.columns[1][seen]
    parts = {str(code, "ascii"): cosines[codes == code] for code in np.unique(codes)}
    return {code: (len(part), float(part.mean()), float(part.std())) for code, part in parts.items()}


def _cosines(
    kept: LabelledRows | None, vector: np.ndarray, groups: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the sample that the reader may see, and their cosines."""
    if kept is None:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    seen = np.flatnonzero(kept.opened_to(groups).sets[kept.labels])[:_SAMPLE]
    return seen, kept.columns[0][seen].astype(np.float32) @ vector


def _rank(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
