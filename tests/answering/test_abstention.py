from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from metier.answering import abstention
from metier.answering.abstention import AFTER, BEFORE, NEVER, Labelled
from metier.errors import InputError, StoreError
from metier.evaluation.calibration import WEIGHTS, cases, choose_weight, learn_abstention, weights
from metier.questions import Question
from metier.retrieval.fusion import DEFAULT_WEIGHT

FOUND = BEFORE[0]  # a feature of retrieval
ANSWERED = next(name for name in AFTER if name not in BEFORE)  # and one of the answer


def rows(labels: np.ndarray, told_by: tuple[str, ...], seed: int = 0) -> list[dict[str, float]]:
    """Features of noise, but for those in `told_by`: lower by six deviations where nothing answers the question."""
    values = np.random.default_rng(seed).normal(size=(len(labels), len(AFTER)))
    values[:, [AFTER.index(name) for name in told_by]] -= 6.0 * labels[:, None]
    return [dict(zip(AFTER, row.tolist(), strict=True)) for row in values]


def fit(features: list[dict[str, float]], labels: np.ndarray, fitted_on: str, prior: float = 0.25):
    """With the unanswerable cases weighted to a share of `prior`."""
    heavy = prior / (1 - prior) * (~labels).sum() / labels.sum()
    pairs = zip(features, labels, strict=True)
    cases = [Labelled(row, bool(label), heavy if label else 1.0) for row, label in pairs]
    return abstention.fit(cases, fitted_on)


def labels_of(count: int, share: float = 0.5) -> np.ndarray:
    return (np.arange(count) < share * count).astype(bool)


def test_clear_features_are_learned_almost_without_error():
    labels = labels_of(200)
    learned = fit(rows(labels, (FOUND, ANSWERED)), labels, "me")
    for model in (learned.before, learned.after):
        assert model.precision > 0.97
        assert model.recall > 0.97
        assert model.questions == 200
    assert 0 < learned.certain <= 1
    unseen = rows(labels, (FOUND, ANSWERED), seed=1)
    deciding = learned.deciding
    said = np.array([deciding.probability(row) >= deciding.threshold for row in unseen])
    assert (said == labels).mean() > 0.97
    sure = np.array([learned.before.probability(row) >= learned.certain for row in unseen])
    assert labels[sure].mean() > 0.95
    assert sure.sum() > 50


def test_what_only_the_answer_tells_is_learned_by_the_second_model_alone():
    labels = labels_of(200)
    learned = fit(rows(labels, (ANSWERED,)), labels, "me")
    assert learned.deciding is learned.after
    assert learned.after.precision > 0.97
    assert learned.before.precision < 0.5


def test_where_the_answer_tells_nothing_more_the_first_model_decides_without_a_generation():
    labels = labels_of(200)
    told = rows(labels, (FOUND,))
    looked_up = [{name: row[name] for name in BEFORE} if number % 2 else row for number, row in enumerate(told)]
    learned = fit(looked_up, labels, "me")
    assert learned.deciding is learned.before
    assert (learned.certain, learned.after.threshold) == (learned.before.threshold, NEVER)
    assert (learned.before.questions, learned.after.questions) == (200, 100)


@pytest.mark.parametrize("seed", range(5))
def test_noise_claims_nothing(seed):
    """Guessing gives a precision of the prior; figures are of questions kept apart, so that noise cannot shine."""
    labels = labels_of(200)
    learned = fit(rows(labels, (), seed), labels, "me")
    for model in (learned.before, learned.after):
        assert min(model.precision, model.recall) < 0.45


@pytest.mark.parametrize("seed", range(12))
def test_noise_is_never_certain_which_is_beyond_every_probability(seed):
    """One lucky case at the top of the order is no precision of 95 in 100."""
    labels = labels_of(200)
    noise = rows(labels, (), seed)
    doubts = np.random.default_rng(seed).uniform(size=200)
    assert abstention._certain(doubts, labels.astype(float), np.ones(200)) == NEVER
    assert all(fit(noise, labels, "me").before.probability(row) < NEVER for row in noise)


def test_the_prior_sets_how_readily_is_refused():
    labels = labels_of(200)
    blurred = rows(labels, ())
    for row, label in zip(blurred, labels, strict=True):
        row[FOUND] -= 1.5 * label
    seldom, often = (fit(blurred, labels, "me", prior).before for prior in (0.05, 0.6))
    assert all(seldom.probability(row) < often.probability(row) for row in blurred)


