"""Rows in the order of their keys, parted into blocks.

Where a block ends, the key of the next row decides: its hash does. So a row that comes or goes changes its own block,
and those behind it stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from metier.sources.sql.cells import as_text

SMALLEST, USUAL, LARGEST = 128, 256, 1024  # rows of a block; its end is looked for after the smallest
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """`start`: key of its first row, None of the first block, which begins with whatever comes first. `stop`: key of
    the first row behind it, None at the end. `digest`: of what was read of its rows."""

    start: Key | None
    stop: Key | None
    digest: str


def key_text(key: Key) -> tuple[str, ...]:
    """As text from which each part can be read again: nothing is rounded."""
    return tuple(str(part) if isinstance(part, float | datetime) else as_text(part) for part in key)


def spans(rows: Iterable[tuple[Key, object]], shape: str, start: Key | None = None) -> Iterator[BlockSpan]:
    """The blocks of rows, each a key and what else was read of it. `shape`: of the table, which is a part of every
    digest; `start`: the key that the rows begin with, where they are not all."""
    digest, count = _digest(shape), 0
    for key, row in rows:
        if count == LARGEST or (count >= SMALLEST and _begins_block(key)):
            yield BlockSpan(start, key, digest.hexdigest())
            start, digest, count = key, _digest(shape), 0
        digest.update(repr((key, row)).encode("utf-8", "backslashreplace"))
        count += 1
    if count:
        yield BlockSpan(start, None, digest.hexdigest())


def _begins_block(key: Key) -> bool:
    hashed = hashlib.blake2b("\0".join(key_text(key)).encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(hashed, "big") % USUAL == 0


def _digest(shape: str) -> hashlib.blake2b:
    return hashlib.blake2b(shape.encode(), digest_size=16)
