"""The shape of a model: how many weights it has and which matrices they lie in, without one weight in memory.

A configuration is built on torch's meta device, where a tensor is its shape and nothing else: a model of 70 billion
parameters takes a second and no memory, and its matrices are counted, not guessed from the architecture's name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from metier.core.errors import InputError, ModelError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedModel

# Published config.json files, cut down to what decides a model's size. No hub is needed to plan for these.
BUILT_IN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # microsoft/Phi-3-mini-4k-instruct
        "phi-3-mini": {
            "model_type": "phi3",
            "hidden_size": 3072,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "intermediate_size": 8192,
            "vocab_size": 32064,
            "max_position_embeddings": 4096,
            "original_max_position_embeddings": 4096,
            "tie_word_embeddings": False,
            "pad_token_id": 32000,
        },
        # HuggingFaceTB/SmolLM2-135M-Instruct, the packaged model
        "smollm2-135m": {
            "model_type": "llama",
            "hidden_size": 576,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "intermediate_size": 1536,
            "vocab_size": 49152,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": True,
        },
        # meta-llama/Meta-Llama-3-8B
        "8b-like": {
            "model_type": "llama",
            "hidden_size": 4096,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 14336,
            "vocab_size": 128256,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": False,
        },
        # meta-llama/Llama-2-70b-hf
        "70b-like": {
            "model_type": "llama",
            "hidden_size": 8192,
            "num_hidden_layers": 80,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "intermediate_size": 28672,
            "vocab_size": 32000,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": False,
        },
    }
)


@dataclass(frozen=True, slots=True)
class Linear:
    """A kind of weight matrix: `name` as in `model.layers.7.mlp.down_proj`, the last word of it; `inputs` and
    `outputs` its two sides; `count` how many of it the model has in all."""

    name: str
    inputs: int
    outputs: int
    count: int

    @property
    def parameters(self) -> int:
        """Weights of all of them, without biases."""
        return self.inputs * self.outputs * self.count


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What the memory of a training run depends on. All sizes are counts of numbers, not bytes.

    `parameters`: all, a tied head counted once. `embedding`: of the token embedding. `head`: of the output head, 0
    where it is tied to the embedding. `linears`: the matrices of the layers, the head not among them. `norms`:
    normalisations over the hidden width in one layer. `dtype`: the number format it was published in.
    """

    name: str
    architecture: str
    parameters: int
    embedding: int
    head: int
    linears: tuple[Linear, ...]
    norms: int
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    heads: int
    kv_heads: int
    head_width: int
    max_positions: int
    dtype: str

    @property
    def tied(self) -> bool:
        return self.head == 0

    @property
    def in_linears(self) -> int:
        """Parameters that quantisation reaches: the matrices of the layers, without biases."""
        return sum(linear.parameters for linear in self.linears)

    @property
    def in_layers(self) -> int:
        """Parameters of all layers together, norms and biases included."""
        return self.parameters - self.embedding - self.head - self.hidden  # the last: the norm before the head

    @property
    def fused_attention(self) -> bool:
        """Whether one matrix makes query, key and value together, as Phi-3's `qkv_proj` does."""
        together = (self.heads + 2 * self.kv_heads) * self.head_width
        return any(linear.outputs == together and linear.inputs == self.hidden for linear in self.linears)

    @property
    def gated(self) -> bool:
        """Whether the feed-forward part multiplies two branches (SwiGLU), in two matrices or one twice as wide."""
        wide = sum(
            linear.outputs * linear.count
            for linear in self.linears
            if linear.inputs == self.hidden and linear.outputs in (self.intermediate, 2 * self.intermediate)
        )
        return wide >= 2 * self.intermediate * self.layers


def shape_of(model: str) -> ModelShape:
    """The shape of `model`: a name in `BUILT_IN`, a GGUF file, a folder or file with a config.json, or a name on the
    hub, of which only the configuration is fetched. Raises `InputError` and `ModelError`.
    """
    if model in BUILT_IN:
        return from_config(BUILT_IN[model], model)
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        return from_gguf(path)
    if path.exists():
        return from_file(path)
    return _from_hub(model)


