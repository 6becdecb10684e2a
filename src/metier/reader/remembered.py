"""Readings, remembered: one question is read several times when ways of answering are compared, refusals calibrated or
training rows made, and reading is the dearest step of a search."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from metier.core.documents import Passage
from metier.core.lru_cache import Remembered
from metier.reader.base import Reader, Reading

MOST = 16_384  # about 10 MB; the last thousand questions


class RememberingReader:
    """Another reader's readings, of the pairs that were needed last at most `most`. See `metier.reader.base.Reader`."""

    def __init__(self, reader: Reader, most: int = MOST) -> None:
        self._reader = reader
        self._known: Remembered[bytes, Reading] = Remembered(most)

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def fingerprint(self) -> str:
        return self._reader.fingerprint

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        keys = [_key(question, passage) for passage in passages]
        return self._known.of(keys, lambda places: self._reader.read(question, [passages[n] for n in places]))

    def close(self) -> None:
        self._reader.close()


def _key(question: str, passage: Passage) -> bytes:
    """Of all that a reading depends on: the language decides where its sentences end."""
    parts = "\0".join((question, passage.language, *passage.headings, passage.text))
    return hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).digest()
