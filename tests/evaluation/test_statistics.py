from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metier.evaluation import statistics
from metier.evaluation.statistics import ALPHA, MOST_QUESTIONS, compare, holm, interval, interval_of, questions_needed

pytestmark = pytest.mark.slow

GRADES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=32))
SCORES = st.lists(GRADES, min_size=1, max_size=40)
PAIRS = st.lists(st.tuples(GRADES, GRADES), min_size=1, max_size=40)


def below(share: float, right: int, n: int) -> float:
    """P(Beta(right + 1/2, n - right + 1/2) < share), by a sum over slices as the sine squared of an angle."""
    angle = (np.arange(100_000) + 0.5) / 100_000 * math.pi / 2
    density = np.sin(angle) ** (2 * right) * np.cos(angle) ** (2 * (n - right))
    return float(density[np.sin(angle) ** 2 < share].sum() / density.sum())


def by_trying_all_signs(differences: list[float]) -> float:
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return float(np.mean(np.array(sums) >= abs(sum(differences)) - 1e-9))


@pytest.mark.parametrize(("right", "n"), [(5, 10), (1, 20), (30, 40), (180, 400)])
def test_a_share_has_the_interval_of_jeffreys(right, n):
    found = interval([1.0] * right + [0.0] * (n - right))
    assert (found.mean, found.n) == (right / n, n)
    assert below(found.low, right, n) == pytest.approx(0.025, abs=0.006)
    assert below(found.high, right, n) == pytest.approx(0.975, abs=0.006)


def test_all_right_is_not_certain_and_more_questions_make_it_more_so():
    few, many = interval([1.0] * 10), interval([1.0] * 200)
    assert few.mean == few.high == many.high == 1
    assert few.low < 0.85 < 0.97 < many.low < 0.995
    assert interval([0.0] * 10).low == 0
    assert interval([0.0] * 10).high == pytest.approx(1 - few.low, abs=0.02)


def test_next_to_nothing_is_known_from_one_question_and_nothing_from_none():
    one, none = interval([0.5]), interval([])
    assert one.low < 0.2 < 0.8 < one.high
    assert math.isnan(none.mean)
    assert (none.low, none.high, none.n) == (0, 1, 0)
    nothing = compare([], [])
    assert math.isnan(nothing.difference)
    assert (nothing.low, nothing.high, nothing.p, nothing.effect, nothing.n) == (-1, 1, 1, None, 0)


@given(SCORES)
def test_an_interval_holds_its_mean_and_stays_on_the_scale(scores):
    found = interval(scores)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.high - found.low > 0.01
    assert interval(scores) == found


@pytest.mark.parametrize(
    ("name", "mean", "draw"),
    [
        ("0/1, 12 questions", 0.85, lambda rng: rng.random(12) < 0.85),
        ("0/1, 60 questions", 0.6, lambda rng: rng.random(60) < 0.6),
        ("two in three at 0, 30 questions", 1 / 6, lambda rng: rng.random(30) * (rng.random(30) < 1 / 3)),
        ("all near the middle, 15 questions", 0.5, lambda rng: 0.4 + rng.random(15) / 5),
    ],
)
def test_95_of_100_intervals_hold_the_truth(name, mean, draw):
    rng = np.random.default_rng(1)
    found = [interval(draw(rng)) for _ in range(400)]
    assert np.mean([each.low <= mean <= each.high for each in found]) > 0.925, name


@pytest.mark.parametrize(("n", "differ"), [(25, 0.2), (100, 0.04), (100, 0.3)])
def test_95_of_100_differences_hold_the_truth(n, differ):
    """Of questions on which two systems differ, the first is right on three of four."""
    rng = np.random.default_rng(2)
    held = []
    for _ in range(400):
        first, second = rng.random(n) < differ, rng.random(n) < 0.75
        found = compare(first & second, first & ~second)
        held.append(found.low - 1e-9 <= differ / 2 <= found.high + 1e-9)
    assert np.mean(held) > 0.925


