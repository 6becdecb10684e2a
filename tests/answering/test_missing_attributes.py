"""Who asks for an attribute that a table does not have is told which ones it has, rather than another one's value."""

from __future__ import annotations

from pathlib import Path

import pytest

from metier.answering.missing_attributes import missing_attribute
from metier.core.documents import Passage
from metier.expert import Expert

BOAT = "Boat: Badger | Capacity: 500 kg | Depot: Brunnskär | Deposit: 200 EUR"
BAKER = "Name: Ida Falk | Role: Baker | Hours per week: 30 | Hired: 2019-03-04"


def _row(text: str, language: str = "en") -> Passage:
    return Passage("1", "1", text, 0, len(text), language=language)


@pytest.mark.parametrize(
    ("row", "question", "asked"),
    [
        (BOAT, "What is the phone number of the Badger?", "phone"),
        (BOAT, "When was the Badger built?", "When"),
        (BOAT, "What colour is the Badger?", "colour"),
        (BAKER, "What does Ida Falk earn?", "earn"),
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


def test_the_refusal_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "boats.csv").write_text("Boat,Capacity,Depot\nBadger,500 kg,Brunnskär\nStoat,250 kg,Grisselby\n")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(tmp_path / "boats.csv"))
        expert.sync()
        answer = expert.ask("What colour is the Badger?")
        assert answer.abstained
        assert answer.notes == ("The table with Badger does not tell “colour”. It tells: Capacity, Depot.",)
        assert "Brunnskär" in expert.ask("Which depot is the Badger at?").text
