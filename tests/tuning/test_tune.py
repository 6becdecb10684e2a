from __future__ import annotations

import json

import huggingface_hub
import pytest

from metier import Expert
from metier.core.errors import InputError, SettingsError
from metier.core.settings import Settings
from metier.dataset.rows import content_hash, save
from metier.generation import gguf_file
from metier.tuning import base_model
from metier.tuning.adapters import Registry
from metier.tuning.tune import served, tune

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture
def expert(tmp_path):
    folder = tmp_path / "expert"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "kept.txt").write_text("kept")
    return folder


QUICK = {"rank": 4, "batch": 4, "epochs": 1, "validation": 0, "dtype": "float32", "device": "cpu"}


def expert_with(folder, base, instruction: str | None = None) -> Expert:
    """An expert on a tiny model with eight rows."""
    expert = Expert.create(folder)
    said = (folder / "metier.toml").read_text(encoding="utf-8")
    said = said.replace('"smollm2-135m-instruct"', json.dumps(str(base.folder)))
    if instruction:
        said += f"\n[answering]\ninstruction = {json.dumps(instruction)}\n"
    (folder / "metier.toml").write_text(said, encoding="utf-8")
    opened = Expert.open(folder)
    opened.runtime.state_folder.mkdir()
    save(opened.runtime.state_folder / "dataset.jsonl", tiny_models.rows())
    expert.close()
    return opened


def settings_for(base, **changes) -> Settings:
    values = {"name": "tiny", "generation": {"model": str(base.folder)}, "tuning": QUICK | changes}
    return Settings.model_validate(values)


def test_the_card_says_what_the_adapter_was_made_of(bases, expert):
    base, rows = bases["llama"], tiny_models.rows()
    settings = settings_for(base)
    card = tune(settings, rows, expert, expert / ".metier", "tiny")
    registry = Registry(expert / ".metier" / "adapters")
    assert registry.get("tiny@1") == card
    assert (card.base, card.base_fingerprint) == (str(base.folder), base.fingerprint)
    assert card.dataset == content_hash(rows)
    assert card.settings == settings.tuning.model_dump(mode="json")
    assert (card.method, card.result["steps"], card.result["rows"]) == ("lora", 2, 8)
    assert (registry.folder(card) / "metrics.jsonl").read_text(encoding="utf-8").count("\n") == 2
    assert served(registry, card, settings, expert).exists()
    assert tune(settings, rows, expert, expert / ".metier", "tiny").version == 2


@pytest.mark.parametrize(("option", "name"), [("rslora", "rsLoRA"), ("dora", "DoRA")])
def test_rslora_and_dora_are_kept_but_not_served_by_llama_cpp(bases, expert, option, name):
    settings = settings_for(bases["llama"], **{option: True})
    card = tune(settings, tiny_models.rows(), expert, expert / ".metier", "tiny")
    with pytest.raises(InputError, match=name):
        served(Registry(expert / ".metier" / "adapters"), card, settings, expert)


def test_without_rows_there_is_nothing_to_train_on(bases, expert):
    with pytest.raises(InputError, match="nothing to train on") as caught:
        tune(settings_for(bases["llama"]), [], expert, expert / ".metier", "tiny")
    assert "metier dataset import" in caught.value.hint


@pytest.mark.parametrize("name", ["../../docs", "a b", "", "x/y"])
def test_a_name_that_cannot_be_is_refused_before_anything_is_trained_or_deleted(bases, expert, name):
    steps = []
    with pytest.raises(InputError, match="cannot be the name of an adapter"):
        tune(settings_for(bases["llama"]), tiny_models.rows(), expert, expert / ".metier", name, on_step=steps.append)
    assert (expert / "docs" / "kept.txt").exists()
    assert not steps


def test_the_name_of_any_expert_makes_a_name_for_its_adapter(bases, tmp_path):
    """`metier init "My turbines"` is allowed, and `metier tune` takes the expert's name."""
    with expert_with(tmp_path / "My turbines", bases["llama"]) as expert:
        card = expert.adapters.tune(**QUICK)
        assert expert.adapters.registry.get(card.reference) == card


def test_the_experts_own_instruction_is_what_it_is_trained_with(bases, tmp_path):
    """`[answering] instruction` is in every prompt of the expert, and training without it teaches another prompt."""
    losses = []
    for number, instruction in enumerate((None, "Answer like a pirate, in the words of the manual.")):
        with expert_with(tmp_path / str(number), bases["llama"], instruction) as expert:
            losses.append(expert.adapters.tune("tiny", **QUICK).result["loss"])
    assert losses[0] != losses[1]


def test_changes_for_one_run_are_checked_like_settings(bases, tmp_path):
    with (
        expert_with(tmp_path / "expert", bases["llama"]) as expert,
        pytest.raises(SettingsError, match=r"tuning\.rank.*greater than or equal to 1"),
    ):
        expert.adapters.tune("tiny", rank=0)


def test_a_model_behind_an_endpoint_cannot_be_tuned(expert):
    settings = Settings.model_validate({"name": "x", "generation": {"model": "openai:gpt-4o"}})
    with pytest.raises(InputError, match="behind an endpoint"):
        tune(settings, tiny_models.rows(), expert, expert / ".metier", "tiny")


def test_what_answers_from_the_hub_is_what_is_tuned(packaged_gguf, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", tmp_path)
    repository = tmp_path / "models--o--m"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "m-q4.gguf").symlink_to(packaged_gguf)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40, encoding="ascii")
    settings = Settings.model_validate({"name": "x", "generation": {"model": "hf:o/m"}})
    assert base_model.gguf_of(settings, tmp_path) == snapshot / "m-q4.gguf"
    assert base_model.fingerprint(settings, tmp_path) == gguf_file.fingerprint(packaged_gguf)
    full = Settings.model_validate({"name": "x", "tuning": {"base": "hf:o/m"}})
    assert base_model.gguf_of(full, tmp_path) is None


def test_a_run_can_be_shorter_and_on_fewer_matrices_than_is_set(bases, expert):
    settings = settings_for(bases["phi3"], max_steps=1, epochs=5, modules=["o_proj", "down_proj"])
    card = tune(settings, tiny_models.rows(), expert, expert / ".metier", "tiny")
    assert (card.result["steps"], card.result["planned"]) == (1, 1)
    folder = Registry(expert / ".metier" / "adapters").folder(card)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert sorted(config["target_modules"]) == ["down_proj", "o_proj"]


def test_a_matrix_that_the_model_has_not_is_told_with_those_it_has(bases, expert):
    settings = settings_for(bases["phi3"], modules=["q_proj"])
    with pytest.raises(InputError, match=r"no q_proj.*It has .*qkv_proj"):
        tune(settings, tiny_models.rows(), expert, expert / ".metier", "tiny")
