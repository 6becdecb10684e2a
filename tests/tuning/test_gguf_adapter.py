from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from metier.core.errors import InputError, ModelError
from metier.generation.llama_server import LlamaServer
from metier.tuning import gguf_adapter

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
KINDS = ("llama", "phi3")
CLOSE = 1e-2  # of a log-probability; llama.cpp keeps keys and values in 16 bits
LETTER = tiny_models.tokens("phi3").index("a")
FAR = 0.3  # what an adapter must change at the least, somewhere, for the comparison to mean anything


def prompts(size: int, count: int = 50) -> list[list[int]]:
    draw = random.Random(0)
    return [[draw.randrange(size) for _ in range(draw.randint(2, 60))] for _ in range(count)]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


def made(kind: str):
    """With smaller weights than usual: what is rounded to 16 bits stays small beside what is compared."""
    return tiny_models.model(kind, initializer_range=0.1)


@pytest.fixture(scope="module")
def base_folder(kind, tmp_path_factory):
    return tiny_models.save(tmp_path_factory.mktemp(kind) / "base", kind, initializer_range=0.1)


@pytest.fixture(scope="module")
def adapters(kind, base_folder):
    """Two adapters with different ranks and scales: PEFT's models, and the files for llama.cpp."""
    folder, models, files = base_folder.parent, [], []
    for number, (rank, alpha) in enumerate(((8, 16), (3, 24.5))):
        models.append(tiny_models.adapted(made(kind), number, 0.05, r=rank, lora_alpha=alpha))
        models[-1].save_pretrained(folder / str(number))
        path = folder / f"{number}.gguf"
        files.append(gguf_adapter.write(folder / str(number), base_folder, path))
        assert not path.with_name(f"{path.name}.part").exists()
    return models, files


@pytest.fixture(scope="module")
def server(base_folder, adapters):
    file = tiny_models.write_gguf(base_folder, base_folder.with_suffix(".gguf"))
    started = LlamaServer(file, context_tokens=256, threads=1, gpu_layers=0, slots=1, adapters=adapters[1])
    yield started
    started.close()


def of_llama_cpp(server, prompt: list[int], scales: tuple[float, float]) -> np.ndarray:
    """Log-probabilities of every possible next token."""
    size = len(tiny_models.tokens("llama")) + 8
    body = {"prompt": prompt, "n_predict": 1, "n_probs": size, "temperature": 0, "cache_prompt": True}
    body["logit_bias"] = [[LETTER, 1e6]]  # for half a character nothing is told; what is told is from before the bias
    body["lora"] = [{"id": number, "scale": scale} for number, scale in enumerate(scales)]
    (first,) = server.post("/completion", body)["completion_probabilities"]
    told = {each["id"]: each["logprob"] for each in first["top_logprobs"]}
    return np.array([told[token] for token in range(len(told))])


def of_transformers(model, prompt: list[int]) -> np.ndarray:
    with torch.no_grad():
        return model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1).numpy()


def test_llama_cpp_computes_what_peft_does_with_each_adapter_and_without(kind, server, adapters):
    """The same prompt three times in turn: whatever is cached must not outlive the switch."""
    base, changes = made(kind), []
    for prompt in prompts(base.config.vocab_size):
        plain = of_transformers(base, prompt)
        np.testing.assert_allclose(of_llama_cpp(server, prompt, (0, 0)), plain, atol=CLOSE)
        for number, model in enumerate(adapters[0]):
            expected = of_transformers(model, prompt)
            scales = (float(number == 0), float(number == 1))
            np.testing.assert_allclose(of_llama_cpp(server, prompt, scales), expected, atol=CLOSE)
            changes.append(np.abs(expected - plain).max())
        np.testing.assert_allclose(of_llama_cpp(server, prompt, (0, 0)), plain, atol=CLOSE)
    assert min(changes) > FAR


@pytest.mark.parametrize(("option", "name"), [("use_rslora", "rsLoRA"), ("use_dora", "DoRA")])
def test_what_llama_cpp_cannot_apply_is_refused(bases, tmp_path, option, name):
    tiny_models.adapted(tiny_models.model("llama"), **{option: True}).save_pretrained(tmp_path / "adapter")
    with pytest.raises(InputError, match=f"cannot apply a {name} adapter") as caught:
        gguf_adapter.write(tmp_path / "adapter", bases["llama"].folder, tmp_path / "adapter.gguf")
    assert "--as merged" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_an_architecture_whose_names_are_not_known_is_refused():
    with pytest.raises(ModelError, match="gpt_neox models cannot be written as GGUF"):
        gguf_adapter.architecture_of({"model_type": "gpt_neox"})


def test_a_matrix_without_a_name_in_gguf_is_refused(bases, tmp_path):
    """An adapter of Phi-3 on a Llama: `qkv_proj` has no place there."""
    tiny_models.adapted(tiny_models.model("phi3")).save_pretrained(tmp_path / "adapter")
    with pytest.raises(ModelError, match="no name in GGUF for llama"):
        gguf_adapter.write(tmp_path / "adapter", bases["llama"].folder, tmp_path / "adapter.gguf")
    assert not (tmp_path / "adapter.gguf").exists()
