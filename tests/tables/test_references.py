"""Tables that refer to one another though nobody has declared it, and questions that reach from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from metier.core.documents import Document, document_id
from metier.parsing.core.readers import ParsingLimits, read_document
from metier.tables.asking import TableAsker
from metier.tables.results import Ambiguity, TableAnswer
from metier.tables.runner import QueryRunner
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

Ask = Callable[..., TableAnswer | Ambiguity | None]
FILES = {
    "islands": "name,capital,population,area_km2\nAland,Marie,30000,1580\nBorn,Ronne,40000,588\n"
    "Gotland,Visby,61000,3140\nHiu,Kard,9500,989\nSark,Creux,500,5\n",
    "towns": "name,island,population\nMarie,Aland,11700\nRonne,Born,13900\nNexo,Born,3700\nVisby,Gotland,24000\n"
    "Hemse,Gotland,1800\nKard,Hiu,3300\nCreux,Sark,300\n",
    "ferries": "island,neighbour\nAland,Gotland\nGotland,Aland\nBorn,Gotland\nGotland,Born\nHiu,Aland\nAland,Hiu\n",
    "lines": "line,length_km,island\nBlue,120,Aland\nBlue,120,Gotland\nRed,90,Born\nRed,90,Gotland\nRed,90,Hiu\n",
    "owners": "owner_id,first_name,last_name,pay\n1,Ana,Lind,3100\n2,Bo,Falk,2900\n3,Cy,Berg,3400\n",
    "boats": "boat_id,boat,owner_id,price\n10,Badger,1,500\n11,Stoat,1,900\n12,Heron,3,1200\n13,Otter,3,300\n",
}


def _document(name: str, text: str) -> Document:
    uri = f"{name}.csv"
    read = read_document(text.encode(), name=uri, uri=uri, groups=(), limits=ParsingLimits())
    return replace(read, id=document_id(uri), language="en")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    analyser = Analyser("en")
    store = TableStore(tmp_path_factory.mktemp("tables") / "tables.sqlite", analyser)
    documents = [_document(name, text) for name, text in FILES.items()]
    store.put(documents)
    store.follow({each.id: each.content_hash for each in documents}, lambda _: None)
    asker = TableAsker(store, QueryRunner(store.path), analyser)
    closed = {document_id("owners.csv")}
    yield lambda question, reader="owner": asker.ask(
        question, "en", lambda ids: set(ids) - (closed if reader == "guest" else set())
    )
    asker.close()


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("How many people live in the capital of Gotland?", ["Visby | population: 24,000"]),
        ("Which boats does Ana Lind own?", ["Badger", "Stoat"]),
        ("Which towns are on islands with more than 50000 people?", ["Visby", "Hemse"]),
        ("How many towns are there on the largest island?", ["2"]),
        ("What is the capital of the smallest island?", ["capital: Creux | area_km2: 5"]),
        ("Which lines serve Gotland?", ["Blue", "Red"]),
        ("What is the longest line?", ["Blue | length_km: 120"]),
        ("Which island is bigger, Born or Hiu?", ["Hiu | area_km2: 989"]),
        ("Is the Blue line longer than the Red line?", ["Yes: Blue | length_km: 120; Red | length_km: 90"]),
        ("How much dearer is the Heron than the Badger?", ["700 (Heron | price: 1200; Badger | price: 500)"]),
        ("Which towns have more people than Ronne?", ["Visby"]),
        ("What is the second largest island?", ["Aland | area_km2: 1580"]),
        ("Which owners have no boat?", ["Bo Falk"]),
        ("Which boats do not belong to Ana Lind?", ["Heron", "Otter"]),
        ("Which line serves the most islands?", ["Red: 3"]),
    ],
)
def test_questions_reach_across_files(ask: Ask, question: str, lines: list[str]) -> None:
    answer = ask(question)
    assert isinstance(answer, TableAnswer)
    assert sorted(line.text for line in answer.lines) == sorted(lines)
    assert all(line.rows for line in answer.lines)


def test_tables_that_may_not_be_read_join_nothing(ask: Ask) -> None:
    assert ask("Which boats does Ana Lind own?", reader="guest") is None
    assert ask("How much dearer is the Heron than the Badger?", reader="guest") is not None


@pytest.mark.parametrize("question", ["What is the average population?", "What is the highest population?"])
def test_what_may_mean_two_things_is_asked_back(ask: Ask, question: str) -> None:
    assert isinstance(ask(question), Ambiguity)  # that of islands, or that of towns


def test_a_sum_is_of_rows_that_are_chosen_and_not_of_those_above_them(ask: Ask) -> None:
    answer = ask("What is the population of Visby and of Ronne together on Gotland and on Born?")
    assert isinstance(answer, TableAnswer)
    assert [line.text for line in answer.lines] == ["37,900"]  # of the towns, not of their islands


@pytest.mark.parametrize("question", ["Which boats are not red?", "Which towns have no harbour?"])
def test_what_is_denied_must_be_known(ask: Ask, question: str) -> None:
    assert ask(question) is None


def test_a_table_of_a_file_that_was_moved_keeps_its_name(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "tables.sqlite", Analyser("en"))
    old, new = (_document(name, FILES["boats"]) for name in ("old/boats", "new/boats"))
    store.put([old])
    store.put([new])
    assert [table.sql for table in store.of_document(new.id)] == ["boats (2)"]
    store.follow({new.id: new.content_hash}, lambda _: None)
    assert [table.sql for table in store.of_document(new.id)] == ["boats"]
