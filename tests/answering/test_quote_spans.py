from __future__ import annotations

import pytest

from metier.answering.evidence import quotable
from metier.answering.quote_spans import asks_for_list, asks_which, holds_steps, rows_alike, widened
from metier.core.documents import Passage
from metier.text.analyzer import Analyser

LOCKOUT = """Before work on the mixer begins:

1. Open breaker Q1.
2. Lock it with your own padlock.
3. Hang up the sign "Do not switch on".

The shift leader keeps the list of padlocks."""


def passage(text: str, **options) -> Passage:
    return Passage("p", "d", text, 100, 100 + len(text), title="Lockout", language="en", **options)


def pieces(within: Passage) -> list[str]:
    return [within.text[a:b] for a, b in quotable(within)]


def piece(within: Passage, words: str) -> Passage:
    return next(within.within(a, b) for a, b in quotable(within) if words in within.text[a:b])


def test_a_numbered_step_is_quoted_with_its_number():
    assert "2. Lock it with your own padlock." in pieces(passage(LOCKOUT))


def test_headings_titles_and_a_lead_in_with_nothing_behind_it_are_not_quoted():
    text = "Lockout\nWhat to do:"
    assert pieces(passage(text + "\nOpen the breaker first.")) == ["What to do:", "Open the breaker first."]
    assert "What to do:" not in pieces(passage("Open the breaker first.\n\nWhat to do:"))


def test_of_a_list_that_is_asked_for_all_items_are_quoted_with_their_lead_in():
    within = passage(LOCKOUT)
    (quote,) = widened(piece(within, "padlock."), [within], whole_list=True)
    assert quote.text.startswith("Before work on the mixer begins:")
    assert quote.text.endswith('"Do not switch on".')
    assert within.text[quote.start - 100 : quote.end - 100] == quote.text


def test_a_sentence_right_before_a_list_that_is_asked_for_brings_it():
    within = passage(
        "The customer gets a blue folder with the following.\n\n- Certificate\n- Photos\n\nSigned by both."
    )
    assert widened(piece(within, "blue folder"), [within], whole_list=True)[0].text.endswith("- Photos")
    assert widened(piece(within, "blue folder"), [within], whole_list=False)[0].text.endswith("following.")


def test_a_lead_in_brings_what_it_introduces_and_a_step_alone_stays_alone():
    within = passage(LOCKOUT)
    assert '"Do not switch on".' in widened(piece(within, "Before work"), [within], whole_list=False)[0].text
    (alone,) = widened(piece(within, "Lock it"), [within], whole_list=False)
    assert alone.text == "2. Lock it with your own padlock."


@pytest.mark.parametrize(
    "text",
    ["কাজ শুরুর আগে:\n\n1. ব্রেকার Q1 খুলুন।\n2. নিজের তালা লাগান।", "开始工作之前:\n\n1. 断开断路器Q1。\n2. 挂上自己的锁。"],
    ids=["bn", "zh"],
)
def test_lists_of_any_script_are_quoted_whole(text):
    within = Passage("p", "d", text, 0, len(text), language="bn")
    assert [quote.text for quote in widened(piece(within, "Q1"), [within], whole_list=True)] == [text]


def test_a_list_that_goes_on_in_the_next_passages_is_quoted_to_its_end():
    texts = [
        "Cleaning the oven:\n\n1. Switch off.",
        "2. Wait an hour.\n3. Brush.",
        "4. Sign.\n\nForms lie in the office.",
    ]
    around, at = [], 0
    for text in texts:
        around.append(Passage(f"p{at}", "d", text, at, at + len(text), ("Oven",)))
        at += len(text) + 1
    other = Passage("x", "d", "5. Another list.", at + 1, at + 17, ("Mixer",))
    quotes = widened(around[1].within(0, 16), [*around, other], whole_list=True)
    assert [quote.text for quote in quotes] == [texts[0], texts[1], "4. Sign."]
    apart = widened(around[1].within(0, 16), [around[1]], whole_list=True)
    assert [quote.text for quote in apart] == [texts[1]]


@pytest.mark.parametrize(
    ("question", "language", "asks"),
    [
        ("What are the steps of the lockout?", "en", True),
        ("How do I lock the mixer?", "en", True),
        ("How tight are the bolts?", "en", False),
        ("How many litres does it take?", "en", False),
        ("Wie sperrt man den Mischer ab?", "de", True),
        ("Wie hoch ist das Drehmoment?", "de", False),
        ("মিক্সার বন্ধ করার ধাপগুলি কী কী?", "bn", True),
        ("锁定搅拌机的步骤是什么?", "zh", True),
        ("Hvordan låser man mixeren?", "da", False),
    ],
)
def test_a_question_that_wants_steps_or_a_list_is_known_by_its_words(question, language, asks):
    assert asks_for_list(question, language) == asks


PLAN = """Unit: Filter 1 | Task: refill | Firm: Aquado | Cost: 560
Unit: Slide | Task: inspection | Firm: Tyv | Cost: 900
Unit: Boiler | Task: descaling | Firm: Aquado | Cost: 410
Unit: Filter 2 | Task: refill | Firm: Rinne | Cost: 520"""


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Which units does Aquado look after?", ["Filter 1", "Boiler"]),
        ("Which refill does Aquado do?", ["Filter 1"]),
        ("Which refills are planned?", []),  # another form of the word: no cell says it
        ("Which units are there?", []),  # names a column, not a cell
    ],
)
def test_rows_that_hold_the_same_words_of_the_question_are_quoted_together(question, rows):
    within = Passage("p", "d", PLAN, 0, len(PLAN), ("Maintenance",))
    analyser = Analyser("xx")
    asked = frozenset(analyser.tokens(question))
    quotes = rows_alike(
        piece(within, "Unit: Filter 1"), [within], lambda text: asked & frozenset(analyser.tokens(text))
    )
    assert [quote.text.split(" | ")[0].removeprefix("Unit: ") for quote in quotes] == rows


def test_no_rows_are_alike_where_a_sentence_is_quoted():
    text = "Aquado refills the filters. Tyv inspects the slide."
    within = Passage("p", "d", text, 0, len(text))
    assert rows_alike(within.within(0, 27), [within], lambda text: frozenset(["aquado"])) == []


@pytest.mark.parametrize(
    ("question", "language", "asks"),
    [
        ("Which of our breads have rye in them?", "en", True),
        ("What does the crane cost?", "en", True),
        ("When is the crane inspected?", "en", False),
        ("Welche Anlagen prüft die Firma?", "de", True),
        ("Wann kommt die Firma?", "de", False),
        ("কোন কোন যন্ত্র পরীক্ষা করা হয়?", "bn", True),
        ("公司检查哪些设备？", "zh", True),
        ("ما هي الأجهزة التي تفحصها الشركة؟", "ar", True),
    ],
)
def test_a_question_that_may_have_several_answers_is_known_by_its_words(question, language, asks):
    assert asks_which(question, language) == asks


def test_steps_are_told_from_numbered_headings_and_short_lists():
    assert holds_steps("1. Open the breaker.\n\n2. Lock it.\n\n3. Hang up the sign.")
    assert holds_steps("১. ব্রেকার খুলুন।\n২. তালা লাগান।\n৩. চিহ্ন ঝোলান।")
    assert holds_steps("1、断开断路器。\n2、挂上锁。\n3、挂牌。")
    assert not holds_steps("1. Open the breaker.\n2. Lock it.")
    assert not holds_steps(
        "1. Meals\nMeals are paid up to 40 euros a day.\n2. Rooms\nRooms cost less.\n3. Taxis\nWith a bill."
    )
