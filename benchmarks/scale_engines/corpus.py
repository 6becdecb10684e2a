"""Passages as many as wanted: the vectors are drawn around those of real passages, so that recall means something.

A vector is a real one moved towards one of its near neighbours and shaken by the difference of two others that are near
each other: as dense and as lumpy as the real ones are, and no two alike. The queries are real questions.

    corpus = Corpus.made(folder, 100_000)       made once, then read from the folder
    corpus.vectors[10:20], corpus.text(10), corpus.truth("all")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PER_DOCUMENT = 20  # passages
SHARES: dict[str, Callable[[Any], Any]] = {  # by the number of a document
    "1%": lambda document: document % 100 == 7,
    "50%": lambda document: document % 2 == 0,
}
TOP = 10
_NEAR = 10  # neighbours
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Corpus:
    """`vectors`: (passages, dimension) float32, L2-normalised, on the disk; `parents`: of each the real passage that it
    was drawn around; `texts`: the real ones, with their tokens; `queries`: (questions, dimension)."""

    folder: Path
    vectors: np.ndarray
    parents: np.ndarray
    texts: list[tuple[str, list[str]]]
    queries: np.ndarray

    @classmethod
    def read(cls, folder: Path, passages: int) -> Corpus:
        of_size = folder / str(passages)
        lines = (folder / "texts.jsonl").read_text(encoding="utf-8").splitlines()
        return cls(
            of_size, np.load(of_size / "vectors.npy", mmap_mode="r"), np.load(of_size / "parents.npy"),
            [tuple(json.loads(line)) for line in lines], np.load(folder / "queries.npy"),
        )  # fmt: skip

    @classmethod
    def made(cls, folder: Path, passages: int) -> Corpus:
        """Drawn from `folder`/real.npy, where it is not there yet; with the exact answers to all queries."""
        of_size = folder / str(passages)
        if not (of_size / "truth.npz").exists():
            of_size.mkdir(exist_ok=True)
            _draw(np.load(folder / "real.npy"), of_size, passages)
            corpus = cls.read(folder, passages)
            np.savez(of_size / "truth.npz", **{share: _exact(corpus, share) for share in ("all", *SHARES)})
        return cls.read(folder, passages)

    def __len__(self) -> int:
        return len(self.vectors)

    def text(self, number: int) -> tuple[str, list[str]]:
        """Text and tokens of a passage."""
        return self.texts[self.parents[number]]

    def documents(self) -> Iterator[tuple[int, slice]]:
        """Number of each document, and its passages."""
        for first in range(0, len(self), PER_DOCUMENT):
            yield first // PER_DOCUMENT, slice(first, min(first + PER_DOCUMENT, len(self)))

    def truth(self, share: str) -> np.ndarray:
        """Of each query the numbers of the passages that are nearest; shape (queries, 10)."""
        with np.load(self.folder / "truth.npz") as kept:
            return np.asarray(kept[share])


def _draw(real: np.ndarray, folder: Path, passages: int) -> None:
    random = np.random.default_rng(passages)
    near = _neighbours(real)
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", dtype=np.float32, shape=(passages, real.shape[1]))
    parents = random.integers(len(real), size=passages)
    for first in range(0, passages, _AT_ONCE):
        of = parents[first : first + _AT_ONCE]
        towards = near[of, random.integers(_NEAR, size=len(of))]
        others = random.integers(len(real), size=len(of))
        shaken = real[others] - real[near[others, random.integers(_NEAR, size=len(of))]]
        share = random.uniform(0, 0.5, size=(len(of), 1)).astype(np.float32)
        drawn = (1 - share) * real[of] + share * real[towards] + 0.5 * shaken
        vectors[first : first + len(of)] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    vectors.flush()
    np.save(folder / "parents.npy", parents)


def _neighbours(real: np.ndarray) -> np.ndarray:
    """Of each vector the places of its nearest others; shape (n, 10)."""
    found = np.empty((len(real), _NEAR), np.int64)
    for first in range(0, len(real), 2_000):
        cosines = real[first : first + 2_000] @ real.T
        cosines[np.arange(len(cosines)), np.arange(first, first + len(cosines))] = -2
        found[first : first + len(cosines)] = np.argpartition(-cosines, _NEAR, axis=1)[:, :_NEAR]
    return found


def _exact(corpus: Corpus, share: str) -> np.ndarray:
    best = np.full((len(corpus.queries), TOP), -2.0, np.float32)
    numbers = np.zeros((len(corpus.queries), TOP), np.int64)
    for first in range(0, len(corpus), _AT_ONCE):
        cosines = corpus.queries @ corpus.vectors[first : first + _AT_ONCE].T
        places = np.arange(first, first + cosines.shape[1])
        if share != "all":
            cosines[:, ~SHARES[share](places // PER_DOCUMENT)] = -2
        both = np.concatenate([best, cosines], axis=1)
        names = np.concatenate([numbers, np.broadcast_to(places, cosines.shape)], axis=1)
        chosen = np.argpartition(-both, TOP, axis=1)[:, :TOP]
        best, numbers = np.take_along_axis(both, chosen, 1), np.take_along_axis(names, chosen, 1)
    return np.take_along_axis(numbers, np.argsort(-best, axis=1), 1)
