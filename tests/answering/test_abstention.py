from __future__ import annotations

import json
import math
import random
from dataclasses import asdict

import numpy as np
import pytest

from metier.answering import abstention
from metier.answering.abstention import FEATURES, Labelled
from metier.core.documents import Passage, document_id
from metier.core.errors import InputError, StoreError
from metier.core.questions import Question
from metier.evaluation.calibration import WEIGHTS, choose_weight
from metier.evaluation.refusal_calibration import cases, learn, renamed, weights
from metier.retrieval.fusion import DEFAULT_WEIGHT

TOLD_BY = FEATURES[0]


def rows(labels: np.ndarray, told_by: tuple[str, ...], seed: int = 0) -> list[dict[str, float]]:
    """Features of noise, but for those in `told_by`: lower by six deviations where nothing answers the question."""
    values = np.random.default_rng(seed).normal(size=(len(labels), len(FEATURES)))
    values[:, [FEATURES.index(name) for name in told_by]] -= 6.0 * labels[:, None]
    return [dict(zip(FEATURES, row.tolist(), strict=True)) for row in values]


def fit(features: list[dict[str, float]], labels: np.ndarray, fitted_on: str = "me", prior: float = 0.25, **options):
    """With the unanswerable cases weighted to a share of `prior`, from no knowledge."""
    heavy = prior / (1 - prior) * (~labels).sum() / labels.sum()
    pairs = zip(features, labels, strict=True)
    known = [Labelled(row, bool(label), heavy if label else 1.0) for row, label in pairs]
    return abstention.fit(known, fitted_on, prior=abstention.standardised(known), **options)


def labels_of(count: int, share: float = 0.5) -> np.ndarray:
    return (np.arange(count) < share * count).astype(bool)


def test_clear_features_are_learned_almost_without_error():
    labels = labels_of(200)
    learned = fit(rows(labels, (TOLD_BY,)), labels)
    assert min(learned.precision, learned.recall) > 0.97
    assert learned.questions == 200
    said = np.array([learned.refuses(row) for row in rows(labels, (TOLD_BY,), seed=1)])
    assert (said == labels).mean() > 0.97


@pytest.mark.parametrize("seed", range(5))
def test_noise_claims_nothing_and_refuses_few(seed):
    """Guessing gives a precision of the prior; figures are of questions kept apart, so that noise cannot shine."""
    labels = labels_of(200)
    learned = fit(rows(labels, (), seed), labels)
    assert min(learned.precision, learned.recall) < 0.45
    assert learned.wrongly_refused <= 0.15


def test_what_cannot_be_known_speaks_neither_way():
    labels = labels_of(200)
    learned = fit(rows(labels, (TOLD_BY,)), labels)
    clear = dict.fromkeys(FEATURES, 0.0) | {TOLD_BY: 0.0}
    known = learned.probability(clear | {"coverage": learned.mean[FEATURES.index("coverage")]})
    assert learned.probability(clear | {"coverage": math.nan}) == known


def test_a_feature_that_never_changes_and_the_same_rows_again_are_no_trouble():
    labels = labels_of(60)
    constant = [row | {"coverage": 1.0} for row in rows(labels, (TOLD_BY,))]
    first, second = (fit(constant, labels) for _ in range(2))
    assert first == second
    assert np.isfinite(first.probability(constant[0] | {"coverage": 5.0}))


def test_a_few_cases_only_move_away_from_what_ships():
    labels = labels_of(20)
    known = [Labelled(row, bool(label)) for row, label in zip(rows(labels, ()), labels, strict=True)]
    shipped = abstention.shipped()
    moved = np.array(abstention.fit(known, "me").coefficients) - shipped.coefficients
    assert np.abs(moved).max() < 1.5


def test_saved_and_loaded_it_decides_alike(tmp_path):
    labels = labels_of(60)
    made = rows(labels, (TOLD_BY,))
    learned = fit(made, labels, "চাঁদনিঘাট")
    learned.save(tmp_path / "abstention.json")
    again = abstention.load(tmp_path / "abstention.json")
    assert again == learned
    assert again.probability(made[0]) == learned.probability(made[0])


def test_a_calibration_holds_for_what_it_was_made_for_alone(tmp_path):
    path, labels = tmp_path / "abstention.json", labels_of(60)
    learned = fit(rows(labels, (TOLD_BY,)), labels, fitted_for="this model and embedder")
    learned.save(path)
    assert abstention.load(path, "this model and embedder") == learned
    assert abstention.load(path, "another") == abstention.shipped()
    assert abstention.is_stale(path, "another")
    assert not abstention.is_stale(path, "this model and embedder")


