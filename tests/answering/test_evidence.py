"""What may be quoted as an answer."""

from __future__ import annotations

import numpy as np
import pytest

from metier.answering.coverage import QuestionCoverage
from metier.answering.evidence import _is_its_title
from metier.answering.term_weights import Sought
from metier.text.analyzer import Analyser


@pytest.mark.parametrize(
    ("question", "line", "language", "is_title"),
    [
        ("What are the steps for cleaning a deck oven?", "SOP 14 – Cleaning the deck ovens", "en", True),
        ("What are the steps for cleaning a deck oven?", "1. Switch the oven off.", "en", False),
        ("What colour is the sling?", "Orange", "en", False),
        ("When is the office open?", "Opening hours: 9 to 5", "en", False),
        ("Who is the safety officer on duty?", "Safety officer on duty: Tomas Reed", "en", False),
        ("How are deck ovens cleaned?", "Chapter 3: Cleaning deck ovens", "en", True),
        ("Wie reinigt man den Ofen?", "Reinigung des Ofens", "de", True),
        ("Wie läuft die Reinigung des Ofens ab?", "Reinigung des Ofens", "de", True),
        ("How is the mixer locked?", "The mixer is locked with a padlock.", "en", False),
    ],
)
def test_a_heading_that_only_repeats_the_question_is_no_answer(question, line, language, is_title):
    analyser = Analyser(language)
    sought = Sought.of(question, analyser, lambda tokens: np.ones(len(tokens)), language)
    assert _is_its_title(line, QuestionCoverage(question, sought, analyser)) == is_title
