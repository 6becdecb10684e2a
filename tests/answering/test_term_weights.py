from __future__ import annotations

import pytest

from metier.answering.term_weights import names
from metier.text.analyzer import Analyser


@pytest.mark.parametrize(
    ("question", "language", "found"),
    [
        ("What does it cost to haul out a 16 m boat?", "en", []),
        ("How many of the 12 bolts are new?", "en", []),
        ("Wie viele braucht es für die 180 Gäste?", "de", []),
        ("Who was on the night shift in week 14?", "en", ["14"]),
        ("What can slip 3 take of the NV-110?", "en", ["nv110", "3"]),
        ("Was kostete die Einzelkarte im Jahr 2019?", "de", ["2019"]),
        ("What does alarm 4450 mean?", "en", ["4450"]),
        ("অ্যালার্ম ৪৪৫০ মানে কী?", "bn", ["4450"]),
    ],
)
def test_names_are_not_amounts(question, language, found):
    assert sorted(names(question, Analyser(language), language, amounts=False)) == sorted(found)


def test_numbers_are_told_apart_where_amounts_count():
    assert names("Tighten the 12 bolts within 40 days.", Analyser("en"), "en") == ["12", "40"]
