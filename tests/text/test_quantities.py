from __future__ import annotations

import pytest

from metier.answering.support.agreement import agrees, derived, equations
from metier.text.quantities import quantities


def one(text, language="en"):
    (found,) = quantities(text, language)
    return found


@pytest.mark.parametrize(
    ("text", "language", "value", "dimension"),
    [
        ("1,980 Nm", "en", 1980, "torque"), ("1.980 Nm", "de", 1980, "torque"), ("1 234 567 kg", "en", 1234567, "mass"),
        ("1.234,5 m", "de", 1234.5, "length"), ("4,2 MW", "de", 4.2, "power"), ("১২৩ কেজি", "bn", 123, "mass"),
        ("12 %", "en", 12, "percent"), ("$5 million", "en", 5e6, "dollar"), ("a 24-hour service", "en", 24, "time"),
        ("5公斤", "zh", 5, "mass"), ("three documents", "en", 3, ""), ("twenty-five years", "en", 25, "months"),
        ("571.5 thousand euro", "en", 571_500, "euro"), ("12 thousand tonnes", "en", 12_000, "mass"),
    ],
)  # fmt: skip
def test_spellings_of_numbers(text, language, value, dimension):
    found = one(text, language)
    assert found.values[0] == value
    assert found.dimension == dimension


@pytest.mark.parametrize("text", ["the NV-110", "M36 and 10W-40", "see page 4", "section 3.2.1", "as said [1]", "B12"])
def test_what_is_no_number(text):
    assert quantities(text) == []


@pytest.mark.parametrize(("text", "language"), [("100元到400元", "zh"), ("100円から400円", "ja")])
def test_a_number_may_follow_a_unit_without_a_space(text, language):
    assert [q.values for q in quantities(text, language)] == [(100.0,), (400.0,)]


def test_the_first_number_of_a_range_has_the_unit_of_the_second():
    assert [q.dimension for q in quantities("between 4 and 6 °C, 5–10 mm")] == ["temperature"] * 2 + ["length"] * 2
    assert [q.dimension for q in quantities("2 × € 49, 3 × $5")] == ["", "euro", "", "dollar"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 16 and 17 November", [16, 17]), ("am 16. und 17. November 2026", [16, 17]),
        ("from 5 to 9 March", [5, 9]), ("2, 3 and 4 May", [2, 3, 4]), ("45 and 3 May", [3]), ("2 kg or 3 May", [3]),
    ],
)  # fmt: skip
def test_days_of_one_month_are_dates(text, days):
    assert [day for q in quantities(text) for _, _, day in q.dates] == days


def test_what_is_told_of_a_date_has_no_full_stop():
    assert one("It was put off to November.").text == "November"


@pytest.mark.parametrize(
    ("said", "given", "same"),
    [
        ("840 Nm", "0.84 kNm", True), ("40 Nm", "40 kNm", False), ("2.2 t", "2,180 kg", True),
        ("24 months", "2 years", True), ("3 March 2026", "2026-03-03", True), ("March 2026", "3 March 2026", True),
        ("4 March 2026", "2026-03-03", False), ("3 March 2027", "3 March 2026", False), ("2 pm", "14:00", True),
        ("3 pm", "14:00", False), ("839 Nm", "840 Nm", False), ("$1,496.5 million", "$1,496.5", True),
        ("1960", "in the 1960s", True), ("850 kg", "850 Nm", False), ("840", "840 Nm", True),
        ("EUR 7,050", "7050 EUR", True), ("$780 a week", "$780 a day", False), ("$780 a week", "$780", True),
        ("5 ml/kg/min", "5 ml/kg/h", False), ("5 ml/kg/h", "5 ml/kg/h", True), ("0.1 ml/kg", "0.1 mg/kg", False),
        ("20 mmHg", "20 cm H2O", False), ("5 million kg", "5 thousand kg", False),
        ("5 million kg", "5,000 t", True), ("5 mSv", "5 rem", False), ("50 mSv", "5 rem", True),
        ("$45 an hour", "$45 a night", False), ("9,400 ha", "9,400 m²", False),
        ("20 weeks", "20 working days", False), ("five days", "five business days", False),
        ("10 jours ouvrables", "10 working days", True), ("€50 per hour", "€50 per working day", False),
    ],
)  # fmt: skip
def test_numbers_that_say_the_same(said, given, same):
    assert agrees(one(said), one(given)) is same


def test_about_allows_some_percent():
    assert agrees(one("840 Nm"), one("820 Nm"), about=True)
    assert not agrees(one("840 Nm"), one("700 Nm"), about=True)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("220 m × 14.90 € makes 3,278 €", True),
        ("3 x 100 + 30 = 330", True), ("3 x 100 + 30 = 340", False), ("(44.1 - 56.7) / 56.7 = -22.2 %", True),
        ("5 kg + 500 g = 5.5 kg", True), ("12 kg × 3 = 36 kg", True),
        ("8 / 0 = 4", False),
    ],
)  # fmt: skip
def test_sums_that_are_written_out(text, right):
    ((_, _, said),) = equations(text, quantities(text))
    assert said is right


@pytest.mark.parametrize("text", ["So 3 + ) 4 = 7.", "5 m + ) 6 m = 11 m", "3 + ( = 7"])
def test_a_sum_that_is_no_sum_is_not_checked(text):
    assert list(equations(text, quantities(text))) == []


def test_what_follows_from_two_numbers():
    operands = quantities("300 kg and 30 kg")
    assert derived(one("330 kg"), operands, strict=True)
    assert derived(one("165 kg"), operands, strict=True)
    assert not derived(one("340 kg"), operands, strict=True)
    assert not derived(one("330 Nm"), operands, strict=True)


@pytest.mark.parametrize(
    ("text", "language", "per"),
    [
        ("20 € am Tag", "de", ["time"]), ("3 € je m²", "de", ["area"]), ("2 € je Pflanze und Woche", "de", ["time"]),
        ("5,20 €/m²", "de", ["area"]), ("15 € por hora", "es", ["time"]), ("120 টন প্রতি দিন", "bn", ["time"]),
        ("5 ml/kg/h", "en", ["mass", "time"]), ("30 km/h", "en", []), ("a day of 8 hours", "en", []),
    ],
)  # fmt: skip
def test_what_a_rate_is_told_for(text, language, per):
    assert [unit.dimension for unit in one(text, language).per] == per


def test_days_and_months_without_a_year():
    assert one("Lieferung am 04.03., B-1102", "de").dates == ((None, 3, 4),)
    assert [q.text for q in quantities("in February 15 % off")] == ["February", "15 %"]
    assert quantities("nach § 3 des Vertrags", "de") == []
