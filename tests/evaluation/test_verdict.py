from __future__ import annotations

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metier.core.errors import InputError
from metier.core.modes import MODES
from metier.evaluation.statistics import ALPHA, MOST_QUESTIONS, compare
from metier.evaluation.verdict import FEWEST_QUESTIONS, UNDECIDED, Constraints, Facts, decide

pytestmark = pytest.mark.slow

COSTS = dict(zip(MODES, (1.0, 1.5, 2.0, 3.15), strict=True))
SEEDS = st.integers(0, 2**32 - 1)


def right(count: int, n: int = 500) -> np.ndarray:
    """The first `count` of `n` questions are answered rightly: systems made so differ on as few as they can."""
    return (np.arange(n) < count).astype(float)


def drawn(means: tuple[float, ...], n: int, correlation: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """0/1 scores of systems to which the same questions are hard."""
    made = math.sqrt(correlation) * rng.standard_normal(n)
    made = made + math.sqrt(1 - correlation) * rng.standard_normal((len(means), n))
    levels = [NormalDist().inv_cdf(1 - mean) for mean in means]
    return {mode: (row > level).astype(float) for mode, row, level in zip(MODES, made, levels, strict=False)}


def test_a_cheaper_way_within_the_margin_is_chosen_and_the_better_one_named():
    verdict = decide({"rag": right(300), "rag+tuned": right(306)}, COSTS)
    assert (verdict.choice, verdict.winner, verdict.best) == ("rag", "rag+tuned", "rag+tuned")
    assert (verdict.between, verdict.questions_needed) == ((), None)
    told = "rag+tuned scored 1.2 points more (2.4 at most), within the margin of 3, and costs 2.1 times as much."
    assert verdict.reason == f"Use rag: {told}"


def test_what_is_better_by_more_than_the_margin_is_chosen_at_any_price():
    verdict = decide({"base": right(100), "rag": right(300), "rag+tuned": right(340)}, COSTS)
    assert (verdict.choice, verdict.winner, verdict.best) == ("rag+tuned",) * 3
    told = "it scored 68.0 of 100, 8.0 points more than rag, which is more than chance explains."
    assert verdict.reason == f"Use rag+tuned: {told}"


def test_the_cheapest_that_scored_highest_needs_no_winner():
    verdict = decide({"base": right(300), "tuned": right(300)}, COSTS)
    assert (verdict.choice, verdict.winner, verdict.best) == ("base", None, "base")
    assert verdict.reason == "Use base: none scored more than its 60.0 of 100, nor can be better by more than 3 points."


def test_a_cheaper_way_that_is_passed_over_is_named():
    scores = {"base": right(200), "rag": right(300), "rag+tuned": right(303)}
    verdict = decide(scores, COSTS)
    assert (verdict.choice, verdict.winner) == ("rag", None)
    assert verdict.reason.endswith("costs 2.1 times as much, while base is 20.0 points below rag.")


def test_in_the_noise_nothing_is_named():
    rng = np.random.default_rng(0)
    scores = {mode: (rng.random(200) < 0.6).astype(float) for mode in ("rag", "rag+tuned")}
    verdict = decide(scores, COSTS)
    assert (verdict.choice, verdict.winner, verdict.between) == (UNDECIDED, None, ("rag", "rag+tuned"))
    assert 400 < verdict.questions_needed <= MOST_QUESTIONS
    assert "Undecided between rag and rag+tuned: rag+tuned scored" in verdict.reason
    assert f"about {verdict.questions_needed:,} questions instead of 200 would decide." in verdict.reason


def test_a_sure_but_small_gain_is_not_bought_while_it_may_be_within_the_margin():
    """28 questions against 14 of 500: surely better, by 2.8 points as seen, and anything from about 0.5 to 5."""
    cheap, dear = right(300), right(328)
    dear[:14] = 0
    verdict = decide({"rag": cheap, "rag+tuned": dear}, COSTS)
    assert compare(dear, cheap).p < ALPHA
    assert (verdict.choice, verdict.winner) == (UNDECIDED, "rag+tuned")
    assert "points better, on both sides of the margin of 3" in verdict.reason
    assert "worse" not in verdict.reason


def test_as_many_questions_as_it_asks_for_decide_if_they_go_on_like_this():
    """It is seen by what was asked before, as often again as it says."""
    scores = {"rag": right(300, 500), "rag+tuned": np.roll(right(310, 500), 40)}
    verdict = decide(scores, COSTS)
    assert verdict.choice == UNDECIDED
    assert f"about {verdict.questions_needed:,} questions instead of 500 would decide." in verdict.reason

    def again(times: int) -> str:
        return decide({mode: np.tile(row, times) for mode, row in scores.items()}, COSTS).choice

    enough = -(-verdict.questions_needed // 500)
    assert again(enough) == "rag"
    assert again(enough // 3) == UNDECIDED


def test_a_difference_seen_right_at_the_margin_does_not_take_forever():
    cheap, dear = right(300), right(345)
    dear[:30] = 0  # 3.0 points more
    verdict = decide({"rag": cheap, "rag+tuned": dear}, COSTS, margin=0.0301)
    assert verdict.choice == UNDECIDED
    assert 10 * 500 < verdict.questions_needed < 20 * 500


def test_more_than_anyone_can_write_is_said_so():
    cheap, dear = right(600, 1000), right(690, 1000)
    dear[:60] = 0
    verdict = decide({"rag": cheap, "rag+tuned": dear}, COSTS, margin=0.0301)
    assert verdict.questions_needed == MOST_QUESTIONS
    assert verdict.reason.endswith("it would take more than 10,000 questions to decide.")


def test_without_a_margin_what_is_equal_stays_undecided():
    verdict = decide({"base": right(300), "rag": right(300)}, COSTS, margin=0)
    assert verdict.choice == UNDECIDED
    assert "rag scored as much as base" in verdict.reason


@pytest.mark.parametrize(
    ("costs", "choice", "told"),
    [
        ({"base": 1.0, "tuned": 1.09}, "base", "costs about as much but takes more upkeep"),
        ({"base": 1.09, "tuned": 1.0}, "base", "costs about as much but takes more upkeep"),
        ({"base": 0.0, "tuned": 0.0}, "base", "costs about as much but takes more upkeep"),
        ({"base": 0.0, "tuned": 2.0}, "base", "costs more"),
        ({"base": 1.2, "tuned": 1.0}, "tuned", "none scored more"),
    ],
)
def test_about_the_same_cost_goes_by_upkeep(costs, choice, told):
    verdict = decide({"tuned": right(303), "base": right(300)}, costs)
    assert verdict.choice == choice
    assert told in verdict.reason


def test_one_mode_is_compared_with_nothing():
    verdict = decide({"rag": right(12, 20)}, COSTS)
    assert (verdict.choice, verdict.winner, verdict.best, verdict.excluded) == ("rag", None, "rag", {})
    assert verdict.reason == "Only rag was asked, so there is nothing to compare it with: it scored 60.0 of 100."


def test_a_handful_of_questions_decides_nothing():
    verdict = decide({"base": right(0, 19), "rag": right(19, 19)}, COSTS)
    assert (verdict.choice, verdict.winner, verdict.between) == (UNDECIDED, None, ("base", "rag"))
    assert verdict.questions_needed == FEWEST_QUESTIONS
    assert verdict.reason == "19 questions are too few to decide anything; give at least 20."
    assert decide({"base": right(0, 20), "rag": right(20, 20)}, COSTS).winner == "rag"


@pytest.mark.parametrize("scores", [{}, {"rag": np.array([])}, {"rag": right(3, 5), "base": np.array([])}])
def test_no_questions_are_an_error_that_says_what_to_do(scores):
    with pytest.raises(InputError, match=r"no questions to decide by\. Give a file"):
        decide(scores, COSTS)


@pytest.mark.parametrize(
    "scores",
    [
        {"rag": right(10, 30), "base": right(10, 31)},
        {"rag": np.full(30, np.nan)},
        {"rag": right(10, 30), "base": np.full(30, 3.0)},
        {"rag": right(10, 30), "RAG": right(10, 30)},
    ],
)
def test_scores_that_cannot_be_compared_are_refused(scores):
    with pytest.raises(ValueError, match=r"paired|NaN|between|no mode"):
        decide(scores, COSTS | {"RAG": 1.0})


FACTS = {
    "base": Facts(refused=0.1, latency_seconds=1.0, memory_mb=600),
    "rag": Facts(refused=0.92, latency_seconds=2.5, memory_mb=1500),
    "tuned": Facts(refused=0.2, latency_seconds=1.1, memory_mb=700),
    "rag+tuned": Facts(refused=0.96, latency_seconds=4.25, memory_mb=1600),
}


@pytest.mark.parametrize(
    ("constraints", "said", "excluded"),
    [
        (Constraints(must_cite=True), "must cite", {"base": "cites nothing", "tuned": "cites nothing"}),
        (
            Constraints(data_changes=True),
            "the documents change often",
            {"tuned": "grows stale when the documents change"},
        ),
        (
            Constraints(must_refuse=0.92),
            "must refuse 92% of the unanswerable questions",
            {
                "base": "refused 10% of the unanswerable questions where 92% is asked for",
                "tuned": "refused 20% of the unanswerable questions where 92% is asked for",
            },
        ),
        (
            Constraints(latency_seconds=2.5),
            "95 of 100 answers within 2.5 s",
            {"rag+tuned": "takes 4.25 s for 95 of 100 answers where 2.5 s are allowed"},
        ),
        (
            Constraints(memory_mb=1500),
            "at most 1,500 MiB of memory",
            {"rag+tuned": "takes 1,600 MiB of memory where 1,500 are allowed"},
        ),
    ],
)
def test_each_constraint_excludes_with_its_reason(constraints, said, excluded):
    verdict = decide({mode: right(300) for mode in MODES}, COSTS, constraints, FACTS)
    assert (verdict.constraints, verdict.excluded) == ((said,), excluded)
    assert verdict.choice == next(mode for mode in MODES if mode not in excluded)


def test_the_best_does_not_win_where_it_breaks_a_constraint():
    scores = {"base": right(450), "rag": right(300), "rag+tuned": right(200)}
    assert decide(scores, COSTS).winner == "base"
    verdict = decide(scores, COSTS, Constraints(must_cite=True))
    assert (verdict.winner, verdict.best, verdict.choice) == ("rag", "rag", "rag")


def test_one_that_is_left_is_chosen_and_the_others_named():
    scores = {mode: right(300) for mode in ("base", "rag", "tuned")}
    verdict = decide(scores, COSTS, Constraints(must_cite=True, data_changes=True), FACTS)
    assert (verdict.choice, verdict.winner) == ("rag", None)
    assert verdict.reason == (
        "Use rag, which alone keeps what is asked for (it scored 60.0 of 100): base cites nothing and "
        "tuned cites nothing and grows stale when the documents change."
    )


def test_where_none_is_left_each_is_told_what_it_breaks():
    scores = {"base": right(300), "rag": right(300)}
    verdict = decide(scores, COSTS, Constraints(must_cite=True, latency_seconds=1), FACTS)
    assert (verdict.choice, verdict.best, verdict.between) == (UNDECIDED, None, ())
    assert verdict.reason == (
        "No way keeps what is asked for: base cites nothing and "
        "rag takes 2.5 s for 95 of 100 answers where 1 s are allowed."
    )


@pytest.mark.parametrize(
    ("constraints", "why"),
    [
        (Constraints(must_refuse=0.5), "was not tried on unanswerable questions"),
        (Constraints(latency_seconds=9), "was not timed"),
        (Constraints(memory_mb=9000), "has a peak memory that is not known"),
    ],
)
def test_what_was_not_measured_is_not_kept(constraints, why):
    verdict = decide(
        {"base": right(300), "rag": right(300)}, COSTS, constraints, {"base": FACTS["base"]} | {"rag": Facts()}
    )
    assert verdict.excluded["rag"] == why


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.lists(st.floats(0.05, 0.95), min_size=2, max_size=4), st.integers(20, 300), st.permutations(MODES))
def test_what_holds_for_every_verdict(seed, means, n, order):
    rng = np.random.default_rng(seed)
    scores = drawn(tuple(means), n, 0.7, rng)
    verdict = decide(scores, COSTS)
    json.dumps(verdict.model_dump(), allow_nan=False)
    assert verdict.reason.count(".") - verdict.reason.count(".0") >= 1
    assert verdict.reason.endswith(".")
    assert scores[verdict.best].mean() == max(row.mean() for row in scores.values())
    if verdict.winner:
        assert all(
            compare(scores[verdict.winner], row).low > 0 for mode, row in scores.items() if mode != verdict.winner
        )
    if verdict.choice == UNDECIDED:
        assert len(verdict.between) > 1
        assert verdict.questions_needed > n
    else:
        assert all(
            compare(scores[verdict.choice], row).low > -0.03 for mode, row in scores.items() if mode != verdict.choice
        )
    assert decide({mode: scores[mode] for mode in order if mode in scores}, COSTS) == verdict
    places = rng.permutation(n)
    assert decide({mode: row[places] for mode, row in scores.items()}, COSTS) == verdict


@pytest.mark.parametrize(("means", "n"), [((0.6, 0.6), 250), ((0.6,) * 4, 250), ((0.9, 0.9), 40)])
def test_equal_systems_get_a_winner_at_most_once_in_twenty(means, n):
    rng = np.random.default_rng(6)
    named = [decide(drawn(means, n, 0.8, rng), COSTS).winner is not None for _ in range(200)]
    assert np.mean(named) <= 0.05


def test_a_gap_of_5_points_is_found_in_400_questions_where_systems_differ_on_a_tenth():
    rng = np.random.default_rng(7)
    verdicts = [decide(drawn((0.6, 0.65), 400, 0.95, rng), COSTS) for _ in range(200)]
    assert np.mean([verdict.winner == "rag" for verdict in verdicts]) >= 0.8
    assert not any(verdict.winner == "base" for verdict in verdicts)
    assert np.mean([verdict.choice == "base" for verdict in verdicts]) <= 0.01
