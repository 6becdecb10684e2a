"""Passages of another day or year than the question's."""

from __future__ import annotations

import pytest

from metier.answering.times import at_another_time, days_missing
from metier.documents import Passage


def passage(text: str, uri: str = "notes.md", language: str = "en") -> Passage:
    return Passage("p", "d", text, 0, len(text), (), None, uri=uri, language=language)


@pytest.mark.parametrize(
    ("question", "text", "uri", "language", "other"),
    [
        ("What did a ticket cost in 2019?", "A ticket costs 5.60.", "prices-2024.md", "en", True),
        ("What did a ticket cost in 2024?", "A ticket costs 5.60.", "prices-2024.md", "en", False),
        ("What did a ticket cost in 2019?", "A ticket costs 5.60.", "prices.md", "en", False),
        ("Wie war das Chlor am 9. März 2026?", "Am 10. Februar 0,24 mg/l.", "protokoll.docx", "de", True),
        ("Wie war das Chlor am 10. Februar?", "Am 10. Februar 0,24 mg/l.", "protokoll.docx", "de", False),
        ("Wie war das Chlor am 10.2.2026?", "Am 10. Februar 0,24 mg/l.", "protokoll.docx", "de", False),
        ("Who chaired the board in 1995?", "Ida Berg, chair from 1993 to 2001.", "board.md", "en", False),
        ("Who chaired the board in 2005?", "Ida Berg, chair from 1993 to 2001.", "board.md", "en", True),
        ("৯ মার্চ কত ছিল?", "১০ ফেব্রুয়ারি ০.২৪ ছিল।", "log.txt", "bn", True),
        ("3月9日的数值是多少？", "2月10日为0.24。", "log.txt", "zh", True),
        ("How long is the break?", "On 10 February 30 minutes.", "log.txt", "en", False),
    ],
)
def test_whether_a_passage_is_of_another_time(question, text, uri, language, other):
    assert at_another_time(question, [passage(text, uri, language)], language) == [other]


def test_days_that_no_passage_names_are_counted():
    told = [passage("On 10 February 0.24 mg/l."), passage("Limit: 0.2 mg/l")]
    assert days_missing("What was measured on 9 March and on 10 February?", told, "en") == (2, 1)
    assert days_missing("What was measured in 2026?", told, "en") == (0, 0)