def test_without_a_file_or_with_one_of_an_earlier_version_the_shipped_one_is_used(tmp_path):
    path = tmp_path / "abstention.json"
    assert abstention.load(path) == abstention.shipped()
    assert 0 <= abstention.shipped().probability(dict.fromkeys(FEATURES, 0.0)) <= 1
    path.write_text(json.dumps({"before": {"names": ["score"]}, "after": {}, "certain": 1.01}))
    assert abstention.load(path) == abstention.shipped()
    assert abstention.is_stale(path, "")


def broken(**changes) -> str:
    labels = labels_of(60)
    return json.dumps(json.loads(json.dumps(asdict(fit(rows(labels, (TOLD_BY,)), labels)))) | changes)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "\udcff", broken(mean=[0.0]), broken(threshold="high"), broken(unknown=1)],
    ids=["empty", "cut", "list", "null", "no text", "short", "no number", "other field"],
)
def test_a_broken_file_is_told_with_what_to_do(tmp_path, content):
    path = tmp_path / "abstention.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match=r"expert\.evaluation\.calibrate\(\)") as caught:
        abstention.load(path)
    assert caught.value.where == str(path)


def question(number: int, *, kind: str = "fact", text: str = "") -> Question:
    documents = () if kind == "unanswerable" else (f"{number}.md",)
    return Question(str(number), text or f"Question {number}?", ("31",), documents=documents, kind=kind)


def drawn_from(asked: list[Question], passages=lambda _: [], known=lambda _: True):
    return cases(asked, passages, known)


@pytest.mark.parametrize(("answerable", "unanswerable"), [(0, 0), (9, 0), (9, 40), (0, 40)])
def test_too_few_questions_are_an_input_error_before_any_is_asked(answerable, unanswerable):
    asked = [question(n) for n in range(answerable)]
    asked += [question(100 + n, kind="unanswerable") for n in range(unanswerable)]
    with pytest.raises(InputError, match="too few"):
        learn(drawn_from(asked), pytest.fail, "me", "")


def test_every_answerable_question_has_a_twin_without_its_document():
    asked = [question(n) for n in range(30)]
    drawn = drawn_from(asked)
    assert drawn == drawn_from(asked)
    assert len(drawn) == 60
    assert [case.unanswerable for case in drawn[:20]] == [False, True] * 10, "the first ones are a fair sample"
    assert all(len(case.without) == case.unanswerable for case in drawn)
    own = drawn_from(asked + [question(n, kind="unanswerable") for n in range(30, 45)])
    assert len(own) == 75
    first = [case for case in own if case.unanswerable][:15]
    assert all(not case.question.answerable for case in first), "its own unanswerable ones come first"


def test_a_near_miss_keeps_the_document_and_hides_what_answers():
    of = {
        document_id("1.md"): [
            Passage("a", document_id("1.md"), "Changed every 31 months.", 0, 24),
            Passage("b", document_id("1.md"), "Made of steel.", 26, 40),
        ],
        document_id("2.md"): [Passage("c", document_id("2.md"), "It is 31.", 0, 9)],
    }
    drawn = drawn_from([question(1), question(2)], of.__getitem__)
    assert [case.hidden for case in drawn if case.near_miss] == [("a",)], "of the second nothing else would be left"


def test_a_near_miss_names_what_stands_nowhere():
    draw = random.Random(0)
    changed = renamed("How tight are the nuts of the NV-110?", lambda name: name == "NV-111", draw)
    assert changed.startswith("How tight are the nuts of the NV-")
    assert "NV-110" not in changed
    assert renamed("এসভি-৭৫ এর ওজন কত?", lambda _: False, draw) != "এসভি-৭৫ এর ওজন কত?"
    assert renamed("How tight are the nuts?", lambda _: False, draw) is None
    assert renamed("How old is the NV-110?", lambda _: True, draw) is None


def test_made_cases_stand_in_for_unanswerable_questions_where_there_are_none():
    asked = [question(n) for n in range(30)]
    alone = drawn_from(asked)
    assert sum(w for c, w in zip(alone, weights(alone), strict=True) if c.unanswerable) == pytest.approx(10)
    own = drawn_from(asked + [question(n, kind="unanswerable") for n in range(30, 45)])
    assert sum(w for c, w in zip(own, weights(own), strict=True) if c.without) == pytest.approx(7.5)


def test_the_weight_is_the_default_within_noise_and_the_best_where_it_is_clear():
    noise = np.random.default_rng(0).uniform(size=(40, len(WEIGHTS)))
    assert choose_weight(noise) == DEFAULT_WEIGHT
    assert choose_weight(np.ones((40, len(WEIGHTS)))) == DEFAULT_WEIGHT
    for best in (0.0, 0.4, 1.0):
        clear = 0.2 * noise
        clear[:, WEIGHTS.index(best)] += 0.7
        assert choose_weight(clear) == best
