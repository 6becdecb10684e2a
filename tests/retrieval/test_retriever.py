from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from metier import Expert
from metier.core.settings import RetrievalSettings
from metier.retrieval.fusion import Fusion
from metier.retrieval.query import below_nearest, known_share
from metier.retrieval.retriever import Retriever

LINES = {
    "pump.md": "# Pump KX-4\n\nThe pump KX-4 is vented every month. Its seal is part number SL-2210 and stays dry.",
    "stock.csv": "part,supplier\nSL-2210,Hansson\nSL-9000,Berg\nSL-7000,Lund\n",
    "canteen.txt": "The canteen serves soup at noon and closes at three.",
    "fire.txt": "An extinguisher hangs beside every door of the station.",
    "boat.txt": "The crew boat leaves at six when the waves allow it.",
    "crane.txt": "The crane needs firm ground of forty metres around the tower.",
    "leave.txt": "Holidays are asked for four weeks ahead at the office.",
    "radio.txt": "Channel twelve is kept free for emergencies.",
    "hotel.txt": "Rooms for visitors are booked with the inn.",
    "valve.txt": "The valve of the cooler is greased by the supplier once a year, like that of any other part.",
}


class CountingEmbedder:
    """The embedder, slowed down, with its calls counted."""

    def __init__(self, embedder) -> None:
        self._embedder, self.calls = embedder, 0

    def embed_queries(self, texts):
        self.calls += 1
        time.sleep(0.1)
        return self._embedder.embed_queries(texts)


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retriever")
    (folder / "docs").mkdir()
    for name, text in LINES.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    with Expert.create(folder / "expert") as made:
        made.add(str(folder / "docs"))
        made.sync()
        yield made


def uris(hits):
    return [hit.passage.uri for hit in hits]


