"""Writes a BERT with random weights and a vocabulary of a few words twice: as the GGUF file that llama.cpp reads, and
as the ONNX folder that ONNX Runtime does. Stands in for any sentence-transformers model, in a few kilobytes; the two
runtimes share nothing but the weights, so that each checks the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, PoolingType, TokenType
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from metier.models import bert

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = "the oil of gear box is changed every 30 months brake pad wind tower door জল زيت 油 箱 query : . ? ##s ##box"
POSITIONS = 64
SHAPE = bert.Shape(dimension=32, layers=2, heads=4, positions=POSITIONS, epsilon=1e-12)
_PARTS = {"query": "attn_q", "key": "attn_k", "value": "attn_v", "out": "attn_output", "up": "ffn_up"}
_PARTS |= {"down": "ffn_down"}
_NORMS = {"attention_norm": "attn_output_norm", "output_norm": "layer_output_norm"}


def vocabulary() -> list[str]:
    return [*SPECIAL, *WORDS.split()]


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """By the names of `metier.models.bert`."""
    random, width = np.random.default_rng(seed), SHAPE.dimension

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (2 * random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": 1 + matrix(1, width)[0], f"{name}.bias": matrix(1, width)[0]}

    found = {"word": matrix(len(vocabulary()), width), "position": matrix(POSITIONS, width), "type": matrix(2, width)}
    found |= norm("norm")
    for layer in range(SHAPE.layers):
        for part in _PARTS:
            rows, columns = {"up": (4 * width, width), "down": (width, 4 * width)}.get(part, (width, width))
            found |= {f"{layer}.{part}": matrix(rows, columns), f"{layer}.{part}.bias": matrix(1, rows)[0]}
        for part in _NORMS:
            found |= norm(f"{layer}.{part}")
    return found


def write_onnx(folder: Path) -> Path:
    folder.mkdir()
    made = weights()
    bert.encoder(SHAPE, bert.Float32(made.__getitem__), made.__getitem__).save(folder / "model.onnx")
    tokenizer = Tokenizer(WordPiece({word: n for n, word in enumerate(vocabulary())}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "sentence_bert_config.json").write_text(f'{{"max_seq_length": {POSITIONS}}}')
    return folder


def write_gguf(path: Path) -> Path:
    writer = GGUFWriter(path, "bert")
    writer.add_name("Tiny BERT")
    writer.add_block_count(SHAPE.layers)
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(SHAPE.dimension)
    writer.add_feed_forward_length(4 * SHAPE.dimension)
    writer.add_head_count(SHAPE.heads)
    writer.add_layer_norm_eps(SHAPE.epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    words = vocabulary()[len(SPECIAL) :]
    writer.add_token_list([*SPECIAL, *(w[2:] if w.startswith("##") else f"▁{w}" for w in words)])
    writer.add_token_types([TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * len(words))
    writer.add_token_type_count(2)
    for name, number in {"pad": 0, "unk": 1, "bos": 2, "eos": 3, "sep": 3, "mask": 4}.items():
        getattr(writer, f"add_{name}_token_id")(number)
    made = weights()
    writer.add_tensor("token_embd.weight", made["word"])
    writer.add_tensor("position_embd.weight", made["position"])
    writer.add_tensor("token_types.weight", made["type"])
    for end in ("weight", "bias"):
        writer.add_tensor(f"token_embd_norm.{end}", made[f"norm.{end}"])
    for layer in range(SHAPE.layers):
        for ours, theirs in _PARTS.items():
            writer.add_tensor(f"blk.{layer}.{theirs}.weight", made[f"{layer}.{ours}"])
            writer.add_tensor(f"blk.{layer}.{theirs}.bias", made[f"{layer}.{ours}.bias"])
        for ours, theirs in _NORMS.items():
            for end in ("weight", "bias"):
                writer.add_tensor(f"blk.{layer}.{theirs}.{end}", made[f"{layer}.{ours}.{end}"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
