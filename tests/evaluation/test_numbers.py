"""Numbers with their units, in any script."""

from __future__ import annotations

import pytest

from metier.evaluation.metrics.numbers import numbers, numbers_match


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("840 Nm", "0.84 kNm"),
        ("840 N·m", "840 Nm"),
        ("৮৪০ নিউটন মিটার", "840 Nm"),
        ("60 minutes", "1 h"),
        ("2.5 t", "2500 kg"),
        ("1,200 mm", "1.2 m"),
        ("১২ কেজি", "12 kg"),
        ("٣٠ دقيقة", "30 min"),
        ("30分钟", "30 min"),
        ("half: ½ h", "30 min"),
        ("-5 °C", "−5 °C"),
        ("14 m/s", "14 m/s"),
        ("$3.2 million", "3200000 USD"),
        ("5 %", "5%"),
        ("320", "320 kg"),  # the unit left out
    ],
)
def test_the_same_quantity_in_other_words(said, answer):
    assert numbers_match(f"It is {said}.", [answer]) == 1


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("900 Nm", "840 Nm"),
        ("840 kg", "840 Nm"),
        ("1 min", "1 h"),
        ("NV-110", "110"),
        ("5 °C", "-5 °C"),
        ("3 kg", "3 g"),
    ],
)
def test_another_quantity(said, answer):
    assert numbers_match(f"It is {said}.", [answer]) == 0


def test_a_comma_is_read_as_the_language_writes_it():
    assert numbers_match("4,2 mm", ["4.2 mm"], "de") == 1
    assert [q.number for q in numbers("1.234,5 mm", "de")] == [1234.5]
    assert [q.number for q in numbers("1,234.5 mm", "en")] == [1234.5]


def test_a_range_gives_its_unit_to_both_ends():
    low, high = numbers("10-12 °C")
    assert (low.value, high.value) == pytest.approx((283.15, 285.15))


def test_the_share_of_the_wanted_quantities_counts_and_the_best_answer():
    assert numbers_match("840 Nm in 2 steps", ["840 Nm in 3 steps"]) == 0.5
    assert numbers_match("840 Nm", ["9 kg", "840 Nm"]) == 1
    assert numbers_match("840 Nm", ["tight"]) is None
    assert numbers_match("", ["840 Nm"]) == 0


def test_names_and_codes_are_no_numbers():
    assert numbers("The NV-110 with E217 and 10W-40") == []


@pytest.mark.parametrize(
    ("text", "answer", "share"),
    [
        ("order SK-4115-22", "22", 0),
        ("in mid-2010", "2010", 1),
        ("5 x 100 mm", "100 mm", 1),
        ("-40...+60 °C", "60 °C", 1),
    ],
)
def test_names_words_before_years_and_sizes(text, answer, share):
    assert numbers_match(text, [answer]) == share
