from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from metier.core.errors import InputError, ModelError, StoreError
from metier.core.settings import Settings
from metier.tuning.adapters import Card, Registry
from metier.tuning.tune import served

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
CARD = Card(
    name="turbines",
    version=0,
    base="tiny",
    base_fingerprint="f00d",
    dataset="da7a",
    settings={"method": "lora", "rank": 8},
    result={"loss": 0.5},
)


@pytest.fixture(scope="module")
def model():
    return tiny_models.adapted(tiny_models.model("llama"))


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "adapters")


def add(registry, model, name: str = "turbines") -> Card:
    return registry.add(model, replace(CARD, name=name))


def test_versions_count_up_for_each_name(registry, model):
    added = [add(registry, model, name).reference for name in ("turbines", "turbines", "pumps", "turbines")]
    assert added == ["turbines@1", "turbines@2", "pumps@1", "turbines@3"]
    listed = [card.reference for card in registry.cards()]
    assert listed == ["pumps@1", "turbines@3", "turbines@2", "turbines@1"]


def test_the_tenth_version_follows_the_ninth(registry, model):
    add(registry, model)
    shutil.copytree(registry.folder(registry.get("turbines")), registry.folder(CARD).with_name("10"))
    assert add(registry, model).version == 11


def test_a_card_comes_back_as_it_was_kept(registry, model):
    card = add(registry, model, "টারবাইন-১")
    assert card.created
    assert registry.get("টারবাইন-১@1") == card
    assert card == replace(CARD, name="টারবাইন-১", version=1, created=card.created)


def test_a_name_alone_means_its_newest_version(registry, model):
    add(registry, model)
    add(registry, model)
    assert registry.get("turbines").version == 2
    assert registry.get("turbines@1").version == 1


def test_what_is_kept_is_what_peft_and_vllm_load(registry, model):
    kept_too = registry.add(model, CARD, lambda part: (part / "metrics.jsonl").write_text('{"step": 1}\n'))
    folder = registry.folder(kept_too)
    files = {path.name for path in folder.iterdir()}
    assert files == {"README.md", "adapter_config.json", "adapter_model.safetensors", "card.json", "metrics.jsonl"}
    kept = load_file(folder / "adapter_model.safetensors")
    for name, number in model.named_parameters():
        if "lora_" in name:
            assert torch.equal(kept[name.replace(".default", "")], number)


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "a\\b", "-e", "a b", "a" * 65, "a\0", "a@2", "a\n"])
def test_bad_names_are_refused(registry, model, name):
    with pytest.raises(InputError, match="cannot be the name of an adapter"):
        add(registry, model, name)
    assert registry.cards() == []


def test_an_unknown_adapter_is_answered_with_those_there_are(registry, model):
    with pytest.raises(InputError) as caught:
        registry.get("turbines")
    assert "metier tune" in caught.value.hint
    add(registry, model)
    add(registry, model, "pumps")
    for unknown in ("turbine", "turbines@2", "turbines@x", "", "@1", "../adapters/turbines"):
        with pytest.raises(InputError) as caught:
            registry.get(unknown)
        assert "pumps@1, turbines@1" in caught.value.hint


# ── production ───────────────────────────────────────────────────────────────────────────────────────────────────────


def states(registry) -> dict[str, str]:
    return {card.reference: card.state for card in registry.cards()}


def test_promote_and_roll_back(registry, model):
    assert registry.production() is None
    for _ in range(3):
        add(registry, model)
    assert registry.promote("turbines@1", "f00d").state == "production"
    assert registry.promote("turbines@2", "f00d").reference == "turbines@2"
    assert registry.production().reference == "turbines@2"
    assert states(registry) == {"turbines@3": "candidate", "turbines@2": "production", "turbines@1": "retired"}
    registry.promote("turbines@1", "f00d")
    assert states(registry) == {"turbines@3": "candidate", "turbines@2": "retired", "turbines@1": "production"}
    assert registry.rollback().reference == "turbines@2"
    assert registry.rollback().reference == "turbines@1"
    assert registry.rollback() is None
    assert set(states(registry).values()) == {"candidate"}
    with pytest.raises(InputError, match="no adapter is in production"):
        registry.rollback()


def test_promoting_twice_needs_rolling_back_once(registry, model):
    add(registry, model)
    registry.promote("turbines", "f00d")
    registry.promote("turbines@1", "f00d")
    assert registry.rollback() is None


def test_another_registry_on_the_same_folder_sees_it_at_once(registry, model, tmp_path):
    other = Registry(tmp_path / "adapters")
    add(registry, model)
    registry.promote("turbines", "f00d")
    assert other.production().reference == "turbines@1"


