from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from metier.core.errors import InputError
from metier.core.questions import Question, load
from metier.evaluation.questions.question_set import QuestionSet

pytestmark = pytest.mark.slow

PARTS = ("gearbox oil", "brake pads", "yaw grease", "pitch batteries", "nacelle lamps", "rope grips", "oil filter")
EXAM = Question("", "How often is the gearbox oil of the NV-110 changed?", ("every 31 months",), split="exam")
REWORDED = replace(EXAM, question="How often is the NV-110's gearbox oil changed?", split="")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / ".metier" / "questions.jsonl"


def many(count: int = 60) -> list[Question]:
    return [
        Question("", f"How often is the {PARTS[n % 7]} of the NV-{n} changed?", (f"every {n} months",))
        for n in range(count)
    ]


def sides(questions: QuestionSet) -> dict[str, str]:
    return {question.question: question.split for question in questions.questions()}


def test_the_split_is_decided_once_and_for_all(path, tmp_path):
    added = QuestionSet(path, 0.4).add(many(200))
    assert (added.added, added.total, added.practice + added.exam) == (200, 200, 200)
    assert 60 <= added.practice <= 100
    before = sides(QuestionSet(path))
    later = QuestionSet(path, 0.9)  # another share, and more questions: nothing moves
    assert later.add(many(260)).known == 200
    assert before.items() <= sides(later).items()
    other = QuestionSet(tmp_path / "other.jsonl", 0.4)
    other.add(list(reversed(many(200))))
    assert sides(other) == before, "the words decide, not the order"


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_the_share_is_a_setting(path, share):
    added = QuestionSet(path, share).add(many(200))
    assert abs(added.practice / 200 - share) < 0.08


def test_repeats_are_not_added_again(path):
    first = QuestionSet(path).add([EXAM, replace(EXAM, question="how often is the gearbox oil of the NV-110 changed")])
    assert (first.added, first.known) == (1, 1)
    again = QuestionSet(path).add([replace(EXAM, answers=("every 17 months",), origin="b.csv:2")])
    assert (again.added, again.known, again.total) == (0, 1, 1)
    assert "b.csv:2 answers" in again.differing[0]
    assert "every 17 months" in again.differing[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (EXAM.question, REWORDED.question),
        ("এনভি-১১০-এর গিয়ারবক্সের তেল কত মাস পর বদলাতে হয়?", "এনভি-১১০-এর গিয়ারবক্সের তেল কত মাস পর পর বদলাতে হয়?"),
        ("كم مرة يتم تغيير زيت علبة التروس في NV-110؟", "كم مرة يتم تغيير زيت علبة تروس NV-110؟"),
        ("NV-110的齿轮箱油多久更换一次？", "NV-110齿轮箱的油多久更换一次？"),
    ],
)
def test_the_same_in_other_words_goes_to_the_same_side(path, first, second):
    answers = EXAM.answers
    for split in ("practice", "exam"):
        questions = QuestionSet(path.with_name(split))
        questions.add([Question("", first, answers, split=split)])
        questions.add([Question("", second, answers)])
        assert sides(questions) == {first: split, second: split}
        together = QuestionSet(path.with_name(f"{split} together"))
        together.add([Question("", second, answers), Question("", first, answers, split=split)])
        assert sides(together) == {first: split, second: split}
    drawn = QuestionSet(path)
    drawn.add([Question("", first, answers), Question("", second, answers)])
    assert len(set(sides(drawn).values())) == 1


@pytest.mark.parametrize(("old", "new"), [("110", "90"), ("gearbox", "hydraulic"), ("gearbox oil", "oil filter")])
@pytest.mark.parametrize("answer", ["every 12 months", "every 31 months"])
def test_a_question_about_another_thing_is_no_repeat(path, old, new, answer):
    questions = QuestionSet(path)
    questions.add([EXAM])
    other = replace(EXAM, question=EXAM.question.replace(old, new), answers=(answer,), split="practice")
    assert questions.add([other]).added == 1


def test_the_sample_company_is_marked_without_a_leak(path):
    sample = Path(__file__).parents[2] / "examples" / "turbines" / "questions.jsonl"
    added = QuestionSet(path).add(load(sample))
    assert (added.added, added.practice, added.exam) == (250, 125, 125)


def test_a_leak_within_a_file_names_both_and_changes_nothing(path):
    practice = replace(REWORDED, split="practice", origin="q.csv:9")
    asked = [replace(EXAM, origin="q.csv:2"), practice, *many(3)]
    with pytest.raises(InputError) as error:
        QuestionSet(path).add(asked, where="q.csv")
    for part in (EXAM.question, REWORDED.question, "q.csv:2, exam", "q.csv:9, practice", "skip_leaks="):
        assert part in str(error.value)
    assert not path.exists()
    added = QuestionSet(path).add(asked, skip_leaks=True)
    assert (added.added, added.leaks) == (4, 1)
    assert REWORDED.question not in sides(QuestionSet(path)), "the exam is dearer"


def test_a_question_in_both_halves_leaks(path):
    both = [replace(EXAM, split="practice", origin="q.csv:2"), replace(EXAM, origin="q.csv:3")]
    with pytest.raises(InputError, match=r"q\.csv:3, exam.*q\.csv:2, practice"):
        QuestionSet(path).add(both)
    added = QuestionSet(path).add(both, skip_leaks=True)
    assert (added.added, added.leaks, added.known) == (1, 1, 0)


