from __future__ import annotations

import pytest

from metier import generation
from metier.core.errors import EndpointError
from metier.core.questions import Question
from metier.core.settings import GenerationSettings
from metier.evaluation.metrics.grading import Grader
from metier.evaluation.metrics.judge import Judge, agreement, parse
from metier.evaluation.records import Record
from metier.evaluation.result import JudgeAgreement
from metier.evaluation.summary import Summary
from metier.generation.completion_cache import Cache

from .stand_in_judge import StandInJudge

EXAM = [Question(f"q{n}", f"How many {n}?", (f"{n} pieces",), ("a.md",)) for n in range(6)]
EXAM += [Question("u", "How many?", kind="unanswerable")]


@pytest.fixture
def graded():
    records = [
        Record(q.id, "rag", f"{n} pieces" if n < 4 else "none", False, 0.5, "m", None) for n, q in enumerate(EXAM)
    ]
    return Summary(EXAM, records, Grader()).graded("rag")


def judge(server, tmp_path) -> Judge:
    settings = GenerationSettings(model="openai:judge", url=server.url)
    return Judge(generation.create(settings, folder=tmp_path), Cache(tmp_path / "answers.jsonl"))


def test_what_can_be_answered_is_judged_and_agrees_with_the_score(graded, tmp_path):
    with StandInJudge() as server:
        said = judge(server, tmp_path).judge(graded)
        assert len(server.prompts) == 6  # not the unanswerable one
        assert judge(server, tmp_path).judge(graded) == said
        assert len(server.prompts) == 6  # the second time all was known
    assert said == {(f"q{n}", "rag"): float(n < 4) for n in range(6)}
    scores = [each.grades["score"] for each in graded[:6]]
    assert agreement(list(said.values()), scores) == JudgeAgreement(answers=6, agreement=1.0, kappa=1.0)


def test_a_judge_that_is_down_half_way_loses_nothing(graded, tmp_path):
    with (
        StandInJudge(fails_after=2) as server,
        pytest.raises(EndpointError, match=r"2 of 6 verdicts are kept") as raised,
    ):
        judge(server, tmp_path).judge(graded)
    assert "the judge gave up" in raised.value.what
    with StandInJudge() as server:
        settings = GenerationSettings(model="openai:judge", url=server.url)
        patient = Judge(generation.create(settings, folder=tmp_path), Cache(tmp_path / "answers.jsonl"))
        assert len(patient.judge(graded)) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RIGHT", 1),
        ("Wrong.", 0),
        ("Not WRONG at all: RIGHT", 1),
        ("I cannot tell", None),
        ("", None),
        ("upright", None),
    ],
)
def test_the_last_word_counts(text, said):
    assert parse(text) == said


def test_kappa_is_nothing_where_agreement_is_chance():
    assert agreement([1, 1, 0, 0], [1, 0, 1, 0]).kappa == 0
    assert agreement([1, 1], [1, 1]).kappa is None
    assert agreement([], []).agreement is None
