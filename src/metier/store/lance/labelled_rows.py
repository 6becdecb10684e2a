"""Numbers about passages, kept by who may read them: columns of one length, one of which says for each row which set of
groups it is of, and behind them in the same file these sets. So all are of one moment, whoever reads while they are
replaced. Columns are mapped into memory: what is not looked at is not read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from io import BufferedReader
from typing import Any

import numpy as np
import pyarrow as pa

from metier.store.lance.files import StoreFiles
from metier.store.rows import PUBLIC

_REMEMBERED = 256  # readers


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read passages with just these groups. `passages`, `tokens`: how many those are together."""

    groups: tuple[str, ...]
    passages: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What one reader may see. `sets`: whether it is that of each set of groups, shape (sets,), bool. `passages` and
    `tokens`: of these together."""

    sets: np.ndarray
    passages: int
    tokens: int


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """`labels`: of each row a place in `readers`, shape (rows,). `columns`: as many rows each."""

    labels: np.ndarray
    columns: tuple[np.ndarray, ...]
    readers: tuple[Readers, ...]
    _opened: dict[tuple[str, ...] | None, Opened] = field(default_factory=dict)

    def save(self, files: StoreFiles, name: str) -> None:
        with files.replacing(name) as file:
            for column in (self.labels, *self.columns):
                np.save(file, column)
            file.write(json.dumps([asdict(each) for each in self.readers]).encode())

    @classmethod
    def load(cls, files: StoreFiles, name: str) -> LabelledRows | None:
        """None where there is no such file."""
        columns = []
        path = files.path(name)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                while file.peek(1)[:1] != b"[":
                    columns.append(_column(file))
                sets = json.loads(file.read())
            readers = tuple(Readers(tuple(each["groups"]), each["passages"], each["tokens"]) for each in sets)
            return cls(columns[0], tuple(columns[1:]), readers)
        except (FileNotFoundError, ValueError, IndexError):
            return None

    def opened_to(self, held: Sequence[str] | None) -> Opened:
        """To a reader with the groups `held`; None: everything."""
        reader = None if held is None else tuple(held)
        known = self._opened.get(reader)
        if known is None:
            if len(self._opened) >= _REMEMBERED:
                self._opened.clear()
            known = self._opened[reader] = self._open_to(reader)
        return known

    def _open_to(self, held: tuple[str, ...] | None) -> Opened:
        own = {PUBLIC, *(held or ())}
        seen = [held is None or not own.isdisjoint(each.groups) for each in self.readers]
        opened = [each for each, is_seen in zip(self.readers, seen, strict=True) if is_seen]
        return Opened(np.array(seen, bool), sum(e.passages for e in opened), sum(e.tokens for e in opened))


def label_rows(groups: pa.Array[Any], known: dict[tuple[str, ...], int]) -> np.ndarray:
    """Of each row the place of its set of groups in `known`, to which new ones are added. `groups`: a column of lists.
    Shape (rows,)."""
    sets = (tuple(sorted(each or ())) for each in groups.to_pylist())
    return np.array([known.setdefault(each, len(known)) for each in sets], dtype=np.uint32)


def _column(file: BufferedReader) -> np.ndarray:
    """The next one of a file, which is then read up to its end."""
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if os.name == "nt":  # where a file that is mapped cannot be replaced
        return np.fromfile(file, dtype, int(np.prod(shape))).reshape(shape)
    start = file.tell()
    column = np.memmap(file, dtype, "r", start, shape).view(np.ndarray)
    file.seek(start + column.nbytes)
    return column
