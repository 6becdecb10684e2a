"""A reader: a packaged embedder's encoder, an adapter (LoRA) merged into it, and three small heads on top.

    embedder's folder (model.onnx, tokenizer)  +  adapter (safetensors, float16)  ->  reader's folder

    input_ids, attention_mask  (batch, tokens) int64
        ▼ the first layers of the encoder, W + B·A in place of W
    span        (batch, tokens, 2) float32: logits of a span that starts, ends at a token
    answerable  (batch, 2) float32: logits of "is answered here", from the first token, and from the mean

The embedder's own 8-bit weights are what the adapter was trained on, so that nothing but the adapter is needed beside
a cache that has the embedder. Products of two float16 numbers are summed in float64, where sums of up to 32 of them
are exact in any order: the merged file has the same bytes on every machine.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metier.core.errors import ModelError
from metier.models import bert, e5, minilm
from metier.models.onnx_file import Graph, read_weights

MATRICES = ("query", "key", "value", "out", "up", "down")
_VECTORS = ("attention_norm.weight", "attention_norm.bias", "output_norm.weight", "output_norm.bias")
_TOKENIZER = ("tokenizer.json", "quick.json", "quick.pieces.npy", "quick.numbers.npy", "quick.scores.npy")
LARGEST_RANK = 32  # of an adapter: beyond it sums of products may be rounded, and bytes differ between machines


class EncoderWeights:
    """The encoder's weights as float32, read back from an embedder's folder. `bert` says how they are called."""

    def __init__(self, folder: Path) -> None:
        try:
            self.weights = read_weights(folder / "model.onnx")
            self.dimension = self.weights["norm.weight"].size
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"cannot be read ({error})", where=str(folder), hint="Fetch it again with `metier models pull`"
            ) from None
        self.layers = 1 + max(int(name.split(".")[0]) for name in self.weights if name[0].isdigit())

    def matrix(self, name: str) -> NDArray[np.float32]:
        """(outputs, inputs), without the columns that `bert.Int8` repeats."""
        layer, part = name.split(".")
        size, inputs = self.dimension, 4 * self.dimension if part == "down" else self.dimension
        stored = f"{layer}.query" if part == "key" else name
        matrix = np.asarray(self.weights[f"{stored}.weight"], np.float32)[:inputs].T
        if f"{stored}.scale" in self.weights:
            matrix = matrix * self.weights[f"{stored}.scale"][:, None]
        if part == "query":
            matrix = matrix[:size]
        return matrix[size:] if part == "key" else matrix

    def vector(self, name: str) -> np.ndarray:
        """A bias or a norm's weight; the position table with the token type in it; `type` is zeros."""
        if name == "type":
            return np.zeros((1, self.dimension), np.float32)
        layer, _, rest = name.partition(".")
        thirds = ("query.bias", "key.bias", "value.bias")
        if rest in thirds:
            at = thirds.index(rest) * self.dimension
            return self.weights[f"{layer}.qkv.bias"][at : at + self.dimension]
        return self.weights[name]

    def words(self, numbers: np.ndarray | None = None) -> NDArray[np.float32]:
        """The word table, or some rows of it, float32."""
        rows = self.weights["word"] if numbers is None else self.weights["word"][numbers]
        if rows.dtype == np.float32:
            return np.asarray(rows)
        scales: NDArray[np.float32] = (
            self.weights["word.scale"] if numbers is None else self.weights["word.scale"][numbers]
        )
        halves = np.stack([rows & 15, rows >> 4], axis=-1).reshape(len(rows), -1, e5.GROUP)
        return ((halves.astype(np.float32) - 8) * scales[:, :, None]).reshape(len(rows), -1)


def convert(base_folder: Path, adapter: Path, folder: Path) -> None:
    """Write model.onnx, model.onnx.data, reader.json and the tokenizer's files into `folder`.

    Raises `ModelError` where one of the two parts is missing, damaged, or does not fit the other.
    """
    base, (tensors, manners) = EncoderWeights(base_folder), read_adapter(adapter)
    shape = bert.Shape(base.dimension, int(manners["layers"]), 12, len(base.weights["position"]), epsilon=1e-12)
    try:
        graph = _graph(base, tensors, shape)
    except (KeyError, ValueError) as error:
        raise _damaged(adapter, f"does not fit {base_folder.name}: {error}") from None
    graph.save(folder / "model.onnx")
    (folder / "reader.json").write_text(json.dumps(manners, sort_keys=True), encoding="utf-8")
    for name in _TOKENIZER:
        if (base_folder / name).is_file():
            shutil.copyfile(base_folder / name, folder / name)


