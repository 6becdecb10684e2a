"""What is worked out over all passages of an index and kept beside it, for each reader over those that they may see."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from metier.core.errors import StoreError
from metier.store.lance import background, frequencies
from metier.store.lance.files import LocalFiles, StoreFiles
from metier.store.lance.labelled_rows import LabelledRows

_FREQUENCIES, _BACKGROUND = "frequencies.npy", "background.npy"


class Statistics:
    """Of a LanceDB table, in `files` beside it. Safe to ask from any thread. `groups`: of the reader, None = of
    everything."""

    def __init__(self, files: StoreFiles, table: Any) -> None:
        self._files, self._table = files, table
        self._read: dict[str, tuple[Hashable, LabelledRows | None]] = {}
        self._taking = threading.Lock()

    def take(self) -> None:
        """Anew, from the table as it stands."""
        self._take(self._files)

    def frequencies(self, tokens: Sequence[str], groups: Sequence[str] | None) -> np.ndarray:
        """In how many passages each token occurs; shape (n,), int64."""
        return frequencies.look_up(self._kept(_FREQUENCIES), tokens, groups)

    def totals(self, groups: Sequence[str] | None) -> tuple[int, int]:
        """Passages, and their tokens together; (0, 0) before they were taken."""
        kept = self._kept(_FREQUENCIES)
        if kept is None:
            return 0, 0
        opened = kept.opened_to(groups)
        return opened.passages, opened.tokens

    def background(self, vector: np.ndarray, groups: Sequence[str] | None) -> tuple[float, float]:
        """Mean and standard deviation of the cosine between `vector` and the passages at large."""
        return background.measure(self._kept(_BACKGROUND), vector, groups)

    def languages(self, vector: np.ndarray, groups: Sequence[str] | None) -> dict[str, tuple[int, float, float]]:
        """The same of each language in that sample, behind how many passages of it are there."""
        return background.languages(self._kept(_BACKGROUND), vector, groups)

    def _kept(self, name: str) -> LabelledRows | None:
        """What a file says now, which another process may have replaced."""
        version, known = self._files.version(name), self._read.get(name)
        if known is None or known[0] != version:
            kept = LabelledRows.load(self._files, name)
            if kept is None and version is not None:
                kept, version = self._taken_again(name), self._files.version(name)
            known = self._read[name] = (version, kept)
        return known[1]

    def _taken_again(self, name: str) -> LabelledRows | None:
        """Of an index whose statistics do not say for whom they are, as those of an earlier version."""
        with self._taking:
            kept = LabelledRows.load(self._files, name)
            if kept is not None:
                return kept
            try:
                self.take()
                return LabelledRows.load(self._files, name)
            except (OSError, StoreError):  # nothing may be written there, or the disk is full
                with TemporaryDirectory(prefix="metier-", ignore_cleanup_errors=True) as beside:
                    self._take(LocalFiles(Path(beside)))
                    return LabelledRows.load(LocalFiles(Path(beside)), name)

    def _take(self, files: StoreFiles) -> None:
        words = self._table.search().where("tokens IS NOT NULL").select(["tokens", "groups"])
        frequencies.build(files, _FREQUENCIES, words.to_batches(10_000))
        background.build(files, _BACKGROUND, self._table)
