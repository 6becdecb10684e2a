"""The same questions to every mode: turns, what is kept, what is asked again."""

from __future__ import annotations

import pytest

from metier.answering.answer import Answer, Sentence, Support, Usage
from metier.answering.request import Found
from metier.core.errors import EndpointError, InputError
from metier.core.questions import Question
from metier.evaluation.comparison import Comparison, drawn, turns
from metier.evaluation.records import Record
from metier.generation.completion_cache import Cache

QUESTIONS = [Question(f"q{n}", f"Question {n}?", (str(n),)) for n in range(4)]
NOTHING_FOUND = Found((), (), (), (), (), {}, 0.0)


class CountingExpert:
    """Stands in for an expert: answers are numbers, and what is asked is counted. Gives up after `lasts` answers."""

    def __init__(self, lasts: int = 1_000) -> None:
        self.asked: list[tuple[str, str]] = []
        self.lasts = lasts

    def ask(self, question: str, mode: str) -> Answer:
        if len(self.asked) >= self.lasts:
            raise EndpointError("the server is gone", where="http://server", hint="Start it.")
        if "too long" in question:
            raise InputError("the question takes 9000 tokens")
        self.asked.append((question, mode))
        text = f"{mode} says {len(self.asked)}"
        return Answer(question, text, False, None, mode, "m", None, (), {"total": 0.1}, Usage(10, 0, 2))

    def find(self, question: str) -> Found:
        return NOTHING_FOUND

    def supports(self, text: str, question: str, found: Found) -> list[Sentence]:
        return [Sentence(0, len(text), Support.NOT, 0.0)]


def comparison(tmp_path, examined, **made_of) -> Comparison:
    return Comparison(examined, made_of or {"base": 1, "rag": 1}, Cache(tmp_path / "answers.jsonl"))


def test_every_question_is_asked_in_every_mode_and_another_mode_begins_each_time(tmp_path):
    examined = CountingExpert()
    records = comparison(tmp_path, examined).run(QUESTIONS)
    assert [mode for _, mode in examined.asked] == ["base", "rag", "rag", "base"] * 2
    assert {(r.question, r.mode) for r in records} == {(q.id, m) for q in QUESTIONS for m in ("base", "rag")}
    assert list(turns(["a", "b", "c"], 4)) == ["b", "c", "a"]


def test_what_is_known_is_not_asked_again(tmp_path):
    first = comparison(tmp_path, CountingExpert()).run(QUESTIONS[:2])
    examined = CountingExpert()
    again = comparison(tmp_path, examined).run(QUESTIONS[:3])
    assert [question for question, _ in examined.asked] == ["Question 2?"] * 2
    assert again[:4] == first


def test_another_model_is_asked_anew_and_the_other_mode_is_not(tmp_path):
    comparison(tmp_path, CountingExpert(), base=1, rag=1).run(QUESTIONS)
    examined = CountingExpert()
    comparison(tmp_path, examined, base=1, rag=2).run(QUESTIONS)
    assert {mode for _, mode in examined.asked} == {"rag"}


def test_a_server_that_gives_up_loses_nothing(tmp_path):
    with pytest.raises(EndpointError, match="3 of 8 answers are kept") as raised:
        comparison(tmp_path, CountingExpert(lasts=3)).run(QUESTIONS)
    assert raised.value.where == "http://server"
    examined = CountingExpert()
    assert len(comparison(tmp_path, examined).run(QUESTIONS)) == 8
    assert len(examined.asked) == 5


def test_a_torn_line_costs_one_answer(tmp_path):
    comparison(tmp_path, CountingExpert()).run(QUESTIONS)
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    examined = CountingExpert()
    assert len(comparison(tmp_path, examined).run(QUESTIONS)) == 8
    assert len(examined.asked) == 1


def test_a_question_that_does_not_fit_is_no_answer_and_stops_nothing(tmp_path):
    records = comparison(tmp_path, CountingExpert()).run([Question("long", "too long", ("x",)), *QUESTIONS])
    assert [r.error for r in records if r.question == "long"] == ["the question takes 9000 tokens."] * 2
    assert sum(not r.error for r in records) == 8


def test_a_larger_limit_adds_to_a_smaller_one():
    many = [Question(f"q{n}", f"{n}?") for n in range(50)]
    assert drawn(many, 10) == drawn(list(reversed(many)), 20)[:10]
    assert sorted(q.id for q in drawn(many, None)) == sorted(q.id for q in many)


def test_a_record_comes_back_as_it_was_kept():
    record = Record("q", "rag", "টর্ক ৮৪০", False, 0.5, "m", "a@1", unsupported=((0, 3),), found=("p",), notes=("n",))
    assert Record.from_json(record.to_json()) == record
