"""A BERT encoder as an ONNX graph: token numbers in, one unit vector a text out.

    input_ids, attention_mask  (batch, tokens) int64
        │ word + position + type, layer norm
        ├─▶ query│key│value in one matrix ─▶ attention ─▶ + ─▶ layer norm      │ once a layer
        └─▶ up ─▶ gelu ─▶ down ─▶ + ─▶ layer norm                              │
        ▼ mean over the tokens that the mask keeps, divided by its length
    sentence_embedding         (batch, dimension) float32

The graph is written already fused (ONNX Runtime's contrib operators), so that nothing is optimised at load time.
Matrices come from a `Matrices` strategy: how a weight is stored and multiplied is the only thing that differs
between the flavours measured in docs/decisions/0001-embedding-runtime.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from metier.models.onnx_file import Graph


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the encoder. `epsilon` is the layer norm's."""

    dimension: int
    layers: int
    heads: int
    positions: int
    epsilon: float


Vectors = Callable[[str], np.ndarray]
"""A weight by its name, float32: a matrix as (outputs, inputs), a table as (rows, dimension)."""


class Matrices(Protocol):
    """How matrices are stored and multiplied; the only thing that differs between flavours of a model."""

    def multiply(self, graph: Graph, x: str, names: list[str]) -> str:
        """x (…, inputs) times the matrices `names`, stacked along their outputs."""
        ...

    def look_up(self, graph: Graph, name: str, ids: str) -> str:
        """Rows `ids` of the table `name`."""
        ...


def encoder(shape: Shape, matrices: Matrices, vector: Vectors) -> Graph:
    """The whole graph. `vector(name)` gives a float32 bias, norm weight or position table by the names below.

    Names: `word`, `position`, `type`, `norm.weight|bias`, and for layer N `N.query|key|value|out|up|down` with
    `.bias`, `N.attention_norm.weight|bias`, `N.output_norm.weight|bias`.
    """
    graph, x, mask = states(shape, matrices, vector)
    _pool(graph, x, mask, shape.dimension)
    return graph


def states(shape: Shape, matrices: Matrices, vector: Vectors) -> tuple[Graph, str, str]:
    """The graph up to the last layer: itself, its states (batch, tokens, dimension) and its mask (batch, tokens)."""
    graph = Graph()
    ids = graph.add_input("input_ids", "int64", ("batch", "tokens"))
    mask = graph.add_input("attention_mask", "int64", ("batch", "tokens"))
    x = _embeddings(graph, shape, matrices, vector, ids)
    key_mask = graph.node("Cast", [mask], to=6)
    for layer in range(shape.layers):
        x = _layer(graph, shape, matrices, vector, layer, x, key_mask)
    return graph, x, mask


def _embeddings(graph: Graph, shape: Shape, matrices: Matrices, vector: Vectors, ids: str) -> str:
    words = matrices.look_up(graph, "word", ids)
    # Every token has type 0, so that its row can be added to the position table once and for all.
    table = graph.weight("position", vector("position") + vector("type").reshape(-1, shape.dimension)[0])
    tokens = graph.node("Shape", [ids], start=1, end=2)
    zero, axis = graph.weight("zero", np.array([0])), graph.weight("first_axis", np.array([0]))
    positions = graph.node("Slice", [table, zero, tokens, axis])
    summed = graph.node("Add", [words, positions])
    norm = [graph.weight(f"norm.{part}", vector(f"norm.{part}")) for part in ("weight", "bias")]
    return graph.node("LayerNormalization", [summed, *norm], axis=-1, epsilon=shape.epsilon)


def _layer(graph: Graph, shape: Shape, matrices: Matrices, vector: Vectors, layer: int, x: str, mask: str) -> str:
    def weight(name: str) -> str:
        return graph.weight(f"{layer}.{name}", vector(f"{layer}.{name}"))

    def add_and_norm(old: str, new: str, bias: str, which: str) -> str:
        # ONNX Runtime's SkipLayerNormalization does all three at once, and slower than they are one by one.
        summed = graph.node("Add", [graph.node("Add", [new, weight(bias)]), old])
        norm = [weight(f"{which}.weight"), weight(f"{which}.bias")]
        return graph.node("LayerNormalization", [summed, *norm], axis=-1, epsilon=shape.epsilon)

    thirds = [f"{layer}.{part}" for part in ("query", "key", "value")]
    bias = graph.weight(f"{layer}.qkv.bias", np.concatenate([vector(f"{name}.bias") for name in thirds]))
    query, key = graph.node_outputs("Split", [matrices.multiply(graph, x, thirds[:2])], 2, axis=-1)
    value = matrices.multiply(graph, x, thirds[2:])
    attention = [query, key, value, bias, mask]
    attended = graph.node("MultiHeadAttention", attention, contrib=True, num_heads=shape.heads)
    x = add_and_norm(x, matrices.multiply(graph, attended, [f"{layer}.out"]), "out.bias", "attention_norm")
    up = matrices.multiply(graph, x, [f"{layer}.up"])
    active = graph.node("BiasGelu", [up, weight("up.bias")], contrib=True)
    return add_and_norm(x, matrices.multiply(graph, active, [f"{layer}.down"]), "down.bias", "output_norm")


