from __future__ import annotations

import pytest

from metier.core.settings import CostSettings
from metier.evaluation.costs import costs
from metier.evaluation.records import Record
from metier.evaluation.result import CostPerThousand


def record(total: float, first: float | None = 0.1, **more) -> Record:
    return Record("q", "rag", "x", False, None, "m", None, first_token=first, total=total, **more)


def test_times_and_tokens():
    made = costs([record(n / 10, prompt_tokens=100, completion_tokens=n) for n in range(1, 101)], CostSettings(), 512.0)
    assert made.total_p50 == pytest.approx(5.05)
    assert made.total_p95 == pytest.approx(9.505)
    assert (made.prompt_tokens, made.completion_tokens, made.peak_memory_mb) == (100, 50.5, 512.0)
    assert made.per_thousand == CostPerThousand(seconds=5050, energy_kwh=None, money=None, currency="EUR")


def test_money_is_of_hours_energy_and_tokens():
    prices = CostSettings(
        per_hour=3.6, watts=100, per_kwh=0.5, per_million_prompt_tokens=2, per_million_completion_tokens=10
    )
    made = costs([record(2.0, prompt_tokens=500, completion_tokens=100)], prices, None).per_thousand
    energy = 2000 / 3600 * 0.1
    assert made.energy_kwh == pytest.approx(energy)
    assert made.money == pytest.approx(2.0 + energy * 0.5 + 1.0 + 1.0)


def test_refusals_before_a_word_was_written_have_no_first_token():
    made = costs([record(0.2, first=None)], CostSettings(), None)
    assert made.first_token_p50 is None
    assert made.total_p50 == 0.2


def test_nothing_answered():
    made = costs([Record("q", "rag", "", False, None, "", None, error="too long")], CostSettings(), None)
    assert made.total_p95 is None
    assert made.per_thousand.seconds == 0