def test_clients_that_ask_the_same_at_once_embed_it_once(expert):
    embedder = CountingEmbedder(expert.runtime.embedder)
    retriever = Retriever(expert.runtime.store, embedder, expert.runtime.analyser, RetrievalSettings(), Fusion())
    found: list[list[str]] = []
    clients = [
        threading.Thread(target=lambda n=n: found.append(uris(retriever.search(f"soup {n % 2}", 2)))) for n in range(4)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert embedder.calls == 2
    assert {name for names in found for name in names[:1]} == {"docs/canteen.txt"}
    retriever.refresh()
    retriever.search("soup 0", 2)
    assert embedder.calls == 3, "after a sync a question is measured against the new corpus"


def test_a_query_is_made_once_and_handed_down(expert):
    query = expert.runtime.retriever.query("Who brings soup?")
    assert expert.runtime.retriever.query(query) is query
    assert uris(expert.runtime.retriever.search(query, 3)) == uris(expert.search("Who brings soup?", 3))
    assert 0 < query.known < 1, "nothing here is brought"
    assert expert.runtime.retriever.query("Wer bringt die Suppe?").known == 0
    assert expert.runtime.retriever.query("?!").known == 1
    assert known_share(expert.runtime.store.frequencies(["soup", "noon"]), 12) == 1


def test_a_question_that_fails_to_be_embedded_is_tried_again(expert):
    class FailingOnce(CountingEmbedder):
        def embed_queries(self, texts):
            made = super().embed_queries(texts)
            if self.calls == 1:
                raise RuntimeError("the endpoint is away")
            return made

    retriever = Retriever(
        expert.runtime.store,
        FailingOnce(expert.runtime.embedder),
        expert.runtime.analyser,
        RetrievalSettings(),
        Fusion(),
    )
    with pytest.raises(RuntimeError):
        retriever.search("soup", 1)
    assert uris(retriever.search("soup", 1)) == ["docs/canteen.txt"]


def test_the_best_of_each_part_comes_first(expert):
    parts = ["When does the canteen close?", "When does the boat leave?", "Which channel is for emergencies?"]
    hits = expert.runtime.retriever.search_all([" ".join(parts), *parts], 10)
    assert set(uris(hits[:4])) >= {"docs/canteen.txt", "docs/boat.txt", "docs/radio.txt"}
    assert len({hit.passage.id for hit in hits}) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_second_step_moves_up_what_shares_a_name_with_the_best_passage(expert):
    question = "Who is the supplier of the seal that the pump KX-4 uses?"
    alone, both = (
        uris(find) for find in (expert.search(question, 10), expert.runtime.retriever.search_all([question], 10))
    )
    assert alone[0] == both[0] == "docs/pump.md"
    assert sorted(alone) == sorted(both)
    assert both.index("docs/stock.csv") <= max(alone.index("docs/stock.csv"), 3)


def test_no_questions_of_an_empty_store(tmp_path):
    with Expert.create(tmp_path / "expert") as empty:
        assert empty.runtime.retriever.search_all(["What is this?", "What is that?"], 5) == []


FRENCH = {
    "bois.md": "Le chêne sèche fendu et sous abri pendant trente mois avant d'être brûlé, le bouleau douze.",
    "palettes.md": "Les palettes peintes, l'aggloméré et le bois flotté ne se brûlent jamais dans un poêle.",
    "livraison.md": "La livraison du poêle est gratuite dans les deux villages, sauf au deuxième étage.",
    "facture.md": "La facture se paie dans les trente jours, par virement ou en espèces à l'atelier.",
    "granules.md": "Le sac de granulés de quinze kilos se garde au sec, à trente centimètres du mur au moins.",
    "cendre.md": "La cendre froide se met au jardin, jamais dans la poubelle de la commune.",
}
ENGLISH = {
    "oak.md": "Our oak floor in the showroom was laid last year and may be walked on in shoes.",
    "fire.md": "Let the fire go out at least twelve hours before the sweep rings, and leave the ash where it is.",
    "door.md": "Burn with the door shut: an open door lets the smoke into the room.",
    "visit.md": "A visit takes three quarters of an hour for each flue, and longer before the first frost.",
    "wood.md": "We stack wood for nobody and sell none; the yard keeps kindling for its own stove.",
    "stove.md": "A stove stands on a plate of glass or slate, half a metre wide in front of its door.",
    "drying.md": "Coats may be hung in the yard until the evening.",
    "beach.md": "Nobody may burn anything on the beach before the first of October.",
}


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("How long does oak have to dry before I can burn it?", "docs/bois.md"),
        ("Which wood must never be burnt in a stove?", "docs/palettes.md"),
        ("Quand doit-on éteindre le feu avant le ramonage ?", "docs/fire.md"),
    ],
)
def test_what_answers_in_another_language_is_found_beside_what_is_in_that_of_the_question(two_languages, asked, right):
    retriever = two_languages.runtime.retriever
    query = retriever.query(asked)
    assert query.below.keys() < {"en", "fr"}
    raised, plain = (uris(retriever.search(each, 14)) for each in (query, replace(query, below={})))
    assert raised.index(right) < 3
    assert raised.index(right) < plain.index(right)
    assert sorted(raised) == sorted(plain)


@pytest.fixture(scope="module")
def two_languages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    (folder / "docs").mkdir()
    for name, text in (FRENCH | ENGLISH).items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    with Expert.create(folder / "expert", embedding="multilingual-e5-small") as made:
        made.add(str(folder / "docs"))
        made.sync()
        yield made


def test_cosines_of_a_language_are_raised_by_what_they_lie_below_the_nearest():
    assert below_nearest({}) == below_nearest({"en": (50, 0.8, 0.1)}) == {}
    assert below_nearest({"en": (1000, 0.8, 0.1), "fr": (1000, 0.7, 0.1)})["fr"] == pytest.approx(0.1, abs=0.001)
    few = below_nearest({"en": (1000, 0.8, 0.1), "fr": (4, 0.7, 0.1), "de": (2, 0.5, 0.1), "": (90, 0.6, 0.1)})
    assert few.keys() == {"fr"}, "of two passages, or of no language, nothing is known"
    assert 0.03 < few["fr"] < 0.07, "of few passages half as much"
