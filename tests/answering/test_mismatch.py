"""Passages of another time or another numbered thing than the question's."""

from __future__ import annotations

import pytest

from metier.answering.mismatch import at_another_time, days_missing, of_another_number
from metier.core.documents import Passage


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
        (
            "Open on 30 December?",
            "Closed from 24 December at noon, open again on\n2 January 2026.",
            "a.txt",
            "en",
            False,
        ),
        (
            "Open on 20 December?",
            "Closed from 24 December at noon, open again on\n2 January 2026.",
            "a.txt",
            "en",
            True,
        ),
        ("Open on 30 December?", "24 December: closed. 2 January: open.", "a.txt", "en", True),
        ("What does a lesson cost in 2025-26?", "Lesson: 45 min | Price: 438", "prices_2024-25.xlsx", "en", True),
        ("What does a lesson cost in 2025/2026?", "Lesson: 45 min | Price: 459", "prices_2025-26.xlsx", "en", False),
        ("What does a lesson cost in 2027-28?", "Lesson: 45 min | Price: 459", "prices_2025-26.xlsx", "en", True),
        ("How long is the break?", "On 10 February 30 minutes.", "log.txt", "en", False),
    ],
)
def test_whether_a_passage_is_of_another_time(question, text, uri, language, other):
    assert at_another_time(question, [passage(text, uri, language)], language) == [other]


def test_days_that_no_passage_names_are_counted():
    told = [passage("On 10 February 0.24 mg/l."), passage("Limit: 0.2 mg/l")]
    assert days_missing("What was measured on 9 March and on 10 February?", told, "en") == (2, 1)
    assert days_missing("What was measured in 2026?", told, "en") == (0, 0)


@pytest.mark.parametrize(
    ("question", "text", "uri", "language", "other"),
    [
        (
            "Who was on the night shift in week 14?",
            "Name: Tomasz | Mon 9: N | Sat 14: –",
            "roster-week-11.xlsx",
            "en",
            True,
        ),
        ("Who was on the night shift in week 11?", "Name: Tomasz | Mon 9: N", "roster-week-11.xlsx", "en", False),
        ("Who was on the night shift in week 14?", "Name: Tomasz | Mon 9: N", "roster.xlsx", "en", False),
        ("How much oil does the NV-130 take?", "The NV-110 takes 425 litres.", "oil.md", "en", True),
        ("How much oil does the NV-130 take?", "The NV-110 takes 425 litres, the NV-130 580.", "oil.md", "en", False),
        ("How much oil does the NV-130 take?", "The gearbox takes 425 litres.", "oil.md", "en", False),
        ("Which takes more, the NV-110 or the NV-130?", "The NV-110 takes 425 litres.", "oil.md", "en", False),
        ("Do week 13 and week 14 differ?", "The roster of week 13.", "roster.md", "en", False),
        ("NV-130的油量是多少？", "NV-110需要425升。", "oil.md", "zh", True),
        ("Wer hat in KW 12 Dienst?", "Name: Ayla | Mo: F", "dienstplan-kw-11.xlsx", "de", True),
        ("What happens in 5 minutes?", "In 10 minutes the alarm stops.", "alarm.md", "en", False),
        ("Was there a meeting on March 9?", "The meeting of March 10.", "notes.md", "en", False),  # a date, see above
        ("What does a 16 m boat cost?", "Boats of 12 m: 40.", "prices.md", "en", False),
    ],
)
def test_whether_a_passage_is_of_another_numbered_thing(question, text, uri, language, other):
    assert of_another_number(question, [passage(text, uri, language)], language) == [other]
