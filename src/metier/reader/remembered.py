"""Readings, remembered: one question is read several times when ways of answering are compared, refusals calibrated or
training rows made, and reading is the dearest step of a search."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from metier.documents import Passage
from metier.reader.base import Reader, Reading

MOST = 16_384  # 5 MB; the last thousand questions


class RememberingReader:
    """Another reader's readings, of the pairs that were needed last at most `most`. See `metier.reader.base.Reader`."""

    def __init__(self, reader: Reader, most: int = MOST) -> None:
        self._reader = reader
        self._most = most
        self._known: OrderedDict[bytes, Reading] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def fingerprint(self) -> str:
        return self._reader.fingerprint

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        keys = [_key(question, passage) for passage in passages]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
            for key in found:
                self._known.move_to_end(key)
        missing = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in found}
        if missing:
            made = dict(zip(missing, self._reader.read(question, list(missing.values())), strict=True))
            found |= made
            self._keep(made)
        return [found[key] for key in keys]

    def close(self) -> None:
        self._reader.close()

    def _keep(self, made: dict[bytes, Reading]) -> None:
        with self._lock:
            self._known.update(made)
            while len(self._known) > self._most:
                self._known.popitem(last=False)


def _key(question: str, passage: Passage) -> bytes:
    """Of all that a reading depends on, headings included."""
    parts = "\0".join((question, *passage.headings, passage.text))
    return hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=16).digest()
