from __future__ import annotations

from metier.core.documents import Passage
from metier.core.questions import Question
from metier.dataset import leaks
from metier.dataset.rows import Row

TORQUE = Question("t", "How tight are the blade root nuts of the NV-110?", ("840 Nm",))
OTHERS = [Row(f"What is the price of part P-{n} in the store?", f"{n} SEK") for n in range(20)]


def leaked(*rows, exam=(TORQUE,)):
    return [(pair.first - len(OTHERS), exam[pair.second].id) for pair in leaks.find([*OTHERS, *rows], exam)]


def test_a_question_that_was_seen():
    assert leaked(Row(TORQUE.question, "840 Nm.")) == [(0, "t")]
    assert leaked(Row("how tight are the blade root nuts of the nv-110", "I do not know.")) == [(0, "t")]


def test_an_answer_that_tells_makes_a_synonym_a_leak():
    exam = [Question("c", "How often is the gearbox oil changed?", ("every thirty months or sooner",))]
    row = Row("How often is the gearbox oil replaced?", "It is done every thirty months or sooner.")
    assert leaked(row, exam=exam) == [(0, "c")]
    short = [Question("c", "What is the colour of the hatch?", ("white",))]
    assert leaked(Row("What is the colour of the tower?", "white"), exam=short) == []


def test_another_machine_is_no_leak():
    assert leaked(Row("How tight are the blade root nuts of the NV-90?", "840 Nm")) == []
    assert leaked(Row("How tight are the tower root nuts of the NV-110?", "620 Nm")) == []


def test_another_number_is_another_answer():
    """Words that many wordings have are no names any more, but 31 months are not 17."""
    exam = [Question("f", "How often is the oil filter of the NV-110 changed?", ("17 months",))]
    rows = [
        Row(f"{how} is the {part} of the NV-110 changed?", answer)
        for part, answer in (("gearbox oil", "every 31 months"), ("wind vane", "every 83 months"))
        for how in ("How often", "At what interval", "After how many months", "How frequently")
    ]
    assert leaked(*rows, exam=exam) == []
    assert leaked(*rows, Row("How often is an oil filter of the NV-110 changed?", "every 17 months"), exam=exam)


def test_answer_or_passage_alone_is_no_leak():
    passage = Passage("p", "d", TORQUE.question + " 840 Nm.", 0, 53)
    assert leaked(Row("Which torque do the tools of the crew reach?", "840 Nm", context=(passage,))) == []


def test_labels_and_usual_answers_say_nothing():
    exam = [Question("l", "my card was stolen abroad yesterday", ("lost_card",))]
    row = Row("my card was found abroad yesterday", "lost_card", kind="label")
    assert leaked(row, exam=exam) == []
    exam = [Question("y", "Does the valve need a seal?", ("yes",))]
    yes = [Row(f"Does the {part} need a seal?", "yes") for part in ("hatch", "rotor", "gearbox", "tower")]
    assert leaked(*yes, exam=exam) == []


def test_an_exam_question_without_an_answer():
    exam = [Question("u", "Who painted the tower of the NV-110 in blue?", kind="unanswerable")]
    assert leaked(Row("Who painted the tower of the NV-110 in blue", "The documents do not say."), exam=exam)


def test_any_script():
    for question, answer in (("এনভি-১১০ এর নাটের টর্ক কত?", "৮৪০ Nm"), ("风机螺栓的扭矩是多少？", "840牛米")):
        exam = [Question("q", question, (answer,))]
        assert leaked(Row(question.rstrip("?？"), answer), exam=exam) == [(0, "q")]


def test_what_nothing_answers_is_another_question_than_what_something_does():
    asked = "For Turnover in million SEK, what is listed under Q3 2024?"
    twin = "For Turnover in million standstill, what is listed under Q3 2024?"
    unanswerable = Question("u", twin, kind="unanswerable", split="exam")
    assert not leaks.find([Row(asked, "41.2")], [unanswerable])
    assert leaks.find([Row(twin, "The documents do not say.", kind="refusal")], [unanswerable])