def _pool(graph: Graph, x: str, mask: str, dimension: int) -> None:
    """Mean over the kept tokens, then length 1. The mean's divisor cancels in the length, so that a sum will do."""
    row = graph.node("Unsqueeze", [graph.node("Cast", [mask], to=1), graph.weight("row_axis", np.array([1]))])
    total = graph.node("Squeeze", [graph.node("MatMul", [row, x]), "row_axis"])
    unit = graph.node("LpNormalization", [total], name="sentence_embedding", axis=-1, p=2)
    graph.add_output(unit, "float32", ("batch", dimension))


class Float32:
    """Matrices as they are."""

    def __init__(self, matrix: Vectors) -> None:
        self._matrix = matrix

    def multiply(self, graph: Graph, x: str, names: list[str]) -> str:
        stacked = np.concatenate([self._matrix(name) for name in names])
        return graph.node("MatMul", [x, graph.weight(f"{names[0]}.weight", stacked.T)])

    def look_up(self, graph: Graph, name: str, ids: str) -> str:
        return graph.node("Gather", [graph.weight(name, self._matrix(name)), ids])


class Int8(Float32):
    """Matrices in 8 bits, one scale an output; inputs brought to 8 bits as they come, one scale a token.

    A scale a token makes a text's vector independent of what else is in its batch. Three things keep it close to
    float32 (measured in docs/decisions/0001-embedding-runtime.md): the few channels of the residual stream that are
    an order larger than the rest (`outliers`) are spread over `COPIES` columns each, so that they do not coarsen the
    others' scale; what comes out of GELU, never under -0.17, gets most of the range above zero; and the value
    matrices, a twelfth of the work, stay float32.
    """

    EXACT = ("value",)
    COPIES = 4
    GELU_ZERO = 18  # of 255
    GELU_TOP = 0.17 * (255 - GELU_ZERO) / GELU_ZERO  # the smallest range in which -0.17 can be told

    def __init__(self, matrix: Vectors, outliers: tuple[int, ...] = ()) -> None:
        super().__init__(matrix)
        self._outliers = list(outliers)

    def multiply(self, graph: Graph, x: str, names: list[str]) -> str:
        part = names[0].split(".")[1]
        if part in self.EXACT:
            return super().multiply(graph, x, names)
        stacked = np.concatenate([self._matrix(name) for name in names])
        if part in ("query", "value", "up") and self._outliers:
            x, stacked = self._spread(graph, x, stacked)
        scales = np.abs(stacked).max(axis=1) / np.float32(127)
        weights = np.rint(stacked / scales[:, None]).astype(np.int8).T
        top, zero = self._range(graph, x, after_gelu=part == "down")
        step = graph.weight(f"step.{zero}", np.array(1 / (255 - zero) if zero != 128 else 1 / 127, np.float32))
        middle = graph.weight(f"zero.{zero}", np.array(zero, np.uint8))
        small = graph.node("QuantizeLinear", [graph.node("Div", [x, top]), step, middle])
        matrix, scale = graph.weight(f"{names[0]}.weight", weights), graph.weight(f"{names[0]}.scale", scales)
        product = graph.node("MatMulIntegerToFloat", [small, matrix, step, scale, middle], contrib=True)
        return graph.node("Mul", [product, top])

    def _spread(self, graph: Graph, x: str, stacked: np.ndarray) -> tuple[str, np.ndarray]:
        """Outlying channels divided by `COPIES` and repeated as often, with the columns that they meet."""
        shares = np.ones(stacked.shape[1], np.float32)
        shares[self._outliers] = 1 / self.COPIES
        repeated = self._outliers * (self.COPIES - 1)
        shared = graph.node("Mul", [x, graph.weight("outlier.shares", shares)])
        copies = graph.node("Gather", [shared, graph.weight("outlier.channels", np.array(repeated))], axis=2)
        return graph.node("Concat", [shared, copies], axis=-1), np.concatenate([stacked, stacked[:, repeated]], axis=1)

    def _range(self, graph: Graph, x: str, *, after_gelu: bool) -> tuple[str, int]:
        """What each token's numbers are divided by, and where zero lies among the 256 steps."""
        if not after_gelu:
            return graph.node("ReduceMax", [graph.node("Abs", [x])], axes=[-1], keepdims=1), 128
        top = graph.node("ReduceMax", [x], axes=[-1], keepdims=1)
        least = graph.weight("gelu.top", np.array(self.GELU_TOP, np.float32))
        return graph.node("Max", [top, least]), self.GELU_ZERO
