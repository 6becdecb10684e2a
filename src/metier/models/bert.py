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

Q4_GROUP = 32  # weights that share one scale


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the encoder. `epsilon` is the layer norm's."""

    dimension: int
    layers: int
    heads: int
    positions: int
    epsilon: float


class Matrices(Protocol):
    """How weights are stored. A matrix is named as in the checkpoint and maps `inputs` to `outputs`."""

    def multiply(self, graph: Graph, x: str, names: list[str], bias: str | None) -> str:
        """x (…, inputs) times the matrices `names`, stacked along their outputs, plus `bias`."""
        ...

    def look_up(self, graph: Graph, name: str, ids: str) -> str:
        """Rows `ids` of the table `name`."""
        ...


Vectors = Callable[[str], np.ndarray]


def encoder(shape: Shape, matrices: Matrices, vector: Vectors) -> Graph:
    """The whole graph. `vector(name)` gives a float32 bias, norm weight or position table by the names below.

    Names: `word`, `position`, `type`, `norm.weight|bias`, and for layer N `N.query|key|value|out|up|down` with
    `.bias`, `N.attention_norm.weight|bias`, `N.output_norm.weight|bias`.
    """
    graph = Graph()
    ids = graph.input("input_ids", "int64", ("batch", "tokens"))
    mask = graph.input("attention_mask", "int64", ("batch", "tokens"))
    x = _embeddings(graph, shape, matrices, vector, ids)
    key_mask = graph.node("Cast", [mask], to=6)
    for layer in range(shape.layers):
        x = _layer(graph, shape, matrices, vector, layer, x, key_mask)
    _pool(graph, x, mask, shape.dimension)
    return graph


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

    def add_and_norm(old: str, new: str, which: str) -> str:
        norm = [weight(f"{which}.weight"), weight(f"{which}.bias")]
        return graph.node("SkipLayerNormalization", [old, new, *norm], contrib=True, epsilon=shape.epsilon)

    thirds = [f"{layer}.{part}" for part in ("query", "key", "value")]
    bias = graph.weight(f"{layer}.qkv.bias", np.concatenate([vector(f"{name}.bias") for name in thirds]))
    packed = matrices.multiply(graph, x, thirds, bias)
    query, key, value = graph.node("Split", [packed], outputs=3, axis=-1)
    attended = graph.node("MultiHeadAttention", [query, key, value, "", mask], contrib=True, num_heads=shape.heads)
    x = add_and_norm(x, matrices.multiply(graph, attended, [f"{layer}.out"], weight("out.bias")), "attention_norm")
    up = matrices.multiply(graph, x, [f"{layer}.up"], None)
    active = graph.node("BiasGelu", [up, weight("up.bias")], contrib=True)
    return add_and_norm(x, matrices.multiply(graph, active, [f"{layer}.down"], weight("down.bias")), "output_norm")


def _pool(graph: Graph, x: str, mask: str, dimension: int) -> None:
    """Mean over the kept tokens, then length 1. The mean's divisor cancels in the length, so that a sum will do."""
    row = graph.node("Unsqueeze", [graph.node("Cast", [mask], to=1), graph.weight("row_axis", np.array([1]))])
    total = graph.node("Squeeze", [graph.node("MatMul", [row, x]), "row_axis"])
    unit = graph.node("LpNormalization", [total], name="sentence_embedding", axis=-1, p=2)
    graph.output(unit, "float32", ("batch", dimension))


class Float32:
    """Weights as they are. `matrix(name)` gives (outputs, inputs)."""

    def __init__(self, matrix: Vectors) -> None:
        self._matrix = matrix

    def multiply(self, graph: Graph, x: str, names: list[str], bias: str | None) -> str:
        stacked = np.concatenate([self._matrix(name) for name in names])
        product = graph.node("MatMul", [x, graph.weight(f"{names[0]}.weight", stacked.T)])
        return graph.node("Add", [product, bias]) if bias else product

    def look_up(self, graph: Graph, name: str, ids: str) -> str:
        return graph.node("Gather", [graph.weight(name, self._matrix(name)), ids])
