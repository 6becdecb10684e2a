"""What a model card says, as huggingface_hub reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from metier.tuning import model_card
from metier.tuning.adapters import Card

CARD = Card(
    name="turbines", version=3, base="smollm2-135m-instruct", base_fingerprint="f00d", dataset="0123456789abcdef",
    settings={"method": "qlora", "rank": 16, "license": "apache-2.0"},
    result={"rows": 120, "validation_rows": 12, "loss": 0.25, "validation_loss": None},
    created="2026-11-29T20:00:00+00:00", exam={"rag+tuned": 0.81, "tuned": 0.4, "at": "2026-11-29T21:00:00+00:00"},
    intervals={"rag+tuned": (0.72, 0.88, 90)}, language="bn-BD", documents=("docs/secret-plan.md",), groups=(),
)  # fmt: skip


def read(card: Card, form="peft") -> ModelCard:
    return ModelCard(model_card.text(card, form))


def test_hugging_face_reads_it():
    data = read(CARD).data
    assert data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert (data.library_name, data.license, data.language) == ("peft", "apache-2.0", "bn")
    assert data.model_name == "turbines@3"
    assert data.tags == ["metier", "qlora", "lora"]
    scores = {each.metric_name: each for each in data.eval_results}
    assert scores["score, rag+tuned"].metric_value == 0.81
    assert scores["score, rag+tuned"].metric_args == {"interval_95": [0.72, 0.88], "questions": 90}
    assert scores["score, tuned"].metric_args is None
    assert data.to_dict()["metier"]["dataset"] == CARD.dataset


def test_it_tells_people_the_same():
    said = read(CARD).text
    assert "| rag+tuned | 0.810 | 0.720 to 0.880 | 90 |" in said
    assert "| rows | 120 |" in said
    assert "None" not in said


def test_names_of_documents_groups_and_folders_are_not_told():
    said = model_card.text(replace(CARD, groups=(("board",),), base="gguf:/home/ada/models/own.gguf"))
    assert "do not publish" in said
    assert not any(word in said for word in ("secret-plan", "board", "/home/ada"))
    assert "own.gguf" in said
    assert "do not publish" in model_card.text(replace(CARD, groups=None))  # who may read it was not noted
    assert "do not publish" not in model_card.text(CARD)


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("hf:microsoft/Phi-3-mini-4k-instruct", "microsoft/Phi-3-mini-4k-instruct"),
        ("hf:microsoft/Phi-3-gguf/phi.gguf", "microsoft/Phi-3-gguf"),
        ("./weights", None),
        ("gguf:x.gguf", None),
    ],
)
def test_a_base_is_named_as_the_hub_names_it_or_not_at_all(base, wanted):
    assert read(replace(CARD, base=base)).data.base_model == wanted


def test_before_an_exam_and_without_a_licence_it_says_so():
    card = read(replace(CARD, exam={}, intervals={}, settings={"method": "lora"}))
    assert card.data.eval_results is None
    assert (card.data.license, card.data.license_name) == ("other", "unstated")
    assert "It was not examined." in card.text


@pytest.mark.parametrize("name", ['a"b: [x', "é中\u2028", "--- #"])
def test_no_name_breaks_the_yaml(name):
    data = read(replace(CARD, base=f"hf:{name}/{name}", language=name)).data
    assert data.base_model == f"{name}/{name}"


def test_merged_weights_have_a_card_of_their_own():
    data = read(CARD, "merged").data
    assert data.library_name == "transformers"
    assert data.to_dict()["base_model_relation"] == "finetune"
