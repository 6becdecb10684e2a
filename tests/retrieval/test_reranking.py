"""The rerankers against a small cross-encoder whose scores torch computes as well."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from metier import Expert
from metier.core.errors import ModelError, SettingsError
from metier.retrieval import reranking

pytest.importorskip("torch")
pytest.importorskip("transformers")
tiny_cross_encoder = pytest.importorskip("tiny_cross_encoder")

QUESTION = "How tight are the blade root nuts?"
PASSAGES = [
    "The blade root nuts are tightened to 840 Nm.",
    "",
    "Oil.",
    "The gearbox oil is changed every 30 months. " * 6,
    "প্রতি ৩০ মাস তেল বদলানো হয়।",
    "নীল চাবি টাওয়ারের দরজা খোলে।",
    "يتم تغيير زيت علبة كل 30 شهرا",
    "每 30 月更换齿轮箱油。",
    "part,price Brake disc P-18, 2100 SEK",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cross-encoder")
    return folder, tiny_cross_encoder.write(folder)


@pytest.mark.parametrize("question", [QUESTION, "নীল চাবি কী খোলে?", "齿轮箱油？", "?"])
def test_onnx_scores_are_those_of_torch_in_any_script(made, question):
    folder, model = made
    scores = reranking.create(f"onnx:{folder}").score(question, PASSAGES)
    assert scores.dtype == np.float32
    expected = tiny_cross_encoder.torch_scores(model, question, PASSAGES)
    assert scores == pytest.approx(expected, abs=1e-4)
    assert np.ptp(expected) > 0.5, "scores that are all alike would prove nothing"


def test_a_score_does_not_depend_on_the_passages_beside_it(made):
    reranker = reranking.create(f"onnx:{made[0]}")
    alone = np.concatenate([reranker.score(QUESTION, [passage]) for passage in PASSAGES])
    assert reranker.score(QUESTION, PASSAGES) == pytest.approx(alone, abs=1e-4)


def test_a_passage_beyond_the_models_limit_is_cut(made):
    folder, model = made
    long = ["oil " * 2000, "brake " * 700]
    scores = reranking.create(f"onnx:{folder}").score(QUESTION, long)
    assert scores == pytest.approx(tiny_cross_encoder.torch_scores(model, QUESTION, long), abs=1e-4)


def test_a_question_beyond_the_models_limit_is_no_crash(made):
    scores = reranking.create(f"onnx:{made[0]}").score("why " * 600, PASSAGES[:3])
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_no_passages_give_no_scores(made):
    assert reranking.create(f"onnx:{made[0]}").score(QUESTION, []).shape == (0,)


def test_an_expert_ranks_the_first_fused_hits_by_the_rerankers_scores(made, expert):
    folder, model = made
    expert.sync()
    questions = [QUESTION, "How is oil changed?", "What is the price of part P-17?", "নীল চাবি"]
    fused = [expert.search(question) for question in questions]
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + f'\n[retrieval]\nreranker = "onnx:{folder}"\nrerank_candidates = 3\n')
    moved = 0
    with Expert.open(expert.folder) as again:
        for question, before in zip(questions, fused, strict=True):
            hits = again.search(question)
            texts = [hit.passage.indexed_text for hit in before]
            scores = tiny_cross_encoder.torch_scores(model, question, texts[:3])
            wanted = [texts[i] for i in np.argsort(-scores)] + texts[3:]
            assert [hit.passage.indexed_text for hit in hits] == wanted
            assert [hit.score for hit in hits[:3]] == pytest.approx(sorted(scores, reverse=True), abs=1e-4)
            moved += wanted != texts
    assert moved, "a reranker that always agrees with the fusion would prove nothing"


def test_the_sentence_transformers_backend_ranks_alike(made):
    pytest.importorskip("sentence_transformers")
    folder, model = made
    scores = reranking.create(f"sentence-transformers:{folder}").score(QUESTION, PASSAGES)
    expected = tiny_cross_encoder.torch_scores(model, QUESTION, PASSAGES)
    assert scores.shape == (len(PASSAGES),)
    assert np.argsort(-scores).tolist() == np.argsort(-expected).tolist()
    assert reranking.create(f"sentence-transformers:{folder}").score(QUESTION, []).shape == (0,)


def test_a_sentence_transformers_model_that_is_not_there_is_named(tmp_path):
    pytest.importorskip("sentence_transformers")
    with pytest.raises(ModelError, match="none"):
        reranking.create(f"sentence-transformers:{tmp_path / 'none'}").score(QUESTION, PASSAGES)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # as if it were not installed
    with pytest.raises(ModelError, match=r"pip install .*sentence-transformers"):
        reranking.create("sentence-transformers:any").score(QUESTION, PASSAGES)


@pytest.mark.parametrize("present", [(), ("model.onnx",), ("tokenizer.json",)])
def test_a_folder_without_a_whole_model_is_named(tmp_path, present):
    for name in present:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match=rf"{tmp_path.name}.*model\.onnx"):
        reranking.create(f"onnx:{tmp_path}").score(QUESTION, PASSAGES)


@pytest.mark.parametrize("damaged", ["model.onnx", "model.onnx.data", "tokenizer.json"])
def test_a_damaged_model_is_named(made, tmp_path, damaged):
    for file in made[0].glob("*.*"):
        (tmp_path / file.name).write_bytes(b"not a model" if file.name == damaged else file.read_bytes())
    with pytest.raises(ModelError, match=tmp_path.name):
        reranking.create(f"onnx:{tmp_path}").score(QUESTION, PASSAGES)


@pytest.mark.parametrize("model", ["", "onnx:", "bert", "magic:x", "sentence-transformers:"])
def test_names_that_mean_nothing_are_refused(model):
    with pytest.raises(SettingsError, match="onnx:FOLDER"):
        reranking.create(model)
