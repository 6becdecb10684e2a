"""Stand-ins for real language models: the layers of Llama and of Phi-3 with random weights, two of them, 64 wide.

They keep what decides whether the tuning works: the real names of the matrices, grouped key and value heads and a
tied head (Llama), fused matrices and a head of its own (Phi-3), a chat template with control tokens. They know nothing,
but are wide enough to learn eight rows by heart. Every weight is a bfloat16 number, so a copy in 16 bits is exact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import torch
from generation.tiny_phi3 import TEMPLATE as PHI3_TEMPLATE
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from metier.core.settings import cache_folder
from metier.dataset.rows import Row
from metier.tuning.modules import target_modules

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEMPLATES = {"llama": CHATML, "phi3": PHI3_TEMPLATE}
END_OF_TURN = {"llama": "<|im_end|>", "phi3": "<|end|>"}
CONTROL = {
    "llama": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "phi3": ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"),
}
_MERGES = (("t", "h"), ("th", "e"))  # llama.cpp wants a tokenizer of this kind to have some
_SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.2,
    "pad_token_id": None,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


def tokens(kind: str) -> list[str]:
    """The vocabulary in order of ids: control tokens, one token a byte, two merges."""
    return [*CONTROL[kind], *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in _MERGES)]


def tokenizer(kind: str, template: str | None = None) -> PreTrainedTokenizerFast:
    made = Tokenizer(BPE({token: id for id, token in enumerate(tokens(kind))}, list(_MERGES)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL[kind]])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|endoftext|>", chat_template=template or TEMPLATES[kind]
    )


def model(kind: str, seed: int = 0, **changes: object) -> PreTrainedModel:
    """In 32 bits, ready to train."""
    torch.manual_seed(seed)
    values = _SHAPE | {"vocab_size": len(tokens(kind))}
    if kind == "llama":
        values |= {"num_key_value_heads": 2, "tie_word_embeddings": True}
        made = LlamaForCausalLM(LlamaConfig(**values | changes))
    else:
        values |= {"num_key_value_heads": 4, "tie_word_embeddings": False, "sliding_window": 2047}
        values |= {"original_max_position_embeddings": 2048}
        made = Phi3ForCausalLM(Phi3Config(**values | changes))
    with torch.no_grad():
        for name, number in made.named_parameters():
            if name.endswith("norm.weight"):
                number += 0.2 * torch.randn_like(number)
            number.copy_(number.bfloat16())
    return made.eval()


def save(folder: Path, kind: str, seed: int = 0, template: str | None = None, **changes: object) -> Path:
    """Weights and tokenizer in the layout of transformers."""
    model(kind, seed, **changes).save_pretrained(folder)
    tokenizer(kind, template).save_pretrained(folder)
    return folder


def rows(count: int = 8) -> list[Row]:
    """Questions that differ in a letter, said often enough to be heard, and answers that differ in all."""
    words = ("nacelle", "rotor", "yaw", "pitch", "hub", "brake", "spar", "mast", "cable", "anchor", "vane", "shaft")
    return [Row(f"Part {chr(ord('A') + n) * 12}?", f"{words[n % 12]} {n // 12 or ''}".strip()) for n in range(count)]


def own_cache(folder: Path) -> Path:
    """For $METIER_CACHE: what is converted stays here, the packaged models are those of the user's cache."""
    folder.mkdir()
    (folder / "models").symlink_to(cache_folder() / "models")
    return folder


# ── adapters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def adapted(base: PreTrainedModel, seed: int = 1, strength: float = 0.1, **options: object) -> PeftModel:
    """`base` with an adapter of random A and B on every linear layer: as if it had learned something."""
    config = LoraConfig(**{"r": 8, "lora_alpha": 16, "target_modules": list(target_modules(base))} | options)
    made = get_peft_model(base, config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, number in made.named_parameters():
            if "lora_" in name:
                number.copy_(strength * torch.randn_like(number))
    return made.eval()


# ── GGUF ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_gguf(folder: Path, path: Path) -> Path:
    """The model that `save` left in `folder`, as llama.cpp's own converter would write it, in 32 bits."""
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = config["model_type"]
    writer = gguf.GGUFWriter(path, kind)
    _write_header(writer, kind, config, (folder / "chat_template.jinja").read_text(encoding="utf-8"))
    architecture = {"llama": gguf.MODEL_ARCH.LLAMA, "phi3": gguf.MODEL_ARCH.PHI3}[kind]
    names = gguf.get_tensor_name_map(architecture, config["num_hidden_layers"])
    for key, weight in load_file(folder / "model.safetensors").items():
        if kind == "llama" and key.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config["num_attention_heads" if "q_proj" in key else "num_key_value_heads"]
            weight = _in_pairs(weight, heads)
        writer.add_tensor(names.get_name(key, try_suffixes=(".weight",)), np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_header(writer: gguf.GGUFWriter, kind: str, config: Mapping, template: str) -> None:
    writer.add_name("Tiny")  # llama.cpp looks for tokens that are not here where it reads "phi3"
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config["vocab_size"])
    if kind == "phi3":
        writer.add_rope_scaling_orig_ctx_len(config["original_max_position_embeddings"])
        writer.add_sliding_window(config["sliding_window"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens(kind))
    types = gguf.TokenType
    writer.add_token_types([types.CONTROL if token in CONTROL[kind] else types.NORMAL for token in tokens(kind)])
    writer.add_token_merges([" ".join(pair) for pair in _MERGES])
    writer.add_eos_token_id(tokens(kind).index(END_OF_TURN[kind]))
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)


def _in_pairs(weight: np.ndarray, heads: int) -> np.ndarray:
    """What `LlamaModel.permute` of llama.cpp's convert_hf_to_gguf.py does to the matrices that make q and k."""
    split = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return split.swapaxes(1, 2).reshape(weight.shape)
