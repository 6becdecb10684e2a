from __future__ import annotations

import pytest

from metier.core.errors import InputError, ModelError, SettingsError
from metier.core.settings import GenerationSettings
from metier.generation import Message, create


@pytest.mark.parametrize("model", ["gguf:", "hf:", "openai:", "magic:x", ":x"])
def test_names_that_mean_nothing(model):
    with pytest.raises(SettingsError, match="no model is called"):
        create(GenerationSettings(model=model))


def test_an_unknown_packaged_name_is_named():
    with pytest.raises(InputError, match="smollm3-9b"):
        create(GenerationSettings(model="smollm3-9b")).count_tokens([Message("user", "Hi")])


def test_a_relative_file_is_found_beside_the_settings(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path.name}", threads=1), folder=phi3_path.parent)
    assert generator.fingerprint
    with pytest.raises(ModelError, match="no such model file"):
        create(GenerationSettings(model=f"gguf:{phi3_path.name}"), folder=phi3_path.parent / "x").count_tokens([])


def test_a_key_that_is_not_set(monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(SettingsError, match="NO_SUCH_KEY"):
        create(GenerationSettings(model="openai:gpt-4o-mini", api_key_env="NO_SUCH_KEY"))