def test_a_marked_question_does_not_pull_one_that_is_there_over_the_line(path):
    QuestionSet(path).add([EXAM])
    for asked in (replace(EXAM, split="practice"), replace(REWORDED, split="practice")):
        with pytest.raises(InputError, match="no question moves"):
            QuestionSet(path).add([asked])
        assert QuestionSet(path).add([asked], skip_leaks=True).leaks == 1
    assert sides(QuestionSet(path)) == {EXAM.question: "exam"}


def test_one_between_two_sides_leaks(path):
    one = Question("", "How often is the gearbox oil of an NV-110 changed?", ("every 31 months",), split="practice")
    other = Question("", "What does the blue key open?", ("the door of the tower",), split="exam")
    QuestionSet(path).add([one, other])
    between = replace(REWORDED, split="exam")
    assert QuestionSet(path).add([between], skip_leaks=True).leaks == 1


def test_what_was_dropped_stays_dropped(path):
    questions = QuestionSet(path)
    questions.add([EXAM, *many(3)])
    identity = questions.kept[0].question.id
    questions.review(identity, "dropped")
    added = QuestionSet(path).add([replace(EXAM, origin="again.csv:2"), *many(4)])
    assert (added.dropped, added.known, added.added) == (1, 3, 1)
    assert EXAM.question not in sides(QuestionSet(path))
    QuestionSet(path).review(identity, "accepted")
    assert sides(QuestionSet(path))[EXAM.question] == "exam", "taken back, on its old side"


def test_an_edited_question_stays_on_its_side_and_is_known_by_both_wordings(path):
    questions = QuestionSet(path)
    questions.add([EXAM])
    identity = questions.kept[0].question.id
    kept = questions.review(identity, "accepted", question="When is new oil due?", answers=["31 months", " "])
    assert (kept.question.id, kept.question.split, kept.question.answers) == (identity, "exam", ("31 months",))
    again = QuestionSet(path)
    assert again.add([EXAM, replace(EXAM, question="When is new oil due?")]).known == 2
    assert again.kept == [kept]


def test_an_edit_may_not_leak_repeat_or_leave_its_choices(path):
    questions = QuestionSet(path)
    other = Question("o", "What does the blue key open?", ("the door",), split="practice")
    decided = Question("y", "Is it locked at night?", ("yes",), kind="yesno", split="exam", choices=("yes", "no"))
    questions.add([replace(EXAM, id="e"), other, decided])
    before = path.read_bytes()
    for identity, edit, said in (
        ("o", {"question": REWORDED.question, "answers": EXAM.answers}, "no question moves"),
        ("o", {"question": EXAM.question}, "is there already"),
        ("o", {"question": " "}, "is empty"),
        ("y", {"answers": ["perhaps"]}, "none of its choices"),
        ("nothing", {}, "no question 'nothing'"),
    ):
        with pytest.raises(InputError, match=said):
            questions.review(identity, "accepted", **edit)
    with pytest.raises(InputError, match="no review 'fine'"):
        questions.review("o", "fine")
    assert path.read_bytes() == before


def test_an_answer_makes_a_question_answerable(path):
    questions = QuestionSet(path)
    questions.add([Question("u", "Who painted the tower?", kind="unanswerable")])
    assert questions.review("u", "accepted", answers=["Ada"]).question.kind == "fact"


def test_ids_are_those_of_the_file_where_they_are_free(path):
    questions = QuestionSet(path)
    questions.add([Question("1", "What does the blue key open?", ("the door",)), Question("", "Who?", ("Ada",))])
    questions.add([Question("1", "Where is the red key?", ("in the box",))])
    first, second, third = (question.id for question in questions.questions())
    assert first == "1"
    assert len({first, second, third}) == 3
    assert {len(second), len(third)} == {16}


def test_one_question_and_none(path):
    assert QuestionSet(path).add([]).total == 0
    assert not path.exists()
    assert QuestionSet(path).add([Question("", "Who?", ("Ada",))]).total == 1


def test_the_file_is_one_of_questions(path):
    QuestionSet(path).add([replace(EXAM, id="e", documents=("a.pdf",), page=3, choices=("x", "every 31 months"))])
    (read,) = load(path)
    assert read == QuestionSet(path).questions()[0]


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}', '{"id": "1", "question": "a", "review": "fine"}'])
def test_a_broken_file_is_told(path, line):
    QuestionSet(path).add([EXAM])
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"questions\.jsonl, line 2.*`expert\.exam`"):
        QuestionSet(path)


WRITES = """
import sys
from pathlib import Path
from metier.evaluation.questions.question_set import QuestionSet
questions = QuestionSet(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for kept in list(questions.kept):
        questions.review(kept.question.id, "accepted" if kept.review != "accepted" else "dropped")
"""


def test_killed_between_saves_nothing_is_lost(path):
    QuestionSet(path).add(many(60))
    before = {kept.question for kept in QuestionSet(path).kept}
    for moment in (0.0, 0.013, 0.037):
        process = subprocess.Popen([sys.executable, "-c", WRITES, path], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        assert {kept.question for kept in QuestionSet(path).kept} == before
    assert json.loads(path.read_text().splitlines()[-1])["question"]
