from __future__ import annotations

import numpy as np
import pytest

from metier import Expert
from metier.retrieval import corpus_weight
from metier.retrieval.corpus_weight import Learned
from metier.retrieval.fusion import DEFAULT_WEIGHT, Fusion

pytestmark = pytest.mark.slow

TOPICS = {
    "oil": "The gearbox oil is changed every thirty months by two technicians. "
    "Lubricant that smells burnt must be sampled at once and sent to the laboratory.",
    "brake": "The yaw brake holds the nacelle in the wind while the motors rest. "
    "Worn callipers let the machine swing and have to be replaced in pairs.",
    "blade": "Blade root nuts are tightened with a hydraulic wrench in three passes. "
    "A rotor whose bolts are loose makes a knocking sound at low speed.",
    "crane": "The mobile crane needs firm ground of forty metres around the tower. "
    "Lifting stops when gusts are stronger than nine metres a second.",
    "leave": "Holidays are asked for four weeks ahead at the office in the harbour. "
    "Nobody may be away from the shift plan during the summer overhaul.",
    "fire": "An extinguisher hangs beside the door of every transformer station. "
    "Burning cables are left alone until the grid operator has switched them off.",
    "food": "The canteen of the depot serves warm meals from noon until two. "
    "Soup and bread can be had for the night crew at half the price.",
    "boat": "The crew boat leaves the jetty at six in the morning when waves allow it. "
    "Seasick passengers sit at the stern, where the vessel moves least.",
    "hotel": "Rooms for visitors are booked with the inn across the road. "
    "Guests who stay longer than a week pay a lower rate for each night.",
    "radio": "Channel twelve is kept free for emergencies on all sites. "
    "Batteries of handheld sets last one working day in the cold.",
}


class ScriptedEmbedder:
    """Stands in for an embedder: the vectors of sentences are made by `vector`."""

    def __init__(self, embedder, vector) -> None:
        self.fingerprint, self.dimension, self._vector = embedder.fingerprint, embedder.dimension, vector

    def embed_queries(self, texts):
        made = np.array([self._vector(text) for text in texts])
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    embed_passages = embed_queries


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "docs").mkdir()
    for name, text in TOPICS.items():
        (folder / "docs" / f"{name}.txt").write_text(text, encoding="utf-8")
    with Expert.create(folder / "expert") as made:
        made.add(str(folder / "docs"))
        made.sync()
        yield made


def topic_of(text: str) -> int:
    return next(n for n, whole in enumerate(TOPICS.values()) if text in whole)


def test_an_embedder_that_tells_topics_apart_weighs_more_than_one_that_guesses(expert):
    dimension, draw = expert.runtime.embedder.dimension, np.random.default_rng(0)

    def sees(text: str) -> np.ndarray:
        return np.eye(dimension)[topic_of(text)] + 0.05 * draw.normal(size=dimension) / np.sqrt(dimension)

    def guesses(text: str) -> np.ndarray:
        return draw.normal(size=dimension)

    learned = {
        name: corpus_weight.learn(
            expert.runtime.store, ScriptedEmbedder(expert.runtime.embedder, vector), expert.runtime.analyser
        )
        for name, vector in (("sees", sees), ("guesses", guesses))
    }
    assert learned["sees"].pairs == learned["guesses"].pairs == len(TOPICS)
    assert learned["sees"].log_odds > learned["guesses"].log_odds + 0.2  # ten pairs tell little
    assert learned["sees"].weight == DEFAULT_WEIGHT


def test_sync_keeps_what_the_corpus_says_and_learns_anew_only_where_it_changed(expert):
    saved = expert.runtime.fusion
    assert (saved.origin, saved.questions, saved.passages) == ("corpus", len(TOPICS), len(TOPICS))
    assert saved.weight == saved.corpus
    assert saved.embedder == expert.runtime.embedder.fingerprint
    path = expert.runtime.state_folder / "fusion.json"
    taught = Fusion(0.9, "practice", 40, saved.corpus, saved.passages, saved.embedder)
    taught.save(path)
    keep = (path, expert.runtime.store, expert.runtime.embedder, expert.runtime.analyser)
    assert corpus_weight.keep(*keep) == taught
    Fusion(0.9, "practice", 40, 0.1, 3, saved.embedder).save(path)
    assert corpus_weight.keep(*keep) == taught, "the corpus grew; what practice taught stays"
    Fusion(0.9, "practice", 40, 0.1, 3, "another embedder").save(path)
    assert corpus_weight.keep(*keep) == saved


@pytest.mark.parametrize("texts", [[], ["One."], ["The only sentence of the only document, and a long one."] * 3])
def test_a_corpus_too_small_to_tell_keeps_the_default(tmp_path, texts):
    (tmp_path / "docs").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / "docs" / f"{number}.txt").write_text(f"{number} {text}", encoding="utf-8")
    with Expert.create(tmp_path / "expert") as small:
        small.add(str(tmp_path / "docs"))
        small.sync()
        assert (small.runtime.fusion.weight, small.runtime.fusion.origin) == (DEFAULT_WEIGHT, "default")
        assert len(small.search("only document", 3)) == len(texts)


def test_the_fit_finds_the_ratio_that_made_the_partners():
    draw = np.random.default_rng(1)
    dense, lexical = draw.exponential(2, (400, 400)), draw.exponential(2, (400, 400))
    for ratio in (0.25, 1.0, 4.0):
        scores = ratio * dense + lexical + draw.gumbel(size=dense.shape)
        partner = scores.argmax(axis=1)  # so drawn, partners follow the softmax of the scores
        order = np.array([np.roll(np.arange(400), -(p - i)) for i, p in enumerate(partner)])
        rows = np.arange(400)[:, None]
        fitted = corpus_weight.fit(dense[rows, order], lexical[rows, order])
        assert fitted == pytest.approx(np.log(ratio), abs=0.35)


def test_bm25_prefers_rare_words_and_short_texts():
    texts = [["the", "oil"], ["the", *"abc"], ["oil", *"abcdefgh"], ["the", "x"], ["y"]]
    (scores,) = corpus_weight.bm25([["oil", "the"]], texts)
    assert scores[0] > scores[3] > scores[1] > scores[4] == 0
    assert scores[0] > scores[2] > 0
    (rare,) = corpus_weight.bm25([["oil"]], texts)
    (common,) = corpus_weight.bm25([["the"]], texts)
    assert rare[0] > common[0] > 0


def test_less_than_the_best_weight_where_the_embedder_is_weak():
    assert Learned(3.0, 200).weight == DEFAULT_WEIGHT
    assert 0 < Learned(-0.5, 200).weight < Learned(0.3, 200).weight < 0.5