def test_two_systems_that_agree_on_few_questions_may_still_differ():
    same = np.array([1.0, 0.0] * 10)
    found = compare(same, same)
    assert (found.difference, found.p, found.effect) == (0, 1, None)
    assert found.low < -0.05 < 0.05 < found.high
    long = compare(np.tile(same, 20), np.tile(same, 20))
    assert -0.02 < long.low < 0 < long.high < 0.02


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        ([1] * 8 + [0] * 2 + [1] * 90, [0] * 8 + [1] * 2 + [1] * 90, 2 * 56 / 1024),  # McNemar, 8 against 2
        ([1] * 5 + [0] * 95, [0] * 100, 2 / 32),
        ([1] * 6 + [0] * 94, [0] * 100, 2 / 64),
        ([1, 1], [0, 0], 0.5),
        ([1], [0], 1.0),
        ([1, 0], [0, 1], 1.0),
    ],
)
def test_p_of_0_1_scores_by_hand(a, b, p):
    assert compare(a, b).p == pytest.approx(p)


def test_p_of_many_0_1_scores_is_exact_too():
    found = compare([1.0] * 4900 + [0.0] * 5100, [0.0] * 4900 + [1.0] * 5100)
    assert found.p == pytest.approx(
        2 * (1 - statistics.NormalDist().cdf(199 / 100)), abs=2e-4
    )  # with Yates's correction


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9))
def test_p_of_few_graded_scores_is_that_of_all_signs(twentieths):
    differences = [twentieth / 20 for twentieth in twentieths]
    found = compare(np.maximum(differences, 0), np.maximum(np.negative(differences), 0))
    assert found.p == pytest.approx(by_trying_all_signs(differences))


def test_p_of_random_flips_is_near_that_of_all_signs_and_never_0():
    differences = np.random.default_rng(3).uniform(-0.5, 1, statistics._ENUMERATED + 1)
    found = compare(np.maximum(differences, 0), np.maximum(-differences, 0))
    assert found.p == pytest.approx(by_trying_all_signs(differences.tolist()), abs=0.01)
    assert found.p != by_trying_all_signs(differences.tolist())
    assert compare(np.linspace(0.5, 1, 300), np.zeros(300)).p == 1e-4


@given(PAIRS)
def test_interval_and_p_never_contradict_each_other(pairs):
    a, b = np.array(pairs).T
    found = compare(a, b)
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert 0 < found.p <= 1
    if found.low > 0 or found.high < 0:
        assert found.p < ALPHA
    if found.p < ALPHA:
        assert found.low >= 0 or found.high <= 0


@given(PAIRS)
def test_the_other_way_round_is_the_mirror(pairs):
    a, b = np.array(pairs).T
    one, other = compare(a, b), compare(b, a)
    assert (one.p, one.n) == (other.p, other.n)
    assert one.difference == -other.difference
    if one.difference:
        assert (one.low, one.high) == (-other.high, -other.low)
        assert one.effect == other.effect is None or one.effect == -other.effect


def test_where_test_and_interval_disagree_the_interval_ends_at_0():
    rare = compare([1] * 5 + [0] * 95, [0] * 100)  # the bootstrap alone would begin above 0
    assert rare.p > ALPHA
    assert rare.low == 0 < rare.difference < rare.high
    small = compare([0.55] * 10, [0.5] * 10)  # too few to rule out a rare large difference
    assert small.p < ALPHA
    assert small.low == 0 < small.difference < small.high


def test_effect_is_the_mean_in_standard_deviations():
    a, b = np.array([0.9, 0.4, 0.7, 0.2]), np.array([0.5, 0.3, 0.8, 0.1])
    assert compare(a, b).effect == pytest.approx(np.mean(a - b) / np.std(a - b, ddof=1))
    assert compare(a, a - 0.1).effect is None  # the same on every question
    assert compare([1.0], [0.0]).effect is None


@pytest.mark.parametrize(
    "call", [interval, lambda v: compare(v, [0] * 3), lambda v: compare([0] * 3, v), holm, questions_needed]
)
@pytest.mark.parametrize(
    ("values", "told"), [([0.1, math.nan, 1], "NaN"), ([0, 1, 1.2], "between"), ([[0], [1], [1]], "shape")]
)
def test_what_is_no_score_is_refused(call, values, told):
    with pytest.raises(ValueError, match=told):
        call(values)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="2 scores cannot be paired with 3"):
        compare([0, 1], [0, 1, 1])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]).tolist() == pytest.approx([0.8, 0.9])
    assert holm([0.7]).tolist() == [0.7]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), max_size=8), st.randoms())
