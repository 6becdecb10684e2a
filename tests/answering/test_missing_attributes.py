"""Who asks for an attribute that a table does not have is told which ones it has, rather than another one's value."""

from __future__ import annotations

from pathlib import Path

import pytest

from metier.answering.missing_attributes import missing_attribute
from metier.core.documents import Passage
from metier.expert import Expert

BOAT = "Boat: Badger | Capacity: 500 kg | Depot: Brunnskär | Deposit: 200 EUR"
BAKER = "Name: Ida Falk | Role: Baker | Hours per week: 30 | Hired: 2019-03-04"

BUYER = "Name: Leo Koch | Amt: 310 | Mob: 0711 28422 | Email: leo@surf.de"


def _row(text: str, language: str = "en") -> Passage:
    return Passage("1", "1", text, 0, len(text), language=language)


@pytest.mark.parametrize(
    ("row", "question", "asked"),
    [
        (BOAT, "What is the phone number of the Badger?", "phone"),
        (BOAT, "When was the Badger built?", "When"),
        (BOAT, "What colour is the Badger?", "colour"),
        (BAKER, "What does Ida Falk earn?", "earn"),
        (BUYER, "How old is Leo Koch?", "old"),  # the "de" of an address is short for nothing
    ],
)
def test_an_attribute_that_no_column_has(row: str, question: str, asked: str) -> None:
    found = missing_attribute(question, _row(row), "en")
    assert found is not None
    assert found.asked == asked
    assert found.entity in question


@pytest.mark.parametrize(
    ("row", "question"),
    [
        (BOAT, "How heavy may it be that the Badger carries?"),  # a measure that it has
        (BOAT, "Where is the Badger kept?"),
        (BOAT, "What is the colour of the Heron?"),  # another boat
        (BOAT, "What is the draught of the Badger?"),  # a word that may be another name
        (BAKER, "What is the job of Ida Falk?"),  # another name of a column
        (BAKER, "When did Ida Falk join?"),
        (BUYER, "What amount has Leo Koch paid?"),  # a short name
        ("The Badger is kept at Brunnskär.", "What colour is the Badger?"),
    ],
)
def test_what_a_row_may_tell_is_left_to_it(row: str, question: str) -> None:
    assert missing_attribute(question, _row(row), "en") is None


@pytest.mark.parametrize(
    ("language", "row", "question"),
    [
        (
            "de",
            "Name: Bernd Stein | Abteilung: Verkauf | Gehalt: 2800",
            "Wie lautet die Telefonnummer von Bernd Stein?",
        ),
        ("bn", "নাম: বশির আহমেদ | বিভাগ: বিক্রয় | বেতন: ২৮০০", "বশির আহমেদের ফোন নম্বর কত?"),
    ],
)
def test_in_other_languages(language: str, row: str, question: str) -> None:
    assert missing_attribute(question, _row(row, language), language) is not None


MACHINE = {
    "en": "Name: Jura E8 | Maker: Jura", "de": "Name: Jura E8 | Hersteller: Jura",
    "es": "Nombre: Jura E8 | Marca: Jura", "ru": "Название: Jura E8 | Марка: Jura",
    "zh": "名称: Jura E8 | 制造商: Jura",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "question", "named"),
    [
        ("en", "When was the Jura E8 bought?", "date"),
        ("en", "How hot is the Jura E8?", "temperature"),
        ("en", "How high is the deposit for the Jura E8?", "deposit"),
        ("de", "Seit wann gibt es die Jura E8?", "Datum"),
        ("de", "Wie schwer ist die Jura E8?", "Gewicht"),
        ("de", "Wie groß ist die Jura E8?", "Größe"),
        ("de", "Wie hoch ist die Kaution für die Jura E8?", "Kaution"),
        ("de", "Wie hoch ist die Steuer auf die Jura E8?", "Steuer"),
        ("de", "Wie lange dauert die Reparatur der Jura E8?", "Reparatur"),
        ("es", "¿Cuánto pesa la Jura E8?", "peso"),
        ("ru", "Когда купили Jura E8?", "дата"),
        ("zh", "Jura E8什么时候买的？", "日期"),
    ],
)
def test_what_is_missing_is_called_by_a_noun(language: str, question: str, named: str) -> None:
    found = missing_attribute(question, _row(MACHINE[language], language), language)
    assert found is not None
    assert f"“{named}”" in found.note


@pytest.mark.parametrize(
    ("language", "row", "question"),
    [
        ("de", "Sorte: Santos | Endtemperatur (°C): 211 | Dauer (min): 12", "Wie heiß ist der Santos am Ende?"),
        ("en", "Blend: Santos | End (°C): 211", "How hot is the Santos at the end?"),
        ("fr", "Nom: Jura E8 | Poids (kg): 9,8", "La Jura E8 est-elle lourde ?"),
    ],
)
def test_a_unit_or_a_longer_word_in_the_name_of_a_column_tells_what_it_measures(language, row, question) -> None:
    assert missing_attribute(question, _row(row, language), language) is None


def test_the_refusal_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "boats.csv").write_text("Boat,Capacity,Depot\nBadger,500 kg,Brunnskär\nStoat,250 kg,Grisselby\n")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(tmp_path / "boats.csv"))
        expert.sync()
        answer = expert.ask("What colour is the Badger?")
        assert answer.abstained
        assert answer.notes == ("The table with Badger does not tell “colour”. It tells: Capacity, Depot.",)
        assert "Brunnskär" in expert.ask("Which depot is the Badger at?").text
