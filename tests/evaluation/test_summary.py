"""Records to figures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from metier.core.questions import Question
from metier.evaluation.error_analysis import NEXT_STEP
from metier.evaluation.metrics.grading import Grader
from metier.evaluation.records import Record
from metier.evaluation.result import ComparisonResult
from metier.evaluation.summary import Summary

EXAM = [Question(f"q{n}", f"How many {n}?", (f"{n} pieces",), ("a.md",), language="en") for n in range(10, 40)]
EXAM += [Question(f"u{n}", f"কত {n}?", kind="unanswerable", language="bn") for n in range(10)]


def summary(exam=EXAM) -> Summary:
    """rag knows every even number and refuses half of the rest; base guesses."""
    records = []
    for number, question in enumerate(exam):
        knows = number % 2 == 0
        text = question.answers[0] if question.answers and knows else "7 pieces"
        refuses = not question.answerable and knows
        records.append(Record(question.id, "rag", text, refuses, 0.5, "m", None, sentences=1, total=0.2))
        records.append(Record(question.id, "base", "7 pieces", False, None, "m", None, sentences=1, total=0.1))
    return Summary(exam, records, Grader())


def test_figures_are_means_over_the_questions_they_apply_to():
    figures = summary().figures()
    assert figures["rag"]["score"].mean == pytest.approx(20 / 40)
    assert figures["rag"]["exact_match"].n == 30
    assert figures["base"]["score"].mean == 0
    assert figures["base"]["score"].high > 0  # forty wrong answers do not prove that all are


def test_refusals_have_precision_and_recall():
    figures = summary().figures()
    assert figures["rag"]["refusal_recall"].mean == 0.5
    assert figures["rag"]["refusal_precision"].mean == 1
    assert figures["base"]["refusal_recall"].mean == 0
    assert "refusal_precision" not in figures["base"]  # it never refused: there is nothing to be right about


def test_kinds_and_languages_add_up():
    made = summary()
    assert {kind: of["rag"].n for kind, of in made.by("kind").items()} == {"fact": 30, "unanswerable": 10}
    assert made.by("language")["bn"]["rag"].mean == 0.5


def test_a_pair_names_the_better_one_first_and_agrees_with_the_means():
    pair = next(pair for pair in summary().pairs() if pair.metric == "score")
    assert (pair.a, pair.b) == ("rag", "base")
    assert pair.difference == pytest.approx(0.5)
    assert pair.p <= pair.p_adjusted < 0.05
    assert pair.questions_needed is None


def test_every_failure_has_a_cause_and_a_next_step():
    failures = summary().failures()
    assert sum(each.count for each in failures["rag"]) == 20
    assert all(each.next_step and each.examples for of in failures.values() for each in of)
    assert {each.cause for of in failures.values() for each in of} <= set(NEXT_STEP)


def test_labels_have_macro_f1():
    exam = [Question(f"q{n}", "?", (("yes", "no")[n % 2],), kind="yesno", choices=("yes", "no")) for n in range(40)]
    records = [Record(q.id, "tuned", "yes", False, None, "m", "a@1") for q in exam]
    figure = Summary(exam, records, Grader()).figures()["tuned"]["macro_f1"]
    assert figure.mean == pytest.approx((2 / 3 + 0) / 2)  # yes: P 1/2, R 1; no: never said
    assert figure.low < figure.mean < figure.high


def test_what_the_base_knows_by_itself():
    assert summary().known() == 0
    assert Summary(EXAM[:1], [Record("q10", "rag", "x", False, None, "m", None)], Grader()).known() is None


def test_everything_is_plain_json():
    made = summary()
    result = ComparisonResult(
        modes=made.figures(), pairs=made.pairs(), by_kind=made.by("kind"), failures=made.failures(),
        answers=made.answers(),
    )  # fmt: skip
    plain = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert list(plain) == ["modes", "by_kind", "pairs", "failures", "answers"]
    assert ComparisonResult.from_json(plain) == result
    assert np.array_equal(made.scores["base"], np.zeros(40))
