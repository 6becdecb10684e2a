"""Forms of one adapter held against the adapter itself, on tiny models with an adapter of random numbers; and forms
that went wrong on purpose, each in a way that a converter or a server can."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tuning import tiny_models

from metier.core.settings import Settings
from metier.evaluation.export_parity import (
    FORMS,
    Measure,
    ParityCase,
    Written,
    aligned,
    export_parity,
    gguf_writer,
    torch_writer,
    written_by,
)
from metier.generation.base import Completion, Message
from metier.tuning import base_model, exporting, gguf_adapter, gguf_model
from metier.tuning.adapters import Card

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
CASES = [ParityCase((Message("user", f"Part {letter * 6}?"),), ("rotor",)) for letter in "ABCD"]


def writes_ascii(folder: Path) -> Path:
    """Else its random bytes are no text, and no tokens could be compared."""
    weights = load_file(folder / "model.safetensors")
    ascii_letters = [token.isascii() and token.isalpha() for token in tiny_models.tokens("llama")]
    embedding = weights["model.embed_tokens.weight"]
    embedding[~np.array(ascii_letters)] *= 0.01
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(settings, folder of the adapter, its card)"""
    place = tmp_path_factory.mktemp("parity")
    base = writes_ascii(tiny_models.save(place / "base", "llama"))
    gguf = tiny_models.write_gguf(base, place / "tiny.gguf")
    adapter = place / "adapter"
    tiny_models.adapted(tiny_models.model("llama"), strength=0.3).save_pretrained(adapter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METIER_CACHE", str(tiny_models.own_cache(place / "cache")))
        settings = Settings.model_validate(
            {"generation": {"model": f"gguf:{gguf}", "threads": 1}, "tuning": {"base": f"gguf:{gguf}"}}
        )
        whole = base_model.locate(settings, place)
        gguf_adapter.write(adapter, whole.folder, adapter / gguf_adapter.FILE_NAME)
        yield settings, adapter, Card("tiny", 1, "tiny", whole.fingerprint, "", {}, {})


@pytest.fixture(scope="module")
def measure(made):
    settings, adapter, _ = made
    return Measure(base_model.locate(settings, adapter), adapter, CASES, 0.1)


class ScriptedServer:
    """A stand-in for a server that answers with an adapter under its name: what it says is what `write` gives."""

    def __init__(self, write: Callable[[str | None, Message], Written], *, tells: bool = True) -> None:
        self._write, self._tells = write, tells

    def complete(self, messages, *, max_tokens, adapter=None, logprobs=False, fresh=False) -> Completion:
        said = self._write(adapter, messages)
        told = said.logprobs if self._tells else ()
        return Completion(said.text, 1, 1, 0, 0.0, 0.0, "stop" if said.ended else "length", told)


def test_every_form_is_the_same(made, measure):
    settings, adapter, card = made

    def serve(asked, messages):
        assert asked in ("tiny@1", None)
        return measure.reference.write(messages) if asked else base_writes(made, messages)

    left = adapter.parent / ".parity" / "merged"  # as a comparison that was killed leaves it
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    done = []
    found = export_parity(
        settings, adapter.parent, adapter, card, CASES, server=ScriptedServer(serve), tell=lambda *at: done.append(at)
    )
    assert [each.form for each in found.forms] == list(FORMS)
    assert found.refusals() == []
    assert found.tells
    assert all(each.tokens >= 20 for each in found.forms)
    assert found.effect > 1
    assert done[-1][:2] == (5, 5)
    assert [path.name for path in adapter.parent.glob(".parity*")] == []
    assert json.loads(json.dumps(found.to_json()))["same"] is True


def base_writes(made, messages) -> Written:
    settings, adapter, _ = made
    with torch_writer(base_model.locate(settings, adapter).folder) as writer:
        return writer(messages)


def test_a_server_that_answers_with_the_base_is_refused_with_the_figure(made, measure):
    server = ScriptedServer(lambda _asked, messages: base_writes(made, messages))
    found = measure.form("server", written_by(server, "tiny@1"), written_by(server, None))
    assert found.difference > 1
    assert found.floor < 0.01
    assert f"differs by {found.difference:.2f} nats a token" in found.problem


def test_a_server_that_tells_no_probabilities_is_judged_by_its_score(made, measure):
    right = ScriptedServer(lambda _asked, _messages: Written("rotor", (), True), tells=False)
    found = measure.form("server", written_by(right, "tiny@1"))
    assert (found.difference, found.score) == (None, 1.0)
    assert "its score is 1.00" in found.problem  # the adapter of random numbers never says it
    same = ScriptedServer(lambda _asked, messages: measure.reference.write(messages), tells=False)
    assert measure.form("server", written_by(same, "tiny@1")).problem == ""


def test_an_adapter_at_half_its_strength_is_refused(made, measure, tmp_path):
    """As a converter that forgets alpha / rank makes it."""
    settings, adapter, _ = made
    weak = shutil.copytree(adapter, tmp_path / "weak")
    config = json.loads((weak / "adapter_config.json").read_text())
    (weak / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": config["lora_alpha"] / 2}))
    exporting.save_merged(base_model.locate(settings, adapter), weak, tmp_path / "merged")
    with torch_writer(tmp_path / "merged") as writer:
        assert "merged is not what was tuned" in measure.form("merged", writer).problem


def test_rows_of_q_and_k_in_another_order_are_refused(made, measure, tmp_path, monkeypatch):
    settings, adapter, _ = made
    base = base_model.locate(settings, adapter)
    exporting.save_merged(base, adapter, tmp_path / "merged")
    monkeypatch.setattr(gguf_model, "reordered", lambda matrix, *_: matrix)
    file = gguf_model.write(tmp_path / "merged", Path(settings.generation.model[5:]), tmp_path / "bad.gguf", "f16")
    with gguf_writer(settings, file) as writer:
        assert "gguf-f16 is not what was tuned" in measure.form("gguf-f16", writer).problem


def test_a_model_that_gives_no_numbers_is_refused(measure):
    nothing = Written("rotor", (float("nan"),) * 6, True)
    assert "nan nats" in measure.form("merged", lambda _messages: nothing).problem


def test_an_adapter_that_changes_nothing_tells_nothing(made, tmp_path):
    settings, _, _ = made
    tiny_models.adapted(tiny_models.model("llama"), strength=0.001).save_pretrained(tmp_path / "none")
    base = base_model.locate(settings, tmp_path)
    found = Measure(base, tmp_path / "none", CASES, 0.1).result(Card("n", 1, "", "", "", {}, {}), [])
    assert not found.tells


def test_tokens_that_are_not_told_are_left_out():
    wanted, ends = np.array([-1.0, -2.0, -3.0, -0.5]), np.array([True, False, True, True])
    assert aligned(np.array([-1.0, -2.0, -3.0, -0.5]), wanted, ends) == pytest.approx([0] * 4)
    assert aligned(np.array([-1.0, -3.5, -0.5]), wanted, ends) == pytest.approx([0, 0.5, 0])  # a character of two
    assert aligned(np.array([-1.0, -2.0, -3.0]), wanted, np.array([True] * 4)) == pytest.approx([0] * 3)  # no end
    assert aligned(np.array([-1.0]), wanted, ends) is None