def test_an_adapter_of_other_weights_is_not_promoted(registry, model):
    add(registry, model)
    with pytest.raises(InputError, match=r"trained on tiny \(f00d\).*other weights \(beef\)"):
        registry.promote("turbines", "beef")
    assert registry.production() is None


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_file_that_was_cut_is_not_promoted(registry, model, share):
    add(registry, model)
    add(registry, model)
    registry.promote("turbines@1", "f00d")
    file = registry.folder(registry.get("turbines@2")) / "adapter_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match="turbines@2 is damaged"):
        registry.promote("turbines@2", "f00d")
    assert registry.production().reference == "turbines@1"


def test_a_file_that_holds_nothing_is_not_promoted(registry, model):
    card = add(registry, model)
    save_file({}, registry.folder(card) / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="holds nothing"):
        registry.promote("turbines", "f00d")


def test_nothing_pickled_is_read(registry, model, tmp_path):
    """A pickle can run any program. This one would leave a file behind."""
    card = add(registry, model)
    folder = registry.folder(card)
    (folder / "adapter_model.safetensors").unlink()
    trap = folder / "trap"
    torch.save(Trap(str(trap)), folder / "adapter_model.bin")
    for use in (lambda: registry.promote("turbines", "f00d"), lambda: served(registry, card, Settings(), tmp_path)):
        with pytest.raises(ModelError, match="damaged"):
            use()
    assert not trap.exists()


class Trap:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_half_a_version_that_was_left_behind_is_neither_seen_nor_in_the_way(registry, model):
    add(registry, model)
    part = registry.folder(replace(CARD, version=2)).with_name("2.part")
    part.mkdir()
    (part / "adapter_model.safetensors").write_bytes(b"half")
    (part / "card.json").write_text('{"name": "turbines", "vers')
    assert [card.reference for card in registry.cards()] == ["turbines@1"]
    assert add(registry, model).version == 2
    assert not part.exists()
    registry.promote("turbines@2", "f00d")


_CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from metier.tuning.adapters import Card, Registry

class Slow:
    def save_pretrained(self, folder, safe_serialization):
        from safetensors.torch import save_file
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            save_file({"a": torch.zeros(1_000_000)}, folder / "adapter_model.safetensors")

Registry(Path(sys.argv[1])).add(Slow(), Card("turbines", 0, "tiny", "f00d", "", {}, {}))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signal here kills at once")
def test_killed_while_it_is_kept_an_adapter_is_not_there(registry, model, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", _CHILD, str(tmp_path / "adapters")]
    child = subprocess.Popen(command, stderr=subprocess.PIPE)
    part = tmp_path / "adapters" / "turbines" / "1.part"
    while child.poll() is None and not (part / "adapter_model.safetensors").exists():
        time.sleep(0.01)
    child.kill()
    _, said = child.communicate()
    assert child.returncode == -signal.SIGKILL, said.decode()
    assert part.exists()
    assert registry.cards() == []
    assert add(registry, model).reference == "turbines@1"
    assert not part.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"name": "turbines"}', '{"unknown": 1}', "\0\xff"])
def test_a_card_that_cannot_be_read_is_named(registry, model, text):
    card = add(registry, model)
    file = registry.folder(card) / "card.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match="cannot be read") as caught:
        registry.cards()
    assert caught.value.where == str(file)


@pytest.mark.parametrize("text", ["", "{", "7", "null", '"turbines@1"', '{"turbines@1": 1}', "[7]", "\xff"])
def test_a_production_file_that_cannot_be_read_is_named(registry, model, tmp_path, text):
    add(registry, model)
    file = tmp_path / "adapters" / "production.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match="cannot be read") as caught:
        registry.production()
    assert caught.value.where == str(file)
    file.unlink()
    assert registry.promote("turbines", "f00d").state == "production"


def test_exam_results_are_kept_beside_those_before(registry, model):
    card = add(registry, model)
    registry.note_exam(card, {"correct": 0.5})
    registry.note_exam(card, {"faithful": 0.75})
    assert registry.get("turbines").exam == {"correct": 0.5, "faithful": 0.75}
    registry.note_exam(registry.get("turbines"), {"correct": 0.625})
    kept = registry.get("turbines")
    assert kept.exam == {"correct": 0.625, "faithful": 0.75}
    assert replace(kept, exam={}) == card


def test_where_an_adapter_stands_is_not_written_on_its_card(registry, model):
    card = add(registry, model)
    registry.promote("turbines", "f00d")
    registry.note_exam(registry.get("turbines"), {"correct": 0.5})
    registry.rollback()
    assert registry.get("turbines").state == "candidate"
    assert "state" not in json.loads((registry.folder(card) / "card.json").read_text(encoding="utf-8"))
