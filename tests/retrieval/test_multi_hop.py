from __future__ import annotations

import numpy as np

from metier.core.documents import Passage
from metier.retrieval import multi_hop
from metier.retrieval.query import Query
from metier.text.analyzer import Analyser

RARE = {"sl2210": 5.0, "2210": 5.0, "hansson": 5.0, "supplier": 3.0, "pump": 3.0, "kx4": 4.5, "rain": 4.9}
RARE |= dict.fromkeys(("what", "did", "we", "the", "that", "of", "who"), 0.1)


def passage(number: int, text: str, document: str = "", heading: str = "") -> Passage:
    name = document or f"d{number}"
    return Passage(
        id=f"p{number}", document_id=name, text=text, headings=(heading,) if heading else (), page=None, row=None,
        start=0, end=len(text), uri=name, title="", language="en", groups=(), metadata={},
    )  # fmt: skip


def weigh(tokens):
    return np.array([RARE.get(token, 1.0) for token in tokens])


def ordered(passages, scores):
    tokens = Analyser("en").tokens
    found = multi_hop.steps(tokens("supplier of the seal of pump KX-4"), passages, scores, tokens, weigh, 5.0)
    return multi_hop.order(found, passages, scores, tokens)


FIRST = passage(0, "Pump KX-4 has the seal SL-2210. It stands in the rain.")
OTHERS = [passage(n, f"Nothing of note in text {n}.") for n in range(1, 9)]
ROW = passage(9, "SL-2210 comes from Hansson.")
SCORES = [10.0, 6.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.2, 1.0]


def test_what_shares_a_name_with_the_best_passage_moves_behind_the_first_three():
    assert ordered([FIRST, *OTHERS, ROW], SCORES) == [0, 1, 2, 9, 3, 4, 5, 6, 7, 8]


def test_a_rare_word_that_is_no_name_or_stands_elsewhere_in_the_passage_moves_nothing():
    rain = passage(9, "There was rain in the morning.")
    assert ordered([FIRST, *OTHERS, rain], SCORES) == list(range(10))


def test_what_stands_in_the_same_document_is_left_to_the_context():
    same = passage(9, ROW.text, document="d0")
    assert ordered([FIRST, *OTHERS, same], SCORES) == list(range(10))


def test_few_passages_and_passages_without_evidence_stay():
    assert ordered([FIRST, ROW], [2.0, 1.0]) == [0, 1]
    assert ordered([FIRST, *OTHERS, ROW], [0.0] * 10) == list(range(10))


def rephrased(question, *passages, language="en"):
    tokens = Analyser(language).tokens
    query = Query(question, np.zeros(2, np.float32), 0.0, 1.0, tuple(tokens(question)))
    return multi_hop.rephrased(query, passages, tokens, weigh, 4.5)


def test_a_description_gives_way_to_the_heading_of_the_passage_that_gives_it():
    told = passage(0, "Pump KX-4 stands in the cellar and lifts the water of the whole house.", heading="Pump KX-4")
    question = "What did we pay for the machine that lifts the water of the whole house?"
    assert rephrased(question, told) == ["What did we pay for machine that Pump KX-4"]


def test_a_question_stays_as_it_is_where_a_passage_says_little_of_it_or_its_heading_nothing_new():
    told = passage(0, "It lifts the water of the whole house.", heading="Pump KX-4")
    assert rephrased("Who repairs the roof of the house?", told) == []
    assert rephrased("What lifts the water of the whole house, pump KX-4?", told) == []
    assert rephrased("What lifts the water of the whole house?", passage(0, told.text, heading="Machines")) == []
    assert rephrased("What lifts the water of the whole house?", passage(0, told.text)) == []


def test_what_is_found_again_comes_in_turn_behind_the_first_three():
    assert multi_hop.interleaved([8, 1, 9, 7, 6], [0, 1, 2, 3, 4, 7]) == [0, 1, 2, 8, 3, 9, 4, 7]
    assert multi_hop.interleaved([], [0, 1]) == [0, 1]
    assert multi_hop.interleaved([5], []) == [5]
