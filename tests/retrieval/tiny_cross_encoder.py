"""Stands in for a cross-encoder of the kind `cross-encoder/ms-marco-MiniLM-L6-v2`: the same architecture
(`BertForSequenceClassification`, one logit), random weights, a vocabulary of a few words in four scripts.

The ONNX graph is written operator by operator, without torch's exporter (it needs the `onnx` package), so that what
torch computes from the same weights is an independent answer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from metier.models.onnx_file import Graph

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    "gearbox oil brake disc price blade root nuts tightened changed every months how tight are the of is to part "
    "yaw pad what why তেল প্রতি মাস বদলানো হয় নীল চাবি টাওয়ারের দরজা খোলে زيت علبة كل شهرا يتم تغيير "
    "油 齿 轮 箱 每 月 更 换 0 1 2 3 4 5 6 7 8 9 ? . , - # nm sek"
)
_WIDTH, _HEADS, _LAYERS, _POSITIONS = 32, 4, 2, 512


def write(folder: Path, seed: int = 0) -> BertForSequenceClassification:
    """Put tokenizer.json, model.onnx and what sentence-transformers loads into `folder`; returns torch's model."""
    tokenizer = _tokenizer()
    torch.manual_seed(seed)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=_WIDTH, num_hidden_layers=_LAYERS,
            num_attention_heads=_HEADS, intermediate_size=2 * _WIDTH, max_position_embeddings=_POSITIONS,
            num_labels=1, initializer_range=0.5, type_vocab_size=2,
        )
    ).eval()  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    named = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=_POSITIONS, **named,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)  # fmt: skip
    _graph({name: value.numpy() for name, value in model.state_dict().items()}).save(folder / "model.onnx")
    return model


def torch_scores(model: BertForSequenceClassification, question: str, passages: list[str]) -> np.ndarray:
    """The logit of each pair, one pair at a time and therefore without padding; shape (n,)."""
    tokenizer = _tokenizer()
    scores = []
    for passage in passages:
        pair = tokenizer.encode(question, passage)
        ids = [*pair.ids[:-1][: _POSITIONS - 1], pair.ids[-1]]  # cut before the last [SEP]
        kinds = pair.type_ids[: len(ids)]
        with torch.inference_mode():
            scores.append(model(torch.tensor([ids]), token_type_ids=torch.tensor([kinds])).logits.item())
    return np.array(scores)


def _tokenizer() -> Tokenizer:
    words = [*SPECIAL, *dict.fromkeys(WORDS.split())]
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _graph(weights: dict[str, np.ndarray]) -> Graph:
    graph = Graph()
    ids, mask, kinds = (
        graph.add_input(name, "int64", ("pairs", "tokens"))
        for name in ("input_ids", "attention_mask", "token_type_ids")
    )

    def constant(name: str, value: object) -> str:
        return graph.weight(name, np.array(value))

    def linear(x: str, name: str) -> str:
        matrix = graph.weight(f"{name}.weight", weights[f"{name}.weight"].T)
        return graph.node("Add", [graph.node("MatMul", [x, matrix]), vector(f"{name}.bias")])

    def vector(name: str) -> str:
        return graph.weight(name, weights[name])

    def norm(x: str, name: str) -> str:
        parts = [x, vector(f"{name}.weight"), vector(f"{name}.bias")]
        return graph.node("LayerNormalization", parts, axis=-1, epsilon=1e-12)

    def heads(x: str, turn: tuple[int, ...]) -> str:
        return graph.node("Transpose", [graph.node("Reshape", [x, split])], perm=turn)

    split = constant("split", [0, 0, _HEADS, _WIDTH // _HEADS])
    joined = constant("joined", [0, 0, _WIDTH])
    table = "bert.embeddings.{}_embeddings.weight".format
    tokens = graph.node("Shape", [ids], start=1, end=2)
    positions = graph.node("Slice", [vector(table("position")), constant("zero", [0]), tokens, constant("axis", [0])])
    x = graph.node("Add", [graph.node("Gather", [vector(table("word")), ids]), positions])
    x = graph.node("Add", [x, graph.node("Gather", [vector(table("token_type")), kinds])])
    x = norm(x, "bert.embeddings.LayerNorm")
    # 0 where the mask keeps a token, -10,000 where it does not; shape (pairs, 1, 1, tokens)
    kept = graph.node("Unsqueeze", [graph.node("Cast", [mask], to=1), constant("inner", [1, 2])])
    hidden = graph.node(
        "Mul", [graph.node("Sub", [kept, constant("one", np.float32(1))]), constant("far", np.float32(1e4))]
    )
    for layer in range(_LAYERS):
        part = f"bert.encoder.layer.{layer}.{{}}".format
        query, value = (heads(linear(x, part(f"attention.self.{name}")), (0, 2, 1, 3)) for name in ("query", "value"))
        key = heads(linear(x, part("attention.self.key")), (0, 2, 3, 1))
        scale = constant("scale", np.float32((_WIDTH // _HEADS) ** -0.5))
        scores = graph.node("Add", [graph.node("Mul", [graph.node("MatMul", [query, key]), scale]), hidden])
        seen = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), value])
        seen = graph.node("Reshape", [graph.node("Transpose", [seen], perm=(0, 2, 1, 3)), joined])
        x = norm(
            graph.node("Add", [x, linear(seen, part("attention.output.dense"))]), part("attention.output.LayerNorm")
        )
        inner = graph.node("Gelu", [linear(x, part("intermediate.dense"))], contrib=True)
        x = norm(graph.node("Add", [x, linear(inner, part("output.dense"))]), part("output.LayerNorm"))
    first = graph.node("Squeeze", [graph.node("Gather", [x, "zero"], axis=1), constant("column", [1])])
    logits = linear(graph.node("Tanh", [linear(first, "bert.pooler.dense")]), "classifier")
    graph.add_output(logits, "float32", ("pairs", 1))
    return graph
