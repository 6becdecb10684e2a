from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from metier.evaluation.sequential import DayCount, log_e_value, rate_change

A_DAY, REFERENCE = 20, 100


def days(rates, seed: int) -> list[DayCount]:
    hits = np.random.default_rng(seed).binomial(A_DAY, rates)
    return [DayCount(f"{day:03}", int(count), A_DAY) for day, count in enumerate(hits)]


def found_by_a_usual_test(counted: list[DayCount]) -> bool:
    """Fisher's, made again every day: what would be wrong."""
    hits, first = np.cumsum([each.hits for each in counted]), REFERENCE // A_DAY
    before = [hits[first - 1], REFERENCE - hits[first - 1]]
    for day in range(first, len(counted)):
        since = hits[day] - hits[first - 1]
        table = [before, [since, A_DAY * (day - first + 1) - since]]
        if stats.fisher_exact(table).pvalue < 0.05:
            return True
    return False


def test_looked_at_every_day_for_two_months_it_finds_no_change_where_there_is_none():
    for rate in (0.03, 0.1, 0.4):
        runs = [days([rate] * 60, seed) for seed in range(40)]
        assert sum(rate_change(run, REFERENCE).changed for run in runs) <= 2
    assert sum(map(found_by_a_usual_test, runs)) >= 6  # which finds one in more than 5 of 100


@pytest.mark.parametrize("quiet", [5, 40])
def test_a_rise_is_found_with_its_day_however_late_it_comes(quiet):
    found = [rate_change(days([0.1] * quiet + [0.4] * 30, seed), REFERENCE) for seed in range(20)]
    assert all(each.rose for each in found)
    assert max(abs(int(each.since) - quiet) for each in found) <= 3
    assert np.mean([each.now for each in found]) == pytest.approx(0.4, abs=0.03)


def test_a_fall_is_a_change_and_no_rise():
    found = rate_change(days([0.5] * 20 + [0.1] * 20, 0), REFERENCE)
    assert found.changed
    assert not found.rose


def test_an_e_value_is_one_on_average_at_most_whatever_the_rate():
    """By enumeration of all that 30 and 20 answers can be."""
    before, since = np.arange(31)[:, None], np.arange(21)[None]
    values = np.exp([[log_e_value(a, 30, b, 20) for b in range(21)] for a in range(31)])
    for rate in (0.001, 0.02, 0.1, 0.3, 0.5, 0.9):
        chance = stats.binom.pmf(before, 30, rate) * stats.binom.pmf(since, 20, rate)
        assert (chance * values).sum() <= 1


def test_too_few_answers_say_nothing():
    assert rate_change([], REFERENCE) is None
    assert rate_change(days([0.1] * 5, 0), REFERENCE) is None
    assert rate_change([DayCount("1", 0, 0), DayCount("2", 0, 0)], 0) is None
    assert not rate_change([DayCount("1", 0, 120), DayCount("2", 1, 1)], REFERENCE).changed


def test_years_of_days_take_no_time():
    found = rate_change(days([0.1] * 2000 + [0.4] * 60, 0), REFERENCE)
    assert found.rose
    assert found.before_of + found.now_of == 2060 * A_DAY