def test_holm_keeps_the_order_and_never_makes_smaller(ps, random):
    adjusted = holm(ps)
    assert all(p <= a <= min(1, p * len(ps)) + 1e-12 for p, a in zip(ps, adjusted, strict=True))
    assert sorted(range(len(ps)), key=lambda i: (adjusted[i], ps[i])) == sorted(range(len(ps)), key=lambda i: ps[i])
    places = random.sample(range(len(ps)), len(ps))
    assert holm([ps[i] for i in places]).tolist() == [adjusted[i] for i in places]


def test_a_ratio_is_drawn_over_questions_and_undefined_draws_are_left_out():
    refused = np.array([True] * 2 + [False] * 38)
    wanted = np.array([True] + [False] * 39)
    undefined = 0

    def precision(drawn: np.ndarray) -> float:
        nonlocal undefined
        if not refused[drawn].any():
            undefined += 1
            return math.nan
        return float(wanted[drawn][refused[drawn]].mean())

    found = interval_of(precision, 40)
    assert undefined > 100
    assert (found.mean, found.low, found.high, found.n) == (0.5, 0, 1, 40)


def test_a_mean_has_about_the_same_interval_either_way():
    scores = np.random.default_rng(4).random(300)
    drawn, weighted = interval_of(lambda places: float(scores[places].mean()), 300), interval(scores)
    assert drawn.mean == weighted.mean
    share = interval([1.0] * 150 + [0.0] * 150)
    assert drawn.high - drawn.low >= 0.98 * (share.high - share.low) > weighted.high - weighted.low


def test_a_perfect_figure_is_not_a_certain_one():
    perfect = interval_of(lambda places: 1.0, 20)
    assert perfect.mean == perfect.high == 1
    assert perfect.low == pytest.approx(interval([1.0] * 20).low, abs=0.01)


@pytest.mark.parametrize("n", [0, 5])
def test_a_figure_that_is_nowhere_defined_is_of_no_question(n):
    assert interval_of(lambda places: math.nan, n).n == 0


def test_a_figure_beyond_the_scale_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval_of(lambda places: float(len(places)), 5)


@pytest.mark.parametrize(("differ", "gap"), [(0.1, 0.05), (0.3, 0.1), (0.25, 0.25)])
def test_the_questions_that_are_needed_find_it_four_times_in_five(differ, gap):
    rng = np.random.default_rng(5)
    first, second = rng.random(4000) < differ, rng.random(4000) < (1 + gap / differ) / 2
    needed = questions_needed((first & second).astype(float) - (first & ~second), gap)
    found = 0
    for _ in range(300):
        first, second = rng.random(needed) < differ, rng.random(needed) < (1 + gap / differ) / 2
        found += compare(first & second, first & ~second).p < ALPHA
    assert 0.75 < found / 300 < 0.92


def test_questions_needed_grow_as_the_gap_shrinks_and_stop_somewhere():
    differences = np.array([1.0] * 30 + [-1.0] * 20 + [0.0] * 200)
    gaps = [questions_needed(differences, gap) for gap in (0.2, 0.1, 0.04, 0.01)]
    assert gaps == sorted(set(gaps))
    assert questions_needed(differences) == questions_needed(differences, 0.04) == questions_needed(-differences)
    assert questions_needed(differences, 0.0001) == MOST_QUESTIONS
    assert questions_needed(differences, alpha=0.01) > questions_needed(differences)


def test_no_number_of_questions_shows_what_is_not_there():
    assert questions_needed([0.0] * 50) is None
    assert questions_needed([1.0, -1.0]) is None
    assert questions_needed([]) is None
    assert questions_needed([1.0, -1.0], gap=0) is None
    assert questions_needed([1.0] * 50) == 6  # fewer cannot reach p < 0.05
