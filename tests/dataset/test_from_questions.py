"""Training rows of practice questions, on a real store."""

from __future__ import annotations

import shutil

import pytest

from metier import Expert
from metier.answering import prompt
from metier.answering.refusal_messages import refusal
from metier.answering.term_weights import WordWeights
from metier.core.questions import Question, resolve
from metier.dataset.rows import load
from metier.synthesis import from_questions
from metier.synthesis.raft import RowMaker

pytestmark = pytest.mark.slow

OIL = Question("a", "How often is the gearbox oil of the NV-110 changed?", ("every 31 months",), ("gearbox-oil.md",))
TIGHT = Question("b", "Is the yaw grease changed every 7 months?", ("yes",), ("yaw-grease.md",), kind="yesno")
NOTHING = Question("c", "How often is the keel of the NV-110 painted?", kind="unanswerable")
UNWORDED = Question("d", "What is a hub seal?", (), ("hub-seals.md",))


@pytest.fixture
def expert(tmp_path, parts_folder):
    shutil.copytree(parts_folder, tmp_path / "expert")
    with Expert.open(tmp_path / "expert") as opened:
        yield opened


def add(expert, questions, kinds="both", left_out=0.0):
    runtime = expert.runtime
    maker = RowMaker(
        runtime.answerer.find, runtime.generator, runtime.analyser, WordWeights(runtime.store), runtime.settings, kinds,
        left_out, 0, from_questions.ORIGIN,
    )  # fmt: skip
    resolved = resolve(questions, expert.runtime.store.uris(), "test")
    return from_questions.add(resolved, maker, expert.runtime.store, expert.runtime.state_folder / "dataset.jsonl")


def test_rows_are_in_the_prompt_of_answering_and_show_the_place_of_the_answer(expert):
    report = add(expert, [OIL])
    shown, plain = load(expert.runtime.state_folder / "dataset.jsonl")
    assert (report.rows, report.refusals, report.added) == (2, 0, 2)
    assert shown.completion == plain.completion == "every 31 months"
    assert any("31 months" in passage.text for passage in shown.context)
    assert not plain.context
    answer = expert.runtime.answerer.find(OIL.question)
    assert shown.prompt() == prompt.messages(OIL.question, answer.shown)


def test_a_decision_keeps_what_the_search_shows(expert):
    add(expert, [TIGHT], "rag")
    (row,) = load(expert.runtime.state_folder / "dataset.jsonl")
    assert (row.kind, row.completion) == ("yesno", "yes")
    assert [p.text for p in row.context] == [p.text for p in expert.runtime.answerer.find(TIGHT.question).shown]


def test_what_nothing_answers_is_refused(expert):
    report = add(expert, [NOTHING])
    (row,) = load(expert.runtime.state_folder / "dataset.jsonl")
    assert report.refusals == 1
    assert (row.kind, row.completion) == ("refusal", refusal("en"))
    assert row.context


def test_a_left_out_place_is_refused_too(expert):
    add(expert, [OIL], "rag", left_out=1.0)
    (row,) = load(expert.runtime.state_folder / "dataset.jsonl")
    assert row.completion == refusal("en")
    assert not any("31 months" in passage.text for passage in row.context)


def test_a_question_without_an_answer_is_left_out_and_the_same_rows_are_not_added_twice(expert):
    assert add(expert, [OIL, UNWORDED]).left_out == 1
    assert add(expert, [OIL]).added == 0
