"""An expert whose tiny model was tuned three times, each time to one answer whatever is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from parts import write_documents
from tuning import tiny_models

from metier import Expert
from metier.dataset import rows
from metier.tuning import gguf_adapter

QUESTIONS = [f"What does part {letter} do?" for letter in "ABCDEF"]
SAID = {"parts@1": "rotor hub", "parts@2": "yaw brake", "parts@3": "pitch cable"}  # whatever is asked
TUNING = {
    "rank": 8, "alpha": 16, "batch": 6, "epochs": 50, "learning_rate": 1e-2, "warmup": 0, "schedule": "constant",
    "validation": 0, "dtype": "float32", "device": "cpu",
}  # fmt: skip
SETTINGS = """
[generation]
model = "gguf:tiny.gguf"
max_tokens = 24
threads = 1
context_tokens = 512

[tuning]
base = "base"
"""


def write_expert(place: Path) -> Path:
    """The folder of an expert with a tiny model, before it was tuned."""
    write_documents(place / "docs")
    with Expert.create(place / "parts") as made:
        made.add(str(place / "docs"))
        made.sync()
    toml = place / "parts" / "metier.toml"
    kept = toml.read_text(encoding="utf-8")
    toml.write_text(kept[: kept.index("[generation]")] + SETTINGS + kept[kept.index("[[sources]]") :], encoding="utf-8")
    base = tiny_models.save(place / "parts" / "base", "llama")
    tiny_models.write_gguf(base, place / "parts" / "tiny.gguf")
    return place / "parts"


def write_tuned(place: Path) -> Path:
    """Its folder. Two adapters more cannot be served: `foreign` belongs to other weights, `broken` is damaged."""
    write_expert(place)
    with Expert.open(place / "parts") as expert:
        for answer in SAID.values():
            rows.save(
                expert.runtime.state_folder / rows.FILE_NAME, [rows.Row(question, answer) for question in QUESTIONS]
            )
            assert expert.adapters.tune("parts", **TUNING).result["loss"] < 0.1
        model, card = tiny_models.adapted(tiny_models.model("llama")), expert.adapters.registry.get("parts@1")
        expert.adapters.registry.add(model, replace(card, name="foreign", base_fingerprint="f00d"))
        expert.adapters.registry.add(
            model, replace(card, name="broken"), lambda part: (part / gguf_adapter.FILE_NAME).write_bytes(b"GGUF!")
        )
    return place / "parts"
