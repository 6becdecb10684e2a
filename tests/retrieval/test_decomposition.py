from __future__ import annotations

import pytest

from metier.generation.base import Completion
from metier.retrieval.decomposition import MOST, checked, split, split_by_model

# ruff: noqa: E501
SPLIT = [
    (
        "en",
        "When does the term of the Pennine Stone lease run out, and what's the notice period?",
        ["When does the term of the Pennine Stone lease run out", "what's the notice period (Pennine Stone)?"],
    ),
    ("en", "How is the pump vented? What are the symptoms of a leak?", ["How is the pump vented?", "What are the symptoms of a leak?"]),
    ("en", "What is the limit of the crane and who signs for it?", ["What is the limit of the crane", "who signs for it (limit crane)?"]),
    (
        "en",
        "What day and at what time does the band pick up its gear?",
        ["What day does the band pick up its gear?", "at what time does the band pick up its gear?"],
    ),
    ("en", "How long and how wide is the Badger?", ["How long is the Badger?", "how wide is the Badger?"]),
    ("de", "Wie hoch und wie breit ist das Zelt?", ["Wie hoch ist das Zelt?", "wie breit ist das Zelt?"]),
    ("es", "¿Qué día y a qué hora vienen los de El Rogle?", ["¿Qué día vienen los de El Rogle?", "a qué hora vienen los de El Rogle?"]),
    ("ru", "В какой день и в какое время приезжает группа?", ["В какой день приезжает группа?", "в какое время приезжает группа?"]),
    ("es", "¿Cuánto cuesta y dónde se compra la entrada?", ["¿Cuánto cuesta (compra entrada)?", "dónde se compra la entrada?"]),
    ("en", "Which is heavier, the KX-4 or the KX-7?", ["Which is heavier, the KX-4?", "Which is heavier, the KX-7?"]),
    ("en", "What is the difference between asthma and chronic bronchitis?", ["What is the difference between asthma?", "What is the difference between chronic bronchitis?"]),
    ("en", "When were Alice Smith, Bob Jones and Charles the Great born?", ["When were Alice Smith born?", "When were Bob Jones born?", "When were Charles the Great born?"]),
    ("en", "How does Acme compare with Bolt in revenue?", ["How does Acme compare with in revenue?", "How does compare with Bolt in revenue?"]),
    ("de", "Wer leitet das Lager und wann öffnet es?", ["Wer leitet das Lager", "wann öffnet es (Lager)?"]),
    ("de", "Was ist der Unterschied zwischen Asthma und Bronchitis?", ["Was ist der Unterschied zwischen Asthma?", "Was ist der Unterschied zwischen Bronchitis?"]),
    ("bn", "ঢাকার মেয়র কে এবং কলকাতার আয়তন কত?", ["ঢাকার মেয়র কে", "কলকাতার আয়তন কত?"]),
    ("hi", "दिल्ली और मुंबई की जनसंख्या में क्या अंतर है?", ["दिल्ली की जनसंख्या में क्या अंतर है?", "मुंबई की जनसंख्या में क्या अंतर है?"]),
    ("zh", "哮喘和支气管炎有什么区别？", ["哮喘有什么区别？", "支气管炎有什么区别？"]),
    ("id", "Kapan Museum Nasional dan Gedung Sate dibangun?", ["Kapan Museum Nasional dibangun?", "Kapan Gedung Sate dibangun?"]),
]  # fmt: skip
WHOLE = [
    ("en", "What is the capital of France?"),
    ("en", "When and where was Mozart born?"),
    ("en", "What are the symptoms and causes of asthma?"),
    ("en", "I have a KX-4 with a leak. What should I do?"),
    ("en", "How do I lock and tag the breaker?"),
    ("de", "Wie wird die Pumpe entlüftet und gereinigt?"),
    ("bn", "নীল চাবি কী খোলে?"),
    ("zh", "和平条约是什么时候签订的？"),
    ("xx", "What is this and who made it?"),  # a language without a file
    ("en", "…!?"),
    ("en", ""),
]


@pytest.mark.parametrize(("language", "question", "parts"), SPLIT)
def test_what_has_parts_is_split(language, question, parts):
    assert list(split(question, language)) == parts


@pytest.mark.parametrize(("language", "question"), WHOLE)
def test_what_has_none_stays_whole(language, question):
    assert split(question, language) == (question,)


def test_there_are_no_more_than_so_many_parts_and_a_text_is_no_question():
    many = " ".join(f"What is the price of P-{n}?" for n in range(20))
    assert len(split(many, "en")) == MOST
    text = many * 10
    assert split(text, "en") == (text,)


@pytest.mark.parametrize(
    ("language", "said", "asked"),
    [
        ("en", "The pump was fitted in May and has run without a stop since then.", "How often is its oil changed?"),
        ("de", "Die Pumpe wurde im Mai eingebaut und läuft seitdem ohne Unterbrechung.", "Wann ist der Ölwechsel?"),
        ("zh", "水泵五月安装，此后一直运行。", "多久换一次油？"),
    ],
)
def test_of_a_long_text_what_it_asks_is_looked_up(language, said, asked):
    told = " ".join(f"({n}) {said}" for n in range(150))
    assert split(f"{told} {asked}", language) == (asked,)
    assert split(f"{asked} {told}", language) == (asked,)
    assert split(told, language) == (told,)


QUESTION = "Which pump is heavier, the KX-4 or the KX-7, and who sells them?"


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("1. How heavy is the KX-4 pump?\n2. How heavy is the KX-7 pump?\n3. Who sells the KX-4 and the KX-7?", 3),
        ("1) Which pump is the KX-4?\n\n2) Which pump is the KX-7, and who sells it?", 2),
        ("The KX-7 is heavier, at 41 kg.", 0),
        ("1. The KX-4 weighs 38 kg.\n2. The KX-7 weighs 41 kg.", 0),
        ("1. How heavy is the KX-4 pump?", 0),  # half of the question is lost
        ("1. What is the boiling point of water?\n2. Who discovered penicillin?", 0),
        ("Here are the parts:\n1. Which pump is heavier, the KX-4?\n2. Who sells the KX-7?", 0),
        ("", 0),
        ("\n".join(f"{n}. Which pump is the KX-4 or KX-7?" for n in range(MOST + 1)), 0),
    ],
)
def test_what_a_model_wrote_is_believed_only_in_the_questions_own_words(written, parts):
    assert len(checked(QUESTION, "en", written)) == parts


class ScriptedGenerator:
    """Stands in for a model: always writes the same."""

    def __init__(self, text: str) -> None:
        self._text = text

    def complete(self, messages, **_: object) -> Completion:
        assert messages[-1].content == QUESTION
        return Completion(self._text, 10, 10, 0, 0.1, 0.2, "stop")


def test_a_model_that_answers_instead_is_replaced_by_the_rule():
    good = "1. Which pump is heavier, the KX-4?\n2. Which pump is heavier, the KX-7?\n3. Who sells them?"
    assert split_by_model(QUESTION, "en", ScriptedGenerator(good))[2] == "Who sells them?"
    assert split_by_model(QUESTION, "en", ScriptedGenerator("The KX-7.")) == split(QUESTION, "en")