def test_a_feature_that_never_changes_and_the_same_rows_again_are_no_trouble():
    labels = labels_of(60)
    constant = [row | {ANSWERED: 1.0} for row in rows(labels, (FOUND,))]
    first, second = (fit(constant, labels, "me") for _ in range(2))
    assert first == second
    assert np.isfinite(first.after.probability(constant[0] | {ANSWERED: 5.0}))


def test_saved_and_loaded_it_decides_alike(tmp_path):
    labels = labels_of(60)
    made = rows(labels, (FOUND,))
    learned = fit(made, labels, "চাঁদনিঘাট")
    learned.save(tmp_path / "abstention.json")
    again = abstention.load(tmp_path / "abstention.json")
    assert again == learned
    assert again.after.probability(made[0]) == learned.after.probability(made[0])


def test_without_a_file_the_shipped_one_is_used_and_knows_the_features_of_today(tmp_path):
    shipped = abstention.load(tmp_path / "none.json")
    assert (shipped.before.names, shipped.after.names) == (BEFORE, AFTER)
    assert 0 <= shipped.after.probability(dict.fromkeys(AFTER, 0.0)) <= 1


def broken(**changes) -> str:
    labels = labels_of(60)
    raw = json.loads(json.dumps(asdict(fit(rows(labels, (FOUND,)), labels, "me"))))
    raw["before"] |= changes
    return json.dumps(raw)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '{"before": {}}', "\udcff",
        broken(names=[FOUND, "a feature of an older version"], mean=[0, 0], scale=[1, 1], coefficients=[1, 1]),
        broken(mean=[0.0]),
        broken(threshold="high"),
    ],
    ids=["empty", "cut", "list", "null", "incomplete", "no text", "other features", "short", "no number"],
)  # fmt: skip
def test_a_broken_file_is_told_with_what_to_do(tmp_path, content):
    path = tmp_path / "abstention.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match="metier calibrate") as caught:
        abstention.load(path)
    assert caught.value.where == str(path)


def question(number: int, *, kind: str = "fact") -> Question:
    documents = () if kind == "unanswerable" else (f"{number}.md",)
    return Question(str(number), f"Question {number}?", documents=documents, kind=kind)


@pytest.mark.parametrize(("answerable", "unanswerable"), [(0, 0), (9, 0), (9, 40), (0, 40)])
def test_too_few_questions_are_an_input_error_before_any_is_asked(answerable, unanswerable):
    asked = [question(n) for n in range(answerable)]
    asked += [question(100 + n, kind="unanswerable") for n in range(unanswerable)]
    drawn = cases(asked)
    with pytest.raises(InputError, match="too few"):
        learn_abstention(drawn, pytest.fail, pytest.fail, 120, "me")


def test_every_answerable_question_has_a_twin_without_its_document():
    drawn = cases([question(n) for n in range(30)])
    assert drawn == cases([question(n) for n in range(30)])
    assert len(drawn) == 60
    assert [case.unanswerable for case in drawn[:20]] == [False, True] * 10, "the first ones are a fair sample"
    assert all(len(case.without) == case.unanswerable for case in drawn)
    own = cases([question(n) for n in range(30)] + [question(n, kind="unanswerable") for n in range(30, 45)])
    assert len(own) == 75
    first = [case for case in own if case.unanswerable][:15]
    assert all(not case.question.answerable for case in first), "its own unanswerable ones come first"


def test_twins_stand_in_for_unanswerable_questions_where_there_are_none():
    alone = cases([question(n) for n in range(30)])
    assert sum(w for c, w in zip(alone, weights(alone), strict=True) if c.unanswerable) == pytest.approx(10)
    own = cases([question(n) for n in range(30)] + [question(n, kind="unanswerable") for n in range(30, 45)])
    assert sum(w for c, w in zip(own, weights(own), strict=True) if c.without) == pytest.approx(7.5)


def test_the_weight_is_the_default_within_noise_and_the_best_where_it_is_clear():
    noise = np.random.default_rng(0).uniform(size=(40, len(WEIGHTS)))
    assert choose_weight(noise) == DEFAULT_WEIGHT
    assert choose_weight(np.ones((40, len(WEIGHTS)))) == DEFAULT_WEIGHT
    for best in (0.0, 0.4, 1.0):
        clear = 0.2 * noise
        clear[:, WEIGHTS.index(best)] += 0.7
        assert choose_weight(clear) == best
