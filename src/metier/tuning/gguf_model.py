"""A merged model as GGUF, by the plan of the GGUF file it began from: the same header, tokenizer and tensors, with the
weights replaced. So nothing has to be guessed that a converter knows by heart about one architecture or another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from metier.core.errors import ModelError
from metier.tuning.base_model import read_config
from metier.tuning.gguf_adapter import architecture_of, reordered, tensor_names

if TYPE_CHECKING:
    import gguf

_REPLACED = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")
Kind = Literal["f32", "f16", "q8_0"]


def write(merged: Path, source: Path, path: Path, kind: Kind) -> Path:
    """Write the transformers folder `merged` to `path`. `source`: the GGUF file of its base. Raises `ModelError`."""
    import gguf

    shape = read_config(merged)
    architecture = architecture_of(shape)
    reader = gguf.GGUFReader(source)
    weights = _weights(merged, architecture, shape)
    writer = gguf.GGUFWriter(path, architecture)
    _copy_header(reader, writer)
    writer.add_file_type(_file_type(kind))
    for tensor in reader.tensors:
        if tensor.name not in weights:  # such as the factors of a stretched context, which no training changes
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        wanted = _type_of(weights[tensor.name], kind)
        data = gguf.quants.quantize(weights.pop(tensor.name), wanted)
        writer.add_tensor(tensor.name, data, raw_dtype=wanted)
    if weights:
        raise ModelError(f"has weights that {source.name} has not: {', '.join(sorted(weights)[:3])}", where=str(merged))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(merged: Path, architecture: str, shape: dict[str, Any]) -> dict[str, np.ndarray]:
    """Weights by their GGUF names, float32; a head tied to the embedding has none of its own."""
    from safetensors import safe_open

    names = tensor_names(architecture, shape)
    found = {}
    for file in sorted(merged.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118 - not a dict
                name = names.get_name(key, try_suffixes=(".weight", ".bias"))
                if name is None:
                    raise ModelError(f"has {key}, which has no name in GGUF for {architecture}", where=str(merged))
                matrix = tensors.get_tensor(key).float().numpy()
                module = key.rpartition(".")[0]
                found[name] = reordered(matrix, module, architecture, shape) if matrix.ndim == 2 else matrix
    return found


def _copy_header(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    import gguf

    for field in reader.fields.values():
        if field.name.startswith(_REPLACED):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)


def _type_of(matrix: np.ndarray, kind: Kind) -> gguf.GGMLQuantizationType:
    """Vectors stay in 32 bits, as llama.cpp wants them; what does not divide into blocks of 32 in 16."""
    import gguf

    types = gguf.GGMLQuantizationType
    if matrix.ndim == 1 or kind == "f32":
        return types.F32
    return types.Q8_0 if kind == "q8_0" and matrix.shape[-1] % 32 == 0 else types.F16


def _file_type(kind: Kind) -> int:
    import gguf

    types = gguf.LlamaFileType
    return {"f32": types.ALL_F32, "f16": types.MOSTLY_F16, "q8_0": types.MOSTLY_Q8_0}[kind]
