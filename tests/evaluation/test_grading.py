"""What each metric says of an answer, and why one failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metier.core.questions import Question
from metier.evaluation.metrics.grading import Grader
from metier.evaluation.records import Cited, Record, ShownText

FACT = Question("q1", "How tight are the nuts?", ("840 Nm",), ("bolts.md",), page=2)
NOTHING = Question("q2", "How tight are the nuts of the NV-150?", kind="unanswerable")
VERDICT = Question("q3", "Is it tight?", ("yes",), ("bolts.md",), kind="yesno", choices=("yes", "no", "maybe"))
RIGHT = Cited("bolts.md", 2, 0, 10, "840 Nm each", passage_id="p1")
WRONG = Cited("bolts.md", 3, 0, 10, "900 Nm each", passage_id="p2")
SHOWN = ShownText("bolts.md", 2, "p1", "The nuts: 840 Nm each.")
ELSEWHERE = ShownText("oil.md", 2, "p9", "Oil is changed.")
GRADER = Grader()


def answered(text: str, mode: str = "rag", **more) -> Record:
    return Record("q", mode, text, False, 0.9, "model", None, sentences=1, shown=(SHOWN,), **more)


def test_a_right_answer_from_the_right_page():
    grades = GRADER.grade(FACT, answered("They are tightened to 840 Nm.", citations=(RIGHT,)))
    assert (grades["score"], grades["refused"], grades["faithful"], grades["retrieved"]) == (1, 0, 1, 1)
    assert (grades["cited_precision"], grades["cited_recall"], grades["numbers"]) == (1, 1, 1)
    assert grades["exact_match"] == 0
    assert 0 < grades["token_f1"] < 1


def test_what_does_not_apply_is_absent():
    grades = GRADER.grade(NOTHING, answered("840 Nm.", "base"))
    assert set(grades) == {"score", "refused", "faithful"}
    assert "cited_precision" not in GRADER.grade(FACT, answered("840 Nm."))  # nothing cited: recall 0, no precision
    assert GRADER.grade(FACT, answered("840 Nm."))["cited_recall"] == 0


def test_half_the_citations_are_right():
    grades = GRADER.grade(FACT, answered("840 Nm.", citations=(RIGHT, WRONG)))
    assert (grades["cited_precision"], grades["cited_recall"]) == (0.5, 1)


def test_a_question_that_joins_several_documents_wants_all_of_them():
    several = replace(FACT, kind="several", documents=("bolts.md", "oil.md"), page=None)
    assert GRADER.grade(several, answered("840 Nm.", citations=(RIGHT, WRONG)))["cited_recall"] == 0.5


def test_a_refusal_is_right_where_nothing_answers_and_wrong_elsewhere():
    refusal = replace(answered("The documents do not say."), abstained=True)
    assert GRADER.grade(NOTHING, refusal)["score"] == 1
    grades = GRADER.grade(FACT, refusal)
    assert (grades["score"], grades["token_f1"], grades["refused"]) == (0, 0, 1)
    assert "faithful" not in grades
    assert "cited_recall" not in grades


@pytest.mark.parametrize(
    "text", ["The documents do not say.", "নথিগুলিতে এর উত্তর নেই।", "文档中没有说明。", "Ask head office!"]
)
def test_a_model_alone_refuses_in_its_own_words(text):
    grader = Grader(refusal="Ask head office!")
    assert grader.grade(NOTHING, answered(text, "tuned"))["score"] == 1


def test_decisions_are_read_out_of_the_answer():
    assert GRADER.grade(VERDICT, answered("Yes, it is."))["score"] == 1
    assert GRADER.grade(VERDICT, answered("no"))["label"] == 0
    assert GRADER.decided(VERDICT, answered("no")) == "no"
    assert GRADER.decided(VERDICT, replace(answered("no"), abstained=True)) is None


def test_labels_of_the_whole_exam_are_the_choices_where_a_question_names_none():
    grader = Grader(labels=("card_arrival", "lost_card"))
    question = Question("b", "Where is it?", ("card_arrival",), kind="label")
    assert grader.grade(question, answered("card arrival", "tuned"))["score"] == 1
    assert grader.grade(question, answered("lost card", "tuned"))["score"] == 0


@pytest.mark.parametrize(
    ("question", "record", "cause"),
    [
        (FACT, answered("840 Nm", citations=(RIGHT,)), ""),
        (FACT, replace(answered("900 Nm"), shown=(ELSEWHERE,)), "not retrieved"),
        (FACT, answered("900 Nm"), "retrieved, not used"),
        (FACT, answered("900 Nm", citations=(RIGHT,)), "used, wrong"),
        (FACT, replace(answered("…"), abstained=True), "refused wrongly"),
        (NOTHING, answered("840 Nm"), "answered what it should refuse"),
        (FACT, answered("900 Nm", "base"), "not known"),
        (FACT, replace(answered("", "base"), error="too long"), "no answer"),
    ],
)
def test_why_an_answer_failed(question, record, cause):
    assert GRADER.cause(question, record, GRADER.grade(question, record)) == cause


def test_a_free_answer_is_graded_by_what_it_shares_with_the_reference():
    text = Question("t", "নীল চাবি কী খোলে?", ("নীল চাবি টাওয়ারের দরজা খোলে।",), ("a.md",), kind="text")
    assert GRADER.grade(text, answered("নীল চাবি টাওয়ারের দরজা খোলে"))["score"] == pytest.approx(1)
    assert 0 < GRADER.grade(text, answered("নীল চাবি"))["score"] < 0.8


def test_a_question_that_names_two_things_wants_one_of_them():
    several = Question("s", "Which of V-1 and V-2 is higher?", ("V-1",), kind="several", choices=("V-1", "V-2"))
    assert GRADER.grade(several, answered("V-1"))["score"] == 1
    assert GRADER.grade(several, answered("V-2"))["score"] == 0
    assert GRADER.grade(several, answered("It is V-1 or V-2"))["score"] == 0


def test_a_question_is_graded_in_its_own_language():
    german = Question("d", "Wie dick?", ("4,2 mm",), language="de")
    assert GRADER.grade(german, answered("4.2 mm dick"))["numbers"] == 1
    swahili = Question("s", "Wapi?", ("nyumba",), language="sw")
    assert GRADER.grade(swahili, answered("yuko nyumbani"))["score"] == 1
