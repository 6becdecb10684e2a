"""What a model wrote, kept line by line, so that a run that was killed goes on where it was.

One JSON object a line, appended and flushed as soon as it is there: {"key": …, "text": …}. A line that was only half
written when the power went is cut off at the next start.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

from metier.core.errors import InputError, ModelError
from metier.core.permissions import make_state_folder, opener


class Cache:
    """Completions by key. `path` and its folder are made on the first `put`; several threads may call it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()
        whole = 0
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise InputError(error.strerror or str(error), where=str(path)) from None
        for line in data.splitlines(keepends=True):
            if line.endswith(b"\n"):
                whole += len(line)
                self._take(line)
        self._torn_at = whole if whole < len(data) else None

    def get(self, key: str) -> str | None:
        return self._known.get(key)

    def put(self, key: str, text: str) -> None:
        """Keep `text`; on disk when this returns, as far as the system is concerned."""
        make_state_folder(self._path.parent)
        line = json.dumps({"key": key, "text": text}, ensure_ascii=False) + "\n"
        with self._lock, open(self._path, "ab", opener=opener) as file:
            if self._torn_at is not None:
                file.truncate(self._torn_at)
                self._torn_at = None
            file.write(line.encode("utf-8", "replace"))
            self._known[key] = text

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            self._known[entry["key"]] = entry["text"]
        except (ValueError, KeyError, TypeError):
            return  # somebody's editor; what is missing is written again


class CachedCompletions:
    """What a model writes, kept at once. `asked`: completions it had to write. Several threads may call it."""

    def __init__(self, cache: Cache) -> None:
        self.asked = 0
        self._cache = cache
        self._counting = threading.Lock()

    def of(self, key: str, write: Callable[[], str]) -> str:
        """Raises the `ModelError` of `write`, with a word that nothing is lost."""
        known = self._cache.get(key)
        if known is not None:
            return known
        try:
            written = write()
        except ModelError as error:
            hint = f"{error.hint or ''} What was written until now is kept: the same command goes on from there."
            raise type(error)(error.what, where=error.where, hint=hint.strip()) from error
        self._cache.put(key, written)
        with self._counting:
            self.asked += 1
        return written


def key_of(*parts: object) -> str:
    """32 hex digits over all that a completion depends on."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()[:32]