def from_file(path: Path) -> ModelShape:
    """From a config.json or the folder that holds one. Raises `InputError` and `ModelError`."""
    file = path / "config.json" if path.is_dir() else path
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("holds no config.json", where=str(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(f"is not a model configuration: {error}", where=str(file)) from None
    if not isinstance(values, dict) or "model_type" not in values:
        raise InputError("does not say its model_type", where=str(file), hint="Give a transformers config.json.")
    return from_config(values, path.resolve().name if path.is_dir() else path.resolve().parent.name)


def from_config(values: Mapping[str, Any], name: str) -> ModelShape:
    """From the values of a config.json. Raises `ModelError` where transformers cannot make a model of them."""
    from transformers import AutoConfig

    rest = {key: value for key, value in values.items() if key != "model_type"}
    try:
        config = AutoConfig.for_model(values["model_type"], **rest)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"is not a known model configuration ({error})", where=name) from None
    return _from_transformers(config, name)


def from_gguf(path: Path) -> ModelShape:
    """From the header of a GGUF file of an architecture that transformers can load. Raises `ModelError`."""
    from metier.generation.gguf_file import read_header

    read_header(path)  # says in a sentence what is wrong with a broken file
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(str(path.parent), gguf_file=path.name)
    except (ImportError, KeyError, OSError, ValueError) as error:
        raise ModelError(f"transformers cannot read its configuration ({error})", where=str(path)) from None
    return _from_transformers(config, path.stem)


def _from_hub(name: str) -> ModelShape:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(
            f"no configuration was found ({str(error).splitlines()[0]})",
            where=name,
            hint=f"Name a folder with a config.json, a GGUF file, or one of {', '.join(BUILT_IN)}.",
        ) from None
    return _from_transformers(config, name)


def _from_transformers(config: PretrainedConfig, name: str) -> ModelShape:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]  # no types in transformers
                config, dtype=torch.bfloat16
            )
    except (ValueError, RuntimeError, ImportError) as error:
        raise ModelError(f"transformers cannot build it ({error})", where=name) from None
    return from_model(model, name)


def from_model(model: PreTrainedModel, name: str) -> ModelShape:
    """From a transformers causal language model on any device. Raises `ModelError` where its weights are of a kind
    that this cannot plan for (mixtures of experts, convolutions)."""
    config: Any = model.config  # of every architecture another class, with fields of its own
    heads = config.num_attention_heads
    embedding, head = (part.get_parameter("weight") for part in (model.get_input_embeddings(), head_of(model)))
    linears = tuple(_linears(model))
    total = sum(parameter.numel() for parameter in model.parameters())  # a tied head is met once
    head_size = 0 if head is embedding else head.numel()
    vectors = sum(parameter.numel() for parameter in model.parameters() if parameter.dim() == 1)
    if total != embedding.numel() + head_size + sum(linear.parameters for linear in linears) + vectors:
        raise ModelError(
            "it has weights outside of plain matrices, as mixtures of experts have",
            where=name,
            hint="Only dense models can be planned for.",
        )
    norms = sum(tuple(p.shape) == (config.hidden_size,) and key.endswith("norm.weight") for key, p in _layer(model))
    return ModelShape(
        name=name,
        architecture=config.model_type,
        parameters=total,
        embedding=embedding.numel(),
        head=head_size,
        linears=linears,
        norms=norms,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        vocabulary=config.vocab_size,
        heads=heads,
        kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        head_width=getattr(config, "head_dim", None) or config.hidden_size // heads,
        max_positions=config.max_position_embeddings,
        dtype=str(getattr(config, "dtype", None) or "bfloat16").removeprefix("torch."),
    )


def head_of(model: PreTrainedModel) -> nn.Module:
    head: nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # no types in transformers
    return head


def _linears(model: PreTrainedModel) -> list[Linear]:
    from torch import nn

    head = head_of(model)
    found = Counter(
        (path.rpartition(".")[2], module.in_features, module.out_features)
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head
    )
    return [Linear(*key, count) for key, count in found.items()]


def _layer(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Parameters of the first layer: of the first module list, which is where transformers keeps layers."""
    from torch import nn

    stack = next(module for module in model.modules() if isinstance(module, nn.ModuleList))
    return list(stack[0].named_parameters())
