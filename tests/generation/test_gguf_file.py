from __future__ import annotations

import random

import numpy as np
import pytest
from gguf import GGUFReader

from metier.core.errors import ModelError
from metier.core.settings import GenerationSettings
from metier.generation import Message, create
from metier.generation.gguf_file import read_header


def ask(path):
    generator = create(GenerationSettings(model=f"gguf:{path}", threads=1, context_tokens=256))
    try:
        return generator.complete([Message("user", "Hi")], max_tokens=1)
    finally:
        generator.close()


def test_reads_what_it_needs(phi3_path, smollm_path):
    header = read_header(phi3_path)
    assert (header.architecture, header.context_tokens, header.has_template) == ("phi3", 2048, True)
    assert read_header(smollm_path).context_tokens == 8192


def test_counts_the_weights(phi3_path, smollm_path):
    with np.errstate(over="ignore"):  # gguf's reader adds up offsets in 32 bits
        tensors = GGUFReader(phi3_path).tensors
    assert read_header(phi3_path).parameters == sum(int(tensor.n_elements) for tensor in tensors)
    assert read_header(smollm_path).parameters == 134_515_008  # as its model card says


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="no such model file"):
        ask(tmp_path / "none.gguf")


def test_a_folder(tmp_path):
    with pytest.raises(ModelError):
        ask(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF", b"GGUF\x03\0\0\0", b"PK\x03\x04" * 100, random.Random(0).randbytes(5000)],
    ids=["empty", "magic only", "no counts", "a zip", "noise"],
)
def test_what_is_no_gguf(tmp_path, content):
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a usable GGUF file.*Download it again"):
        ask(path)


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3, 0.9, 0.9999])
def test_a_download_that_broke_off(phi3_path, tmp_path, share):
    whole = phi3_path.read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError):
        ask(path)


def test_noise_after_the_magic(phi3_path, tmp_path):
    path = tmp_path / "noisy.gguf"
    path.write_bytes(b"GGUF\x03\0\0\0" + random.Random(1).randbytes(len(phi3_path.read_bytes())))
    with pytest.raises(ModelError):
        ask(path)


def test_an_architecture_llama_cpp_does_not_know(phi3_path, tmp_path):
    path = tmp_path / "other.gguf"
    path.write_bytes(phi3_path.read_bytes().replace(b"phi3", b"phi0"))
    with pytest.raises(ModelError, match=r"could not load the model.*METIER_LLAMA_LOG"):
        ask(path)
