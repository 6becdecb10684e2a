"""Writes a GGUF file with the names, special tokens and chat template of Phi-3 mini, and random weights.

The vocabulary is bytes, a few letters and Phi-3's own control tokens, so that what a real Phi-3 file makes llama.cpp
do (fused qkv, SentencePiece, white space swallowed after control tokens) happens here, in half a megabyte.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

CONTROL = ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>")
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
# The first Phi-3 mini files came with a template that knows no system role.
TEMPLATE_WITHOUT_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}"
    "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
    "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}{% endif %}{% endfor %}"
)

_WIDTH, _FEED_FORWARD, _HEADS, _LAYERS, _CONTEXT = 64, 128, 4, 2, 2048


def vocabulary() -> tuple[list[str], list[float], list[int]]:
    tokens = ["<unk>", "<s>", "</s>"]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    kinds += [TokenType.BYTE] * 256
    letters = ["▁", *map(chr, range(33, 127)), "ে", "া", "র", "风", "ا"]
    tokens += letters
    kinds += [TokenType.NORMAL] * len(letters)
    tokens += CONTROL
    kinds += [TokenType.CONTROL] * len(CONTROL)
    return tokens, [-float(index) for index in range(len(tokens))], kinds


def write(path: Path, template: str = TEMPLATE, seed: int = 0) -> Path:
    writer = GGUFWriter(path, "phi3")
    writer.add_name("Tiny Phi-3")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_rope_scaling_orig_ctx_len(_CONTEXT)
    writer.add_sliding_window(_CONTEXT - 1)
    tokens, scores, kinds = vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(tokens.index("<|end|>"))
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(template)
    _add_weights(writer, len(tokens), np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_weights(writer: GGUFWriter, tokens: int, random: np.random.Generator) -> None:
    def matrix(rows: int, columns: int) -> np.ndarray:
        return (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    writer.add_tensor("token_embd.weight", matrix(tokens, _WIDTH))
    for layer in range(_LAYERS):
        name = f"blk.{layer}"
        writer.add_tensor(f"{name}.attn_norm.weight", np.ones(_WIDTH, np.float32))
        writer.add_tensor(f"{name}.attn_qkv.weight", matrix(3 * _WIDTH, _WIDTH))
        writer.add_tensor(f"{name}.attn_output.weight", matrix(_WIDTH, _WIDTH))
        writer.add_tensor(f"{name}.ffn_norm.weight", np.ones(_WIDTH, np.float32))
        writer.add_tensor(f"{name}.ffn_up.weight", matrix(2 * _FEED_FORWARD, _WIDTH))
        writer.add_tensor(f"{name}.ffn_down.weight", matrix(_WIDTH, _FEED_FORWARD))
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, np.float32))
    writer.add_tensor("output.weight", matrix(tokens, _WIDTH))
