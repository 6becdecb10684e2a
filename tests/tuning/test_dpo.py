"""Preferences are learned: on a stand-in that has learned wrong answers better than right ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from metier.core.errors import InputError
from metier.core.settings import Settings, TuningSettings
from metier.dataset.preferences import PreferencePair
from metier.dataset.provenance import Provenance
from metier.tuning import base_model
from metier.tuning.adapters import Registry
from metier.tuning.checkpoints import RunFolder
from metier.tuning.encoding import Encoder
from metier.tuning.trainers import dpo
from metier.tuning.tune import tune, tune_on_preferences

from . import tiny_models
from .test_tune import expert_with

pytestmark = [
    pytest.mark.slow,
    # PEFT 0.21 asks transformers 5 for an attribute by its old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
TUNING = {
    "rank": 8, "alpha": 16, "batch": 4, "schedule": "constant", "warmup": 0, "validation": 0, "dtype": "float32",
    "device": "cpu", "checkpoint_seconds": 3600,
}  # fmt: skip
RIGHT = tiny_models.rows(4)
WRONG = [replace(row, completion=other) for row, other in zip(RIGHT, ("seven", "green", "north", "oil"), strict=True)]
PAIRS = [PreferencePair(right, wrong.completion) for right, wrong in zip(RIGHT, WRONG, strict=True)]
SHORT = TuningSettings(**TUNING | {"dpo_learning_rate": 2e-3, "epochs": 4, "checkpoint_seconds": 0})


@pytest.fixture(scope="module")
def expert(bases, tmp_path_factory):
    """Settings, folder, and an adapter that was shown the wrong answers twice as often as the right ones."""
    folder = tmp_path_factory.mktemp("expert")
    values = {"name": "tiny", "generation": {"model": str(bases["phi3"].folder)}}
    settings = Settings.model_validate(values | {"tuning": TUNING | {"learning_rate": 1e-2, "epochs": 80}})
    rows = [*RIGHT, *WRONG, *(replace(row, origin="again") for row in WRONG)]
    tune(settings, rows, folder, folder / ".metier", "taught")
    return settings, folder, Registry(folder / ".metier" / "adapters")


def answers(base, adapter) -> list[str]:
    """What the model writes to each question, greedily."""
    from peft import PeftModel

    encoder = Encoder(base_model.load_tokenizer(base))
    frozen = base_model.load_model(base, quantised=False, dtype="float32")
    model = PeftModel.from_pretrained(frozen, adapter).eval()
    said = []
    for row in RIGHT:
        prompt = torch.tensor([encoder.prompt(row.prompt())])
        written = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=12,
            eos_token_id=encoder.end_of_turn, pad_token_id=0,
        )[0, prompt.shape[1] :]  # fmt: skip
        said.append(encoder.decode([token for token in written.tolist() if token != encoder.end_of_turn]))
    return said


def test_the_margin_grows_and_the_answers_turn_to_those_that_are_wanted(bases, expert):
    settings, folder, registry = expert
    taught = registry.get("taught")
    assert answers(bases["phi3"], registry.folder(taught)) == [row.completion for row in WRONG]
    wanted = settings.model_copy(
        update={"tuning": TuningSettings(**TUNING | {"dpo_learning_rate": 1e-3, "epochs": 8, "dpo_beta": 0.2})}
    )
    card = tune_on_preferences(
        wanted, PAIRS, folder, folder / ".metier", "better", start=taught, learned=Provenance(("a.md",))
    )
    curve = RunFolder(registry.folder(card)).curve()
    assert curve[0]["margin"] == pytest.approx(0, abs=1e-6)  # it is its own reference at the start
    assert curve[-1]["margin"] > 0.3 > curve[2]["margin"] > 0
    assert answers(bases["phi3"], registry.folder(card)) == [row.completion for row in RIGHT]

    assert (card.reference, card.method, card.settings["weights"]) == ("better@1", "dpo", "lora")
    assert (card.result["pairs"], card.result["beta"], card.result["start"]) == (4, 0.2, "taught@1")
    assert card.result["accuracy"] == 1
    assert card.documents == ("a.md",)
    files = {path.name for path in registry.folder(card).iterdir()}
    assert {"adapter_model.safetensors", "adapter.gguf", "card.json", "README.md", "metrics.jsonl"} <= files
    assert "ref" not in files
    assert "| preference pairs | 4 |" in (registry.folder(card) / "README.md").read_text(encoding="utf-8")
    assert not list((folder / ".metier" / "runs" / "better.dpo").glob("checkpoint-*"))


class Broken(Exception):
    pass


def test_a_run_that_was_broken_off_goes_on_where_it_was(bases, tmp_path):
    """From the base this time; the last checkpoint was cut by the kill, too."""
    run, whole = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "whole")
    six = [*PAIRS, *(PreferencePair(row, "nothing") for row in tiny_models.rows(6)[4:])]

    def stop(tick):
        if tick.step == 5:
            raise Broken

    with pytest.raises(Broken):
        dpo.train(bases["phi3"], six, SHORT, run, on_step=stop)
    with pytest.raises(InputError, match="interrupted here at step 4"):
        dpo.train(bases["phi3"], six, SHORT, run)
    (run.latest() / "trainer_state.json").unlink()
    _, result, _ = dpo.train(bases["phi3"], six, SHORT, run, resume=True)
    _, expected, _ = dpo.train(bases["phi3"], six, SHORT, whole)
    assert result.steps == expected.steps == 8
    assert [row["step"] for row in run.curve()] == list(range(1, 9))
    for name in ("loss", "margin", "learning_rate"):
        assert [row[name] for row in run.curve()] == pytest.approx([row[name] for row in whole.curve()], abs=1e-5)
    with pytest.raises(InputError, match=r"dpo_beta: 0.1, now 0.3"):
        dpo.train(bases["phi3"], six, SHORT.model_copy(update={"dpo_beta": 0.3}), run, resume=True)


@pytest.mark.parametrize(
    ("pairs", "options", "said"),
    [
        (PAIRS[:3], {}, "3 preference pairs are too few to learn from"),
        (PAIRS, {"max_length": 16}, r"0 preference pairs .* \(4 had over 16 tokens\)"),
    ],
)
def test_too_few_pairs_are_told_with_what_makes_more(bases, tmp_path, pairs, options, said):
    with pytest.raises(InputError, match=said) as caught:
        dpo.train(bases["phi3"], pairs, TuningSettings(**TUNING | options), RunFolder(tmp_path / "run"))
    assert "metier dataset preferences" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_an_adapter_of_other_weights_is_no_start(bases, expert):
    settings, folder, registry = expert
    other = settings.model_copy(
        update={"generation": settings.generation.model_copy(update={"model": str(bases["llama"].folder)})}
    )
    with pytest.raises(InputError, match="other weights"):
        tune_on_preferences(
            other, PAIRS, folder, folder / ".metier", "x", start=registry.get("taught"), learned=Provenance()
        )


def test_thumbs_become_an_adapter_that_starts_from_the_one_in_production(bases, tmp_path):
    quick = {"rank": 4, "batch": 4, "max_steps": 2, "dtype": "float32", "device": "cpu", "dpo_beta": 0.3}
    with expert_with(tmp_path / "expert", bases["phi3"]) as expert:
        for pair in PAIRS:
            question = pair.chosen.question
            expert.corrections.give_feedback("down", question, pair.rejected, mode="base")
            expert.corrections.give_feedback("up", question, pair.chosen.completion, mode="base")
        first = expert.preferences.tune("liked", **quick)
        assert (first.reference, first.result["pairs"], first.result["start"]) == ("liked@1", 4, None)
        expert.adapters.promote("liked")
        second = expert.preferences.tune("liked", **quick | {"rank": 8})
        assert (second.result["start"], second.settings["rank"]) == ("liked@1", 4)  # it keeps the shape that it has
        assert expert.preferences.tune("liked", start="base", **quick | {"rank": 8}).settings["rank"] == 8
        assert {row.groups for row in (pair.chosen for pair in expert.preferences.pairs().pairs)} == {()}


BAD = [
    (["tune", "--dpo"], "0 preference pairs are too few"),
    (["tune", "--beta", "0.2"], "--beta is for --dpo"),
    (["tune", "--dpo", "--sql"], "--sql does not go with --dpo"),
    (["tune", "--dpo", "--on", "local:2"], "--on does not go with --dpo"),
    (["tune", "--dpo", "--beta", "0"], "tuning.dpo_beta"),
    (["tune", "--dpo", "--start", "nobody"], "no adapter 'nobody'"),
]


def test_bad_input_is_told(call_metier):
    call_metier("init", "turbines")
    for arguments, said in BAD:
        assert said in call_metier(*arguments, check=2).stderr
    shown = json.loads(call_metier("dataset", "preferences", "--json").stdout)
    assert shown == {"pairs": 0, "origins": {}, "left_out": {}, "shown": []}
