from __future__ import annotations

import pytest

from metier.answering.yes_no import asks_yes_or_no, decide
from metier.text.analyzer import Analyser


@pytest.mark.parametrize(
    ("question", "sentence", "decided"),
    [
        ("Is the pump NP-40 approved for sea water?", "The pump NP-40 is not approved for sea water.", "No"),
        ("Is the pump NP-40 approved for sea water?", "The pump NP-40 is approved for sea water.", "Yes"),
        ("Is the pump NP-40 approved for sea water?", "The pump NP-40 is approved for fresh water.", None),
        ("May visitors smoke in the hall?", "Visitors must not smoke in the hall.", "No"),
        ("Is smoking allowed in the hall?", "Smoking is prohibited in the hall.", "No"),
        ("Does aspirin reduce the risk of stroke?", "Aspirin reduced the risk of stroke by a third.", "Yes"),
        ("Is it not permitted to dive?", "Diving is not permitted.", None),
        ("When is the pump approved for sea water?", "The pump is approved for sea water in May.", None),
        ("Is the office open on 30 December?", "The office closes on the 24th and is open again on the 2nd.", None),
        ("Tea or coffee?", "Tea and coffee are served.", None),
        ("Price?", "The price for the school year 2026 is € 6,622.56.", None),
        ("Price of tuning?", "No.: 1 | Work: Tuning | Price: € 3,250", None),
        ("sea water pump", "The sea water pump is here.", None),
    ],
)
def test_a_sentence_decides_where_it_speaks_of_all_that_is_asked(question, sentence, decided):
    assert decide(question, sentence, "en", Analyser("en")) == decided


def test_other_languages_decide_in_their_own_words():
    said = "Hunde sind im Freibad nicht erlaubt."
    assert decide("Sind Hunde im Freibad erlaubt?", said, "de", Analyser("de")) == "Nein"
    assert decide("Les chiens sont-ils admis ?", "Les chiens sont admis.", "fr", Analyser("fr")) == "Oui"
    assert not asks_yes_or_no("নীল চাবি কি খোলে?", "bn"), "the word for what and whether is one"
    assert not asks_yes_or_no("Er hunde tilladt?", "da"), "a language without a file"
