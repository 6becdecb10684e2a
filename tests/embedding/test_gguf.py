"""llama.cpp as an embedder, checked by ONNX Runtime with the same weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from metier.core.errors import ModelError
from metier.core.settings import EmbeddingSettings
from metier.embedding import create

tiny_bert = pytest.importorskip("tiny_bert")  # needs the gguf package

TEXTS = [
    "the oil of the gearbox is changed every 30 months .",
    "Brake pads?",
    "জল",  # without vowel signs: llama.cpp drops combining marks where the vocabulary is WordPiece
    "زيت",
    "油箱",
    "words that are in no vocabulary",
    "tower",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny_bert.write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def llama(file):
    return create(EmbeddingSettings(model=f"gguf:{file}", threads=1))


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    folder = tiny_bert.write_onnx(tmp_path_factory.mktemp("onnx") / "tiny")
    return create(EmbeddingSettings(model=f"onnx:{folder}", query_prefix="", passage_prefix="", threads=1))


def test_vectors_are_those_of_onnx_runtime_in_any_script(llama, onnx):
    ours, theirs = llama.embed_passages(TEXTS), onnx.embed_passages(TEXTS)
    assert ours.dtype == np.float32
    assert ours.shape == (len(TEXTS), llama.dimension) == (len(TEXTS), 32)
    assert np.linalg.norm(ours, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert (ours * theirs).sum(axis=1).min() > 0.999
    assert (theirs @ theirs.T - np.eye(len(TEXTS))).max() < 0.99, "texts that are all alike would prove nothing"


def test_both_count_the_same_tokens(llama, onnx):
    assert llama.count_tokens(["", *TEXTS]) == onnx.count_tokens(["", *TEXTS])
    assert llama.max_tokens == onnx.max_tokens == tiny_bert.POSITIONS


def test_order_and_company_do_not_matter(llama):
    many = TEXTS * 12  # more than one batch
    together = llama.embed_passages(many)
    assert (together * np.tile(together[: len(TEXTS)], (12, 1))).sum(axis=1).min() > 0.9999
    alone = np.concatenate([llama.embed_passages([text]) for text in TEXTS])
    assert (together[: len(TEXTS)] * alone).sum(axis=1).min() > 0.9999
    assert llama.embed_passages([]).shape == llama.embed_queries([]).shape == (0, 32)


def test_a_long_text_is_cut_at_the_models_limit(llama, onnx):
    long = ["oil brake " * 500, "tower " * 62, "tower " * 63]
    ours = llama.embed_passages(long)
    assert (ours * onnx.embed_passages(long)).sum(axis=1).min() > 0.999
    assert ours[1] @ ours[2] > 0.9999


def test_odd_texts_are_no_crash(llama):
    assert np.isfinite(llama.embed_passages(["", " ", "\ud800", "[CLS] [SEP]", "\0"])).all()


def test_prefixes_and_dimension_come_from_the_settings_and_change_the_fingerprint(llama, file):
    prefixed = create(EmbeddingSettings(model=f"gguf:{file}", query_prefix="query: ", threads=1))
    assert prefixed.embed_queries(["oil"]) == pytest.approx(llama.embed_queries(["query: oil"]), abs=1e-5)
    assert prefixed.embed_passages(["oil"]) == pytest.approx(llama.embed_passages(["oil"]), abs=1e-5)
    short = create(EmbeddingSettings(model=f"gguf:{file}", dimension=8, threads=1))
    cut = llama.embed_queries(["oil"])[:, :8]
    assert short.embed_queries(["oil"]) == pytest.approx(cut / np.linalg.norm(cut), abs=1e-5)
    assert len({llama.fingerprint, prefixed.fingerprint, short.fingerprint}) == 3
    again = create(EmbeddingSettings(model=f"gguf:{file}", threads=2))
    assert again.fingerprint == llama.fingerprint


def test_what_is_done_with_leaves_no_connection_open_and_ends_cleanly(file):
    code = (
        "import gc\nfrom metier.embedding import create\nfrom metier.core.settings import EmbeddingSettings\n"
        f"embedder = create(EmbeddingSettings(model='gguf:{file}', threads=1))\n"
        "embedder.embed_queries(['oil'])\ndel embedder\ngc.collect()\n"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match=r"broken\.gguf"):
        create(EmbeddingSettings(model=f"gguf:{tmp_path / 'broken.gguf'}")).embed_queries(["oil"])
