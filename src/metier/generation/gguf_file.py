"""Reads the header of a GGUF file: enough to name the model, and to refuse a broken file before llama.cpp sees it.

llama.cpp reads headers in C++ and trusts most of what they say. A truncated download or a file of noise must end
in a sentence for a person, never in a process that is gone. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import hashlib
import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from metier.core.errors import ModelError

_MAGIC = b"GGUF"
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MAX_DIMENSIONS = 4  # of a tensor, in ggml
_SAMPLES, _SAMPLE_BYTES = 256, 4096


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """`architecture`: "llama", "phi3", ... `context_tokens`: what the model was trained for, 0 where it does not say.
    `has_template`: whether the file carries a chat template. `parameters`: number of weights."""

    architecture: str
    context_tokens: int
    has_template: bool
    parameters: int


def read_header(path: Path) -> GgufHeader:
    """Check the whole header of `path` and return what Métier needs of it. Raises `ModelError`."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Header(data).read()
    except FileNotFoundError:
        raise ModelError("there is no such model file", where=str(path)) from None
    except (OSError, ValueError, struct.error, UnicodeDecodeError, RecursionError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(
            f"is not a usable GGUF file ({reason})", where=str(path), hint="Download it again, or name another file."
        ) from None


def fingerprint(path: Path) -> str:
    """16 hex digits over the file's size and 256 evenly spread samples of 4 KiB.

    Hashing all of a model takes seconds at every start. Training or quantising again changes nearly every block, so
    samples see it; a change of a few bytes by hand would go unseen.
    """
    try:
        size = path.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with path.open("rb") as file:
            for index in range(_SAMPLES):
                file.seek(max(0, size - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    except OSError as error:
        raise ModelError(error.strerror or str(error), where=str(path)) from None
    return digest.hexdigest()[:16]


class _Header:
    """A cursor over the bytes of a GGUF file. Every length is checked against the file before it is followed."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def read(self) -> GgufHeader:
        if self._take(4) != _MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = self._number("<I")
        if version not in (2, 3):
            raise ValueError(f"version {version} is not known")
        tensors, entries = self._number("<Q"), self._number("<Q")
        values: dict[str, str | float | None] = {}
        for _ in range(self._plausible(entries, 13)):  # shortest entry: length 8, type 4, value 1
            key = self._string()
            values[key] = self._value(self._number("<I"))
        elements = self._check_tensors(self._plausible(tensors, 24), values.get("general.alignment", 32))
        architecture = values.get("general.architecture")
        if not isinstance(architecture, str) or not architecture:
            raise ValueError("it does not name its architecture")
        return GgufHeader(
            architecture,
            int(values.get(f"{architecture}.context_length") or 0),
            bool(values.get("tokenizer.chat_template")),
            _positive(values.get("general.parameter_count")) or elements,
        )

    def _check_tensors(self, count: int, alignment: object) -> int:
        """Elements of all tensors together."""
        if not count:
            raise ValueError("it holds no weights")
        last = elements = 0
        for _ in range(count):
            self._string()
            dimensions = self._number("<I")
            if not 1 <= dimensions <= _MAX_DIMENSIONS:
                raise ValueError(f"a tensor has {dimensions} dimensions")
            elements += math.prod(self._number("<Q") for _ in range(dimensions))
            self._take(4)
            last = max(last, self._number("<Q"))
        if not isinstance(alignment, int) or alignment <= 0:
            raise ValueError("its alignment makes no sense")
        start = -(-self._at // alignment) * alignment
        if start + last >= len(self._data):
            raise ValueError(f"it ends at {len(self._data)} bytes, before its last tensor at {start + last}")
        return elements

    def _value(self, kind: int) -> str | float | None:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            if kind not in _SCALARS:
                raise ValueError(f"value type {kind} is not known")
            return self._scalar(_SCALARS[kind])
        inner, count = self._number("<I"), self._number("<Q")
        if inner in _SCALARS:
            self._take(struct.calcsize(_SCALARS[inner]) * count)
        else:
            for _ in range(self._plausible(count, 8)):
                self._skip_string() if inner == _STRING else self._value(inner)
        return None  # vocabularies and merges: long, and of no use here

    def _plausible(self, count: int, least_bytes: int) -> int:
        if count * least_bytes > len(self._data) - self._at:
            raise ValueError(f"it promises {count} entries and is too short for them")
        return count

    def _string(self) -> str:
        return self._take(self._number("<Q")).decode("utf-8")

    def _skip_string(self) -> None:
        self._skip(self._number("<Q"))

    def _scalar(self, form: str) -> float:
        value: float = struct.unpack_from(form, self._data, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def _number(self, form: Literal["<I", "<Q"]) -> int:
        value: int = struct.unpack_from(form, self._data, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def _take(self, count: int) -> bytes:
        start = self._at
        self._skip(count)
        return self._data[start : self._at]

    def _skip(self, count: int) -> None:
        if count > len(self._data) - self._at:
            raise ValueError("it ends in the middle of its header")
        self._at += count


def _positive(value: object) -> int:
    """0 for what is no number of things."""
    return value if isinstance(value, int) and value > 0 else 0
