"""An adapter as GGUF, for llama.cpp to switch on and off beside the base it runs.

What differs from PEFT's file: the names of the matrices, and, for the llama family, the order of the rows of q and k.
llama.cpp rotates neighbouring pairs of a head's numbers, transformers its two halves, so its converter reorders these
weights, and an adapter on them must follow. Scale: alpha / rank, which llama.cpp computes itself; it knows neither
rsLoRA's alpha / sqrt(rank) nor DoRA's magnitudes, and would silently compute something else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import regex

from metier.core.errors import InputError, ModelError
from metier.tuning.base_model import read_config

if TYPE_CHECKING:
    import gguf

FILE_NAME = "adapter.gguf"
_ARCHITECTURES = {"llama": "llama", "mistral": "llama", "phi3": "phi3", "qwen2": "qwen2", "qwen3": "qwen3"}
_ROTATED_IN_PAIRS = ("llama",)
_MATRIX = regex.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


def write(adapter: Path, base: Path, path: Path) -> Path:
    """Convert the PEFT folder `adapter`, trained on the model in folder `base`, to `path`. Raises `InputError` for what
    llama.cpp cannot apply, `ModelError` for an architecture whose names are not known."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    for flag, method in (("use_rslora", "rsLoRA"), ("use_dora", "DoRA")):
        if config.get(flag):
            raise InputError(
                f"llama.cpp cannot apply a {method} adapter",
                where=str(adapter),
                hint="Export merged weights instead: `metier adapters export NAME --as merged`.",
            )
    shape = read_config(base)
    architecture = architecture_of(shape)
    names = tensor_names(architecture, shape)
    part = path.with_name(f"{path.name}.part")
    writer = gguf.GGUFWriter(part, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]))
    for key, matrix in load_file(adapter / "adapter_model.safetensors").items():
        match = _MATRIX.fullmatch(key)
        name = names.get_name(match["module"]) if match else None
        if match is None or name is None:
            raise ModelError(f"holds {key}, which has no name in GGUF for {architecture}", where=str(adapter))
        matrix = matrix.astype(np.float32)
        if match["side"] == "B":
            matrix = reordered(matrix, match["module"], architecture, shape)
        writer.add_tensor(f"{name}.weight.lora_{match['side'].lower()}", np.ascontiguousarray(matrix))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return part.replace(path)


def architecture_of(shape: dict[str, Any]) -> str:
    """The name GGUF has for a transformers configuration. Raises `ModelError`."""
    try:
        return _ARCHITECTURES[shape["model_type"]]
    except KeyError:
        raise ModelError(
            f"{shape.get('model_type')} models cannot be written as GGUF here",
            hint=f"Known are {', '.join(sorted(_ARCHITECTURES))}; export merged safetensors for any other.",
        ) from None


def reordered(matrix: np.ndarray, module: str, architecture: str, shape: dict[str, Any]) -> np.ndarray:
    """Rows of a matrix that makes q or k, (heads * size, n): from halves to neighbouring pairs, head by head."""
    name = module.rpartition(".")[2]
    if architecture not in _ROTATED_IN_PAIRS or name not in ("q_proj", "k_proj"):
        return matrix
    heads = shape["num_attention_heads"]
    if name == "k_proj":
        heads = shape.get("num_key_value_heads") or heads
    return matrix.reshape(heads, 2, -1, matrix.shape[1]).swapaxes(1, 2).reshape(matrix.shape)


def tensor_names(architecture: str, shape: dict[str, Any]) -> gguf.TensorNameMap:
    """From the names of transformers to those of GGUF."""
    import gguf

    known = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    return gguf.get_tensor_name_map(known, shape["num_hidden_layers"])
