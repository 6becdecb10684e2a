from __future__ import annotations

import pytest

from metier.core.questions import Question
from metier.evaluation.questions.halves import LEAST, halves, of_half
from metier.evaluation.wear import wear
from metier.state.exam_uses import ExamUse, note, uses


def exam(count: int) -> list[Question]:
    return [Question(str(n), f"How long does part {n} last?", ("a year",), split="exam") for n in range(count)]


def test_half_is_kept_and_no_question_ever_moves():
    small, large = halves(exam(60), 0.5), halves(exam(400), 0.5)
    assert set(small.release) <= set(large.release)
    assert set(small.routine) <= set(large.routine)
    assert 160 <= len(large.release) <= 240
    assert len(large.release) + len(large.routine) == 400
    assert 60 <= len(halves(exam(400), 0.2).release) <= 100


def test_a_question_in_other_letters_is_on_the_same_half():
    loud = [Question(q.id, q.question.upper(), q.answers) for q in exam(100)]
    assert [q.id for q in halves(loud, 0.5).release] == [q.id for q in halves(exam(100), 0.5).release]


@pytest.mark.parametrize(("count", "share"), [(LEAST - 1, 0.5), (400, 0.0)])
def test_of_a_small_exam_or_a_share_of_nothing_none_is_kept(count, share):
    assert halves(exam(count), share).release == ()
    assert of_half(exam(count), "routine", share) == of_half(exam(count), "all", share) == exam(count)
    assert of_half(exam(count), "release", share) == []


def test_wear_counts_each_question_and_a_use_once(tmp_path):
    state = tmp_path / "catalog.sqlite"
    for _ in range(2):
        note(state, ExamUse("key", "flow", "a@1", ("0", "1")))
    note(state, ExamUse("another", "compare", "", ("0",)))
    assert [(use.key, use.questions) for use in uses(state)] == [("key", ("0", "1")), ("another", ("0",))]
    found = wear(exam(4), uses(state), limit=2)
    assert (found.decisions, found.worn, found.fresh, found.questions) == (2, 1, 2, 4)
    assert not found.worn_out
    assert found.luck == pytest.approx(1 - 0.95 ** (3 / 4))
    assert wear(exam(4)[2:], uses(state), limit=2).luck == 0  # fresh questions alone
    assert wear([], (), limit=2).luck == 0


@pytest.mark.slow
def test_a_half_that_is_not_there_is_bad_input(turbines, call_metier, tmp_path):
    (tmp_path / "exam.csv").write_text("question,answer,split\nHow tight are the nuts?,840 Nm,exam\n")
    call_metier("exam", "import", str(tmp_path / "exam.csv"), "-e", str(turbines))
    said = call_metier("compare", "-e", str(turbines), "--half", "release", check=2).stderr
    assert "of 1 exam questions none is kept for releases" in said
    assert "Choose one of all, routine, release" in call_metier("compare", "--half", "best", check=2).stderr
