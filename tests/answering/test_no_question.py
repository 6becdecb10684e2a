"""What asks nothing gets a short word and no model; whatever a document may answer is looked up."""

from __future__ import annotations

import pytest

from metier import Expert
from metier.answering.answer import Answer
from metier.generation.base import Message
from metier.store.base import Filter
from metier.text.language import Language, codes

pytestmark = pytest.mark.slow

SILLY = [
    "🔥🔥", "👍🏽", "1️⃣", "??", "…!", "asdf", "asdf qwerty", "sdfkjh", "фыва", "aaaaaa", "hahaha", "哈哈哈哈",
    "12345", "1 2 3", "०१२३", "the", "what is it?", "why?", "is the of", "आप क्या", "torque " * 700, "电机" * 2500,
    "How often is the oil changed? " * 170,
]  # fmt: skip
ASKED = [
    "NV-110", "nv110", "E217", "4711", "P-17", "oil", "IT", "গিয়ারবক্স", "علبة التروس", "齿轮箱",
    "গিয়ারবক্সের তেল কত মাসে বদলানো হয়?",
    "كم مرة يتم تغيير الزيت؟", "多久换一次油？", "Drehmoment", "HTML", "property", "Who is Anna?", "qwert",
]  # fmt: skip


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    place = tmp_path_factory.mktemp("silly")
    docs = place / "docs"
    docs.mkdir()
    (docs / "oil.md").write_text("# Oil\n\nThe gearbox oil of the NV-110 is changed every 30 months.\n")
    (docs / "parts.md").write_text("# Parts\n\nThe seal 4711 fits the NV-110. The valve is called qwert.\n")
    with Expert.create(place / "expert") as made:
        made.add(str(docs))
        made.sync()
        yield made


def is_told_to_ask(answer: Answer) -> bool:
    replies = {Language.of(code).text("replies", "no_question") for code in codes()}
    return answer.text in replies and answer.abstained and not answer.hits


@pytest.mark.parametrize("message", SILLY, ids=lambda text: text[:20])
def test_what_asks_nothing_is_told_to_ask(expert, message):
    heard = []
    answer = expert.ask(message, on_text=heard.append)
    assert is_told_to_ask(answer)
    assert "".join(heard) == answer.text
    assert (answer.citations, answer.confidence, answer.nearest) == ((), None, ())


@pytest.mark.parametrize("message", ASKED)
def test_what_may_be_answered_is_looked_up(expert, message):
    assert expert.ask(message).hits


def test_the_reply_is_in_the_language_of_the_message(expert):
    assert expert.ask("आप क्या").text == Language.of("hi").text("replies", "no_question")
    assert expert.ask("??").text == Language.of("en").text("replies", "no_question")
    assert len({Language.of(code).text("replies", "no_question") for code in codes()}) == len(codes())


def test_a_number_is_known_only_to_who_may_read_of_it(tmp_path):
    for name, text in (("open", "The pump is blue."), ("board", "The code is 4711.")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(text)
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(tmp_path / "open"))
        made.add(str(tmp_path / "board"), groups=("board",))
        made.sync()
        assert is_told_to_ask(made.ask("4711", where=Filter(groups=())))
        assert made.ask("4711", where=Filter(groups=("board",))).hits


def test_a_short_question_after_an_answer_leans_on_it(expert):
    turns = [Message("user", "How often is the oil of the NV-110 changed?"), Message("assistant", "Every 30 months.")]
    assert expert.ask("and why?", history=turns).hits
    assert is_told_to_ask(expert.ask("??", history=turns))


def test_without_documents_the_model_answers_what_it_is_told(expert):
    assert not is_told_to_ask(expert.ask("the", mode="base"))


@pytest.mark.parametrize("message", ["??", "…", "😀", "!?", "❤️"])
def test_signs_without_a_word_find_nothing(expert, message):
    assert expert.search(message) == []
    assert expert.search(f"oil {message}")
