from __future__ import annotations

import numpy as np
import pytest

from metier import Expert
from metier.core.settings import RetrievalSettings
from metier.retrieval.fusion import DEFAULT_WEIGHT, Fusion, dense_evidence, fuse
from metier.retrieval.retriever import Retriever
from metier.store import Filter

QUESTIONS = ["brake disc price", "What keeps the rotor from turning?", "নীল চাবি কী খোলে?", "disc"]
LINES = {
    "brake.txt": "The disc stops the rotor when two callipers close on it.",
    "prices.csv": "part,price\nBrake disc P-18,2100 SEK\nYaw pad P-17,320 SEK\n",
    "price-list.md": "Every price of this list is without tax. A disc is not a brake.",
    "চাবি.md": "নীল চাবি টাওয়ারের দরজা খোলে।",
    "wind.txt": "The wind blows mostly from the west in winter.",
    "oil.md": "Gear oil is changed every 30 months.",
}


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fusion")
    (folder / "docs").mkdir()
    for name, text in LINES.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    with Expert.create(folder / "expert", embedding="multilingual-e5-small") as made:
        made.add(str(folder / "docs"))
        made.sync()
        yield made


def retriever(expert, *, weight=DEFAULT_WEIGHT, **settings) -> Retriever:
    return Retriever(
        expert.runtime.store,
        expert.runtime.embedder,
        expert.runtime.analyser,
        RetrievalSettings(**settings),
        Fusion(weight=weight),
    )


def ids(hits):
    return [hit.passage.id for hit in hits]


@pytest.mark.parametrize("question", QUESTIONS)
def test_weight_1_is_the_dense_order(expert, question):
    vector = expert.runtime.embedder.embed_queries([question])[0]
    usual, _ = expert.runtime.store.background(vector)
    near = [
        hit for hit in expert.runtime.store.dense(vector, 100) if hit.score > usual
    ]  # below the mean all weigh nothing
    assert ids(retriever(expert, weight=1.0).search(question, len(near))) == ids(near)


@pytest.mark.parametrize("question", QUESTIONS)
def test_weight_0_is_the_lexical_order(expert, question):
    found = expert.runtime.store.lexical(expert.runtime.analyser.tokens(question), 100)
    assert ids(retriever(expert, weight=0.0).search(question, len(found))) == ids(found)


def test_the_two_orders_differ_so_that_the_weight_matters(expert):
    by_words, by_meaning = (ids(retriever(expert, weight=w).search(QUESTIONS[0], 3)) for w in (0.0, 1.0))
    assert by_words != by_meaning


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_a_passage_that_both_sides_find_comes_once_with_both_scores(expert, weight):
    hits = retriever(expert, weight=weight).search("brake disc price", 100)
    assert len(ids(hits)) == len(set(ids(hits))) == len(LINES)
    assert all(hit.dense is not None for hit in hits)
    assert {hit.passage.uri for hit in hits if hit.lexical is not None} == {
        "docs/brake.txt", "docs/prices.csv", "docs/price-list.md"
    }  # fmt: skip


def test_each_side_brings_its_candidates_and_a_larger_limit_brings_more(expert):
    few = retriever(expert, candidates=1)
    hits = few.candidates("oil নীল চাবি টাওয়ারের দরজা").ranked(0.5)
    assert 1 <= len(hits) <= 2
    assert len(few.search("disc", 2)) == 2
    assert len(few.search("disc", 6)) == 6


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_filters_hold_before_ranking(expert, weight):
    """With one candidate a side, a filter applied after ranking would leave nothing of a document that ranks low."""
    few = retriever(expert, weight=weight, candidates=1)
    for uri, question in (("docs/oil.md", "brake disc price, not oil"), ("docs/prices.csv", "নীল চাবি price")):
        assert [hit.passage.uri for hit in few.search(question, 1)] != [uri]
        hits = few.search(question, 1, Filter(uri=uri))
        assert [hit.passage.uri for hit in hits] == [uri]
        assert None not in (hits[0].dense, hits[0].lexical)
    assert few.search("disc", 5, Filter(uri="nowhere/*")) == []


def test_an_empty_store_and_a_question_without_words(expert, tmp_path):
    assert retriever(expert).search("…!?", 3) == []  # it asks for nothing
    with Expert.create(tmp_path / "empty") as empty:
        assert empty.search("anything") == []


def test_what_a_full_list_left_out_scores_as_its_last_entry(expert):
    left_out = 0
    for question in QUESTIONS:
        lexical = expert.runtime.store.lexical(expert.runtime.analyser.tokens(question), 1)
        few = retriever(expert, candidates=1)
        known = few.query(question).known ** 0.5
        for hit in few.candidates(question).ranked(0.0):
            assert hit.score == pytest.approx(known * lexical[0].score if lexical else 0.0)
            left_out += bool(lexical) and hit.lexical is None
    assert left_out, "no question brought a passage that only the dense side found"
    (best, *others) = retriever(expert, candidates=100).candidates("oil").ranked(0.0)
    assert best.score > 0
    assert [(hit.score, hit.lexical) for hit in others] == [(0.0, None)] * len(others), "a list that was not full"


def test_evidence_of_cosines_is_measured_against_the_corpus():
    cosines = np.array([0.5, 0.8, 0.9])
    assert dense_evidence(cosines, 0.8, 0.05) == pytest.approx([0, 0, 2])
    assert np.isfinite(dense_evidence(cosines, 0.8, 0.0)).all()
    mixed = fuse(np.array([0.0, 4.0]), np.array([-np.inf, 2.0]), 0.75)
    assert mixed == pytest.approx([0.0, 3.5])


def test_what_was_learned_comes_back_and_metier_toml_overrules_it(tmp_path):
    with Expert.create(tmp_path / "expert") as expert:
        assert expert.runtime.fusion == Fusion()
        expert.runtime.state_folder.mkdir()
        learned = Fusion(0.9, "practice", 40)
        learned.save(expert.runtime.state_folder / "fusion.json")
        assert Expert.open(expert.folder).runtime.fusion == learned
        path = expert.folder / "metier.toml"
        path.write_text(path.read_text() + "\n[retrieval]\nfusion_weight = 0.25\n")
        assert Expert.open(expert.folder).runtime.fusion == Fusion(0.25, "metier.toml", 0)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"weights": 0.5}', b'{"weight": "x"}', b'{"weight": 7}', b'{"weight": NaN}'],
)
def test_a_broken_file_means_the_default(tmp_path, content):
    (tmp_path / "fusion.json").write_bytes(content)
    assert Fusion.load(tmp_path / "fusion.json") == Fusion()
    assert Fusion.load(tmp_path / "none.json") == Fusion()
