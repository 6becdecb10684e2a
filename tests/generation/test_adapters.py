from __future__ import annotations

import pytest
from tuning import tiny_models

from metier import Expert
from metier.core.errors import EndpointError, InputError, ModelError
from metier.core.settings import GenerationSettings
from metier.generation import Message, create, gguf_file
from metier.generation.llama_server import LlamaServer
from metier.tuning import gguf_adapter
from metier.tuning.adapters import Card

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
ASKED = [Message("user", "Part A?")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A tiny Llama as GGUF and two adapters that change all it says."""
    folder = tmp_path_factory.mktemp("adapted")
    tiny_models.save(folder / "base", "llama")
    for name, seed in (("one", 1), ("two", 2)):
        tiny_models.adapted(tiny_models.model("llama"), seed, strength=0.3).save_pretrained(folder / name)
        gguf_adapter.write(folder / name, folder / "base", folder / f"{name}.gguf")
    tiny_models.write_gguf(folder / "base", folder / "base.gguf")
    return folder


def generator_of(made, *names: str):
    settings = GenerationSettings(model=f"gguf:{made / 'base.gguf'}", threads=1, context_tokens=512)
    return create(settings, adapters={name: made / f"{name}.gguf" for name in names})


@pytest.fixture(scope="module")
def plain(made):
    generator = generator_of(made)
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def adapted(made):
    generator = generator_of(made, "one", "two")
    yield generator
    generator.close()


def test_each_request_chooses_its_adapter(plain, adapted):
    def write(generator, adapter=None):
        return generator.complete(ASKED, max_tokens=8, adapter=adapter, logprobs=True).logprobs

    base = write(plain)
    one, two = write(adapted, "one"), write(adapted, "two")
    assert len({base, one, two}) == 3
    for _ in range(2):
        assert write(adapted) == pytest.approx(base, abs=1e-3)
        assert write(adapted, "one") == pytest.approx(one, abs=1e-3)
        assert write(adapted, "two") == pytest.approx(two, abs=1e-3)


def test_an_adapter_that_is_not_loaded_is_an_error(plain, adapted):
    for generator in (plain, adapted):
        with pytest.raises(ModelError, match="adapter 'three' is not loaded"):
            generator.complete(ASKED, max_tokens=1, adapter="three")


def test_an_adapter_whose_file_is_missing_or_noise_is_an_error(made, tmp_path):
    (tmp_path / "noise.gguf").write_bytes(b"noise" * 1000)
    for path in (tmp_path / "missing.gguf", tmp_path / "noise.gguf"):
        settings = GenerationSettings(model=f"gguf:{made / 'base.gguf'}", threads=1, context_tokens=512)
        generator = create(settings, adapters={"broken": path})
        with pytest.raises(ModelError, match=r"no such model file|not a usable GGUF file"):
            generator.complete(ASKED, max_tokens=1, adapter="broken")
        generator.close()


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_an_adapter_whose_file_was_cut_is_named_and_not_the_base(made, tmp_path, share):
    whole = (made / "one.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: int(len(whole) * share)])
    settings = GenerationSettings(model=f"gguf:{made / 'base.gguf'}", threads=1, context_tokens=512)
    generator = create(settings, adapters={"broken": tmp_path / "cut.gguf"})
    with pytest.raises(ModelError) as caught:
        generator.complete(ASKED, max_tokens=1, adapter="broken")
    assert "cut.gguf" in str(caught.value)


def test_a_server_of_llama_cpp_is_asked_by_the_number_of_its_file(made, plain, adapted, tmp_path, monkeypatch):
    """Its own server over HTTP, which this process runs, too: it lists adapters by their files."""
    files = [(made / f"{name}.gguf").rename(tmp_path / f"{name}@1.gguf") for name in ("one", "two")]
    server = LlamaServer(made / "base.gguf", context_tokens=512, threads=1, gpu_layers=0, slots=1, adapters=files)
    monkeypatch.setenv("KEY_OF_LLAMA", server._key)
    settings = GenerationSettings(
        model="openai:base.gguf", url=f"http://{server._address}/v1", api_key_env="KEY_OF_LLAMA"
    )
    generator = create(settings)
    try:
        with pytest.raises(EndpointError, match="applies an adapter to whatever is asked"):
            generator.adapters.require("one@1")
        server.post("/lora-adapters", [{"id": 0, "scale": 0}, {"id": 1, "scale": 0}])  # as --lora-scaled FILE:0 does
        for name in ("one", "two"):
            asked = generator.complete(ASKED, max_tokens=8, adapter=f"{name}@1", logprobs=True)
            here = adapted.complete(ASKED, max_tokens=8, adapter=name, logprobs=True)
            assert asked.logprobs == pytest.approx(here.logprobs, abs=1e-3)
        base = generator.complete(ASKED, max_tokens=8, logprobs=True)
        assert base.logprobs == pytest.approx(plain.complete(ASKED, max_tokens=8, logprobs=True).logprobs, abs=1e-3)
        with pytest.raises(EndpointError, match="has no adapter three@1"):
            generator.adapters.require("three@1")
    finally:
        generator.close()
        server.close()
        for file in files:
            file.rename(made / file.name.replace("@1", ""))


# ── the expert's tuned modes ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tiny_expert(made, tmp_path, monkeypatch):
    monkeypatch.setenv("METIER_CACHE", str(tiny_models.own_cache(tmp_path / "cache")))
    (tmp_path / "metier.toml").write_text(
        f'name = "tiny"\n[generation]\nmodel = "gguf:{made / "base.gguf"}"\nthreads = 1\ncontext_tokens = 512\n'
        "max_tokens = 8\n",
        encoding="utf-8",
    )
    with Expert.open(tmp_path) as expert:
        yield expert


def keep(expert, made, fingerprint: str) -> Card:
    """Put adapter `one` into the registry, as a run would have."""
    model = tiny_models.adapted(tiny_models.model("llama"), 1, strength=0.3)
    card = Card("tiny", 0, "tiny-llama", fingerprint, "", {"method": "lora"}, {})
    card = expert.adapters.registry.add(model, card)
    folder = expert.adapters.registry.folder(card)
    gguf_adapter.write(folder, made / "base", folder / gguf_adapter.FILE_NAME)
    return card


def test_tuned_without_an_adapter_in_production_says_what_to_do(tiny_expert):
    for mode in ("tuned", "rag+tuned"):
        with pytest.raises(InputError, match="no adapter is in production") as caught:
            tiny_expert.ask("Part A?", mode=mode)
        assert "metier tune" in caught.value.hint
        assert "metier adapters promote" in caught.value.hint
    with pytest.raises(InputError, match="no adapter 'nacelles'"):
        tiny_expert.ask("Part A?", mode="tuned", adapter="nacelles")


def test_the_adapter_in_production_answers(tiny_expert, made):
    card = keep(tiny_expert, made, gguf_file.fingerprint(made / "base.gguf"))
    before = tiny_expert.ask("Part A?", mode="base")
    named = tiny_expert.ask("Part A?", mode="tuned", adapter="tiny@1")
    assert (before.adapter, named.adapter) == (None, "tiny@1")
    assert named.text != before.text
    tiny_expert.adapters.registry.promote(card.reference, card.base_fingerprint)
    answer = tiny_expert.ask("Part A?", mode="tuned")
    assert (answer.adapter, answer.mode, answer.text) == ("tiny@1", "tuned", named.text)
    assert tiny_expert.ask("Part A?", mode="base").text == before.text


def test_an_adapter_of_other_weights_never_answers(tiny_expert, made):
    """llama.cpp would add it to any weights of the same shape, and say anything at all."""
    card = keep(tiny_expert, made, "f00d" * 4)
    with pytest.raises(InputError, match="other weights"):
        tiny_expert.adapters.promote(card.reference)
    with pytest.raises(InputError, match="other weights"):
        tiny_expert.ask("Part A?", mode="tuned", adapter=card.reference)


def test_an_adapter_in_production_does_not_answer_for_another_model(tiny_expert, made, tmp_path):
    card = keep(tiny_expert, made, gguf_file.fingerprint(made / "base.gguf"))
    tiny_expert.adapters.registry.promote(card.reference, card.base_fingerprint)
    tiny_models.save(tmp_path / "other", "llama", seed=5)
    other = tiny_models.write_gguf(tmp_path / "other", tmp_path / "other.gguf")
    generation = tiny_expert.settings.generation.model_copy(update={"model": f"gguf:{other}"})
    tiny_expert.runtime.settings = tiny_expert.settings.model_copy(update={"generation": generation})
    with pytest.raises(InputError, match="other weights"):
        tiny_expert.ask("Part A?", mode="tuned")


def test_an_adapter_that_llama_cpp_cannot_apply_says_so(tiny_expert, made):
    fingerprint = gguf_file.fingerprint(made / "base.gguf")
    model = tiny_models.adapted(tiny_models.model("llama"), use_dora=True)
    card = Card("tiny", 0, "tiny-llama", fingerprint, "", {"method": "lora", "dora": True}, {})
    tiny_expert.adapters.registry.add(model, card)
    with pytest.raises(InputError, match="cannot apply a DoRA adapter") as caught:
        tiny_expert.ask("Part A?", mode="tuned", adapter="tiny")
    assert "--as merged" in caught.value.hint


def test_a_version_whose_gguf_was_never_written_is_served_all_the_same(tiny_expert, made):
    """Killed between the adapter and its GGUF: it is plain LoRA, and can be converted now."""
    card = keep(tiny_expert, made, gguf_file.fingerprint(made / "base.gguf"))
    expected = tiny_expert.ask("Part A?", mode="tuned", adapter=card.reference).text
    tiny_expert.close()
    (tiny_expert.adapters.registry.folder(card) / gguf_adapter.FILE_NAME).unlink()
    with Expert.open(tiny_expert.folder) as again:
        assert again.ask("Part A?", mode="tuned", adapter=card.reference).text == expected
