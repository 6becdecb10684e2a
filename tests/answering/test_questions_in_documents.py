"""Pages of questions and answers, and mails that ask: what stands behind a question answers it, not the question."""

from __future__ import annotations

import pytest

from metier import Expert

pytestmark = pytest.mark.slow

PAGE = """# Questions we are often asked

## Moving

How many movers come?

Two for an upright, three for any grand.

How soon can you come?

As a rule within eight working days; in June it can take three weeks.

## Renting

Can I practise at night?

On an upright with a silent pedal, yes: you hear yourself through headphones.

Can I swap to a better piano?

Yes, after six months, once per contract. You pay only the transport.
"""
MAIL = """# Mail of 14 October

May we keep the ivory keys? The piano must be back on 29 May. The ivory may stay, since it is not sold abroad.
"""


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    home = tmp_path_factory.mktemp("pianos")
    (home / "docs").mkdir()
    (home / "docs" / "faq.md").write_text(PAGE)
    (home / "docs" / "mail.md").write_text(MAIL)
    with Expert.create(home / "expert") as made:
        made.add(str(home / "docs"))
        made.sync()
        yield made


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("how many movers come", "Two for an upright"),
        ("How many movers come?", "Two for an upright"),
        ("How soon can you come to move it?", "eight working days"),
        ("can i practise at night", "silent pedal"),
        ("Can I swap my piano for a better one?", "after six months"),
        ("ivory keys", "ivory may stay"),
    ],
)
def test_the_answer_behind_a_question_is_quoted(expert, question, answer):
    answered = expert.ask(question)
    assert answer in answered.text
    assert "?" not in answered.text