def read_adapter(path: Path) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """Its tensors as float64 and what is written beside them. Raises `ModelError` for a file that is none."""
    try:
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        manners = {str(key): str(value) for key, value in header.pop("__metadata__").items()}
        tensors = {}
        for name, entry in header.items():
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            if entry["dtype"] != "F16" or end > len(data):
                raise ValueError(f"{name} is cut off or not float16")
            numbers = np.frombuffer(data[start:end], "<f2").reshape(entry["shape"])
            tensors[name] = numbers.astype(np.float64)
            if not np.isfinite(tensors[name]).all():
                raise ValueError(f"{name} holds no numbers")
        if not 1 <= int(manners["layers"]) <= 24 or not tensors:
            raise ValueError("no layers")
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
        raise _damaged(path, f"is damaged ({str(error)[:200]})") from None
    return tensors, manners


def merged(base: EncoderWeights, tensors: dict[str, NDArray[np.float64]], name: str) -> NDArray[np.float32]:
    """W + B·A, float32, of the matrix `name`; W where the adapter leaves it alone."""
    matrix = base.matrix(name)
    if f"{name}.a" not in tensors:
        return matrix
    a, b = tensors[f"{name}.a"], tensors[f"{name}.b"]
    if len(a) > LARGEST_RANK:
        raise ValueError(f"rank {len(a)}, the largest is {LARGEST_RANK}")
    return matrix + (b @ a).astype(np.float32)


def _graph(base: EncoderWeights, tensors: dict[str, NDArray[np.float64]], shape: bert.Shape) -> Graph:
    def vector(name: str) -> np.ndarray:
        if name in tensors:  # norms and biases that were trained are replaced
            return tensors[name].astype(np.float32)
        return base.vector(name)

    matrices = _Int8(base, tensors)
    graph, x, mask = bert.states(shape, matrices, vector)

    def head(name: str, states: str) -> str:
        weight = graph.weight(f"{name}.weight", tensors[f"{name}.weight"].astype(np.float32).T)
        bias = graph.weight(f"{name}.bias", tensors[f"{name}.bias"].astype(np.float32))
        return graph.node("Add", [graph.node("MatMul", [states, weight]), bias])

    graph.node("Identity", [head("span", x)], name="span")
    row_axis = graph.weight("row_axis", np.array([1]))
    first = graph.node("Squeeze", [graph.node("Gather", [x, graph.weight("at.0", np.array([0]))], axis=1), row_axis])
    kept = graph.node("Unsqueeze", [graph.node("Cast", [mask], to=1), row_axis])
    total = graph.node("Squeeze", [graph.node("MatMul", [kept, x]), row_axis])
    count = graph.node("ReduceSum", [kept, graph.weight("last_axis", np.array([2]))], keepdims=0)
    mean = graph.node("Div", [total, count])
    graph.node("Concat", [head("first", first), head("mean", mean)], axis=-1, name="answerable")
    graph.add_output("span", "float32", ("batch", "tokens", 2))
    graph.add_output("answerable", "float32", ("batch", 2))
    return graph


class _Int8(bert.Int8):
    """Merged matrices in 8 bits as an embedder's; the word table as it is stored."""

    def __init__(self, base: EncoderWeights, tensors: dict[str, NDArray[np.float64]]) -> None:
        outliers = minilm.OUTLIERS if "outlier.channels" in base.weights else ()
        super().__init__(lambda name: merged(base, tensors, name), outliers)
        self._base = base

    def look_up(self, graph: Graph, name: str, ids: str) -> str:
        table = graph.weight(name, np.asarray(self._base.weights[name]))
        if f"{name}.scale" not in self._base.weights:
            return graph.node("Gather", [table, ids])
        inputs = [table, ids, graph.weight(f"{name}.scale", np.asarray(self._base.weights[f"{name}.scale"]))]
        return e5.look_up_blocks(graph, inputs)


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(what, where=str(path), hint="Install Métier again: the adapter is part of it")
