"""Writes an ONNX file with its weights beside it, using nothing but the standard library and NumPy.

ONNX is Protocol Buffers, and a graph needs only a few message types of it (onnx.proto3, IR version 8). Writing
them here keeps a dependency of 36 MB out of an installation, and makes the bytes the same on every machine, so that
the SHA-256 of a converted model can be pinned (docs/decisions/0001-embedding-runtime.md).

    graph = Graph()
    x = graph.add_input("x", "int64", ("batch", "tokens"))
    y = graph.node("Gather", [graph.weight("table", array), x])
    graph.add_output(y, "float32", ("batch", "tokens", 384))
    graph.save(folder / "model.onnx")            # and folder / "model.onnx.data"
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# TensorProto.DataType
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "float16": 10}
ALIGNMENT = 4096  # of each weight in the data file, so that the runtime can map it straight into memory
INLINE_BYTES = 1024  # smaller constants live in the graph itself: shape inference reads them

Attribute = int | float | str | Iterable[int]


class Graph:
    """A graph under construction. Values are named by strings; `node` returns the name of what it makes."""

    def __init__(self, *, opset: int = 17, contrib: int = 1) -> None:
        self._opsets = {"": opset, "com.microsoft": contrib}
        self._nodes: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._weights: dict[str, np.ndarray] = {}
        self._count = 0

    def add_input(self, name: str, dtype: str, shape: Sequence[str | int]) -> str:
        self._inputs.append(_value_info(name, dtype, shape))
        return name

    def add_output(self, name: str, dtype: str, shape: Sequence[str | int]) -> None:
        self._outputs.append(_value_info(name, dtype, shape))

    def weight(self, name: str, array: np.ndarray) -> str:
        self._weights[name] = np.ascontiguousarray(array)
        return name

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        *,
        name: str | None = None,
        contrib: bool = False,
        **attributes: Attribute,
    ) -> str:
        """Add a node and return its output's name. An empty string is an input left out."""
        (output,) = self.node_outputs(op, inputs, 1, name=name, contrib=contrib, **attributes)
        return output

    def node_outputs(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: int,
        *,
        name: str | None = None,
        contrib: bool = False,
        **attributes: Attribute,
    ) -> list[str]:
        """Add a node that has several outputs and return their names."""
        self._count += 1
        base = name or f"{op}_{self._count}"
        names = [base] if outputs == 1 else [f"{base}_{index}" for index in range(outputs)]
        message = b"".join(_text(1, value) for value in inputs)
        message += b"".join(_text(2, value) for value in names)
        message += _text(3, base) + _text(4, op)
        message += b"".join(_bytes(5, _attribute(key, value)) for key, value in attributes.items())
        message += _text(7, "com.microsoft") if contrib else b""
        self._nodes.append(message)
        return names

    def save(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        """Write `path` and, beside it, `path` + ".data" with the weights."""
        data_name = path.name + ".data"
        tensors = []
        with (path.parent / data_name).open("wb") as file:
            for name, array in self._weights.items():
                header = b"".join(_number(1, size) for size in array.shape) + _number(2, TYPES[array.dtype.name])
                header += _text(8, name)
                if array.nbytes <= INLINE_BYTES:
                    tensors.append(header + _bytes(9, array.tobytes()))
                    continue
                file.write(b"\0" * (-file.tell() % ALIGNMENT))
                places = {"location": data_name, "offset": str(file.tell()), "length": str(array.nbytes)}
                tensors.append(header + _entries(13, places) + _number(14, 1))  # data_location EXTERNAL
                file.write(array.data.cast("B"))
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, "metier")
        graph += b"".join(_bytes(5, tensor) for tensor in tensors)
        graph += b"".join(_bytes(11, value) for value in self._inputs)
        graph += b"".join(_bytes(12, value) for value in self._outputs)
        model = _number(1, 8) + _text(2, "metier") + _bytes(7, graph)
        for domain, version in self._opsets.items():
            model += _bytes(8, (_text(1, domain) if domain else b"") + _number(2, version))
        path.write_bytes(model + _entries(14, metadata or {}))


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative int64 takes ten bytes
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _entries(field: int, values: Mapping[str, str]) -> bytes:
    return b"".join(_bytes(field, _text(1, key) + _text(2, value)) for key, value in values.items())


def _attribute(name: str, value: Attribute) -> bytes:
    """AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20."""
    head = _text(1, name)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, 2)
    if isinstance(value, float):
        return head + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, str):
        return head + _text(4, value) + _number(20, 3)
    return head + b"".join(_number(8, number) for number in value) + _number(20, 7)


def _value_info(name: str, dtype: str, shape: Sequence[str | int]) -> bytes:
    dimensions = b"".join(_bytes(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape)
    tensor = _number(1, TYPES[dtype]) + _bytes(2, dimensions)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The weights of a file that `Graph.save` wrote, by their names; those in the data file are mapped, not read.

    Raises `ValueError` where the bytes are not such a file, `OSError` where one of the two cannot be read.
    """
    try:
        (graph,) = _fields(path.read_bytes()).parts[7]
        return dict(_tensor(_fields(tensor), path.parent) for tensor in _fields(graph).parts[5])
    except (IndexError, KeyError, TypeError, struct.error) as error:
        raise ValueError(f"{path} is not an ONNX file written by Métier ({error})") from None


@dataclass(frozen=True, slots=True)
class _Fields:
    """Of a message that holds nothing but numbers and bytes, as `Graph` writes them: its values by field number."""

    numbers: defaultdict[int, list[int]]
    parts: defaultdict[int, list[bytes]]


def _tensor(fields: _Fields, folder: Path) -> tuple[str, np.ndarray]:
    shape = tuple(fields.numbers[1])
    dtype = np.dtype({code: name for name, code in TYPES.items()}[fields.numbers[2][-1]])
    name = fields.parts[8][-1].decode()
    if fields.parts[9]:
        return name, np.frombuffer(fields.parts[9][-1], dtype).reshape(shape)
    places = {}
    for entry in map(_fields, fields.parts[13]):
        places[entry.parts[1][-1].decode()] = entry.parts[2][-1].decode()
    file, offset = folder / places["location"], int(places["offset"])
    return name, np.memmap(file, dtype, mode="r", offset=offset, shape=shape)


def _fields(message: bytes) -> _Fields:
    fields = _Fields(defaultdict(list), defaultdict(list))
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if key & 7 == 2:
            fields.parts[key >> 3].append(message[at : at + value])
            at += value
        else:
            fields.numbers[key >> 3].append(value)
    return fields


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
